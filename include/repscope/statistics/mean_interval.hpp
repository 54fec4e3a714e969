#pragma once

#include "repscope/error.hpp"
#include "repscope/statistics/blocked_permutation.hpp"
#include "repscope/statistics/distributions.hpp"
#include "repscope/statistics/interval.hpp"
#include "repscope/statistics/rank_correlation.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// An estimate, its standard error and its confidence interval; NaN if it does not exist.
struct estimate_interval {
    double estimate = std::numeric_limits<double>::quiet_NaN(); ///< the estimate
    double error = std::numeric_limits<double>::quiet_NaN();    ///< standard error
    interval range{};                                           ///< confidence interval
};

/// The mean of independent values with the interval of Student's t: mean +- t s / sqrt(n), n - 1 degrees of
/// freedom.
///
/// NaN without values; one value has a mean and no interval. Throws `value_error` for a confidence outside
/// (0, 1). O(n). Student 1908.
[[nodiscard]] inline estimate_interval mean_interval(std::span<const double> values,
                                                     double confidence = 0.95) {
    detail::check_confidence("mean_interval", confidence);
    estimate_interval result;
    if (values.empty()) return result;
    const auto n = static_cast<double>(values.size());
    result.estimate = std::accumulate(values.begin(), values.end(), 0.0) / n;
    if (values.size() < 2) return result;
    double squares = 0;
    for (const double value : values) squares += (value - result.estimate) * (value - result.estimate);
    result.error = std::sqrt(squares / (n - 1) / n);
    const double reach = student_quantile((1 + confidence) / 2, n - 1) * result.error;
    result.range = {result.estimate - reach, result.estimate + reach};
    return result;
}

