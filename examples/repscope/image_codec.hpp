#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace program {

/// Sides and channels (1: grey, 3: RGB) of a picture.
struct picture_size {
    std::size_t height = 0;
    std::size_t width = 0;
    std::size_t channels = 0;

    [[nodiscard]] std::size_t bytes() const noexcept { return height * width * channels; }
    bool operator==(const picture_size&) const = default;
};

/// A decoded picture: bytes (height, width, channels).
struct decoded_picture {
    picture_size size;
    std::vector<std::uint8_t> pixels;
};

/// Whether a file is named as one that `decode_picture` reads: .png, .jpg or .jpeg, in any case.
bool is_picture_name(const std::string& file);

/// The size of the picture in a PNG or JPEG file, told by its first bytes. Throws `data_error` when it is
/// neither, is cut short, or holds what cannot be read exactly: 16 bits a sample, transparency, CMYK.
picture_size size_of_picture(const std::string& file);

/// The picture itself; the same errors.
decoded_picture decode_picture(const std::string& file);

/// The bytes of a PNG file of a picture of 1 channel or 3.
std::string encode_png(const picture_size& size, std::span<const std::uint8_t> pixels);

} // namespace program
