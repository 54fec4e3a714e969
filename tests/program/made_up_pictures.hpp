#pragma once

#include "npy.hpp"

#include "images/codec.hpp"

#include <repscope/bytes.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <zlib.h>

/// Picture files by the formats' own descriptions, apart from the code under test.
namespace program_test {

inline std::vector<std::uint8_t> noise(std::size_t count, std::uint64_t seed = 1) {
    generator numbers(seed);
    std::vector<std::uint8_t> bytes(count);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(numbers.next());
    return bytes;
}

inline std::string big_endian_32(std::size_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((value >> shift) & 0xffU);
    return bytes;
}

inline std::string png_chunk(const std::string& name, const std::string& data) {
    const std::string body = name + data;
    return big_endian_32(data.size()) + body +
           big_endian_32(repscope::crc32(std::as_bytes(std::span(body.data(), body.size()))));
}

/// A PNG file of any color type and of 8 or 16 bits per sample; `samples`: the bytes of the rows.
inline std::string png_file(std::size_t height, std::size_t width, int depth, int color_type,
                            const std::vector<std::uint8_t>& samples) {
    std::string rows;
    const std::size_t row = samples.size() / height;
    for (std::size_t y = 0; y < height; ++y) {
        rows += '\0'; // no filter
        rows.append(reinterpret_cast<const char*>(samples.data()) + y * row, row);
    }
    std::string packed(compressBound(rows.size()), '\0');
    uLongf length = packed.size();
    compress(reinterpret_cast<Bytef*>(packed.data()), &length, reinterpret_cast<const Bytef*>(rows.data()),
             rows.size());
    packed.resize(length);
    std::string header = big_endian_32(width) + big_endian_32(height);
    header += {static_cast<char>(depth), static_cast<char>(color_type), '\0', '\0', '\0'};
    return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + png_chunk("IDAT", packed) +
           png_chunk("IEND", {});
}

/// A JPEG file with an EXIF block in front that holds an orientation.
inline std::string with_orientation(const std::string& jpeg, int orientation) {
    std::string exif("Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 24);
    exif += static_cast<char>(orientation);
    exif += std::string(7, '\0');
    const std::size_t length = exif.size() + 2;
    std::string segment = "\xff\xe1";
    segment += static_cast<char>(length >> 8U);
    segment += static_cast<char>(length & 0xffU);
    return jpeg.substr(0, 2) + segment + exif + jpeg.substr(2);
}

inline void write_png(const std::string& file, const program::picture_size& size,
                      const std::vector<std::uint8_t>& pixels) {
    write_bytes(file, program::encode_png(size, pixels));
}

} // namespace program_test
