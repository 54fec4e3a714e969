#pragma once

#include "repscope/io/block_reader.hpp"

#include "npy_bytes.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Layers of known elements in every form that a file may have, made apart from the readers under test.

namespace repscope_test {

/// A type of elements: how NumPy writes it, and the bits and the value of the element with a number.
struct element_type {
    std::string_view descr;
    std::size_t bytes;
    bool as_float;
    std::function<std::pair<std::uint64_t, double>(std::size_t)> element;
};

/// Bits of a half that is a multiple of 1/16 of magnitude below 64.
inline std::uint64_t half_bits(double value) {
    if (value == 0) return 0;
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(value);
    return (bits >> 63U) << 15U | (((bits >> 52U) & 0x7ffU) - 1023 + 15) << 10U | ((bits >> 42U) & 0x3ffU);
}

template <typename T>
std::pair<std::uint64_t, double> integer(std::uint64_t bits) {
    return {bits, static_cast<double>(static_cast<T>(bits))};
}

inline const std::vector<element_type> element_types{
    {"b1", 1, true,
     [](std::size_t i) { return std::pair<std::uint64_t, double>(i * 5 % 3 % 2, i * 5 % 3 % 2); }},
    {"i1", 1, true, [](std::size_t i) { return integer<std::int8_t>(i * 37 + 11); }},
    {"u1", 1, true, [](std::size_t i) { return integer<std::uint8_t>(i * 37 + 11); }},
    {"i2", 2, true, [](std::size_t i) { return integer<std::int16_t>(i * 40503 + 7); }},
    {"u2", 2, true, [](std::size_t i) { return integer<std::uint16_t>(i * 40503 + 7); }},
    {"i4", 4, false, [](std::size_t i) { return integer<std::int32_t>(i * 2654435761U + 3); }},
    {"u4", 4, false, [](std::size_t i) { return integer<std::uint32_t>(i * 2654435761U + 3); }},
    {"i8", 8, false,
     [](std::size_t i) {
         const auto value = static_cast<std::int64_t>(i) * 1234567890123 - 55555555555555;
         return std::pair<std::uint64_t, double>(static_cast<std::uint64_t>(value),
                                                 static_cast<double>(value));
     }},
    {"u8", 8, false,
     [](std::size_t i) {
         return std::pair<std::uint64_t, double>(i << 40U, static_cast<double>(i) * 1099511627776.0);
     }},
    {"f2", 2, true,
     [](std::size_t i) {
         const double value = (static_cast<double>(i * 7 % 1001) - 500) / 16;
         return std::pair(half_bits(value), value);
     }},
    {"f4", 4, true,
     [](std::size_t i) {
         const float value = 0.37F * static_cast<float>(i) - 5;
         return std::pair<std::uint64_t, double>(std::bit_cast<std::uint32_t>(value), value);
     }},
    {"f8", 8, false,
     [](std::size_t i) {
         const double value = 0.37 * static_cast<double>(i) - 5;
         return std::pair(std::bit_cast<std::uint64_t>(value), value);
     }},
};

/// A layer whose element (sample, unit, position) has the number that `number` gives, in every form a file
/// may have.
struct layer {
    std::size_t samples, units, rows, columns;

    [[nodiscard]] std::size_t positions() const { return rows * columns; }
    [[nodiscard]] std::size_t number(std::size_t n, std::size_t u, std::size_t p) const {
        return (n * units + u) * positions() + p;
    }

    [[nodiscard]] std::vector<std::size_t> shape(repscope::layout axes) const {
        switch (axes) {
        case repscope::layout::nu:
            return {samples, units};
        case repscope::layout::nchw:
            return {samples, units, rows, columns};
        case repscope::layout::nhwc:
            return {samples, rows, columns, units};
        case repscope::layout::ntd:
            return {samples, positions(), units};
        default:
            return {samples, units, positions()};
        }
    }

    /// The numbers of the elements in the order of the file.
    [[nodiscard]] std::vector<std::size_t> order(repscope::layout axes, bool fortran) const {
        const std::vector<std::size_t> extents = shape(axes);
        std::vector<std::size_t> numbers;
        std::vector<std::size_t> index(extents.size(), 0);
        for (std::size_t k = 0; k < samples * units * positions(); ++k) {
            switch (axes) {
            case repscope::layout::nu:
                numbers.push_back(number(index[0], index[1], 0));
                break;
            case repscope::layout::nchw:
                numbers.push_back(number(index[0], index[1], index[2] * columns + index[3]));
                break;
            case repscope::layout::nhwc:
                numbers.push_back(number(index[0], index[3], index[1] * columns + index[2]));
                break;
            case repscope::layout::ntd:
                numbers.push_back(number(index[0], index[2], index[1]));
                break;
            default:
                numbers.push_back(number(index[0], index[1], index[2]));
            }
            // C order counts the last axis first, Fortran order the first.
            for (std::size_t step = 0; step < extents.size(); ++step) {
                const std::size_t axis = fortran ? step : extents.size() - 1 - step;
                if (++index[axis] < extents[axis]) break;
                index[axis] = 0;
            }
        }
        return numbers;
    }

    /// The elements alone, as stored in a file.
    [[nodiscard]] std::string data(repscope::layout axes, bool fortran, const element_type& type,
                                   bool big_endian) const {
        std::string bytes;
        for (const std::size_t i : order(axes, fortran)) {
            bytes += element_bytes(type.element(i).first, type.bytes, big_endian);
        }
        return bytes;
    }
    [[nodiscard]] std::string file(repscope::layout axes, bool fortran, const element_type& type,
                                   bool big_endian) const {
        return npy_file((big_endian ? ">" : "<") + std::string(type.descr), shape(axes),
                        data(axes, fortran, type, big_endian), fortran);
    }
};

template <typename Scalar>
std::size_t wrong_elements(const repscope::io::block_reader& reader, const layer& expected,
                           const element_type& type, std::size_t first, std::size_t count) {
    repscope::io::read_buffer buffer;
    const std::size_t elements = expected.units * expected.positions();
    std::vector<Scalar> tile(count * elements + 1, Scalar{-12345});
    reader.read(first, count, tile.data(), buffer);
    std::size_t wrong = tile.back() == Scalar{-12345} ? 0 : 1;
    for (std::size_t i = 0; i < count * elements; ++i) {
        if (tile[i] != static_cast<Scalar>(type.element(first * elements + i).second)) ++wrong;
    }
    return wrong;
}

} // namespace repscope_test
