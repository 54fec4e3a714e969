#pragma once

#include "process.hpp"

#include <filesystem>
#include <map>
#include <string>

namespace program_test {

// The bytes of every file below a folder by its path, through links too; "directory" for a folder. A link to
// a stream or a device is its target, which is not read.
inline std::map<std::string, std::string> snapshot(const std::filesystem::path& folder) {
    namespace fs = std::filesystem;
    std::map<std::string, std::string> contents;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        const std::string path = entry.path().string();
        if (entry.is_symlink() && fs::read_symlink(path).string().starts_with("/dev/")) {
            contents[path] = fs::read_symlink(path).string();
        } else {
            contents[path] = entry.is_directory() ? "directory" : slurp(path);
        }
    }
    return contents;
}

} // namespace program_test
