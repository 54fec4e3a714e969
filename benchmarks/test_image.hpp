#pragma once

#include <repscope/tensor/array.hpp>

#include <cstddef>
#include <cstdint>

namespace benchmarks {

/// Smooth areas and edges, so that no branch is always taken.
inline repscope::array<std::uint8_t, 3> test_image(std::size_t side) {
    repscope::array<std::uint8_t, 3> image({side, side, 3});
    for (std::size_t y = 0; y < side; ++y) {
        for (std::size_t x = 0; x < side; ++x) {
            for (std::size_t c = 0; c < 3; ++c) {
                const std::size_t wave = (3 * x + 2 * y * (c + 1)) % 256;
                image(y, x, c) =
                    static_cast<std::uint8_t>((wave + 90 * ((x / 11 + y / 17) % 2) + x * y % 23) % 256);
            }
        }
    }
    return image;
}

} // namespace benchmarks
