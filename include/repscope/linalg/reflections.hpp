#pragma once

#include "repscope/linalg/symmetric_eigen.hpp"
#include "repscope/parallel/blocks.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

/// Sum of products of two rows, in eight partial sums so that the compiler uses vectors.
[[nodiscard]] inline double dot(const double* a, const double* b, std::size_t size) noexcept {
    double partial[8] = {};
    std::size_t k = 0;
    for (; k + 8 <= size; k += 8)
        for (std::size_t l = 0; l < 8; ++l) partial[l] += a[k + l] * b[k + l];
    for (; k < size; ++k) partial[0] += a[k] * b[k];
    return ((partial[0] + partial[4]) + (partial[1] + partial[5])) +
           ((partial[2] + partial[6]) + (partial[3] + partial[7]));
}

/// Replaces `v` of `size` values by the vector of the reflection x - v (v . x) that maps it to `first` times
/// the first unit vector, and returns `first`. v . v is then 2, or v is 0.
[[nodiscard]] inline double make_reflection(double* v, std::size_t size) noexcept {
    double largest = 0;
    for (std::size_t k = 0; k < size; ++k) largest = (std::max)(largest, std::abs(v[k]));
    if (!(largest > 0)) return 0;
    for (std::size_t k = 0; k < size; ++k) v[k] /= largest;
    const double length = std::sqrt(dot(v, v, size));
    const double first = v[0] > 0 ? -length : length;
    v[0] -= first;
    // |v - first e|^2 = 2 length (length + |v_0|).
    const double square = -2 * first * v[0];
    if (!(square > 0)) {
        std::fill_n(v, size, 0.0);
        return first * largest;
    }
    const double scale = std::sqrt(2 / square);
    for (std::size_t k = 0; k < size; ++k) v[k] *= scale;
    return first * largest;
}

/// Reflects columns [first, columns) of rows [begin, end).
inline void reflect_rows(double* rows, std::size_t columns, std::size_t begin, std::size_t end,
                         std::size_t first, const double* v, thread_pool& pool) {
    constexpr std::size_t task_size = 16;
    pool.for_each(block_count(end - begin, task_size), [&](std::size_t task) {
        const std::size_t low = begin + task * task_size;
        for (std::size_t i = low; i < (std::min)(low + task_size, end); ++i) {
            double* row = rows + i * columns + first;
            const double along = dot(row, v, columns - first);
            for (std::size_t k = 0; k < columns - first; ++k) row[k] -= along * v[k];
        }
    });
}

} // namespace detail

/// Rotates the rows of a matrix, (rows, columns), row-major, so that the first `pivots` of them become lower
/// triangular: element j of row i is 0 for j > i. All rows are multiplied by the same orthogonal matrix from
/// the right, so their products do not change.
///
/// `pivots` is at most `rows` and `columns`. The result has the same bits for any number of threads. O(pivots
/// rows columns).
inline void make_lower_triangular(double* matrix, std::size_t rows, std::size_t columns, std::size_t pivots,
                                  thread_pool& pool) {
    std::vector<double> v(columns);
    for (std::size_t i = 0; i < pivots; ++i) {
        double* row = matrix + i * columns;
        std::copy_n(row + i, columns - i, v.data());
        const double pivot = detail::make_reflection(v.data(), columns - i);
        row[i] = pivot;
        std::fill(row + i + 1, row + columns, 0.0);
        detail::reflect_rows(matrix, columns, i + 1, rows, i, v.data(), pool);
    }
}

/// Computes the singular values, descending, of a matrix (rows, columns), row-major: min(rows, columns) of
/// them. Each has an error of a few units in the last place of the largest one.
///
/// Throws `value_error` in the name of `function` if the solver does not converge. The result has the same
/// bits for any number of threads. O(rows columns min(rows, columns)). Source: Golub and Kahan 1965.
template <typename = void>
[[nodiscard]] std::vector<double> singular_values(std::string_view function, std::vector<double> matrix,
                                                  std::size_t rows, std::size_t columns, thread_pool& pool) {
    if (rows < columns) { // at least as many rows as columns
        std::vector<double> transposed(matrix.size());
        for (std::size_t i = 0; i < rows; ++i)
            for (std::size_t j = 0; j < columns; ++j) transposed[j * rows + i] = matrix[i * columns + j];
        matrix = std::move(transposed);
        std::swap(rows, columns);
    }
    if (columns == 0) return {};
    // To an upper bidiagonal matrix, then to a symmetric tridiagonal one of twice the size, whose eigenvalues
    // are the singular values with both signs.
    std::vector<double> beside(2 * columns - 1);
    std::vector<double> v(rows), w(columns), right(columns);
    constexpr std::size_t task_size = 64;
    for (std::size_t k = 0; k < columns; ++k) {
        for (std::size_t i = k; i < rows; ++i) v[i - k] = matrix[i * columns + k];
        beside[2 * k] = detail::make_reflection(v.data(), rows - k);
        if (k + 1 == columns) break;
        pool.for_each(block_count(columns - k - 1, task_size), [&](std::size_t task) {
            const std::size_t begin = k + 1 + task * task_size, end = (std::min)(begin + task_size, columns);
            std::fill(w.begin() + static_cast<std::ptrdiff_t>(begin),
                      w.begin() + static_cast<std::ptrdiff_t>(end), 0.0);
            for (std::size_t i = k; i < rows; ++i)
                for (std::size_t j = begin; j < end; ++j) w[j] += v[i - k] * matrix[i * columns + j];
            for (std::size_t i = k; i < rows; ++i)
                for (std::size_t j = begin; j < end; ++j) matrix[i * columns + j] -= v[i - k] * w[j];
        });
        std::copy_n(matrix.data() + k * columns + k + 1, columns - k - 1, right.data());
        beside[2 * k + 1] = detail::make_reflection(right.data(), columns - k - 1);
        detail::reflect_rows(matrix.data(), columns, k + 1, rows, k + 1, right.data(), pool);
    }
    const std::vector<double> diagonal(2 * columns);
    std::vector<double> values = eigenvalues_of_tridiagonal(function, diagonal, beside);
    std::reverse(values.begin(), values.end());
    values.resize(columns);
    for (double& value : values) value = (std::max)(value, 0.0);
    return values;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
