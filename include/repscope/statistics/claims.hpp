#pragma once

#include "repscope/error.hpp"
#include "repscope/statistics/blocked_permutation.hpp"
#include "repscope/statistics/interval.hpp"
#include "repscope/statistics/mean_interval.hpp"
#include "repscope/statistics/multiple_testing.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The answer to the question whether a claim holds.
enum class verdict { yes, no, unclear };

/// Returns "yes", "no" or "unclear".
[[nodiscard]] constexpr std::string_view to_string(verdict value) noexcept {
    return value == verdict::yes ? "yes" : value == verdict::no ? "no" : "unclear";
}

/// The reason for which `judge_claims` leaves a claim unclear.
enum class unclear_reason {
    none,            ///< the claim is not unclear, or the caller set the verdict
    few_blocks,      ///< fewer blocks than `claim_options::min_blocks`
    no_variation,    ///< there is no p-value: the outcome is constant within each block
    not_significant, ///< the adjusted p-value reaches `claim_options::level`
    sign_differs,    ///< the blocks disagree on the sign of the effect
};

/// A directed claim about an effect that was measured in independent blocks (seeds, laboratories, subjects).
struct claim_result {
    double estimate = std::numeric_limits<double>::quiet_NaN(); ///< mean over the blocks
    std::vector<double> per_block;                              ///< NaN for a block without an estimate
    interval ci;                                                ///< of the estimate; NaN without an interval
    double p_value = std::numeric_limits<double>::quiet_NaN();  ///< two-sided
    bool at_floor = false; ///< `p_value` is the smallest that the random arrangements can give
    double adjusted_p_value = std::numeric_limits<double>::quiet_NaN(); ///< set by `judge_claims`
    int claimed_sign = 0;                         ///< 1 or -1: the sign that the claim states
    std::size_t blocks = 0;                       ///< all blocks, those without an estimate included
    std::optional<verdict> holds;                 ///< empty until the claim is judged
    unclear_reason reason = unclear_reason::none; ///< the reason of an unclear verdict
};

/// A claim that y rises or falls with x.
struct trend_claim_result {
    claim_result claim;  ///< with the mean rank correlation as estimate
    block_slopes slopes; ///< least squares within the blocks, in units of y per unit of x
};

/// Options of `judge_claims`.
struct claim_options {
    double level = 0.05;        ///< an adjusted p-value below it is significant
    std::size_t min_blocks = 3; ///< claims with fewer blocks stay unclear
};

namespace detail {

inline void check_claimed_sign(std::string_view function, int sign) {
    if (sign != 1 && sign != -1) {
        errors::throw_value_error(function,
                                  "expected a claimed sign of 1 or -1, got " + std::to_string(sign));
    }
}

} // namespace detail

/// Tests whether y rises (`claimed_sign` 1) or falls (-1) with x within blocks.
///
/// The estimate is the mean over blocks of Spearman's correlation within the block. The p-value is that of
/// `within_block_correlation`, which rearranges y within each block. The slopes of least squares give the
/// size of the effect. Estimate and p-value are NaN if x or y is constant in every block. The result has no
/// interval and no verdict. Throws `shape_error` for series of different length, `value_error` for numbers
/// that are not finite and for another sign. O(arrangements x values).
[[nodiscard]] inline trend_claim_result trend_claim(std::span<const paired_block> blocks, int claimed_sign,
                                                    const permutation_options& options = {}) {
    detail::check_claimed_sign("trend_claim", claimed_sign);
    block_correlation correlation = within_block_correlation(blocks, options);
    trend_claim_result result;
    result.claim.estimate = correlation.estimate;
    result.claim.per_block = std::move(correlation.per_block);
    result.claim.p_value = correlation.p;
    result.claim.at_floor = correlation.at_floor;
    result.claim.claimed_sign = claimed_sign;
    result.claim.blocks = blocks.size();
    result.slopes = within_block_slope(blocks);
    return result;
}

