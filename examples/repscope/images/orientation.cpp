#include "images/orientation.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace program {

namespace {

// Integers of an EXIF block in its byte order; 0 beyond its end.
struct exif_reader {
    std::span<const std::uint8_t> bytes;
    bool big_endian;

    [[nodiscard]] std::uint32_t at(std::size_t offset, std::size_t count) const noexcept {
        if (offset > bytes.size() || bytes.size() - offset < count) return 0;
        std::uint32_t value = 0;
        for (std::size_t k = 0; k < count; ++k)
            value = (value << 8U) | bytes[offset + (big_endian ? k : count - 1 - k)];
        return value;
    }
};

} // namespace

unsigned exif_orientation(std::span<const std::uint8_t> exif) noexcept {
    constexpr std::size_t entry_bytes = 12;
    if (exif.size() < 8 || exif[0] != exif[1] || (exif[0] != 'I' && exif[0] != 'M')) return 1;
    const exif_reader reader{exif, exif[0] == 'M'};
    if (reader.at(2, 2) != 42) return 1;
    const std::size_t directory = reader.at(4, 4);
    const std::size_t entries = reader.at(directory, 2);
    for (std::size_t i = 0; i < entries; ++i) {
        const std::size_t entry = directory + 2 + i * entry_bytes;
        if (entry + entry_bytes > exif.size()) break;
        constexpr std::uint32_t orientation_tag = 0x0112;
        constexpr std::uint32_t short_type = 3;
        if (reader.at(entry, 2) != orientation_tag || reader.at(entry + 2, 2) != short_type) continue;
        const std::uint32_t value = reader.at(entry + 8, 2);
        return value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
}

void turn_upright(decoded_picture& picture, unsigned orientation) {
    if (orientation <= 1 || orientation > 8) return;
    const picture_size from = picture.size;
    picture_size to = from;
    if (exchanges_sides(orientation)) std::swap(to.height, to.width);
    const bool exchanged = exchanges_sides(orientation);
    const bool rows_reversed = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const bool columns_reversed =
        orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    std::vector<std::uint8_t> upright(to.bytes());
    std::uint8_t* next = upright.data();
    for (std::size_t y = 0; y < to.height; ++y) {
        for (std::size_t x = 0; x < to.width; ++x) {
            const std::size_t row = exchanged ? x : y;
            const std::size_t column = exchanged ? y : x;
            const std::size_t stored = (rows_reversed ? from.height - 1 - row : row) * from.width +
                                       (columns_reversed ? from.width - 1 - column : column);
            next = std::copy_n(picture.pixels.data() + stored * from.channels, from.channels, next);
        }
    }
    picture.size = to;
    picture.pixels = std::move(upright);
}

} // namespace program
