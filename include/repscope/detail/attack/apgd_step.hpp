#pragma once

#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/projections.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {
namespace detail {

/// The state of a row for a step of APGD: perturbations of the current and the previous iterate, and the
/// gradient. All spans have one entry per component.
struct apgd_row {
    std::span<const double> clean, lower, upper, previous, gradient;
    std::span<double> delta; ///< of the current iterate; the step replaces it
};

inline void clip_to_box(const apgd_row& row) noexcept {
    for (std::size_t i = 0; i < row.delta.size(); ++i) {
        row.delta[i] = std::clamp(row.delta[i], row.lower[i] - row.clean[i], row.upper[i] - row.clean[i]);
    }
}

/// x + a (w - x) + (1 - a) (x - x_previous), with w the sign step; w and the result inside ball and box.
inline void apgd_step_linf(const apgd_row& row, double eps, double step, double a) noexcept {
    for (std::size_t i = 0; i < row.delta.size(); ++i) {
        const double low = (std::max)(-eps, row.lower[i] - row.clean[i]),
                     high = (std::min)(eps, row.upper[i] - row.clean[i]), now = row.delta[i],
                     g = row.gradient[i],
                     move = g > 0   ? step
                            : g < 0 ? -step
                                    : 0.0,
                     w = (std::min)((std::max)(now + move, low), high),
                     next = now + (w - now) * a + (now - row.previous[i]) * (1 - a);
        row.delta[i] = (std::min)((std::max)(next, low), high);
    }
}

/// Shortens `delta` to length `eps` and clips it to the box.
inline void clip_to_l2_ball_then_box(const apgd_row& row, double eps) noexcept {
    const double size = norm_of(norm::l2, row.delta);
    const double factor = size > eps ? eps / size : 1.0;
    for (double& x : row.delta) x *= factor;
    clip_to_box(row);
}

/// The same with the normalized gradient; `now` is scratch.
inline void apgd_step_l2(const apgd_row& row, double eps, double step, double a, std::vector<double>& now) {
    now.assign(row.delta.begin(), row.delta.end());
    const double factor = step / (norm_of(norm::l2, row.gradient) + 1e-12);
    for (std::size_t i = 0; i < now.size(); ++i) row.delta[i] += factor * row.gradient[i];
    clip_to_l2_ball_then_box(row, eps);
    for (std::size_t i = 0; i < now.size(); ++i) {
        row.delta[i] = now[i] + (row.delta[i] - now[i]) * a + (now[i] - row.previous[i]) * (1 - a);
    }
    clip_to_l2_ball_then_box(row, eps);
}

/// A step along the signs of the `share d` largest gradients, then the projection onto ball and box; `sizes`
/// is scratch.
inline void apgd_step_l1(const apgd_row& row, double eps, double step, double share,
                         std::vector<double>& sizes) {
    const std::size_t d = row.delta.size();
    sizes.resize(d);
    for (std::size_t i = 0; i < d; ++i) sizes[i] = std::abs(row.gradient[i]);
    const double place = std::clamp((1 - share) * static_cast<double>(d), 0.0, static_cast<double>(d - 1));
    const auto at = sizes.begin() + static_cast<std::ptrdiff_t>(place);
    std::nth_element(sizes.begin(), at, sizes.end());
    const double least = *at;
    const auto moves = [&](std::size_t i) {
        return row.gradient[i] != 0 && std::abs(row.gradient[i]) >= least;
    };
    std::size_t moved = 0;
    for (std::size_t i = 0; i < d; ++i) moved += moves(i) ? 1U : 0U;
    const double move = step / (static_cast<double>(moved) + 1e-10);
    for (std::size_t i = 0; i < d; ++i) {
        if (moves(i)) row.delta[i] += row.gradient[i] > 0 ? move : -move;
    }
    project_l1_in_box(eps, row.clean, row.lower, row.upper, row.delta);
}

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
