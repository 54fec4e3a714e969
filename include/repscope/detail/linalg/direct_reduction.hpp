#pragma once

#include "repscope/detail/linalg/panel_reflections.hpp"
#include "repscope/detail/linalg/vector_sums.hpp"
#include "repscope/detail/target/simd.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Reduces a small symmetric matrix to a tridiagonal one with the same eigenvalues, a row at a time from the
/// last one: a reflection from both sides leaves one element of the row left of the diagonal.
///
/// The matrix A becomes A - v w^T - w v^T, with w = A v - v (v . A v) / 2. This is computed together with the
/// product of the next reflection, so each element is loaded once per row. Source: Householder 1958.
class direct_reduction {
  public:
    explicit direct_reduction(std::size_t order)
        : order_(order), stride_((order + lanes - 1) / lanes * lanes), matrix_((order + step) * stride_),
          vectors_(5 * (stride_ + step)) {}

    /// Element (row, column), column <= row. Only the blocks on the diagonal, with as many rows as a vector
    /// has elements, have both triangles.
    void set(std::size_t row, std::size_t column, double value) noexcept {
        matrix_[row * stride_ + column] = value;
        if (column / lanes == row / lanes) matrix_[column * stride_ + row] = value;
    }

    /// Writes the diagonal, and the elements beside it to `beside` with one element fewer. The matrix is
    /// consumed.
    void run(double* diagonal, double* beside) noexcept {
        double* v = vectors_.data();
        double* const w = v + length();
        double* u = w + length();
        for (std::size_t i = order_; i-- > 0;) {
            double* const row = matrix_.data() + i * stride_;
            subtract_from_row(row, i, v, w);
            diagonal[i] = row[i];
            if (i == 0) return;
            std::copy_n(row, i - 1, u);
            std::fill(u + i - 1, u + length(), 0.0);
            const reflection<double> r = reflection_of(row[i - 1], dot(i, u, u));
            beside[i - 1] = r.first;
            scale(i, r.scale, u);
            u[i - 1] = r.scale * r.pivot;
            advance(i, v, w, u);
            std::swap(u, v);
        }
    }

  private:
    using vector = strip_tile<double>::vector;
    static constexpr std::size_t lanes = strip_tile<double>::lanes;
    static constexpr std::size_t step =
        (std::min)(lanes, std::size_t{4}); ///< rows that are in registers together

    void subtract_from_row(double* row, std::size_t index, const double* v, const double* w) const noexcept {
        const auto left = broadcast<vector>(-v[index]), right = broadcast<vector>(-w[index]);
        for (std::size_t k = 0; k <= index; k += lanes) {
            auto value = load_vector<vector>(row + k);
            value = multiply_add<has_fused>(left, load_vector<vector>(w + k), value);
            value = multiply_add<has_fused>(right, load_vector<vector>(v + k), value);
            std::memcpy(row + k, &value, sizeof value);
        }
    }

    /// A -= v w^T + w v^T in the first `size` rows and columns; then replaces w by the one of u.
    void advance(std::size_t size, const double* v, double* w, const double* u) noexcept {
        // A u is the sum of two parts: columns up to the diagonal block times their row's element of u, and
        // the dot products of rows left of the block. Rows behind the last one have factors of 0.
        double* const columns = vectors_.data() + 3 * length();
        double* const dots = columns + length();
        std::fill_n(columns, stride_, 0.0);
        for (std::size_t first = 0; first < size; first += step) {
            vector left[step], right[step], next[step], sums[step];
            for (std::size_t r = 0; r < step; ++r) {
                left[r] = broadcast<vector>(-v[first + r]);
                right[r] = broadcast<vector>(-w[first + r]);
                next[r] = broadcast<vector>(u[first + r]);
                sums[r] = vector{};
            }
            double* const rows = matrix_.data() + first * stride_;
            const std::size_t block = first / lanes * lanes;
            const auto advance_part = [&](std::size_t k, auto is_left) __attribute__((always_inline)) {
                const auto wk = load_vector<vector>(w + k), vk = load_vector<vector>(v + k);
                const auto uk = load_vector<vector>(u + k);
                auto sum = load_vector<vector>(columns + k);
                unrolled<step>([&](auto r) __attribute__((always_inline)) {
                    double* const at = rows + r * stride_ + k;
                    auto value = load_vector<vector>(at);
                    value = multiply_add<has_fused>(left[r], wk, value);
                    value = multiply_add<has_fused>(right[r], vk, value);
                    std::memcpy(at, &value, sizeof value);
                    sum = multiply_add<has_fused>(next[r], value, sum);
                    if constexpr (is_left) sums[r] = multiply_add<has_fused>(value, uk, sums[r]);
                });
                std::memcpy(columns + k, &sum, sizeof sum);
            };
            for (std::size_t k = 0; k < block; k += lanes) advance_part(k, std::true_type{});
            advance_part(block, std::false_type{});
            for (std::size_t r = 0; r < step; ++r) dots[first + r] = sum_of_vector(sums[r]);
        }
        std::fill(columns + size, columns + length(), 0.0);
        std::fill(dots + size, dots + length(), 0.0);
        add(size, 1, columns, dots);
        add(size, -dot(size, u, dots) / 2, u, dots);
        std::copy_n(dots, length(), w);
    }

    // Of vectors with zeros behind `size` elements.
    [[nodiscard]] static double dot(std::size_t size, const double* a, const double* b) noexcept {
        vector sum{};
        for (std::size_t k = 0; k < size; k += lanes)
            sum = multiply_add<has_fused>(load_vector<vector>(a + k), load_vector<vector>(b + k), sum);
        return sum_of_vector(sum);
    }
    /// to += factor from.
    static void add(std::size_t size, double factor, const double* from, double* to) noexcept {
        const auto factors = broadcast<vector>(factor);
        for (std::size_t k = 0; k < size; k += lanes) {
            const vector value =
                multiply_add<has_fused>(factors, load_vector<vector>(from + k), load_vector<vector>(to + k));
            std::memcpy(to + k, &value, sizeof value);
        }
    }
    static void scale(std::size_t size, double factor, double* values) noexcept {
        const auto factors = broadcast<vector>(factor);
        for (std::size_t k = 0; k < size; k += lanes) {
            const vector value = factors * load_vector<vector>(values + k);
            std::memcpy(values + k, &value, sizeof value);
        }
    }

    /// Elements of a vector, with zeros behind it.
    [[nodiscard]] std::size_t length() const noexcept { return stride_ + step; }

    std::size_t order_, stride_;
    std::vector<double> matrix_, vectors_;
};

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
