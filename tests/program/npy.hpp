#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

// Writes .npy files by the format's own description, apart from the reader under test.

namespace program_test {

inline std::string npy_header(const std::string& dictionary, int version = 1) {
    const std::size_t prefix = version == 1 ? 10 : 12;
    std::string text = dictionary;
    while ((prefix + text.size() + 1) % 64 != 0) text += ' ';
    text += '\n';
    std::string bytes = "\x93NUMPY";
    bytes += static_cast<char>(version);
    bytes += '\0';
    for (std::size_t i = 0; i < prefix - 8; ++i) bytes += static_cast<char>((text.size() >> (8 * i)) & 0xffU);
    return bytes + text;
}

inline std::string npy_dictionary(const std::string& descr, const std::vector<std::size_t>& shape,
                                  bool fortran = false) {
    std::string extents;
    for (const std::size_t extent : shape) extents += std::to_string(extent) + ", ";
    if (shape.size() > 1) extents.resize(extents.size() - 2);
    if (shape.size() == 1) extents.resize(extents.size() - 1);
    return "{'descr': '" + descr + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': (" +
           extents + "), }";
}

template <typename T>
std::string bytes_of(const std::vector<T>& values, bool big_endian = false) {
    std::string bytes(values.size() * sizeof(T), '\0');
    for (std::size_t i = 0; i < values.size(); ++i) {
        char* at = bytes.data() + i * sizeof(T);
        std::memcpy(at, &values[i], sizeof(T));
        if (big_endian) {
            for (std::size_t k = 0; k < sizeof(T) / 2; ++k) std::swap(at[k], at[sizeof(T) - 1 - k]);
        }
    }
    return bytes;
}

inline void write_bytes(const std::string& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

template <typename T>
constexpr std::string_view descr_of() {
    if constexpr (std::is_same_v<T, float>) return "<f4";
    if constexpr (std::is_same_v<T, double>) return "<f8";
    if constexpr (std::is_same_v<T, std::int64_t>) return "<i8";
    if constexpr (std::is_same_v<T, std::int32_t>) return "<i4";
    if constexpr (std::is_same_v<T, std::uint8_t>) return "|u1";
    return "";
}

template <typename T>
void write_npy(const std::string& path, const std::vector<T>& values, const std::vector<std::size_t>& shape) {
    write_bytes(path, npy_header(npy_dictionary(std::string(descr_of<T>()), shape)) + bytes_of(values));
}

// Numbers without a pattern, the same on every machine.
class generator {
  public:
    explicit generator(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15U;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }
    double uniform() { return static_cast<double>(next() >> 11U) * 0x1p-53; }
    std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }

  private:
    std::uint64_t state_;
};

} // namespace program_test
