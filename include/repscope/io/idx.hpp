#pragma once

#include "repscope/bytes.hpp"
#include "repscope/error.hpp"
#include "repscope/tensor/shape.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// Bytes of a tensor in the format of the MNIST family.
struct idx_array {
    std::vector<std::size_t> shape; ///< extents
    /// In row-major order.
    std::vector<std::uint8_t> values;
};

/// Reads an IDX file of unsigned bytes: two zero bytes, the type 8, the rank (1 to 4), extents as big-endian
/// 32-bit integers, and the elements.
///
/// Errors refer to it by `name`. Throws `format_error` for another magic, type or rank, and if the number of
/// bytes does not match the extents. O(elements).
[[nodiscard]] inline idx_array parse_idx(std::span<const std::byte> bytes, const std::string& name) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned>(bytes[i]); };
    if (bytes.size() < 4 || byte(0) != 0 || byte(1) != 0) {
        throw format_error(name + ": not an IDX file: it does not begin with two zero bytes");
    }
    if (byte(2) != 8) {
        throw format_error(name + ": IDX elements of type " + errors::text_of(byte(2)) +
                           " are not supported, expected 8 (unsigned bytes)");
    }
    const std::size_t rank = byte(3);
    if (rank < 1 || rank > 4) {
        throw format_error(name + ": expected an IDX array of rank 1 to 4, got " + errors::text_of(rank));
    }
    const std::size_t header = 4 + 4 * rank;
    if (bytes.size() < header) throw format_error(name + ": cut within the IDX header");
    idx_array result;
    for (std::size_t axis = 0; axis < rank; ++axis) {
        const std::size_t at = 4 + 4 * axis;
        result.shape.push_back(byte(at) << 24U | byte(at + 1) << 16U | byte(at + 2) << 8U | byte(at + 3));
    }
    // Division instead of a product that could wrap.
    std::size_t room = bytes.size() - header;
    bool fits = true;
    for (const std::size_t extent : result.shape) {
        if (extent == 0 || room % extent != 0) {
            fits = extent == 0 && room == 0;
            break;
        }
        room /= extent;
        if (room == 0) fits = false;
    }
    if (!fits || room > 1) {
        throw format_error(name + ": IDX shape " + format_shape(result.shape) + " does not take the " +
                           errors::text_of(bytes.size() - header) + " bytes that the file holds");
    }
    result.values.resize(bytes.size() - header);
    for (std::size_t i = 0; i < result.values.size(); ++i) {
        result.values[i] = static_cast<std::uint8_t>(bytes[header + i]);
    }
    return result;
}

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
