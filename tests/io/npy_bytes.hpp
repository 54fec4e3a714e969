#pragma once

#include "repscope/error.hpp"

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

// .npy files as their description has them, written by other code than the reader's.

namespace repscope_test {

/// The magic, the version, the length, and `text` as it is.
inline std::string npy_with(std::string_view text, int major = 1, int minor = 0) {
    std::string bytes = "\x93NUMPY";
    bytes += static_cast<char>(major);
    bytes += static_cast<char>(minor);
    for (int k = 0; k < (major == 1 ? 2 : 4); ++k)
        bytes += static_cast<char>((text.size() >> (8 * k)) & 0xffU);
    return bytes.append(text);
}

/// "(2, 3)", and "(2,)" for one axis.
inline std::string tuple_of(const std::vector<std::size_t>& shape) {
    std::string text = "(";
    for (std::size_t i = 0; i < shape.size(); ++i) {
        text += std::to_string(shape[i]) + (i + 1 < shape.size() || shape.size() == 1 ? "," : "");
        if (i + 1 < shape.size()) text += " ";
    }
    return text + ")";
}

inline std::string npy_text(std::string_view descr, const std::string& shape, bool fortran = false) {
    std::string text = "{'descr': '" + std::string(descr) +
                       "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + ", }";
    text.append(63 - (text.size() + 10) % 64, ' ');
    return text + "\n";
}

inline std::string npy_file(std::string_view descr, const std::vector<std::size_t>& shape,
                            std::string_view data, bool fortran = false) {
    return npy_with(npy_text(descr, tuple_of(shape), fortran)).append(data);
}

/// The lowest `size` bytes of `bits`.
inline std::string element_bytes(std::uint64_t bits, std::size_t size, bool big_endian) {
    std::string bytes;
    for (std::size_t k = 0; k < size; ++k) {
        const std::size_t place = big_endian ? size - 1 - k : k;
        bytes += static_cast<char>((bits >> (8 * place)) & 0xffU);
    }
    return bytes;
}

inline std::vector<std::byte> as_bytes(std::string_view text) {
    std::vector<std::byte> bytes;
    for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
    return bytes;
}

inline const std::string& write_bytes(const std::string& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path;
}

/// What the `format_error` states that `body` throws.
std::string refusal(auto&& body) {
    try {
        body();
    } catch (const repscope::format_error& e) {
        return e.what();
    }
    return "nothing thrown";
}

} // namespace repscope_test
