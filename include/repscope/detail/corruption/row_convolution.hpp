#pragma once

#include "repscope/detail/corruption/gaussian.hpp"

#include <cstddef>
#include <cstring>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

/// A line of numbers and its weight.
struct tap {
    const double* line;
    double weight;
};

/// out[x] = sum over the taps, in their order, of weight line[x].
inline void weighted_sum(const tap* taps, std::size_t tap_count, std::size_t count, double* out) {
    using pack = lanes<double>;
    constexpr std::size_t width = sizeof(pack) / sizeof(double);
    std::size_t x = 0;
    for (; x + 4 * width <= count; x += 4 * width) {
        pack a{};
        pack b{};
        pack c{};
        pack d{};
        for (std::size_t i = 0; i < tap_count; ++i) {
            const double* line = taps[i].line + x;
            const double weight = taps[i].weight;
            a += repscope::detail::load_vector<pack>(line) * weight;
            b += repscope::detail::load_vector<pack>(line + width) * weight;
            c += repscope::detail::load_vector<pack>(line + 2 * width) * weight;
            d += repscope::detail::load_vector<pack>(line + 3 * width) * weight;
        }
        const pack sums[4] = {a, b, c, d};
        std::memcpy(out + x, sums, sizeof sums);
    }
    for (; x < count; ++x) {
        double sum = 0.0;
        for (std::size_t i = 0; i < tap_count; ++i) sum += taps[i].line[x] * taps[i].weight;
        out[x] = sum;
    }
}

/// Two lines that share a weight, as those of a symmetric kernel do.
struct pair_of_taps {
    const double* before;
    const double* after;
    double weight;
};

/// out[x] = sum over the pairs, in their order, of weight (before[x] + after[x]).
inline void weighted_sum(const pair_of_taps* pairs, std::size_t pair_count, std::size_t count, double* out) {
    using pack = lanes<double>;
    constexpr std::size_t width = sizeof(pack) / sizeof(double);
    std::size_t x = 0;
    for (; x + 4 * width <= count; x += 4 * width) {
        pack a{};
        pack b{};
        pack c{};
        pack d{};
        for (std::size_t i = 0; i < pair_count; ++i) {
            const double* before = pairs[i].before + x;
            const double* after = pairs[i].after + x;
            const double weight = pairs[i].weight;
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
        double sum = 0.0;
        for (std::size_t i = 0; i < pair_count; ++i)
            sum += (pairs[i].before[x] + pairs[i].after[x]) * pairs[i].weight;
        out[x] = sum;
    }
}

} // namespace detail
} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
