#pragma once

#include "repscope/detail/geometry/class_mean_gram.hpp"
#include "repscope/error.hpp"
#include "repscope/linalg/products.hpp"
#include "repscope/linalg/symmetric_eigen.hpp"
#include "repscope/moments/scatter_matrix.hpp"
#include "repscope/parallel/blocks.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// The scatter of samples about their class means, S_W = S_T - S_B, as far as class geometry needs it.
/// The basis is an orthonormal one of the span of the class means about the mean of the samples.
struct within_scatter {
    std::size_t rank = 0;
    std::vector<double> coordinates; ///< (classes, rank): class means in the basis
    std::vector<double> in_span;     ///< (rank, rank): S_W in the basis
    double frobenius2 = 0;           ///< |S_W|_F^2 times the square of `scale`
    double scale = 1;                ///< `scatter_matrix::unit_scale` of S_T
    double error = 0;                ///< bound on the Frobenius norm of the error of S_W
};

/// Directions of class means whose squared norm is at most this share of the largest are left out.
inline constexpr double mean_rank_tolerance = 1e-12;

/// Throws `shape_error` or `value_error` unless `moments` may be of the samples of `products`.
inline void check_same_samples(std::string_view function, std::size_t units, std::uint64_t samples,
                               const class_moments& moments) {
    if (units != moments.units()) {
        errors::throw_shape_error(function, "expected class moments of " + errors::text_of(units) +
                                                " units, got " + errors::text_of(moments.units()));
    }
    if (samples != moments.samples()) {
        errors::throw_value_error(function, "expected class moments of " + errors::text_of(samples) +
                                                " samples, got " + errors::text_of(moments.samples()));
    }
}

/// Orthonormal rows, (rank, units), with the span of the class means; empty if all are equal.
template <product_backend Backend>
[[nodiscard]] std::vector<double> basis_of_class_means(std::string_view function,
                                                       const class_mean_gram& means) {
    const std::size_t order = means.classes, units = means.units;
    const symmetric_eigen eigen = eigen_of_symmetric(function, means.gram, order);
    const double within = std::accumulate(means.within.begin(), means.within.end(), 0.0);
    const double between = std::accumulate(eigen.values.begin(), eigen.values.end(), 0.0);
    if (!exceeds_rounding(between, within / means.samples)) return {};
    std::vector<double> basis;
    for (std::size_t k = order; k-- > 0;) {
        if (!(eigen.values[k] > mean_rank_tolerance * eigen.values.back())) break;
        std::vector<double> row(units);
        Backend::template gemm<factor::as_is, factor::as_is>(
            1, units, order, 1.0, eigen.vectors.data() + k * order, order, means.means.data(), units, 0.0,
            row.data(), units);
        // The rows are orthogonal up to a rounding that is large relative to the short ones.
        for (std::size_t b = 0; b < basis.size(); b += units) {
            double along = 0;
            for (std::size_t u = 0; u < units; ++u) along += basis[b + u] * row[u];
            for (std::size_t u = 0; u < units; ++u) row[u] -= along * basis[b + u];
        }
        double square = 0;
        for (const double value : row) square += value * value;
        if (!(square > 0)) break;
        for (double& value : row) value /= std::sqrt(square);
        basis.insert(basis.end(), row.begin(), row.end());
    }
    return basis;
}

/// The common part: coordinates of the means, and S_B in the basis, which the caller subtracts.
template <product_backend Backend>
[[nodiscard]] std::vector<double> between_in_span(const class_mean_gram& means,
                                                  const std::vector<double>& basis, within_scatter& result) {
    const std::size_t rank = basis.size() / means.units;
    result.rank = rank;
    result.coordinates.resize(means.classes * rank);
    Backend::template gemm<factor::as_is, factor::transposed>(
        means.classes, rank, means.units, 1.0, means.means.data(), means.units, basis.data(), means.units,
        0.0, result.coordinates.data(), rank);
    std::vector<double> between(rank * rank);
    for (std::size_t c = 0; c < means.classes; ++c) {
        const double* row = result.coordinates.data() + c * rank;
        for (std::size_t a = 0; a < rank; ++a)
            for (std::size_t b = 0; b < rank; ++b) between[a * rank + b] += means.counts[c] * row[a] * row[b];
    }
    return between;
}

