#pragma once

#include "repscope/detail/common/finite_tiles.hpp"
#include "repscope/detail/common/tiles.hpp"
#include "repscope/error.hpp"
#include "repscope/parallel/blocks.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/layout.hpp"
#include "repscope/tensor/unit_values.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Writes the values of the units of samples [first, first + count) of `x`, in double, into `rows` (count,
/// units).
///
/// Throws `value_error` in the name of `function` for an activation that is not finite, with sample (the
/// first of `x` has number `seen`) and unit.
template <typename T>
void unit_rows_into(std::string_view function, const activations_view<T>& x, std::size_t first,
                    std::size_t count, bool rectify, thread_pool& pool, double* rows,
                    std::uint64_t seen = 0) {
    const std::size_t units = x.extent(1);
    const std::size_t task_size = samples_per_block(units * x.extent(2) * x.extent(3));
    std::vector<std::vector<tile_scalar_t<T>>> scratch(pool.size());
    pool.for_each(block_count(count, task_size), [&](std::size_t task, std::size_t worker) {
        const std::size_t begin = task * task_size;
        const auto block =
            fetch_tile<T>(x, first + begin, (std::min)(task_size, count - begin), scratch[worker]);
        for (std::size_t i = 0; i < block.samples; ++i) {
            double* row = rows + (begin + i) * units;
            const auto* sample = block.data + i * units * block.positions;
            if (rectify)
                unit_values<true>(sample, units, block.positions, row);
            else
                unit_values<false>(sample, units, block.positions, row);
        }
        for (std::size_t i = 0; i < block.samples; ++i) {
            if (all_finite(rows + (begin + i) * units, units)) continue;
            name_not_finite(function, block, seen + first + begin);
            errors::throw_value_error(function, "these activations are too large for a double");
        }
    });
}

/// The values of all samples, for statistics that need all of them at once.
template <typename T>
[[nodiscard]] std::vector<double> unit_rows(std::string_view function, const activations_view<T>& x,
                                            thread_pool& pool, bool rectify = false) {
    std::vector<double> rows(x.extent(0) * x.extent(1));
    unit_rows_into(function, x, 0, x.extent(0), rectify, pool, rows.data());
    return rows;
}

/// Calls `each(unit, column)` for every unit of `rows` (samples, units), where `column` has the values of its
/// samples; threads share the units.
template <typename Each>
void for_each_unit(const std::vector<double>& rows, std::size_t samples, std::size_t units, thread_pool& pool,
                   Each&& each) {
    constexpr std::size_t line_elements = 8; // units whose values share a cache line
    pool.for_each(block_count(units, line_elements), [&](std::size_t task) {
        const std::size_t first = task * line_elements;
        const std::size_t count = (std::min)(line_elements, units - first);
        std::vector<double> columns(count * samples);
        for (std::size_t i = 0; i < samples; ++i) {
            for (std::size_t u = 0; u < count; ++u) columns[u * samples + i] = rows[i * units + first + u];
        }
        for (std::size_t u = 0; u < count; ++u) {
            each(first + u, std::span<double>(columns).subspan(u * samples, samples));
        }
    });
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
