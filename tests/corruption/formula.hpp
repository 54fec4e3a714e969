#pragma once

#include "repscope/bytes.hpp"
#include "repscope/tensor/array.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// Images and draws that are given by a formula, so that the output of other programs is stored here as a
// checksum.

namespace corruption_test {

inline repscope::array<std::uint8_t, 3> formula_image(std::size_t height, std::size_t width,
                                                      std::size_t channels = 3) {
    repscope::array<std::uint8_t, 3> image({height, width, channels});
    for (std::size_t y = 0; y < height; ++y) {
        for (std::size_t x = 0; x < width; ++x) {
            for (std::size_t c = 0; c < channels; ++c) {
                image(y, x, c) = static_cast<std::uint8_t>(7 * y + 13 * x + 29 * c + 3 * (x * y % 31) +
                                                           64 * ((x / 8 + y / 8) % 2));
            }
        }
    }
    return image;
}

/// Numbers in [0, 1) without a pattern.
inline std::vector<double> uniforms(std::size_t count, std::uint64_t salt) {
    std::vector<double> values(count);
    for (std::size_t i = 0; i < count; ++i) {
        std::uint64_t z = i * 0x9E3779B97F4A7C15U + salt * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        z ^= z >> 31U;
        values[i] = static_cast<double>(z >> 11U) * 0x1p-53;
    }
    return values;
}

/// Numbers of mean `loc` and standard deviation `scale`: sums of four uniforms.
inline std::vector<double> bells(std::size_t count, std::uint64_t salt, double loc, double scale) {
    const auto a = uniforms(count, salt);
    const auto b = uniforms(count, salt + 1);
    const auto c = uniforms(count, salt + 2);
    const auto d = uniforms(count, salt + 3);
    std::vector<double> values(count);
    for (std::size_t i = 0; i < count; ++i)
        values[i] = loc + scale * (((a[i] + b[i]) + (c[i] + d[i]) - 2.0) * 1.7320508075688772);
    return values;
}

template <typename Image>
std::uint32_t checksum(const Image& image) {
    return repscope::crc32(std::as_bytes(std::span(image.data_handle(), image.size())));
}

} // namespace corruption_test
