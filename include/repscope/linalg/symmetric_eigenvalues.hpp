#pragma once

#include "repscope/detail/linalg/band_chase.hpp"
#include "repscope/detail/linalg/band_reduction.hpp"
#include "repscope/detail/linalg/direct_reduction.hpp"
#include "repscope/detail/linalg/tridiagonal_eigenvalues.hpp"
#include "repscope/error.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

/// What a symmetric matrix has beside zeros.
template <typename T>
struct matrix_content {
    std::vector<std::size_t> coupled; ///< rows with an element beside the diagonal that is not 0
    T largest = 0; ///< size of the largest element in these rows; NaN if the matrix has NaN or infinity
};

template <typename T>
[[nodiscard]] matrix_content<T> content_of(const T* lower, std::size_t order) {
    matrix_content<T> result;
    std::vector<T> sizes(order); // the largest size in each row and column, without the diagonal
    bool finite = true;
    for (std::size_t i = 0; i < order; ++i) {
        const T* row = lower + i * order;
        T size = 0;
        for (std::size_t j = 0; j < i; ++j) {
            const T element = std::abs(row[j]);
            finite &= element <= (std::numeric_limits<T>::max)();
            size = element > size ? element : size;
            sizes[j] = element > sizes[j] ? element : sizes[j];
        }
        sizes[i] = size;
        finite &= std::abs(row[i]) <= (std::numeric_limits<T>::max)();
    }
    for (std::size_t i = 0; i < order; ++i) {
        if (!(sizes[i] > 0)) continue;
        result.coupled.push_back(i);
        result.largest = (std::max)({result.largest, sizes[i], std::abs(lower[i * order + i])});
    }
    if (!finite) result.largest = std::numeric_limits<T>::quiet_NaN();
    return result;
}

/// Writes `factor` times the coupled rows and columns to a matrix with this distance of rows, and zeros right
/// of the diagonal where `band_reduction` writes.
template <typename T>
void copy_coupled(const T* lower, std::size_t order, const std::vector<std::size_t>& coupled, T factor,
                  T* matrix, std::size_t stride, thread_pool& pool) {
    constexpr std::size_t task_size = 64;
    pool.for_each(block_count(coupled.size(), task_size), [&](std::size_t task) {
        for (std::size_t i = task * task_size; i < (std::min)((task + 1) * task_size, coupled.size()); ++i) {
            const T* from = lower + coupled[i] * order;
            T* to = matrix + i * stride;
            if (coupled.size() == order)
                for (std::size_t j = 0; j <= i; ++j) to[j] = factor * from[j];
            else
                for (std::size_t j = 0; j <= i; ++j) to[j] = factor * from[coupled[j]];
            std::fill(to + i + 1, to + (std::min)(i + 1 + band_reduction<T>::columns_above, stride), T(0));
        }
    });
}

/// Largest order that `direct_reduction` reduces faster than `band_reduction`, measured with 1 MB of
/// second-level cache.
inline constexpr std::size_t max_direct_order = 384;

/// The tridiagonal matrix with the eigenvalues of `factor` times the coupled rows and columns of a matrix.
/// The last element of `beside` is not used.
struct tridiagonal_elements {
    std::vector<double> diagonal, beside;
};

template <typename T>
void reduce_directly(const T* lower, std::size_t order, const std::vector<std::size_t>& coupled, T factor,
                     tridiagonal_elements& result) {
    direct_reduction direct(coupled.size());
    for (std::size_t i = 0; i < coupled.size(); ++i) {
        const T* row = lower + coupled[i] * order;
        for (std::size_t j = 0; j <= i; ++j) direct.set(i, j, static_cast<double>(factor * row[coupled[j]]));
    }
    direct.run(result.diagonal.data(), result.beside.data());
}

template <typename T>
void reduce_by_band(const T* lower, std::size_t order, const std::vector<std::size_t>& coupled, T factor,
                    thread_pool& pool, tridiagonal_elements& result) {
    const std::size_t size = coupled.size(), stride = band_reduction<T>::row_stride(size);
    band_chase chase(size);
    {
        const auto matrix = std::make_unique_for_overwrite<T[]>(size * stride);
        copy_coupled(lower, order, coupled, factor, matrix.get(), stride, pool);
        band_reduction<T>(matrix.get(), size, pool);
        for (std::size_t i = 0; i < size; ++i) {
            for (std::size_t j = i - (std::min)(i, strip_width); j <= i; ++j)
                chase.set(i, j, static_cast<double>(matrix[i * stride + j]));
        }
    }
    chase.run(result.diagonal.data(), result.beside.data(), pool);
}

} // namespace detail

/// Computes the eigenvalues, ascending, of the symmetric matrix whose lower triangle, j <= i, is in `lower`,
/// row-major (order, order).
///
/// The error of each is a multiple of the rounding of T times the largest one; measured multiples are in
/// docs/reference/dimensionality.md. A row and column of zeros beside the diagonal gives the element of the
/// diagonal exactly. Throws `value_error` in the name of `function` for an element that is NaN or infinite.
/// The number of threads changes no bit. O(order^3), and the memory of one more matrix. Source: reduction to
/// a band and then to a tridiagonal matrix (Bischof, Lang and Sun 2000), and the QL algorithm without roots.
template <std::floating_point T>
[[nodiscard]] std::vector<double> eigenvalues_of_symmetric(std::string_view function,
                                                           std::span<const T> lower, std::size_t order,
                                                           const thread_source& threads = {}) {
    const detail::matrix_content<T> content = detail::content_of(lower.data(), order);
    if (std::isnan(content.largest))
        errors::throw_value_error(function, "expected a matrix without NaN and infinity");
    const std::size_t size = content.coupled.size();
    detail::tridiagonal_elements elements{std::vector<double>(size), std::vector<double>(size)};
    // A power of two brings the largest element below 1, so that no square overflows.
    constexpr int limit = std::numeric_limits<T>::max_exponent - 8;
    const int exponent = size == 0 ? 0 : std::clamp(std::ilogb(content.largest) + 1, -limit, limit);
    const T factor = std::ldexp(T(1), -exponent);
    if (size <= detail::max_direct_order) {
        detail::reduce_directly(lower.data(), order, content.coupled, factor, elements);
    } else {
        const scoped_pool pool(threads);
        detail::reduce_by_band(lower.data(), order, content.coupled, factor, *pool, elements);
    }
    if (!detail::find_tridiagonal_eigenvalues(elements.diagonal, elements.beside))
        errors::throw_value_error(function, "the eigenvalues did not converge");
    for (double& value : elements.diagonal) value = std::ldexp(value, exponent);
    std::vector<double> values;
    // Rows without coupling: the elements of the diagonal.
    std::size_t next = 0;
    for (std::size_t i = 0; i < order; ++i) {
        if (next < content.coupled.size() && content.coupled[next] == i)
            ++next;
        else
            values.push_back(static_cast<double>(lower[i * order + i]));
    }
    values.insert(values.end(), elements.diagonal.begin(), elements.diagonal.end());
    std::sort(values.begin(), values.end());
    return values;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
