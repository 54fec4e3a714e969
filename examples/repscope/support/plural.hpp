#pragma once

#include <cstddef>
#include <string>

namespace program {

/// Returns a count with its noun: "1 image", "2 images".
inline std::string counted(std::size_t count, const std::string& noun) {
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

} // namespace program
