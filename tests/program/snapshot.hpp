#pragma once

#include "process.hpp"

#include <filesystem>
#include <map>
#include <string>

namespace program_test {

// The bytes of every file below a folder by its path, links followed; "directory" for a folder.
inline std::map<std::string, std::string> snapshot(const std::filesystem::path& folder) {
    std::map<std::string, std::string> contents;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        const std::string path = entry.path().string();
        contents[path] = entry.is_directory() ? "directory" : slurp(path);
    }
    return contents;
}

} // namespace program_test
