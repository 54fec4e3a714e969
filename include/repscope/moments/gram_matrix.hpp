#pragma once

#include "repscope/detail/common/centered_rows.hpp"
#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/detail/moments/product_range.hpp"
#include "repscope/error.hpp"
#include "repscope/linalg/products.hpp"
#include "repscope/moments/scatter_matrix.hpp"
#include "repscope/moments/update_options.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/as_view.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Computes the Gram matrix of the centered activations of a layer, (samples, samples), for any number of
/// samples: the products of samples with each other, from which measures of several layers for the same
/// samples are computed pairwise.
///
/// `activations`: (samples, units), (samples, channels, height, width), a channel read as its spatial mean,
/// or as `options.axes` states. `order` of the result is the number of samples, also above the number of
/// units. Throws `shape_error` without samples or units, `value_error` for an activation that is NaN or
/// infinite, with its sample and unit, and if its square overflows. The result has the same bits for any
/// number of threads. O(samples^2 units).
template <tensor_like Activations, product_backend Backend = eigen_products>
[[nodiscard]] scatter_matrix gram_matrix(const Activations& activations, const update_options& options = {},
                                         Backend = {}) {
    constexpr std::string_view name = "gram_matrix";
    const auto x = as_activations(activations, options.axes, name);
    if (x.empty()) errors::throw_shape_error(name, "expected at least one sample and unit", x.extents());
    const scoped_pool pool(options.threads);
    scatter_matrix result;
    const std::size_t n = x.extent(0), units = x.extent(1);
    result.samples = n;
    result.units = units;
    result.order = n;
    std::vector<double> rows = detail::unit_rows(name, x, *pool);
    result.mean = detail::mean_about_first(rows, units);
    for (std::size_t u = 0; u < units; ++u) result.mean[u] += rows[u];
    rows = detail::centered_rows(rows, units);
    result.lower.resize(n * n);
    // Bands of rows are tasks, so units are never divided among threads.
    constexpr std::size_t edge = 128;
    const auto add_band = [&](std::size_t band) {
        const std::size_t first = band * edge, height = (std::min)(edge, n - first);
        const double* const from = rows.data() + first * units;
        double* const to = result.lower.data() + first * n;
        if (first > 0) {
            Backend::template gemm<factor::as_is, factor::transposed>(height, first, units, 1.0, from, units,
                                                                      rows.data(), units, 0.0, to, n);
        }
        Backend::template syrk_add<factor::as_is>(height, units, from, units, to + first, n);
    };
    const std::size_t bands = block_count(n, edge);
    if constexpr (Backend::concurrent) {
        pool->for_each(bands, add_band);
    } else {
        for (std::size_t band = 0; band < bands; ++band) add_band(band);
    }
    result.rounding = detail::product_rounding(units, false);
    double largest = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const double square = detail::checked_square(result.lower[i * n + i], rows.data() + i * units, units);
        largest = (std::max)(largest, square);
        result.fourth += square * square;
    }
    detail::check_range(largest, units, false);
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
