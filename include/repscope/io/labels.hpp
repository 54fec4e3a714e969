#pragma once

#include "repscope/io/block_reader.hpp"
#include "repscope/io/npy.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

namespace detail {

/// Labels that are floating-point numbers, all of them whole.
[[nodiscard]] inline std::vector<std::int64_t> whole_labels(const stored_array& array) {
    const std::size_t count = array.header.size();
    std::vector<std::byte> raw(count * size_of(array.header.format.type));
    array.bytes->read(array.header.data_offset, raw);
    std::vector<double> values(count);
    decode(raw.data(), count, array.header.format, values.data());
    std::vector<std::int64_t> labels(count);
    for (std::size_t i = 0; i < count; ++i) {
        // Above 2^53 neighbors are more than 1 apart, so a label may have been rounded. NaN is refused.
        const bool fits = values[i] >= -0x1p53 && values[i] <= 0x1p53;
        labels[i] = fits ? static_cast<std::int64_t>(values[i]) : 0;
        const double back = static_cast<double>(labels[i]);
        if (!fits || back < values[i] || back > values[i]) {
            throw format_error(array.name + ": expected labels that are whole numbers, got " +
                               errors::text_of(values[i]) + " at position " + errors::text_of(i));
        }
    }
    return labels;
}

[[nodiscard]] inline std::vector<std::int64_t> integer_labels(const stored_array& array) {
    const array_header& header = array.header;
    if (header.format.type == dtype::boolean) {
        throw format_error(array.name + ": expected labels that are integers, got elements of type " +
                           header.format.name());
    }
    if (!is_integer(header.format.type)) return whole_labels(array);
    const std::size_t count = header.size();
    std::vector<std::byte> raw(count * size_of(header.format.type));
    array.bytes->read(header.data_offset, raw);
    std::vector<std::int64_t> labels(count);
    decode(raw.data(), count, header.format, labels.data());
    // Unsigned labels of 2^63 and above are negative here.
    const auto wrapped = std::find_if(labels.begin(), labels.end(), [](std::int64_t v) { return v < 0; });
    if (header.format.type == dtype::uint64 && wrapped != labels.end()) {
        throw format_error(array.name + ": expected labels below 2^63, got " +
                           errors::text_of(static_cast<std::uint64_t>(*wrapped)) + " at position " +
                           errors::text_of(wrapped - labels.begin()));
    }
    return labels;
}

[[nodiscard]] inline std::vector<std::int64_t> one_hot_labels(const block_reader& rows) {
    const std::size_t classes = rows.units();
    const std::size_t most =
        rows.samples_at_a_time((std::max<std::size_t>)(1, (std::size_t{1} << 19U) / classes));
    read_buffer buffer;
    std::vector<double> values((std::min)(most, rows.samples()) * classes);
    std::vector<std::int64_t> labels;
    labels.reserve(rows.samples());
    while (labels.size() < rows.samples()) {
        const std::size_t now = (std::min)(most, rows.samples() - labels.size());
        rows.read(labels.size(), now, values.data(), buffer);
        for (std::size_t i = 0; i < now; ++i) {
            const double* row = values.data() + i * classes;
            const double* one = std::find(row, row + classes, 1.0);
            const auto zeros = std::count(row, row + classes, 0.0);
            if (one == row + classes || static_cast<std::size_t>(zeros) + 1 != classes) {
                throw format_error(rows.path() +
                                   ": expected labels of rank 1 or one-hot rows (one 1, else 0), row " +
                                   errors::text_of(labels.size()) + " of shape " +
                                   format_shape(rows.shape()) + " is not one-hot");
            }
            labels.push_back(one - row);
        }
    }
    return labels;
}

} // namespace detail

/// The labels in a stored array, one per sample. They are integers, or integral floating-point numbers, of
/// rank 1 (or with further axes of extent 1). One-hot rows (samples, classes) of integers, bool or
/// floating-point numbers, each with a single 1 and otherwise 0, are labels too.
///
/// Throws `format_error` that names the array if it cannot be read, holds no labels, or has a row that is not
/// one-hot. Throws it also for a label that is not integral, is above 2^53 as a floating-point number, or
/// does not fit in 64 bits. O(elements).
[[nodiscard]] inline std::vector<std::int64_t> load_labels(const stored_array& array) {
    const auto& shape = array.header.shape;
    if (array.header.size() == 0 || shape.empty()) {
        throw format_error(array.name + ": holds no labels: shape " + format_shape(shape));
    }
    std::vector<std::int64_t> labels;
    if (shape[0] == array.header.size()) {
        labels = detail::integer_labels(array);
    } else if (shape.size() == 2) {
        labels = detail::one_hot_labels(block_reader(array, layout::nu));
    } else {
        throw format_error(array.name + ": expected labels of rank 1 or one-hot rows, got shape " +
                           format_shape(shape));
    }
    array.bytes->verify();
    return labels;
}

/// The labels in a .npy file; as above.
[[nodiscard]] inline std::vector<std::int64_t> load_labels(const std::string& path) {
    return load_labels(open_npy(path));
}

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
