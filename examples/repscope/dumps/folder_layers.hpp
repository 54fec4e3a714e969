#pragma once

#include <span>
#include <string>
#include <vector>

namespace program {

/// How the .npy files of a folder are read: --batches, --no-batches, or by their names.
enum class folder_files { by_name, batches, layers };

/// The .npy files of a folder, in natural order, and whether they are batches of one layer.
struct folder_contents {
    std::vector<std::string> files;
    bool are_batches = false;
};

/// Returns whether the names of two or more files, without `.npy`, differ in a trailing number only:
/// `batch_0`, `batch_1`; `0001`, `0002`; but not `blocks.0.attn`, `blocks.1.attn`.
bool differ_in_trailing_number(std::span<const std::string> files);

/// Lists a folder. The file `labels` (same device and inode) is left out; `left_out`, unless null, becomes
/// true if it was there. Throws `repscope::format_error` if the folder cannot be read and `data_error` if it
/// holds no .npy file.
folder_contents list_folder(const std::string& folder, folder_files mode, const std::string& labels,
                            bool* left_out = nullptr);

} // namespace program
