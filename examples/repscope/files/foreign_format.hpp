#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace program {

/// What a file is that is not read, by its first bytes, and the one line that makes a `.npy` of it: "a
/// PyTorch file; convert it: python3 -c ...". Nothing for bytes that are not recognized. `head` is the first
/// 1024 bytes of the file, or all of it.
std::optional<std::string> recognize_foreign(std::span<const std::byte> head, const std::string& file);

/// Throws `data_error` when `file` cannot be opened, is not a regular file, or has a format that is
/// recognized but not supported.
void refuse_foreign(const std::string& file);

} // namespace program
