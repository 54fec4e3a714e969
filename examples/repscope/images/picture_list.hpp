#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace program {

/// The PNG and JPEG files of a folder, by their extensions, and what else is in it.
struct picture_list {
    std::vector<std::string> files; ///< in natural order: "2.png" before "10.png"
    std::map<std::string, std::size_t>
        left_out;            ///< other files by extension (".webp"), hidden ones not counted
    std::size_t folders = 0; ///< subfolders, which are not read
};

/// Lists a folder. Throws `data_error` if it cannot be read or holds no PNG or JPEG file.
picture_list list_pictures(const std::string& folder);

/// Describes what was left out: "3 files (1 .txt, 2 .webp) and 1 folder"; empty if nothing was.
std::string left_out_text(const picture_list& list);

} // namespace program
