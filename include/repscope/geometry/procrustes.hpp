#pragma once

#include "repscope/error.hpp"
#include "repscope/linalg/products.hpp"
#include "repscope/linalg/reflections.hpp"
#include "repscope/moments/cross_covariance.hpp"
#include "repscope/moments/scatter_matrix.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

/// The lower triangular factor, (count, count), of rows (count, units) with count <= units.
[[nodiscard]] inline std::vector<double> triangular_factor(std::vector<double> rows, std::size_t count,
                                                           std::size_t units, thread_pool& pool) {
    make_lower_triangular(rows.data(), count, units, count, pool);
    std::vector<double> factor_rows(count * count);
    for (std::size_t i = 0; i < count; ++i)
        std::copy_n(rows.data() + i * units, count, factor_rows.data() + i * count);
    return factor_rows;
}

} // namespace detail

/// Computes the Procrustes distance of two layers for the same samples: the least Frobenius distance of their
/// centered activations, each scaled to norm 1, over all rotations and reflections of one of them,
/// sqrt(2 - 2 |S_xy|_* / sqrt(tr S_xx tr S_yy)) with the sum of singular values |S_xy|_*.
///
/// `trace_x` and `trace_y` are `scatter_matrix::trace` of the layers. Range 0 to sqrt(2), 0 for layers that
/// are equal up to a rotation, a scale and a shift; rounding adds about 1e-8 to 0. Biased downward with few
/// samples. NaN if a layer is constant. The result has the same bits for any number of threads. O(units_x
/// units_y min(units_x, units_y)), or O(samples^2 (units_x + units_y)) with few samples. Source: Ding, Denain
/// and Steinhardt 2021 (arXiv 2108.01661).
template <product_backend Backend = eigen_products>
[[nodiscard]] double procrustes_distance(double trace_x, double trace_y, const cross_covariance& xy,
                                         const thread_source& threads = 1) {
    if (!(trace_x > 0 && trace_y > 0)) return std::numeric_limits<double>::quiet_NaN();
    const scoped_pool pool(threads);
    cross_products products = xy.centered();
    std::size_t rows = products.units_x, columns = products.units_y;
    if (!products.rows_x.empty()) {
        const auto n = static_cast<std::size_t>(products.samples);
        const std::vector<double> x =
            detail::triangular_factor(std::move(products.rows_x), n, products.units_x, *pool);
        const std::vector<double> y =
            detail::triangular_factor(std::move(products.rows_y), n, products.units_y, *pool);
        rows = columns = n;
        products.products.resize(n * n);
        Backend::template gemm<factor::transposed, factor::as_is>(n, n, n, 1.0, x.data(), n, y.data(), n, 0.0,
                                                                  products.products.data(), n);
    }
    const std::vector<double> values =
        singular_values("procrustes_distance", std::move(products.products), rows, columns, *pool);
    double sum = 0;
    for (const double value : values) sum += value;
    const double similarity = sum / std::sqrt(trace_x) / std::sqrt(trace_y);
    return std::sqrt(2 * (std::max)(0.0, 1 - similarity));
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