/// Tests whether paired differences are above 0 (`claimed_sign` 1) or below (-1).
///
/// `differences` [block][pair]: the pairs of a block are dependent, so the sample is the means of the blocks,
/// each with the same weight. The p-value and the 95 % interval are Student's over these means. A block
/// without pairs has no mean; it makes the estimate NaN. One block has neither p-value nor interval. The
/// result has no verdict. Throws `value_error` for another sign. O(differences).
[[nodiscard]] inline claim_result contrast_claim(std::span<const std::vector<double>> differences,
                                                 int claimed_sign) {
    detail::check_claimed_sign("contrast_claim", claimed_sign);
    claim_result result;
    result.claimed_sign = claimed_sign;
    result.blocks = differences.size();
    for (const std::vector<double>& block : differences)
        result.per_block.push_back(mean_interval(block).estimate);
    const estimate_interval mean = mean_interval(result.per_block);
    result.estimate = mean.estimate;
    result.ci = mean.range;
    result.p_value = mean_p_value(result.per_block);
    return result;
}

/// Judges from an interval whether a quantity is within `margin` of 0.
///
/// Returns yes if the interval is inside [-margin, margin], no if it is outside, and unclear if it
/// crosses an end or is NaN. With a 90 % interval this is the pair of one-sided tests at the 5 % level.
/// Throws `value_error` unless the margin is above 0. Source: Schuirmann 1987.
[[nodiscard]] inline verdict equivalent(const interval& range, double margin) {
    if (!(margin > 0)) {
        errors::throw_value_error("equivalent", "expected a margin above 0, got " + errors::text_of(margin));
    }
    if (range.low >= -margin && range.high <= margin) return verdict::yes;
    if (range.low > margin || range.high < -margin) return verdict::no;
    return verdict::unclear;
}

/// A claim that two conditions are equal up to a margin.
struct equivalence_claim_result {
    crossed_difference difference;    ///< with the interval over blocks and items
    std::vector<double> per_block;    ///< mean difference of each block
    verdict holds = verdict::unclear; ///< the difference is within the margin
};

/// Tests whether the mean of `differences` [block][item] is within `margin` of 0.
///
/// Every block has the same items in the same order (images, for networks of several seeds). The interval is
/// that of `crossed_mean`, over other blocks and other items. One block or one item has no interval and is
/// unclear. Throws as `crossed_mean` and `equivalent`. O(blocks x items).
[[nodiscard]] inline equivalence_claim_result
equivalence_claim(const std::vector<std::vector<double>>& differences, double margin,
                  double confidence = 0.90) {
    equivalence_claim_result result;
    result.difference = crossed_mean(differences, confidence);
    for (const std::vector<double>& block : differences)
        result.per_block.push_back(mean_interval(block).estimate);
    result.holds = equivalent(result.difference.mean.range, margin);
    return result;
}

/// Adjusts the p-values of all `claims` together by Holm's method, and sets the verdicts.
///
/// A claim holds ("yes") if its adjusted p-value is below `level`, if the estimates of all blocks have the
/// sign of the mean, and if this sign is the claimed one; with the other sign it is "no". All others are
/// "unclear", with the reason. A verdict that is already set stays, unless a claim with a p-value has too few
/// blocks; its p-value is part of the correction all the same. Throws `value_error` for a p-value outside
/// 0 .. 1. O(m log m). Source: Holm 1979.
inline void judge_claims(std::span<claim_result> claims, const claim_options& options = {}) {
    std::vector<double> p_values;
    for (const claim_result& claim : claims) {
        if (std::isfinite(claim.p_value)) p_values.push_back(claim.p_value);
    }
    const std::vector<double> adjusted = holm(p_values);
    std::size_t next = 0;
    const auto leave_unclear = [](claim_result& claim, unclear_reason reason) {
        claim.holds = verdict::unclear;
        claim.reason = reason;
    };
    for (claim_result& claim : claims) {
        if (!std::isfinite(claim.p_value)) {
            if (!claim.holds) leave_unclear(claim, unclear_reason::no_variation);
            continue;
        }
        claim.adjusted_p_value = adjusted[next++];
        if (claim.blocks < options.min_blocks) leave_unclear(claim, unclear_reason::few_blocks);
        if (claim.holds) continue;
        const bool same_sign = std::all_of(claim.per_block.begin(), claim.per_block.end(),
                                           [&](double value) { return value * claim.estimate > 0; });
        if (claim.adjusted_p_value >= options.level) {
            leave_unclear(claim, unclear_reason::not_significant);
        } else if (!same_sign) {
            leave_unclear(claim, unclear_reason::sign_differs);
        } else {
            claim.holds = claim.estimate * claim.claimed_sign > 0 ? verdict::yes : verdict::no;
        }
    }
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
