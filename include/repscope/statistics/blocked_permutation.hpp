#pragma once

#include "repscope/error.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"
#include "repscope/statistics/rank_correlation.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Measurements that are compared only with each other, such as the networks of one seed.
struct paired_block {
    std::vector<double> x; ///< first measurement
    std::vector<double> y; ///< second measurement, one per entry of `x`
};

/// Options of `within_block_correlation`.
struct permutation_options {
    std::uint64_t draws = 10'000;      ///< number of random rearrangements, if not all are enumerated
    std::uint64_t enumerate = 100'000; ///< maximum number of arrangements that are all enumerated
    std::uint64_t seed = 0;            ///< seed of the rearrangements
};

/// A mean rank correlation within blocks, and its distribution by chance.
struct block_correlation {
    double estimate = std::numeric_limits<double>::quiet_NaN(); ///< mean over blocks
    std::vector<double> per_block;                              ///< NaN if x or y is constant
    double p = std::numeric_limits<double>::quiet_NaN();        ///< two-sided
    bool exact = false;                                         ///< whether all arrangements were enumerated
    bool at_floor =
        false; ///< no random arrangement is as far from 0: p is the smallest that the draws can give
    std::uint64_t arrangements = 0; ///< number of evaluated arrangements
};

namespace detail {

/// n!, or more than `limit` as `limit` + 1.
[[nodiscard]] constexpr std::uint64_t factorial_up_to(std::uint64_t n, std::uint64_t limit) noexcept {
    std::uint64_t product = 1;
    for (std::uint64_t k = 2; k <= n; ++k) {
        if (product > limit / k) return limit + 1;
        product *= k;
    }
    return product;
}

/// Correlation of fixed ranks of x with arrangements of those of y, as a scaled sum of products.
struct rank_pairing {
    std::vector<double> x, y; // ranks relative to their mean
    double scale = 0;         // 0 if either is constant

    explicit rank_pairing(const paired_block& block) : x(ranks(block.x)), y(ranks(block.y)) {
        const double mean = (static_cast<double>(x.size()) + 1) / 2;
        // Centers the ranks; returns the sum of their squares.
        const auto center = [mean](std::vector<double>& values) {
            double squares = 0;
            for (double& value : values) {
                value -= mean;
                squares += value * value;
            }
            return squares;
        };
        const double xx = center(x), yy = center(y);
        if (xx > 0 && yy > 0) scale = 1 / (std::sqrt(xx) * std::sqrt(yy));
    }
    template <typename Order>
    [[nodiscard]] double operator()(const Order& order) const noexcept {
        double sum = 0;
        for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[order[i]];
        return sum * scale;
    }
};

} // namespace detail

/// The mean over blocks of Spearman's correlation of x and y within each block, and its two-sided p-value
/// from rearrangements of the y of each block. Blocks are independent; if y is unrelated to x, all orders of
/// y within a block are equally likely.
///
/// p is the share of arrangements with a mean at least as far from 0. For random arrangements it is (b + 1) /
/// (draws + 1), which counts the observed arrangement. Blocks without a correlation (fewer than two values,
/// or a constant series) are excluded; estimate and p are NaN if none remains. Throws `shape_error` for
/// series of different length and `value_error` for numbers that are not finite. O(arrangements x values).
[[nodiscard]] inline block_correlation within_block_correlation(std::span<const paired_block> blocks,
                                                                const permutation_options& options = {}) {
    block_correlation result;
    std::vector<detail::rank_pairing> pairings;
    std::uint64_t all = 1;
    double sum = 0;
    for (const paired_block& block : blocks) {
        detail::check_pairs("within_block_correlation", block.x, block.y);
        const double own = spearman(block.x, block.y);
        result.per_block.push_back(own);
        if (!(own == own)) continue;
        sum += own;
        pairings.emplace_back(block);
        const std::uint64_t orders = detail::factorial_up_to(block.x.size(), options.enumerate);
        all = orders > options.enumerate / all ? options.enumerate + 1 : all * orders;
    }
    if (pairings.empty()) return result;
    const auto count = static_cast<double>(pairings.size());
    result.estimate = sum / count;
    // Sums of the same products in another order differ by rounding.
    const double threshold = std::abs(sum) - 1e-9 * count;
    std::uint64_t as_far = 0;
    if (all <= options.enumerate) {
        result.exact = true;
        result.arrangements = all;
        // Sums over the previous blocks, for all their arrangements.
        std::vector<double> sums{0.0};
        for (const detail::rank_pairing& pairing : pairings) {
            std::vector<std::uint32_t> order(pairing.x.size());
            for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
            std::vector<double> longer;
            do {
                const double own = pairing(order);
                for (const double before : sums) longer.push_back(before + own);
            } while (std::next_permutation(order.begin(), order.end()));
            sums = std::move(longer);
        }
        for (const double value : sums) as_far += std::abs(value) >= threshold ? 1U : 0U;
        result.p = static_cast<double>(as_far) / static_cast<double>(all);
        return result;
    }
    if (options.draws == 0) {
        errors::throw_value_error("within_block_correlation", "expected at least 1 draw, got 0");
    }
    result.arrangements = options.draws;
    random_stream random(options.seed, streams::id(streams::purpose::permutation));
    std::vector<std::uint32_t> order;
    for (std::uint64_t draw = 0; draw < options.draws; ++draw) {
        double value = 0;
        for (const detail::rank_pairing& pairing : pairings) {
            order.resize(pairing.x.size());
            permutation(std::span(order), random);
            value += pairing(order);
        }
        as_far += std::abs(value) >= threshold ? 1U : 0U;
    }
    result.at_floor = as_far == 0;
    result.p = static_cast<double>(as_far + 1) / static_cast<double>(options.draws + 1);
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
