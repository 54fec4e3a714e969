#pragma once

#include "repscope/error.hpp"
#include "repscope/random/portable_math.hpp"
#include "repscope/random/random_stream.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

/// Norm of a perturbation: largest absolute component, Euclidean length, or sum of absolute components.
enum class norm { linf, l2, l1 };

/// "linf", "l2" or "l1".
[[nodiscard]] constexpr std::string_view to_string(norm kind) noexcept {
    switch (kind) {
    case norm::linf:
        return "linf";
    case norm::l2:
        return "l2";
    case norm::l1:
        break;
    }
    return "l1";
}

/// The norm of `delta`; 0 for an empty one. NaN and infinity propagate. O(d).
[[nodiscard]] inline double norm_of(norm kind, std::span<const double> delta) noexcept {
    double value = 0;
    switch (kind) {
    case norm::linf:
        for (const double x : delta) value = std::abs(x) > value || !(x == x) ? std::abs(x) : value;
        return value;
    case norm::l2:
        for (const double x : delta) value += x * x;
        return std::sqrt(value);
    case norm::l1:
        break;
    }
    for (const double x : delta) value += std::abs(x);
    return value;
}

namespace detail {

/// The threshold of the projection onto the l1 ball: theta with sum max(|x| - theta, 0) = eps. Components at
/// or below the mean excess of the remaining ones are never part of the result; dropping them repeatedly
/// takes a few passes and no sort. Michelot 1986; `left` is scratch.
[[nodiscard]] inline double l1_threshold(double eps, std::span<const double> delta,
                                         std::vector<double>& left) {
    left.clear();
    double sum = 0;
    for (const double x : delta) {
        left.push_back(std::abs(x));
        sum += std::abs(x);
    }
    double theta = (sum - eps) / static_cast<double>(left.size());
    for (;;) {
        std::size_t kept = 0;
        sum = 0;
        for (const double x : left) {
            if (!(x > theta)) continue;
            left[kept++] = x;
            sum += x;
        }
        if (kept == left.size() || kept == 0) return theta;
        left.resize(kept);
        theta = (sum - eps) / static_cast<double>(kept);
    }
}

} // namespace detail

/// Moves `delta` to the nearest point of the ball of radius `eps` in the Euclidean distance; a point inside
/// the ball is unchanged. Exact in every norm. `scratch` keeps its memory between calls. O(d), for l1 a few
/// passes. Duchi, Shalev-Shwartz, Singer and Chandra 2008 for l1.
inline void project(norm kind, double eps, std::span<double> delta, std::vector<double>& scratch) {
    if (kind == norm::linf) {
        for (double& x : delta) x = std::clamp(x, -eps, eps);
        return;
    }
    const double size = norm_of(kind, delta);
    if (!(size > eps)) return;
    if (kind == norm::l2) {
        const double factor = eps / size;
        for (double& x : delta) x *= factor;
        return;
    }
    const double theta = detail::l1_threshold(eps, delta, scratch);
    for (double& x : delta) {
        const double excess = (std::max)(std::abs(x) - theta, 0.0);
        x = x < 0 ? -excess : excess;
    }
}

/// Fills `delta` with a point uniform in the ball of radius `eps`. linf: each component is uniform. l2: a
/// uniform direction times the radius eps u^(1/d). l1: random signs times the first d of d + 1 exponentials
/// divided by their sum. The same bits everywhere. O(d).
inline void random_point(norm kind, double eps, random_stream& random, std::span<double> delta) {
    if (kind == norm::linf) {
        for (double& x : delta) x = eps * (2 * random.uniform() - 1);
        return;
    }
    if (kind == norm::l2) {
        for (double& x : delta) x = random.normal();
        const double size = norm_of(norm::l2, delta);
        const double radius =
            eps * portable::exp(portable::log(random.uniform()) / static_cast<double>(delta.size()));
        for (double& x : delta) x *= size > 0 ? radius / size : 0.0;
        return;
    }
    double sum = -portable::log(random.uniform());
    for (double& x : delta) {
        const std::uint64_t bits = random.u64();
        // The lowest bits do not enter the uniform.
        const double exponential = -portable::log(unit_interval(bits));
        sum += exponential;
        x = (bits & 1U) != 0 ? exponential : -exponential;
    }
    for (double& x : delta) x *= eps / sum;
}

/// Distance that a component can move along the gradient, up or down, inside its box.
struct headroom {
    double down = 0; ///< if the gradient is negative
    double up = 0;   ///< if the gradient is positive
};

namespace detail {

/// Distance to the bound in the direction of `gradient`.
[[nodiscard]] constexpr double headroom_along(const headroom& limits, double gradient) noexcept {
    return gradient > 0 ? limits.up : limits.down;
}

/// Indices of the components that satisfy `admissible`, the `count` largest |gradient| first (of equal ones,
/// the lower index).
template <typename Admissible>
inline void largest_components(std::span<const double> gradient, std::size_t count, Admissible&& admissible,
                               std::vector<std::uint32_t>& indices) {
    indices.clear();
    for (std::size_t i = 0; i < gradient.size(); ++i) {
        if (gradient[i] != 0 && admissible(i)) indices.push_back(static_cast<std::uint32_t>(i));
    }
    const auto before = [&](std::uint32_t a, std::uint32_t b) {
        const double left = std::abs(gradient[a]), right = std::abs(gradient[b]);
        return left > right || (left == right && a < b);
    };
    count = (std::min)(count, indices.size());
    const auto middle = indices.begin() + static_cast<std::ptrdiff_t>(count);
    if (middle != indices.end()) std::nth_element(indices.begin(), middle, indices.end(), before);
    indices.erase(middle, indices.end());
    std::sort(indices.begin(), indices.end(), before);
}

} // namespace detail

