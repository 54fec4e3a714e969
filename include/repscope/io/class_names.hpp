#pragma once

#include "repscope/error.hpp"
#include "repscope/io/byte_source.hpp"
#include "repscope/io/npy_header.hpp"
#include "repscope/tensor/shape.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

namespace detail {

/// Appends a character as UTF-8; an invalid one becomes U+FFFD.
inline void append_utf8(std::string& text, std::uint32_t code) {
    if (code > 0x10ffffU || (code >= 0xd800U && code < 0xe000U)) code = 0xfffdU;
    const auto put = [&](std::uint32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
    if (code < 0x80U) {
        put(code);
        return;
    }
    if (code < 0x800U) {
        put(0xc0U | code >> 6U);
    } else {
        if (code < 0x10000U) {
            put(0xe0U | code >> 12U);
        } else {
            put(0xf0U | code >> 18U);
            put(0x80U | (code >> 12U & 0x3fU));
        }
        put(0x80U | (code >> 6U & 0x3fU));
    }
    put(0x80U | (code & 0x3fU));
}

/// One element, without the zeros after its characters.
[[nodiscard]] inline std::string text_of(std::span<const std::byte> bytes, const npy_text_format& format) {
    const std::size_t width = format.is_wide ? 4 : 1;
    const auto character = [&](std::size_t i) {
        std::uint32_t code = 0;
        for (std::size_t k = 0; k < width; ++k) {
            const std::size_t at = i * width + (format.big_endian ? k : width - 1 - k);
            code = code << 8U | static_cast<std::uint32_t>(bytes[at]);
        }
        return code;
    };
    std::size_t length = format.characters;
    while (length > 0 && character(length - 1) == 0) --length;
    std::string text;
    for (std::size_t i = 0; i < length; ++i) {
        if (format.is_wide)
            append_utf8(text, character(i));
        else
            text += static_cast<char>(bytes[i]);
    }
    return text;
}

} // namespace detail

/// The strings in a .npy file, one per sample: NumPy's `U` arrays, as UTF-8, or `S` arrays, byte by byte; of
/// rank 1 or with further axes of extent 1. Zeros at the end of a string are left out, as NumPy does.
///
/// Returns no value if the elements are not strings. Errors refer to the file by `name`. Throws
/// `format_error` if it is not a .npy file, its header is bad, it is cut, or it has another rank. O(bytes).
[[nodiscard]] inline std::optional<std::vector<std::string>> load_class_names(const byte_source& file,
                                                                              const std::string& name) {
    std::optional<npy_text_format> format;
    const npy_header header =
        detail::parse_any_npy_header(file.beginning(npy_prefix_bytes), name, void2_policy::bfloat16, &format);
    if (!format) return std::nullopt;
    const std::size_t element = format->characters * (format->is_wide ? 4 : 1);
    if (element == 0) throw format_error(name + ": expected names of classes, got empty strings");
    const std::size_t count = header.size();
    if (count == 0 || header.shape.empty() || header.shape[0] != count) {
        throw format_error(name + ": expected names of classes of rank 1, got shape " +
                           format_shape(header.shape));
    }
    const std::size_t held = file.size() - header.data_offset;
    if (held != count * element) {
        throw format_error(name + ": expected " + errors::text_of(count * element) +
                           " bytes of strings, got " + errors::text_of(held));
    }
    std::vector<std::byte> bytes(held);
    file.read(header.data_offset, bytes);
    file.verify();
    std::vector<std::string> names;
    names.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        names.push_back(detail::text_of(std::span(bytes).subspan(i * element, element), *format));
    }
    return names;
}

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
