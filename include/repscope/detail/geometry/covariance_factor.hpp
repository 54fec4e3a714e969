#pragma once

#include "repscope/detail/common/centered_rows.hpp"
#include "repscope/linalg/cholesky.hpp"
#include "repscope/linalg/products.hpp"
#include "repscope/linalg/symmetric_eigen.hpp"
#include "repscope/moments/covariance.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// A matrix F with F^T F (of rows) or F F^T equal to a covariance: rows (count, units) of a thin state, a
/// Cholesky factor (units, units) of a thick one.
struct covariance_factor {
    bool is_rows = false;
    std::size_t count = 0;
    std::vector<double> values;
};

/// Consumes the matrix of `products`.
template <product_backend Backend>
[[nodiscard]] covariance_factor factor_of(const covariance& state, scatter_matrix& products,
                                          thread_pool& pool) {
    covariance_factor result;
    const double root = std::sqrt(static_cast<double>(state.samples()) - 1);
    if (state.is_thin()) {
        result.is_rows = true;
        result.count = static_cast<std::size_t>(state.samples());
        result.values = centered_rows(state.rows(), state.units());
        for (double& value : result.values) value /= root;
        return result;
    }
    const std::size_t units = state.units();
    result.count = units;
    result.values = std::move(products.lower);
    double largest = 0;
    for (std::size_t u = 0; u < units; ++u) largest = (std::max)(largest, result.values[u * units + u]);
    // A covariance without full rank has pivots of the size of its rounding.
    const double tolerance = static_cast<double>(units) * std::numeric_limits<double>::epsilon() * largest;
    factorize_cholesky<Backend>(units, result.values.data(), tolerance, pool);
    for (std::size_t i = 0; i < units; ++i) {
        double* row = result.values.data() + i * units;
        for (std::size_t j = 0; j < units; ++j) row[j] = j <= i ? row[j] / root : 0;
    }
    return result;
}

/// The products, (a.count, b.count), whose singular values are those of C_a^1/2 C_b^1/2.
template <product_backend Backend>
[[nodiscard]] std::vector<double> product_of(const covariance_factor& a, const covariance_factor& b,
                                             std::size_t units) {
    std::vector<double> result(a.count * b.count);
    const auto with_b = [&]<factor A>() {
        const std::size_t stride = A == factor::as_is ? units : a.count;
        if (b.is_rows) {
            Backend::template gemm<A, factor::transposed>(a.count, b.count, units, 1.0, a.values.data(),
                                                          stride, b.values.data(), units, 0.0, result.data(),
                                                          b.count);
        } else {
            Backend::template gemm<A, factor::as_is>(a.count, b.count, units, 1.0, a.values.data(), stride,
                                                     b.values.data(), b.count, 0.0, result.data(), b.count);
        }
    };
    if (a.is_rows)
        with_b.template operator()<factor::as_is>();
    else
        with_b.template operator()<factor::transposed>();
    return result;
}

/// Unit eigenvectors of the largest eigenvalues of a covariance as rows, (k, units); k is `most` or its rank.
template <product_backend Backend>
[[nodiscard]] std::vector<double> principal_rows(std::string_view function, const covariance& state,
                                                 const scatter_matrix& products, std::size_t most) {
    const std::size_t order = products.order, units = products.units;
    const symmetric_eigen eigen = eigen_of_symmetric(function, products.lower, order);
    const double least =
        static_cast<double>(order) * std::numeric_limits<double>::epsilon() * eigen.values.back();
    std::vector<double> centered;
    if (state.is_thin()) centered = centered_rows(state.rows(), units);
    std::vector<double> rows;
    for (std::size_t k = order; k-- > 0 && rows.size() < most * units;) {
        if (!(eigen.values[k] > least)) break;
        const double* vector = eigen.vectors.data() + k * order;
        if (!state.is_thin()) {
            rows.insert(rows.end(), vector, vector + units);
            continue;
        }
        std::vector<double> row(units);
        Backend::template gemm<factor::as_is, factor::as_is>(1, units, order, 1 / std::sqrt(eigen.values[k]),
                                                             vector, order, centered.data(), units, 0.0,
                                                             row.data(), units);
        rows.insert(rows.end(), row.begin(), row.end());
    }
    return rows;
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
