#pragma once

#include "npy.hpp"
#include "process.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

/// Data sets in the files of Fashion-MNIST.
namespace program_test {

inline std::string big_endian(std::size_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((value >> shift) & 0xffU);
    return bytes;
}

// Ten classes of 28 x 28 images: a bright bar at a row of its own, with noise.
inline void write_images(const scratch_folder& folder, const std::string& stem, std::size_t count,
                         std::uint64_t seed) {
    generator random(seed);
    std::string images = big_endian(0x803) + big_endian(count) + big_endian(28) + big_endian(28);
    std::string labels = big_endian(0x801) + big_endian(count);
    for (std::size_t n = 0; n < count; ++n) {
        const std::size_t label = random.below(10);
        labels += static_cast<char>(label);
        for (std::size_t p = 0; p < 28 * 28; ++p) {
            const bool bright = p / 28 / 2 == label + 2;
            images += static_cast<char>(
                static_cast<unsigned char>(bright ? 150 + random.below(100) : random.below(60)));
        }
    }
    write_bytes(folder / (stem + "-images-idx3-ubyte"), images);
    write_bytes(folder / (stem + "-labels-idx1-ubyte"), labels);
}

inline void write_data(const scratch_folder& folder) {
    write_images(folder, "train", 700, 1);
    write_images(folder, "t10k", 300, 2);
}

} // namespace program_test
