#pragma once

#include <repscope/io/npy_folder.hpp>

#include <string>
#include <vector>

namespace program {

/// The .npy files of a folder, in natural order, and whether they are batches of one layer.
struct folder_contents {
    std::vector<std::string> files;
    bool are_batches = false;
};

/// Lists a folder. The file `labels` (same device and inode) is left out; `left_out`, unless null, becomes
/// true if it was there. Throws `repscope::format_error` if the folder cannot be read and `data_error` if it
/// holds no .npy file.
folder_contents list_folder(const std::string& folder, repscope::io::folder_files mode,
                            const std::string& labels, bool* left_out = nullptr);

} // namespace program
