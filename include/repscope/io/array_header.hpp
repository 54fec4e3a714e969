#pragma once

#include "repscope/error.hpp"
#include "repscope/io/byte_source.hpp"
#include "repscope/io/dtype.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// The storage of an array in a file: type, order and extents, and the offset of its elements.
struct array_header {
    element_format format;          ///< type and byte order of the elements
    bool fortran_order = false;     ///< column-major, else row-major
    std::vector<std::size_t> shape; ///< extents
    /// Offset of the elements in bytes.
    std::size_t data_offset = 0;

    /// Number of elements; 1 for rank 0. The code that makes a header ensures that the byte count fits in an
    /// index (`array_bytes`).
    [[nodiscard]] std::size_t size() const noexcept {
        std::size_t count = 1;
        for (const std::size_t extent : shape) count *= extent;
        return count;
    }
};

/// Number of bytes of the elements of an array; none if it does not fit in an index.
[[nodiscard]] inline std::optional<std::size_t> array_bytes(const std::vector<std::size_t>& shape,
                                                            std::size_t item) noexcept {
    constexpr auto limit = static_cast<std::size_t>((std::numeric_limits<std::ptrdiff_t>::max)());
    if (std::find(shape.begin(), shape.end(), 0U) != shape.end()) return 0;
    std::size_t bytes = item;
    for (const std::size_t extent : shape) {
        if (bytes > limit / extent) return std::nullopt;
        bytes *= extent;
    }
    return bytes;
}

/// An array in a file or in a part of one.
struct stored_array {
    /// Name in error messages: the file, and the part of it.
    std::string name;
    array_header header;                      ///< type, order and extents
    std::shared_ptr<const byte_source> bytes; ///< the file that has the elements
};

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
