#pragma once

#include "images/codec.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace program {

/// A file as its decoder reads it: the contents of its header, the EXIF orientation (1: upright) and, unless
/// only the header is asked for, the pixels, not yet turned.
struct coded_picture {
    picture_info info;
    unsigned orientation = 1;
    std::vector<std::uint8_t> pixels;
};

/// Pictures with more bytes of pixels are refused.
inline constexpr std::size_t max_picture_bytes = std::size_t{1} << 30U;

} // namespace program
