#include "images/codec.hpp"

#include "files/file_kind.hpp"
#include "images/jpeg_codec.hpp"
#include "images/orientation.hpp"
#include "images/png_codec.hpp"
#include "support/errors.hpp"

#include <repscope/bytes.hpp>
#include <repscope/error.hpp>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <utility>

namespace program {

namespace {

// In lower case.
std::string extension_of(std::string_view file) {
    std::string extension = std::filesystem::path(file).extension().string();
    std::transform(extension.begin(), extension.end(), extension.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return extension;
}

coded_picture read_picture(const std::string& file, const decode_options& options, bool header_only) {
    std::vector<std::byte> bytes;
    try {
        bytes = repscope::read_file(file, max_picture_bytes);
    } catch (const repscope::error& e) {
        const std::string text = without_function_name(e.what());
        throw data_error(file, text.starts_with(file + ": ") ? text.substr(file.size() + 2) : text);
    }
    const auto kind = kind_by_content(file);
    coded_picture result;
    if (kind == file_kind::png) {
        result = read_png(file, bytes, options, header_only);
    } else if (kind == file_kind::jpeg) {
        result = read_jpeg(file, bytes, header_only);
    } else {
        throw data_error(file, "expected PNG or JPEG, got " + unread_kind(kind));
    }
    result.info.turned = result.orientation != 1;
    return result;
}

} // namespace

bool is_picture_name(std::string_view file) {
    const std::string extension = extension_of(file);
    return extension == ".png" || extension == ".jpg" || extension == ".jpeg";
}

picture_format picture_format_named(std::string_view file) {
    return extension_of(file) == ".png" ? picture_format::png : picture_format::jpeg;
}

std::string unread_kind(std::optional<file_kind> kind) {
    if (!kind) return "an empty file";
    switch (*kind) {
    case file_kind::webp:
    case file_kind::gif:
    case file_kind::bmp:
    case file_kind::tiff:
    case file_kind::heif:
    case file_kind::other_picture:
        return std::string(to_string(*kind)) + " (convert it: mogrify -format png FILE)";
    case file_kind::csv: // any text with a comma
        return std::string(to_string(file_kind::other));
    default:
        return std::string(to_string(*kind));
    }
}

picture_info inspect_picture(const std::string& file, const decode_options& options) {
    coded_picture coded = read_picture(file, options, true);
    if (exchanges_sides(coded.orientation)) std::swap(coded.info.size.height, coded.info.size.width);
    return coded.info;
}

decoded_picture decode_picture(const std::string& file, const decode_options& options) {
    coded_picture coded = read_picture(file, options, false);
    decoded_picture picture{coded.info.size, std::move(coded.pixels)};
    turn_upright(picture, coded.orientation);
    return picture;
}

} // namespace program