/// From the centered rows (samples, units) of a thin state and their products.
template <product_backend Backend>
[[nodiscard]] within_scatter within_scatter_of_rows(std::string_view function, const class_mean_gram& means,
                                                    const scatter_matrix& products,
                                                    const std::vector<double>& rows) {
    within_scatter result;
    result.scale = products.unit_scale();
    result.error = 2 * products.rounding * products.trace();
    const std::vector<double> basis = basis_of_class_means<Backend>(function, means);
    const std::vector<double> between = between_in_span<Backend>(means, basis, result);
    const std::size_t n = products.order, units = means.units, rank = result.rank;
    // S_T consists of the part within the span, the part that joins it to the rest, and the rest.
    std::vector<double> along(n * rank), total(rank * rank), joining(rank * units);
    const auto square = [&](double entry) { return result.scale * entry * (result.scale * entry); };
    if (rank > 0) {
        Backend::template gemm<factor::as_is, factor::transposed>(
            n, rank, units, 1.0, rows.data(), units, basis.data(), units, 0.0, along.data(), rank);
        Backend::template gemm<factor::transposed, factor::as_is>(
            rank, rank, n, 1.0, along.data(), rank, along.data(), rank, 0.0, total.data(), rank);
        Backend::template gemm<factor::transposed, factor::as_is>(
            rank, units, n, 1.0, along.data(), rank, rows.data(), units, 0.0, joining.data(), units);
        Backend::template gemm<factor::as_is, factor::as_is>(rank, units, rank, -1.0, total.data(), rank,
                                                             basis.data(), units, 1.0, joining.data(), units);
    }
    for (const double entry : joining) result.frobenius2 += 2 * square(entry);
    result.in_span.resize(rank * rank);
    for (std::size_t k = 0; k < result.in_span.size(); ++k) {
        result.in_span[k] = total[k] - between[k];
        result.frobenius2 += square(result.in_span[k]);
    }
    for (std::size_t i = 0; i < n; ++i) {
        double row = 0;
        for (std::size_t j = 0; j <= i; ++j) {
            double entry = products.lower[i * n + j];
            for (std::size_t k = 0; k < rank; ++k) entry -= along[i * rank + k] * along[j * rank + k];
            row += (i == j ? 1 : 2) * square(entry);
        }
        result.frobenius2 += row;
    }
    return result;
}

/// From the scatter matrix of a thick state.
template <product_backend Backend>
[[nodiscard]] within_scatter within_scatter_of_matrix(std::string_view function, const class_mean_gram& means,
                                                      const scatter_matrix& products, thread_pool& pool) {
    within_scatter result;
    result.scale = products.unit_scale();
    result.error = 2 * products.rounding * products.trace();
    const std::vector<double> basis = basis_of_class_means<Backend>(function, means);
    const std::vector<double> between = between_in_span<Backend>(means, basis, result);
    const std::size_t units = means.units, rank = result.rank;
    std::vector<double> weighted = means.means;
    for (std::size_t k = 0; k < weighted.size(); ++k) weighted[k] *= means.counts[k / units];

    constexpr std::size_t edge = 256;
    const std::size_t edges = block_count(units, edge);
    std::vector<double> turned(rank * units); // basis times S_T
    std::vector<double> squares(edges);
    const auto add_column = [&](std::size_t b) {
        const std::size_t column = b * edge, width = (std::min)(edge, units - column);
        std::vector<double> block(edge * edge);
        for (std::size_t a = 0; a < edges; ++a) {
            const std::size_t row = a * edge, height = (std::min)(edge, units - row);
            for (std::size_t r = 0; r < height; ++r) {
                for (std::size_t c = 0; c < width; ++c) {
                    const std::size_t i = row + r, j = column + c;
                    block[r * width + c] = products.lower[(std::max)(i, j) * units + (std::min)(i, j)];
                }
            }
            if (rank > 0) {
                Backend::template gemm<factor::as_is, factor::as_is>(
                    rank, width, height, 1.0, basis.data() + row, units, block.data(), width, 1.0,
                    turned.data() + column, units);
            }
            if (a < b) continue;
            Backend::template gemm<factor::transposed, factor::as_is>(
                height, width, means.classes, -1.0, means.means.data() + row, units, weighted.data() + column,
                units, 1.0, block.data(), width);
            double sum = 0;
            for (std::size_t k = 0; k < height * width; ++k)
                sum += result.scale * block[k] * (result.scale * block[k]);
            squares[b] += (a == b ? 1 : 2) * sum;
        }
    };
    if constexpr (Backend::concurrent) {
        pool.for_each(edges, add_column);
    } else {
        for (std::size_t b = 0; b < edges; ++b) add_column(b);
    }
    for (const double sum : squares) result.frobenius2 += sum;
    result.in_span.resize(rank * rank);
    if (rank > 0) {
        Backend::template gemm<factor::as_is, factor::transposed>(rank, rank, units, 1.0, turned.data(),
                                                                  units, basis.data(), units, 0.0,
                                                                  result.in_span.data(), rank);
    }
    for (std::size_t k = 0; k < result.in_span.size(); ++k) result.in_span[k] -= between[k];
    return result;
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
