#pragma once

#include "repscope/linalg/products.hpp"
#include "repscope/parallel/blocks.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Replaces the lower triangle, j <= i, of a symmetric matrix without negative eigenvalues, row-major (order,
/// order), by its Cholesky factor L with L L^T equal to the matrix. The part above the diagonal is neither
/// read nor written.
///
/// A pivot of at most `tolerance` counts as 0: its column of L becomes 0. Returns the number of the other
/// pivots, the rank. The result has the same bits for any number of threads. order^3 / 3 operations.
template <product_backend Backend = eigen_products>
std::size_t factorize_cholesky(std::size_t order, double* matrix, double tolerance, thread_pool& pool) {
    constexpr std::size_t edge = 128;
    const std::size_t edges = block_count(order, edge);
    std::size_t rank = 0;
    const auto each = [&](std::size_t tasks, const auto& task) {
        if constexpr (Backend::concurrent) {
            pool.for_each(tasks, task);
        } else {
            for (std::size_t k = 0; k < tasks; ++k) task(k);
        }
    };
    // Elements [begin, end) of row i of L, from those before them.
    const auto solve_row = [&](std::size_t i, std::size_t begin, std::size_t end) {
        double* row = matrix + i * order;
        for (std::size_t j = begin; j < end; ++j) {
            const double* other = matrix + j * order;
            double sum = row[j];
            for (std::size_t k = begin; k < j; ++k) sum -= row[k] * other[k];
            row[j] = other[j] > 0 ? sum / other[j] : 0;
        }
    };
    for (std::size_t b = 0; b < edges; ++b) {
        const std::size_t begin = b * edge, end = (std::min)(begin + edge, order);
        for (std::size_t i = begin; i < end; ++i) {
            double* row = matrix + i * order;
            solve_row(i, begin, i);
            double pivot = row[i];
            for (std::size_t k = begin; k < i; ++k) pivot -= row[k] * row[k];
            row[i] = pivot > tolerance ? std::sqrt(pivot) : 0;
            rank += pivot > tolerance ? 1 : 0;
        }
        const std::size_t below = edges - b - 1;
        each(below, [&](std::size_t task) {
            const std::size_t first = (b + 1 + task) * edge;
            for (std::size_t i = first; i < (std::min)(first + edge, order); ++i) solve_row(i, begin, end);
        });
        each(below * (below + 1) / 2, [&](std::size_t task) {
            std::size_t i = 0;
            while ((i + 1) * (i + 2) / 2 <= task) ++i;
            const std::size_t row = (b + 1 + i) * edge, column = (b + 1 + task - i * (i + 1) / 2) * edge;
            const std::size_t height = (std::min)(edge, order - row);
            const std::size_t width = (std::min)(edge, order - column);
            // The part of a tile above the diagonal of the matrix keeps its values.
            std::vector<double> product(height * width);
            Backend::template gemm<factor::as_is, factor::transposed>(
                height, width, end - begin, 1.0, matrix + row * order + begin, order,
                matrix + column * order + begin, order, 0.0, product.data(), width);
            for (std::size_t r = 0; r < height; ++r) {
                double* target = matrix + (row + r) * order + column;
                const std::size_t columns = row == column ? r + 1 : width;
                for (std::size_t c = 0; c < columns; ++c) target[c] -= product[r * width + c];
            }
        });
    }
    return rank;
}

/// Replaces each of `count` rows v of `rows`, (count, order), by the solution of L x = v, L the factor that
/// `factorize_cholesky` returns for a matrix of full rank. count order^2 operations.
template <product_backend Backend = eigen_products>
void solve_lower(std::size_t order, const double* factor_rows, std::size_t count, double* rows) {
    constexpr std::size_t edge = 128;
    for (std::size_t begin = 0; begin < order; begin += edge) {
        const std::size_t end = (std::min)(begin + edge, order);
        if (begin > 0) {
            Backend::template gemm<factor::as_is, factor::transposed>(count, end - begin, begin, -1.0, rows,
                                                                      order, factor_rows + begin * order,
                                                                      order, 1.0, rows + begin, order);
        }
        for (std::size_t i = 0; i < count; ++i) {
            double* x = rows + i * order;
            for (std::size_t j = begin; j < end; ++j) {
                double sum = x[j];
                for (std::size_t k = begin; k < j; ++k) sum -= x[k] * factor_rows[j * order + k];
                x[j] = sum / factor_rows[j * order + j];
            }
        }
    }
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
