#pragma once

#include "repscope/detail/common/check_labels.hpp"
#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/error.hpp"
#include "repscope/moments/update_options.hpp"
#include "repscope/tensor/as_view.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Calls `use(rows, labels, pool)` for chunks of samples in order: the values of the units in double, (count,
/// units), and one label per row. Both belong to the call, which may change them.
///
/// Throws `shape_error` if the extents do not fit, and `value_error` for a label outside 0 .. `classes` - 1
/// and an activation that is not finite; the first sample has the number `seen` in such a message. Labels are
/// checked before the first call. Holds 8 MiB or one row.
template <typename Activations, typename Labels, typename Use>
void for_each_labeled_chunk(std::string_view function, const Activations& activations, const Labels& labels,
                            std::size_t units, std::size_t classes, const update_options& options,
                            std::uint64_t seen, Use&& use) {
    const auto x = as_activations(activations, options.axes, function);
    if (x.extent(1) != units || x.extent(2) * x.extent(3) == 0)
        errors::throw_shape_error(function, "expected " + errors::text_of(units) + " units", x.extents());
    const auto y = as_view<1>(labels);
    check_labels(function, y, x.extent(0), classes);
    const scoped_pool pool(options.threads);
    constexpr std::size_t chunk_values = std::size_t{1} << 20U;
    const std::size_t chunk = (std::max<std::size_t>)(1, chunk_values / units);
    std::vector<double> rows((std::min)(chunk, x.extent(0)) * units);
    std::vector<std::int64_t> labels_of_rows;
    for (std::size_t first = 0; first < x.extent(0); first += chunk) {
        const std::size_t count = (std::min)(chunk, x.extent(0) - first);
        unit_rows_into(function, x, first, count, false, *pool, rows.data(), seen);
        labels_of_rows.resize(count);
        for (std::size_t i = 0; i < count; ++i) labels_of_rows[i] = static_cast<std::int64_t>(y(first + i));
        use(rows.data(), labels_of_rows, *pool);
    }
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
