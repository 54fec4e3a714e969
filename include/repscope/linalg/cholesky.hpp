#pragma once

#include "repscope/detail/linalg/add_multiple.hpp"
#include "repscope/linalg/products.hpp"
#include "repscope/parallel/blocks.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

/// Rows and columns of a block of a factorization.
inline constexpr std::size_t cholesky_edge = 128;

/// The transpose of a lower triangular block of `size` rows, which begins at `block` in a matrix of rows of
/// `order`: row k has column k of the block, so that solutions advance along rows.
[[nodiscard]] inline std::vector<double> transposed_triangle(std::size_t order, const double* block,
                                                             std::size_t size) {
    std::vector<double> columns(size * size);
    for (std::size_t j = 0; j < size; ++j)
        for (std::size_t k = 0; k <= j; ++k) columns[k * size + j] = block[j * order + k];
    return columns;
}

/// Replaces v, of `size` elements, by the solution of L x = v, `columns` from `transposed_triangle` of L. An
/// element whose pivot is 0 becomes 0.
inline void solve_triangle(std::size_t size, const double* columns, double* v) noexcept {
    for (std::size_t k = 0; k < size; ++k) {
        const double* column = columns + k * size;
        const double x = column[k] > 0 ? v[k] / column[k] : 0;
        v[k] = x;
        add_multiple(size - k - 1, -x, column + k + 1, v + k + 1);
    }
}

} // namespace detail

/// Replaces the lower triangle, j <= i, of a symmetric matrix without negative eigenvalues, row-major (order,
/// order), by its Cholesky factor L with L L^T equal to the matrix. The part above the diagonal is neither
/// read nor written.
///
/// A pivot of at most `tolerance` counts as 0: its column of L becomes 0. Returns the number of the other
/// pivots, the rank. The result has the same bits for any number of threads. order^3 / 3 operations.
template <product_backend Backend = eigen_products>
std::size_t factorize_cholesky(std::size_t order, double* matrix, double tolerance, thread_pool& pool) {
    constexpr std::size_t edge = detail::cholesky_edge;
    const std::size_t edges = block_count(order, edge);
    std::size_t rank = 0;
    const auto each = [&](std::size_t tasks, const auto& task) {
        if constexpr (Backend::concurrent) {
            pool.for_each(tasks, task);
        } else {
            for (std::size_t k = 0; k < tasks; ++k) task(k);
        }
    };
    for (std::size_t b = 0; b < edges; ++b) {
        const std::size_t begin = b * edge, end = (std::min)(begin + edge, order);
        for (std::size_t i = begin; i < end; ++i) {
            double* row = matrix + i * order;
            for (std::size_t j = begin; j < i; ++j) {
                const double* other = matrix + j * order;
                double sum = row[j];
                for (std::size_t k = begin; k < j; ++k) sum -= row[k] * other[k];
                row[j] = other[j] > 0 ? sum / other[j] : 0;
            }
            double pivot = row[i];
            for (std::size_t k = begin; k < i; ++k) pivot -= row[k] * row[k];
            row[i] = pivot > tolerance ? std::sqrt(pivot) : 0;
            rank += pivot > tolerance ? 1 : 0;
        }
        const std::size_t below = edges - b - 1;
        if (below == 0) break;
        const std::vector<double> columns =
            detail::transposed_triangle(order, matrix + begin * order + begin, end - begin);
        each(below, [&](std::size_t task) {
            const std::size_t first = (b + 1 + task) * edge;
            for (std::size_t i = first; i < (std::min)(first + edge, order); ++i)
                detail::solve_triangle(end - begin, columns.data(), matrix + i * order + begin);
        });
        // A strip of rows per task, the longest first.
        each(below, [&](std::size_t task) {
            const std::size_t row = (edges - 1 - task) * edge, height = (std::min)(edge, order - row);
            const double* const left = matrix + row * order + begin;
            if (row > end) {
                Backend::template gemm<factor::as_is, factor::transposed>(
                    height, row - end, end - begin, -1.0, left, order, matrix + end * order + begin, order,
                    1.0, matrix + row * order + end, order);
            }
            // The part of a block above the diagonal of the matrix keeps its values.
            std::vector<double> product(height * height);
            Backend::template gemm<factor::as_is, factor::transposed>(
                height, height, end - begin, 1.0, left, order, left, order, 0.0, product.data(), height);
            for (std::size_t r = 0; r < height; ++r)
                detail::add_multiple(r + 1, -1.0, product.data() + r * height,
                                     matrix + (row + r) * order + row);
        });
    }
    return rank;
}

/// Replaces each of `count` rows v of `rows`, (count, order), by the solution of L x = v, L the factor that
/// `factorize_cholesky` returns for a matrix of full rank. count order^2 operations.
template <product_backend Backend = eigen_products>
void solve_lower(std::size_t order, const double* factor_rows, std::size_t count, double* rows) {
    constexpr std::size_t edge = detail::cholesky_edge;
    for (std::size_t begin = 0; begin < order; begin += edge) {
        const std::size_t end = (std::min)(begin + edge, order);
        if (begin > 0) {
            Backend::template gemm<factor::as_is, factor::transposed>(count, end - begin, begin, -1.0, rows,
                                                                      order, factor_rows + begin * order,
                                                                      order, 1.0, rows + begin, order);
        }
        const std::vector<double> columns =
            detail::transposed_triangle(order, factor_rows + begin * order + begin, end - begin);
        for (std::size_t i = 0; i < count; ++i)
            detail::solve_triangle(end - begin, columns.data(), rows + i * order + begin);
    }
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
