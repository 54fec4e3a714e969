#pragma once

#include "repscope/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

namespace detail {

/// Number of bytes of a block of a tar archive.
inline constexpr std::size_t tar_writer_block = 512;

/// Sizes and times in a header are octal digits; 11 of them state less than 8 GiB.
[[nodiscard]] inline std::string tar_octal(std::uint64_t value, std::size_t digits) {
    std::string text(digits, '0');
    for (std::size_t i = digits; i-- > 0; value /= 8) text[i] = static_cast<char>('0' + value % 8);
    return text;
}

/// A header of the format ustar.
[[nodiscard]] inline std::string ustar_header(std::string_view name, std::uint64_t size, char type) {
    std::string header(tar_writer_block, '\0');
    const auto put = [&](std::size_t at, std::string_view text) { header.replace(at, text.size(), text); };
    put(0, name.substr(0, 100));
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, tar_octal(size >> 33U != 0 ? 0 : size, 11));
    put(136, "00000000000");
    put(148, "        ");
    header[156] = type;
    put(257, std::string_view("ustar\0"
                              "00",
                              8));
    std::uint64_t sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    put(148, tar_octal(sum, 6) + std::string("\0 ", 2));
    return header;
}

/// A record of a pax header: its length, which counts itself, key and value.
[[nodiscard]] inline std::string pax_record(std::string_view key, std::string_view value) {
    const std::size_t rest = key.size() + value.size() + 3;
    std::size_t length = rest + 1;
    while (errors::text_of(length).size() + rest != length) length = errors::text_of(length).size() + rest;
    return errors::text_of(length) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

} // namespace detail

/// Returns the bytes after a member of `size` bytes in a tar archive: zeros up to the next block of 512.
[[nodiscard]] inline std::string tar_padding(std::uint64_t size) {
    const std::size_t rest = size % detail::tar_writer_block;
    return std::string(rest == 0 ? 0 : detail::tar_writer_block - rest, '\0');
}

/// Returns the bytes before a member of a tar archive (format pax, which is ustar for short names and for
/// sizes below 8 GiB). Contents of `size` bytes and `tar_padding(size)` follow. Owner and time are 0.
///
/// Throws `value_error` for a name that is empty or contains a NUL.
[[nodiscard]] inline std::string tar_member_header(std::string_view name, std::uint64_t size) {
    if (name.empty() || name.find('\0') != std::string_view::npos) {
        errors::throw_value_error("io::tar_member_header", "expected a name without NUL, got " +
                                                               errors::text_of(name.size()) + " bytes");
    }
    std::string records;
    if (name.size() > 100) records += detail::pax_record("path", name);
    if (size >> 33U != 0) records += detail::pax_record("size", errors::text_of(size));
    std::string out;
    if (!records.empty()) {
        out = detail::ustar_header("pax header", records.size(), 'x') + records + tar_padding(records.size());
    }
    return out + detail::ustar_header(name, size, '0');
}

/// Returns the bytes after the last member of a tar archive.
[[nodiscard]] inline std::string tar_end() { return std::string(2 * detail::tar_writer_block, '\0'); }

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
