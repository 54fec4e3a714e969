#pragma once

#include "repscope/detail/corruption/arena.hpp"
#include "repscope/detail/corruption/boundary.hpp"
#include "repscope/detail/corruption/row_window.hpp"
#include "repscope/detail/target/simd.hpp"
#include "repscope/random/portable_math.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

/// Sum in NumPy's order of addition: eight partial sums, halves above 128 elements. Weights divided by a sum
/// in another order differ in their last bit, which decides whether a flat area keeps its byte.
[[nodiscard]] inline double pairwise_sum(const double* values, std::size_t count) noexcept {
    if (count < 8) {
        double sum = 0.0;
        for (std::size_t i = 0; i < count; ++i) sum += values[i];
        return sum;
    }
    if (count > 128) {
        const std::size_t half = count / 2 - count / 2 % 8;
        return pairwise_sum(values, half) + pairwise_sum(values + half, count - half);
    }
    double part[8];
    for (std::size_t k = 0; k < 8; ++k) part[k] = values[k];
    std::size_t i = 8;
    for (; i + 8 <= count; i += 8)
        for (std::size_t k = 0; k < 8; ++k) part[k] += values[i + k];
    double sum = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
    for (; i < count; ++i) sum += values[i];
    return sum;
}

/// Half of a Gaussian's weights: w[0] at the center, w[i] at distance i <= radius = floor(truncate sigma +
/// 1/2); the whole kernel sums to 1. Sigma 0 is the identity.
[[nodiscard]] inline std::vector<double> gaussian_weights(double sigma, double truncate = 4.0) {
    if (sigma < 1e-15) return {1.0};
    const auto radius = static_cast<std::size_t>(truncate * sigma + 0.5);
    std::vector<double> all(2 * radius + 1);
    for (std::size_t i = 0; i < all.size(); ++i) {
        const double x = static_cast<double>(i) - static_cast<double>(radius);
        all[i] = portable::exp(-0.5 / (sigma * sigma) * (x * x));
    }
    const double sum = pairwise_sum(all.data(), all.size());
    std::vector<double> half(radius + 1);
    for (std::size_t i = 0; i <= radius; ++i) half[i] = all[radius + i] / sum;
    return half;
}

// Operations on each element, with the rounding of single numbers, so the bits do not depend on the
// processor; a loop over taps keeps its sums in registers.
template <typename Real>
using lanes =
    repscope::detail::simd_vector<Real, (repscope::detail::vector_bytes < 32 ? 16 : 32) / sizeof(Real)>;

/// out[x] = w[0] c[x] + sum over i = radius ... 1 of w[i] (before_i[x] + after_i[x]), from the outside
/// inwards as in SciPy; `line(i)` gives the line at signed distance i.
template <typename Real, typename Line>
void symmetric_taps(const Real* weights, std::size_t radius, std::size_t count, Line&& line, Real* out) {
    using pack = lanes<Real>;
    constexpr std::size_t width = sizeof(pack) / sizeof(Real);
    const auto last = static_cast<std::ptrdiff_t>(radius);
    std::size_t x = 0;
    for (; x + 4 * width <= count; x += 4 * width) {
        const Real* center = line(0) + x;
        pack a = repscope::detail::load_vector<pack>(center) * weights[0];
        pack b = repscope::detail::load_vector<pack>(center + width) * weights[0];
        pack c = repscope::detail::load_vector<pack>(center + 2 * width) * weights[0];
        pack d = repscope::detail::load_vector<pack>(center + 3 * width) * weights[0];
        for (std::ptrdiff_t i = last; i > 0; --i) {
            const Real* before = line(-i) + x;
            const Real* after = line(i) + x;
            const Real weight = weights[i];
            a += (repscope::detail::load_vector<pack>(before) + repscope::detail::load_vector<pack>(after)) *
                 weight;
            b += (repscope::detail::load_vector<pack>(before + width) +
                  repscope::detail::load_vector<pack>(after + width)) *
                 weight;
            c += (repscope::detail::load_vector<pack>(before + 2 * width) +
                  repscope::detail::load_vector<pack>(after + 2 * width)) *
                 weight;
            d += (repscope::detail::load_vector<pack>(before + 3 * width) +
                  repscope::detail::load_vector<pack>(after + 3 * width)) *
                 weight;
        }
        const pack sums[4] = {a, b, c, d};
        std::memcpy(out + x, sums, sizeof sums);
    }
    for (; x < count; ++x) {
        Real sum = line(0)[x] * weights[0];
        for (std::ptrdiff_t i = last; i > 0; --i) sum += (line(-i)[x] + line(i)[x]) * weights[i];
        out[x] = sum;
    }
}

/// Convolves every channel of an image (height, width, channels) with a symmetric kernel, rows first, and
/// calls `finish(y, row)` with each finished row of width x channels values. `load(y, row)` writes row y of
/// the image; it is called once per row, before `finish` of any row from y - radius on, so that `finish` may
/// overwrite the image. `SingleBetween`: the values between rows and columns are rounded to single precision,
/// as SciPy does for an image of floats. O(size x radius); 2 radius + 1 rows of memory.
template <typename Real, bool SingleBetween = false, typename Load, typename Finish>
void separable_filter(Load&& load, std::size_t height, std::size_t width, std::size_t channels,
                      const std::vector<Real>& weights, beyond rule, scratch& memory, Finish&& finish) {
    const scratch::frame frame(memory);
    const std::size_t row = width * channels;
    const std::size_t radius = weights.size() - 1;
    row_window<Real> rows(rows_within(radius, height), row, memory);
    if (radius == 0 && weights[0] == Real(1)) {
        for (std::size_t y = 0; y < height; ++y) {
            rows.load_until(y + 1, load);
            finish(y, rows.row(y));
        }
        return;
    }
    const std::size_t margin = radius * channels;
    Real* padded = memory.take<Real>(row + 2 * margin);
    Real* done = memory.take<Real>(row);
    const Real** lines = memory.take<const Real*>(2 * radius + 1);
    const auto reach = static_cast<std::ptrdiff_t>(radius);
    for (std::size_t y = 0; y < height; ++y) {
        rows.load_until((std::min)(height, y + radius + 1), load);
        for (std::ptrdiff_t i = -reach; i <= reach; ++i)
            lines[i + reach] = rows.row(index_beyond(static_cast<std::ptrdiff_t>(y) + i, height, rule));
        Real* center = padded + margin;
        symmetric_taps(
            weights.data(), radius, row, [&](std::ptrdiff_t i) { return lines[i + reach]; }, center);
        if constexpr (SingleBetween)
            for (std::size_t x = 0; x < row; ++x)
                center[x] = static_cast<Real>(static_cast<float>(center[x]));
        for (std::ptrdiff_t x = 1; x <= reach; ++x) {
            const std::size_t left = index_beyond(-x, width, rule) * channels;
            const std::size_t right =
                index_beyond(static_cast<std::ptrdiff_t>(width) - 1 + x, width, rule) * channels;
            const auto offset = static_cast<std::size_t>(x) * channels;
            for (std::size_t c = 0; c < channels; ++c) {
                padded[margin - offset + c] = center[left + c];
                center[row - channels + offset + c] = center[right + c];
            }
        }
        const auto step = static_cast<std::ptrdiff_t>(channels);
        symmetric_taps(
            weights.data(), radius, row, [&](std::ptrdiff_t i) { return center + i * step; }, done);
        finish(y, done);
    }
}

} // namespace detail
} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
