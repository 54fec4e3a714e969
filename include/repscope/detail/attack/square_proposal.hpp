#pragma once

#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/projections.hpp"
#include "repscope/detail/attack/square_pattern.hpp"
#include "repscope/random/random_stream.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {
namespace detail {

/// The proposals of Square for one image, on its perturbation `delta` (channels, rows, columns).
struct square_image {
    norm ball = norm::linf;
    double eps = 0;
    std::size_t channels = 1, rows = 1, columns = 1;
    std::span<const double> clean, lower, upper;
    std::span<double> delta;

    [[nodiscard]] std::size_t place(std::size_t c, std::size_t i, std::size_t j) const noexcept {
        return (c * rows + i) * columns + j;
    }
};

/// The corner of a window of an image.
struct square_window {
    std::size_t row = 0, column = 0;
};

[[nodiscard]] inline square_window draw_window(const square_image& image, std::size_t side,
                                               random_stream& random) {
    const auto below = [&](std::size_t length) -> std::size_t {
        return random.below(static_cast<std::uint32_t>(length - side + 1));
    };
    square_window window;
    window.row = below(image.rows);
    window.column = below(image.columns);
    return window;
}

[[nodiscard]] inline double draw_sign(random_stream& random) { return random.below(2) == 0 ? -1.0 : 1.0; }

/// Clips to ball and box; in l2 scales to length eps first, in l1 projects onto both.
inline void fit_square(const square_image& image) noexcept {
    if (image.ball == norm::l1) {
        project_l1_in_box(image.eps * (1 - 1e-6), image.clean, image.lower, image.upper, image.delta);
        return;
    }
    double factor = 1;
    if (image.ball == norm::l2) factor = image.eps / (norm_of(norm::l2, image.delta) + 1e-12);
    for (std::size_t i = 0; i < image.delta.size(); ++i) {
        double value = image.delta[i] * factor;
        if (image.ball == norm::linf) value = std::clamp(value, -image.eps, image.eps);
        image.delta[i] = std::clamp(value, image.lower[i] - image.clean[i], image.upper[i] - image.clean[i]);
    }
}

/// The start. linf: vertical stripes of random signs. l2 and l1: a grid of patterns of side rows / 5, each
/// with a random sign per channel and transposed with probability 1/2.
inline void start_square(const square_image& image, random_stream& random) {
    std::fill(image.delta.begin(), image.delta.end(), 0.0);
    if (image.ball == norm::linf) {
        for (std::size_t c = 0; c < image.channels; ++c) {
            for (std::size_t j = 0; j < image.columns; ++j) {
                const double value = image.eps * draw_sign(random);
                for (std::size_t i = 0; i < image.rows; ++i) image.delta[image.place(c, i, j)] = value;
            }
        }
        fit_square(image);
        return;
    }
    const std::size_t side = (std::max)((std::min)(image.rows / 5, image.columns), std::size_t{1});
    const std::vector<double> pattern = square_pattern(image.ball, side);
    const std::size_t top = image.rows % side / 2, left = image.columns % side / 2;
    for (std::size_t row = top; row + side <= image.rows; row += side) {
        for (std::size_t column = left; column + side <= image.columns; column += side) {
            const bool transposed = random.below(2) == 1;
            for (std::size_t c = 0; c < image.channels; ++c) {
                const double sign = draw_sign(random);
                for (std::size_t i = 0; i < side; ++i) {
                    for (std::size_t j = 0; j < side; ++j) {
                        image.delta[image.place(c, row + i, column + j)] =
                            sign * pattern[transposed ? j * side + i : i * side + j];
                    }
                }
            }
        }
    }
    fit_square(image);
}

/// linf: a square gets 2 eps times a random sign per channel.
inline void propose_square_linf(const square_image& image, std::size_t side, random_stream& random) {
    const square_window at = draw_window(image, side, random);
    for (std::size_t c = 0; c < image.channels; ++c) {
        const double move = 2 * image.eps * draw_sign(random);
        for (std::size_t i = at.row; i < at.row + side; ++i) {
            for (std::size_t j = at.column; j < at.column + side; ++j) {
                const std::size_t k = image.place(c, i, j);
                const double low = (std::max)(-image.eps, image.lower[k] - image.clean[k]),
                             high = (std::min)(image.eps, image.upper[k] - image.clean[k]);
                image.delta[k] = (std::min)((std::max)(image.delta[k] + move, low), high);
            }
        }
    }
}

/// l2 and l1: the first window takes the energy of the second one, which is set to 0. `values` is scratch.
inline void propose_square_moved(const square_image& image, std::span<const double> pattern, std::size_t side,
                                 random_stream& random, std::vector<double>& values) {
    const square_window to = draw_window(image, side, random), from = draw_window(image, side, random);
    const bool transposed = random.below(2) == 1, euclidean = image.ball == norm::l2;
    const auto power = [euclidean](double x) { return euclidean ? x * x : std::abs(x); };
    const auto root = [euclidean](double x) { return euclidean ? std::sqrt(x) : x; };
    const auto covers = [side](const square_window& window, std::size_t i, std::size_t j) {
        return i >= window.row && i < window.row + side && j >= window.column && j < window.column + side;
    };
    double whole = 0, both = 0;
    for (const double x : image.delta) whole += power(x);
    for (std::size_t c = 0; c < image.channels; ++c) {
        for (std::size_t i = 0; i < side; ++i) {
            for (std::size_t j = 0; j < side; ++j) {
                both += power(image.delta[image.place(c, to.row + i, to.column + j)]);
                if (covers(to, from.row + i, from.column + j)) continue;
                both += power(image.delta[image.place(c, from.row + i, from.column + j)]);
            }
        }
    }
    const auto channels = static_cast<double>(image.channels);
    const double free = (std::max)(power(image.eps) - whole, 0.0) / channels,
                 energy = euclidean ? std::sqrt(free + both) : channels * (free + both);
    values.resize(image.channels * side * side);
    for (std::size_t c = 0; c < image.channels; ++c) {
        const double sign = draw_sign(random);
        const std::span<double> window = std::span(values).subspan(c * side * side, side * side);
        double old = 0, size = 0;
        for (std::size_t i = 0; i < side; ++i) {
            for (std::size_t j = 0; j < side; ++j) {
                old += power(window[i * side + j] = image.delta[image.place(c, to.row + i, to.column + j)]);
            }
        }
        old = root(old) + 1e-12;
        for (std::size_t i = 0; i < side; ++i) {
            for (std::size_t j = 0; j < side; ++j) {
                double& value = window[i * side + j];
                value = sign * pattern[transposed ? j * side + i : i * side + j] + value / old;
                size += power(value);
            }
        }
        const double factor = energy / (root(size) + 1e-12);
        for (double& value : window) value *= factor;
    }
    for (std::size_t c = 0; c < image.channels; ++c) {
        for (std::size_t i = 0; i < side; ++i) {
            for (std::size_t j = 0; j < side; ++j) {
                image.delta[image.place(c, from.row + i, from.column + j)] = 0;
            }
        }
        for (std::size_t i = 0; i < side; ++i) {
            for (std::size_t j = 0; j < side; ++j) {
                image.delta[image.place(c, to.row + i, to.column + j)] = values[(c * side + i) * side + j];
            }
        }
    }
    fit_square(image);
}

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
