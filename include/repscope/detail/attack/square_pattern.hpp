#pragma once

#include "repscope/attack/norm_ball.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {
namespace detail {

/// Share of the pixels that a proposal changes in query `query`: .8, then halved after 10, 50, 200, 500,
/// 1,000, 2,000, 4,000, 6,000 and 8,000 queries.
[[nodiscard]] inline double square_share(std::size_t query) noexcept {
    constexpr std::array<std::size_t, 9> last{10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000};
    double share = 0.8;
    for (const std::size_t end : last) share = query > end ? share / 2 : share;
    return share;
}

/// Side of the square of a proposal; in l2 and l1 odd and at least 3. At most the shorter side of the image.
[[nodiscard]] inline std::size_t square_side(norm ball, std::size_t query, std::size_t rows,
                                             std::size_t columns) noexcept {
    const double area = square_share(query) * static_cast<double>(rows) * static_cast<double>(columns);
    auto side = static_cast<std::size_t>(std::nearbyint(std::sqrt(area)));
    side = (std::max)(side, ball == norm::linf ? std::size_t{1} : std::size_t{3});
    if (ball != norm::linf && side % 2 == 0) ++side;
    return (std::min)({side, rows, columns});
}

/// Divides by the norm; a pattern of zeros stays.
inline void scale_to_unit(norm ball, std::span<double> pattern) noexcept {
    const double size = norm_of(ball, pattern);
    for (double& value : pattern) value /= size > 0 ? size : 1.0;
}

/// Nested filled squares about the center of a rectangle: square r = 0, 1, ... adds 1 / (r + 1)^power, with
/// power 2 in l2 and 4 in l1. Scaled to norm 1.
inline void add_pyramid(norm ball, std::size_t rows, std::size_t columns, std::span<double> to) noexcept {
    const std::size_t middle_row = rows / 2, middle_column = columns / 2;
    for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < columns; ++j) {
            const std::size_t down = i > middle_row ? i - middle_row : middle_row - i,
                              right = j > middle_column ? j - middle_column : middle_column - j;
            double value = 0;
            for (std::size_t r = (std::max)(down, right); r <= (std::max)(middle_row, middle_column); ++r) {
                const double square = static_cast<double>((r + 1) * (r + 1));
                value += 1 / (ball == norm::l1 ? square * square : square);
            }
            to[i * columns + j] = value;
        }
    }
    scale_to_unit(ball, to);
}

/// The pattern of a proposal in l2 and l1, side x side: two pyramids of opposite sign, one in the upper
/// floor(side / 2) rows and one in the rest. Norm 1.
[[nodiscard]] inline std::vector<double> square_pattern(norm ball, std::size_t side) {
    std::vector<double> pattern(side * side);
    const std::size_t upper = side / 2;
    const std::span<double> all(pattern);
    if (upper > 0) add_pyramid(ball, upper, side, all.first(upper * side));
    add_pyramid(ball, side - upper, side, all.subspan(upper * side));
    for (double& value : all.subspan(upper * side)) value = -value;
    scale_to_unit(ball, all);
    return pattern;
}

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
