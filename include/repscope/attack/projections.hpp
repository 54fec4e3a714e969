#pragma once

#include "repscope/attack/norm_ball.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

namespace detail {

/// Distance from `value` to the bound in the direction of `sign`; 0 outside the box.
[[nodiscard]] inline double room(double value, double lower, double upper, double sign) noexcept {
    return (std::max)(sign > 0 ? upper - value : value - lower, 0.0);
}

/// Multiplier of the linf or l2 step: the root of sum |w_i| min(room_i, lambda u_i) = gap, with u_i = 1
/// (linf) or |w_i| (l2). The sum is concave and piecewise linear in lambda. Newton's method from 0 therefore
/// rises to the root and ends on its piece, after a few passes.
template <bool Euclidean, typename Room>
[[nodiscard]] double hyperplane_multiplier(std::span<const double> w, double gap, Room&& room_of) noexcept {
    double lambda = 0;
    for (std::size_t pass = 0; pass <= w.size(); ++pass) {
        double at_bound = 0, slope = 0;
        for (std::size_t i = 0; i < w.size(); ++i) {
            const double size = std::abs(w[i]), unit = Euclidean ? size : 1.0, space = room_of(i);
            const bool moves = lambda * unit < space;
            at_bound += moves ? 0.0 : size * space;
            slope += moves ? size * unit : 0.0;
        }
        if (!(slope > 0)) return std::numeric_limits<double>::infinity();
        const double next = (gap - at_bound) / slope;
        if (!(next > lambda)) return lambda;
        lambda = next;
    }
    return lambda;
}

/// The l1 step: components in the order of |w|, each up to its bound, until the gap is closed.
template <typename Room>
void l1_hyperplane_step(std::span<const double> w, double gap, double direction, Room&& room_of,
                        std::span<double> step, std::vector<std::uint32_t>& indices) {
    indices.clear();
    for (std::size_t i = 0; i < w.size(); ++i) {
        if (w[i] != 0) indices.push_back(static_cast<std::uint32_t>(i));
    }
    const auto after = [&](std::uint32_t a, std::uint32_t b) {
        const double left = std::abs(w[a]), right = std::abs(w[b]);
        return left < right || (left == right && a > b);
    };
    std::make_heap(indices.begin(), indices.end(), after);
    for (auto end = indices.end(); end != indices.begin() && gap > 0; --end) {
        std::pop_heap(indices.begin(), end, after);
        const std::uint32_t i = *(end - 1);
        const double move = (std::min)(room_of(i), gap / std::abs(w[i]));
        step[i] = w[i] > 0 ? direction * move : -direction * move;
        gap -= move * std::abs(w[i]);
    }
}

} // namespace detail

/// Fills `step` with the smallest step, in the norm `kind`, from `point` to the hyperplane <w, x> = b inside
/// the box.
///
/// All spans have one entry per component; `point` is inside the box from `lower` to `upper`. linf: all
/// components move by the same amount, up to their bounds. l2: in proportion to |w|, up to their bounds. l1:
/// components move in the order of |w|, each up to its bound. Where no point of the box reaches the
/// hyperplane, the step ends at the corner of the box that is nearest to it. Components with w = 0 stay.
/// `indices` is scratch. Exact; O(d) per pass and a few passes, l1 O(d + k log d) for k moved components.
/// Croce and Hein 2020 (arXiv 1907.02044).
inline void step_to_hyperplane(norm kind, std::span<const double> point, std::span<const double> w, double b,
                               std::span<const double> lower, std::span<const double> upper,
                               std::span<double> step, std::vector<std::uint32_t>& indices) {
    double gap = b;
    for (std::size_t i = 0; i < w.size(); ++i) gap -= w[i] * point[i];
    const double direction = gap < 0 ? -1 : 1;
    gap = std::abs(gap);
    std::fill(step.begin(), step.end(), 0.0);
    const auto room_of = [&](std::size_t i) {
        return w[i] == 0 ? 0.0 : detail::room(point[i], lower[i], upper[i], direction * w[i]);
    };
    if (!(gap > 0)) return;
    if (kind == norm::l1) {
        detail::l1_hyperplane_step(w, gap, direction, room_of, step, indices);
        return;
    }
    const bool euclidean = kind == norm::l2;
    const double lambda = euclidean ? detail::hyperplane_multiplier<true>(w, gap, room_of)
                                    : detail::hyperplane_multiplier<false>(w, gap, room_of);
    for (std::size_t i = 0; i < w.size(); ++i) {
        if (w[i] == 0) continue;
        const double move = (std::min)(room_of(i), euclidean ? lambda * std::abs(w[i]) : lambda);
        step[i] = w[i] > 0 ? direction * move : -direction * move;
    }
}

/// Moves `delta` to the nearest point, in the Euclidean distance, of the intersection of the l1 ball of
/// radius `eps` and the box about `clean`.
///
/// All spans have one entry per component; `clean` is inside the box from `lower` to `upper`. The result is
/// sign(delta_i) clamp(|delta_i| - lambda, 0, room_i) with the smallest lambda >= 0 inside the ball. This is
/// not the point of "ball, then box", which is farther away. lambda is the root of a piecewise linear
/// function, found by Newton's method inside a bracket; the norm is within 1e-13 eps of eps. O(d) per pass,
/// and a few passes. Croce and Hein 2021 (arXiv 2103.01208), section 3.
inline void project_l1_in_box(double eps, std::span<const double> clean, std::span<const double> lower,
                              std::span<const double> upper, std::span<double> delta) noexcept {
    const auto room_of = [&](std::size_t i) { return detail::room(clean[i], lower[i], upper[i], delta[i]); };
    double low = 0, high = 0, lambda = 0;
    for (const double x : delta) high = (std::max)(high, std::abs(x));
    for (int pass = 0; pass < 200; ++pass) {
        double sum = 0;
        std::size_t moving = 0;
        for (std::size_t i = 0; i < delta.size(); ++i) {
            const double excess = std::abs(delta[i]) - lambda, space = room_of(i);
            sum += std::clamp(excess, 0.0, space);
            moving += excess > 0 && excess <= space ? 1U : 0U;
        }
        const double surplus = sum - eps;
        if (lambda == 0 && surplus <= 0) break;
        if (std::abs(surplus) <= 1e-14 * eps) break;
        (surplus > 0 ? low : high) = lambda;
        const double next =
            moving > 0 ? lambda + surplus / static_cast<double>(moving) : std::numeric_limits<double>::max();
        const double middle = low + (high - low) / 2;
        if (!(middle > low && middle < high)) break;
        lambda = next > low && next < high ? next : middle;
    }
    for (std::size_t i = 0; i < delta.size(); ++i) {
        const double size = std::clamp(std::abs(delta[i]) - lambda, 0.0, room_of(i));
        delta[i] = delta[i] < 0 ? -size : size;
    }
}

} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
