#pragma once

#include "files/file_kind.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace program {

/// Sides and channels (1: gray, 3: RGB) of a picture.
struct picture_size {
    std::size_t height = 0;
    std::size_t width = 0;
    std::size_t channels = 0;

    [[nodiscard]] std::size_t bytes() const noexcept { return height * width * channels; }
    bool operator==(const picture_size&) const = default;
};

/// A decoded picture: bytes (height, width, channels), channels in the order red, green, blue.
struct decoded_picture {
    picture_size size;
    std::vector<std::uint8_t> pixels;
};

enum class picture_format : unsigned char { png, jpeg };

/// Red, green and blue, 0 to 255 each.
using rgb_color = std::array<std::uint8_t, 3>;

/// The color under transparent pixels; without one, a picture with a transparent pixel is an error.
struct decode_options {
    std::optional<rgb_color> flatten = std::nullopt;
};

/// The contents of the header of a picture file.
struct picture_info {
    picture_size size; ///< as `decode_picture` returns it: turned upright
    picture_format format = picture_format::png;
    bool sixteen_bits = false; ///< samples of 16 bits, which are rounded to 8
    bool turned = false;       ///< its EXIF orientation is not the upright one
};

/// Whether the extension of a file is .png, .jpg or .jpeg, in any case.
bool is_picture_name(std::string_view file);

/// The format that a picture's extension names: PNG for .png, else JPEG.
picture_format picture_format_named(std::string_view file);

/// Returns the name of a kind of file that is not decoded, for an error. For other formats of pictures it
/// adds a way to convert them.
std::string unread_kind(std::optional<file_kind> kind);

/// Reads the header of a PNG or JPEG file. Throws `data_error` if the file has another format, is cut short,
/// is CMYK, or has transparent pixels and `options` has no color for them (a picture with an alpha channel is
/// decoded to find out).
picture_info inspect_picture(const std::string& file, const decode_options& options = {});

/// Decodes a PNG or JPEG file and turns it upright by its EXIF orientation. 16 bits per sample are rounded to
/// 8. Errors as for `inspect_picture`.
decoded_picture decode_picture(const std::string& file, const decode_options& options = {});

/// Returns the bytes of a PNG file of a picture with 1 or 3 channels.
std::string encode_png(const picture_size& size, std::span<const std::uint8_t> pixels);

/// Returns the bytes of a JPEG file of a picture with 1 or 3 channels; `quality`: 1 to 100, chroma has half
/// the resolution, the default of libjpeg.
std::string encode_jpeg(const picture_size& size, std::span<const std::uint8_t> pixels, int quality);

} // namespace program