/// Adds to `delta` the step of size `step` along which a function with this gradient rises fastest. linf: its
/// signs. l2: the gradient itself. l1: step / `coordinates` for each of the components of largest gradient
/// that can move so far inside the box; if the box is narrower, half its width is enough.
///
/// `limits(i)` is the `headroom` of component i. A gradient of 0 gives no step. `indices` is scratch. O(d).
/// The l1 step is that of Maini, Wong and Kolter 2020.
template <typename Limits>
inline void steepest_ascent_step(norm kind, double step, std::size_t coordinates,
                                 std::span<const double> gradient, Limits&& limits, std::span<double> delta,
                                 std::vector<std::uint32_t>& indices) {
    switch (kind) {
    case norm::linf:
        for (std::size_t i = 0; i < delta.size(); ++i) {
            if (gradient[i] != 0) delta[i] += gradient[i] > 0 ? step : -step;
        }
        return;
    case norm::l2: {
        // The largest component first: squares of the smallest gradients would vanish.
        const double largest = norm_of(norm::linf, gradient);
        if (!(largest > 0)) return;
        double sum = 0;
        for (const double g : gradient) sum += (g / largest) * (g / largest);
        const double factor = step / std::sqrt(sum);
        for (std::size_t i = 0; i < delta.size(); ++i) delta[i] += factor * (gradient[i] / largest);
        return;
    }
    case norm::l1:
        break;
    }
    const double move = step / static_cast<double>(coordinates);
    detail::largest_components(
        gradient, coordinates,
        [&](std::size_t i) {
            const headroom space = limits(i);
            return detail::headroom_along(space, gradient[i]) >=
                   (std::min)(move, (space.up + space.down) / 2);
        },
        indices);
    for (const std::uint32_t i : indices) delta[i] += gradient[i] > 0 ? move : -move;
}

/// Fills `delta` with the point of ball and box that maximizes a linear function with this gradient. linf:
/// eps sign(g) clipped to the box. l2: lambda g clipped to the box, with the largest lambda inside the ball.
/// l1: eps is distributed over the components in order of |gradient|, each up to its bound.
///
/// This is the exact solution of the linear program, found by sorting: O(d log d), for linf O(d). Components
/// of gradient 0 stay at 0. `indices` is scratch.
template <typename Limits>
inline void maximize_linear(norm kind, double eps, std::span<const double> gradient, Limits&& limits,
                            std::span<double> delta, std::vector<std::uint32_t>& indices) {
    const auto signed_move = [&](std::size_t i, double size) { return gradient[i] > 0 ? size : -size; };
    std::fill(delta.begin(), delta.end(), 0.0);
    if (kind == norm::linf) {
        for (std::size_t i = 0; i < delta.size(); ++i) {
            if (gradient[i] == 0) continue;
            delta[i] = signed_move(i, (std::min)(eps, detail::headroom_along(limits(i), gradient[i])));
        }
        return;
    }
    if (kind == norm::l1) {
        detail::largest_components(
            gradient, gradient.size(), [](std::size_t) { return true; }, indices);
        double left = eps;
        for (const std::uint32_t i : indices) {
            const double move = (std::min)(left, detail::headroom_along(limits(i), gradient[i]));
            delta[i] = signed_move(i, move);
            left -= move;
            if (!(left > 0)) return;
        }
        return;
    }
    // l2: component i is lambda |g_i| up to lambda = room / |g_i|, and its room above. In the order of these,
    // lambda^2 (sum of g^2 of the free ones) + (sum of room^2 of the others) = eps^2.
    indices.clear();
    const double largest = norm_of(norm::linf, gradient);
    if (!(largest > 0)) return;
    const auto slope = [&](std::size_t i) { return std::abs(gradient[i]) / largest; };
    const auto breaks_at = [&](std::size_t i) {
        return detail::headroom_along(limits(i), gradient[i]) / slope(i);
    };
    for (std::size_t i = 0; i < gradient.size(); ++i) {
        if (slope(i) > 0) indices.push_back(static_cast<std::uint32_t>(i));
    }
    std::sort(indices.begin(), indices.end(), [&](std::uint32_t a, std::uint32_t b) {
        const double left = breaks_at(a), right = breaks_at(b);
        return left < right || (left == right && a < b);
    });
    std::vector<double> free(indices.size() + 1); // sums from a component to the end, which avoid differences
    for (std::size_t k = indices.size(); k-- > 0;) {
        free[k] = free[k + 1] + slope(indices[k]) * slope(indices[k]);
    }
    double budget = eps * eps;
    double lambda = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < indices.size(); ++k) {
        const double at = breaks_at(indices[k]);
        if (at * at * free[k] >= budget) {
            lambda = std::sqrt((std::max)(budget, 0.0) / free[k]);
            break;
        }
        const double space = detail::headroom_along(limits(indices[k]), gradient[indices[k]]);
        budget -= space * space;
    }
    for (const std::uint32_t i : indices) {
        delta[i] =
            signed_move(i, (std::min)(lambda * slope(i), detail::headroom_along(limits(i), gradient[i])));
    }
}

} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
