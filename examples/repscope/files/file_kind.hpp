#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace program {

/// The kinds of files that the program writes, and those that it must not take for one of them.
enum class file_kind {
    json,
    csv,
    html,
    svg,
    npy,
    npz,
    state,
    png,
    jpeg,
    webp,
    gif,
    bmp,
    tiff,
    heif,
    other_picture,
    other
};

/// The kind as messages name it: "a NumPy array", "a JPEG picture".
std::string_view to_string(file_kind kind) noexcept;

/// Returns the kind of file that the extension of a name states, in upper or lower case: `.npy`, `.jpg`. No
/// value for an unknown extension, or without one.
std::optional<file_kind> kind_by_name(const std::string& path);

/// The kind of a file by its first bytes; `other` for one that is not known or cannot be read. Nothing for an
/// empty file.
std::optional<file_kind> kind_by_content(const std::string& path);

} // namespace program