/// The two-sided p-value of Student's t-test that independent values have the mean 0: P(|T| >= |mean| /
/// error), n - 1 degrees of freedom.
///
/// NaN for fewer than two values, and if all of them are 0; 0 if they are equal and not 0. O(n). Student
/// 1908.
[[nodiscard]] inline double mean_p_value(std::span<const double> values) {
    const estimate_interval mean = mean_interval(values);
    if (!(mean.error >= 0) || (mean.error == 0 && mean.estimate == 0)) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    if (mean.error == 0) return 0;
    const double freedom = static_cast<double>(values.size()) - 1;
    const double t = mean.estimate / mean.error;
    return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

/// A difference of two conditions with its standard error, and the parts of this error that are due to blocks
/// and to items.
struct crossed_difference {
    estimate_interval mean; ///< with the interval over blocks and items
    double block_error = std::numeric_limits<double>::quiet_NaN(); ///< standard error from the blocks alone
    double item_error = std::numeric_limits<double>::quiet_NaN();  ///< contribution of the items
};

/// The mean of `values` [block][item], with an interval that generalizes to other blocks and other items.
/// Every block (a training seed) has the same items (test images).
///
/// The squared error is (MS_blocks + max(0, MS_items - MS_rest)) / (blocks items), from the mean squares
/// between blocks, between items and of the rest (two-way analysis of variance, one value per cell).
/// MS_blocks contains the spread of the block means, but not the effect of an item that all blocks share. The
/// interval is Student's with blocks - 1 degrees of freedom, too long rather than too short if items
/// dominate. NaN without values; one block or one item has no interval. Throws `shape_error` for blocks of
/// different length, `value_error` for a confidence outside (0, 1). O(blocks x items).
[[nodiscard]] inline crossed_difference crossed_mean(const std::vector<std::vector<double>>& values,
                                                     double confidence = 0.90) {
    detail::check_confidence("crossed_mean", confidence);
    crossed_difference result;
    if (values.empty() || values.front().empty()) return result;
    const std::size_t items = values.front().size();
    const auto b = static_cast<double>(values.size());
    const auto n = static_cast<double>(items);
    std::vector<double> of_block, of_item(items);
    for (const std::vector<double>& block : values) {
        if (block.size() != items) {
            errors::throw_shape_error("crossed_mean", "expected blocks of " + errors::text_of(items) +
                                                          " values, got " + errors::text_of(block.size()));
        }
        of_block.push_back(std::accumulate(block.begin(), block.end(), 0.0) / n);
        for (std::size_t i = 0; i < items; ++i) of_item[i] += block[i] / b;
    }
    const double mean = std::accumulate(of_block.begin(), of_block.end(), 0.0) / b;
    result.mean.estimate = mean;
    if (values.size() < 2 || items < 2) return result;
    double blocks_square = 0, items_square = 0, rest_square = 0;
    for (const double value : of_block) blocks_square += n * (value - mean) * (value - mean) / (b - 1);
    for (const double value : of_item) items_square += b * (value - mean) * (value - mean) / (n - 1);
    for (std::size_t k = 0; k < values.size(); ++k) {
        for (std::size_t i = 0; i < items; ++i) {
            const double rest = values[k][i] - of_block[k] - of_item[i] + mean;
            rest_square += rest * rest / ((b - 1) * (n - 1));
        }
    }
    const double added = items_square > rest_square ? items_square - rest_square : 0;
    result.block_error = std::sqrt(blocks_square / (b * n));
    result.item_error = std::sqrt(added / (b * n));
    result.mean.error = std::sqrt((blocks_square + added) / (b * n));
    const double reach = student_quantile((1 + confidence) / 2, b - 1) * result.mean.error;
    result.mean.range = {mean - reach, mean + reach};
    return result;
}

/// Slopes of least squares of y on x, block by block.
struct block_slopes {
    std::vector<double> per_block; ///< NaN if x is constant
    estimate_interval mean;        ///< over the blocks with a slope: each is one independent value
};

/// The slope within each block and the mean of these slopes with its t-interval: an effect in units of y per
/// unit of x, with the blocks as the sample. Throws as `within_block_correlation` and `mean_interval`.
[[nodiscard]] inline block_slopes within_block_slope(std::span<const paired_block> blocks,
                                                     double confidence = 0.95) {
    block_slopes result;
    std::vector<double> found;
    for (const paired_block& block : blocks) {
        detail::check_pairs("within_block_slope", block.x, block.y);
        const auto n = static_cast<double>(block.x.size());
        const double mean_x = std::accumulate(block.x.begin(), block.x.end(), 0.0) / n;
        const double mean_y = std::accumulate(block.y.begin(), block.y.end(), 0.0) / n;
        double xx = 0, xy = 0;
        for (std::size_t i = 0; i < block.x.size(); ++i) {
            xx += (block.x[i] - mean_x) * (block.x[i] - mean_x);
            xy += (block.x[i] - mean_x) * (block.y[i] - mean_y);
        }
        const bool sloped = xx > 0 && !detail::constant(block.x);
        result.per_block.push_back(sloped ? xy / xx : std::numeric_limits<double>::quiet_NaN());
        if (sloped) found.push_back(xy / xx);
    }
    result.mean = mean_interval(found, confidence);
    return result;
}

/// The difference of two accuracies on the same images, `first` minus `second`, with the normal interval of a
/// paired difference. d = (b - c) / n, variance ((b + c) - (b - c)^2 / n) / (n (n - 1)), where b and c are
/// the numbers of images that only one of the two predicts correctly.
///
/// `first` and `second`: one bool per image, in the same order. The interval covers the choice of images and
/// not other seeds; for those see `crossed_mean`. A 90 % interval inside a margin shows equivalence at the 5
/// % level. Without discordant images the interval has length 0, which a small sample does not justify: it
/// only means that none was observed. NaN without images. Throws `shape_error` if the lengths differ,
/// `value_error` for a confidence outside (0, 1). O(n). Schuirmann 1987 for the test.
[[nodiscard]] inline estimate_interval
paired_difference(const std::vector<bool>& first, const std::vector<bool>& second, double confidence = 0.90) {
    detail::check_confidence("paired_difference", confidence);
    if (first.size() != second.size()) {
        errors::throw_shape_error("paired_difference", "expected the same images twice, got " +
                                                           errors::text_of(first.size()) + " and " +
                                                           errors::text_of(second.size()));
    }
    estimate_interval result;
    if (first.empty()) return result;
    double gained = 0, lost = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
        gained += first[i] && !second[i] ? 1 : 0;
        lost += !first[i] && second[i] ? 1 : 0;
    }
    const auto n = static_cast<double>(first.size());
    result.estimate = (gained - lost) / n;
    if (first.size() < 2) return result;
    result.error = std::sqrt((gained + lost - (gained - lost) * (gained - lost) / n) / (n * (n - 1)));
    const double reach = normal_quantile((1 + confidence) / 2) * result.error;
    result.range = {result.estimate - reach, result.estimate + reach};
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
