#pragma once

#include "repscope/tensor/unit_values.hpp"

#include <array>
#include <cstddef>
#include <cstring>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Adds rows of `units` values each to `sums`; with `Rectify`, negative values count as 0. With `Squares` it
/// adds the differences from `pilot` to `sums` and their squares to `squares`. Four rows are added at once if
/// available, since sums in memory cost more than the additions.
///
/// The order of the additions depends on `Rows` alone. `pilot` and `squares` are not used without `Squares`.
template <bool Rectify, bool Squares, std::size_t Rows, std::size_t Width, typename Scalar>
void add_rows(const std::array<const Scalar*, Rows>& rows, std::size_t units, const double* pilot,
              double* sums, double* squares) noexcept {
    static_assert(Rows == 1 || Rows == 2 || Rows == 4);
    using doubles = simd_vector<double, Width>;
    constexpr std::size_t line_elements = 64 / sizeof(Scalar), half_a_page = 2048 / sizeof(Scalar);
    // The same operations element by element: the units of a tail get the same bits as those of a vector.
    const auto add = [](auto(&v)[Rows], auto& sum, auto& square, const auto& about) {
        if constexpr (Squares) {
            for (auto& x : v) x -= about;
        }
        if constexpr (Rows == 1) sum += v[0];
        if constexpr (Rows == 2) sum += v[0] + v[1];
        if constexpr (Rows == 4) sum += (v[0] + v[1]) + (v[2] + v[3]);
        if constexpr (Squares) {
            if constexpr (Rows == 1) square += v[0] * v[0];
            if constexpr (Rows == 2) square += v[0] * v[0] + v[1] * v[1];
            if constexpr (Rows == 4) square += (v[0] * v[0] + v[1] * v[1]) + (v[2] * v[2] + v[3] * v[3]);
        }
    };
    std::size_t u = 0;
    for (; u + Width <= units; u += Width) {
        doubles values[Rows], sum, square = {}, about = {};
        for (std::size_t r = 0; r < Rows; ++r) {
            if (u % line_elements == 0) __builtin_prefetch(rows[r] + u + half_a_page);
            load_values<Rectify, Width>(rows[r] + u, values[r]);
        }
        std::memcpy(&sum, sums + u, sizeof sum);
        if constexpr (Squares) {
            std::memcpy(&square, squares + u, sizeof square);
            std::memcpy(&about, pilot + u, sizeof about);
        }
        add(values, sum, square, about);
        std::memcpy(sums + u, &sum, sizeof sum);
        if constexpr (Squares) std::memcpy(squares + u, &square, sizeof square);
    }
    for (; u < units; ++u) {
        double values[Rows], square = 0, about = 0;
        for (std::size_t r = 0; r < Rows; ++r) {
            const Scalar x = rows[r][u];
            values[r] = static_cast<double>(Rectify && x < Scalar(0) ? Scalar(0) : x);
        }
        if constexpr (Squares) {
            square = squares[u];
            about = pilot[u];
        }
        add(values, sums[u], square, about);
        if constexpr (Squares) squares[u] = square;
    }
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
