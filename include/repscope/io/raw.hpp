#pragma once

#include "repscope/error.hpp"
#include "repscope/io/array_header.hpp"
#include "repscope/io/file.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// An array in bytes without a header (`ndarray.tofile`, `numpy.memmap`): row-major elements of `format` from
/// byte `offset` to the end.
///
/// Throws `format_error` unless the size of `shape` equals the number of bytes after the offset.
[[nodiscard]] inline array_header raw_header(const byte_source& bytes, const std::string& name,
                                             const element_format& format,
                                             const std::vector<std::size_t>& shape, std::size_t offset = 0) {
    const auto claimed = array_bytes(shape, size_of(format.type));
    const std::string what = "shape " + format_shape(shape) + " of " + format.name();
    if (!claimed) throw format_error(name + ": " + what + " is more than fits in memory or in a file");
    if (offset > bytes.size() || bytes.size() - offset != *claimed) {
        throw format_error(name + ": " + what +
                           (offset > 0 ? " from byte " + errors::text_of(offset) + " on" : "") + " takes " +
                           errors::text_of(*claimed) + " bytes, the file holds " +
                           (offset > bytes.size() ? "only " + errors::text_of(bytes.size()) + " in all"
                                                  : errors::text_of(bytes.size() - offset)));
    }
    return {format, false, shape, offset};
}

/// The array in a raw file; as `raw_header`.
[[nodiscard]] inline stored_array open_raw(const std::string& path, const element_format& format,
                                           const std::vector<std::size_t>& shape, std::size_t offset = 0) {
    auto file = std::make_shared<input_file>(path);
    array_header header = raw_header(*file, path, format, shape, offset);
    return {path, std::move(header), std::move(file)};
}

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
