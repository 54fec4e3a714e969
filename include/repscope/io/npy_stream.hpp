#pragma once

#include "repscope/error.hpp"
#include "repscope/io/array_header.hpp"
#include "repscope/io/byte_source.hpp"
#include "repscope/io/byte_stream.hpp"
#include "repscope/io/npy_header.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

/// Reads the header of the .npy record that begins at the next byte of a stream; afterwards its elements
/// follow. Errors refer to the record by `name`. Throws `format_error` as `parse_npy_header` does, and if the
/// stream ends within the header.
[[nodiscard]] inline npy_header read_npy_header(byte_stream& bytes, const std::string& name,
                                                void2_policy pairs = void2_policy::refused) {
    // The length of the header is in bytes 8 and 9, of versions 2 and 3 in bytes 8 to 11.
    constexpr std::size_t version_at = 6;
    std::vector<std::byte> begin(10);
    begin.resize(bytes.read_up_to(begin));
    if (begin.size() < 10) return parse_npy_header(begin, name, pairs); // throws
    const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(begin[i]); };
    const auto append = [&](std::size_t count) {
        const std::size_t before = begin.size();
        begin.resize(before + count);
        begin.resize(before + bytes.read_up_to(std::span(begin).subspan(before)));
    };
    std::size_t length = byte(8) | byte(9) << 8U;
    if (byte(version_at) > 1) {
        append(2);
        if (begin.size() == 12) length |= byte(10) << 16U | byte(11) << 24U;
    }
    append((std::min)(length, npy_longest_header));
    return parse_npy_header(begin, name, pairs);
}

/// The array of a .npy record whose header was read, as a `stored_array` that is read from front to back.
///
/// `bytes` is at the first element and must outlive the result. An array in Fortran order, which is not read
/// in that order, is copied to memory; `format_error` if it takes more than `max_copy` bytes.
[[nodiscard]] inline stored_array forward_array(byte_stream& bytes, const npy_header& header,
                                                const std::string& name, std::size_t max_copy) {
    stored_array array{name, header, nullptr};
    array.header.data_offset = 0;
    const std::size_t size = header.size() * size_of(header.format.type);
    const bool is_copied = header.fortran_order && header.shape.size() > 1;
    if (!is_copied) {
        array.header.fortran_order = false;
        array.bytes = std::make_shared<forward_source>(bytes, size);
        return array;
    }
    if (size > max_copy) {
        throw format_error(name + ": an array in Fortran order of " + errors::text_of(size) +
                           " bytes, expected at most " + errors::text_of(max_copy) + " in a stream");
    }
    // Grows with the bytes that exist, not with those that a header claims.
    constexpr std::size_t step = std::size_t{4} << 20U;
    std::vector<std::byte> copy;
    while (copy.size() < size) {
        const std::size_t before = copy.size();
        copy.resize(before + (std::min)(step, size - before));
        bytes.read(std::span(copy).subspan(before));
    }
    array.bytes = std::make_shared<owned_memory_source>(std::move(copy), name);
    return array;
}

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
