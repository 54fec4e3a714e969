#pragma once

#include "repscope/error.hpp"
#include "repscope/statistics/distributions.hpp"
#include "repscope/statistics/interval.hpp"
#include "repscope/tensor/as_view.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// A comparison of two networks on the same samples.
struct mcnemar_result {
    std::uint64_t samples = 0;     ///< number of samples
    std::uint64_t only_first = 0;  ///< samples that only the first predicts correctly
    std::uint64_t only_second = 0; ///< samples that only the second predicts correctly
    /// Accuracy of the first minus that of the second.
    double difference = 0;
    /// Interval of `difference`.
    interval ci;
    /// Exact two-sided probability of a split at least this uneven if both were equally accurate.
    double p_value = 1;
};

/// McNemar's test for two networks on the same `samples`, from the numbers of samples that only one of them
/// predicts correctly.
///
/// Only samples on which the two differ count: under equal accuracy they split like tosses of a fair coin.
/// `p_value` is that of the exact binomial test, 1 without such samples. `ci` is the Wald interval after half
/// a sample is added to each of the four cells. Another training run may differ by more: the test compares
/// these two networks only. Throws `value_error` without samples, if the two counts exceed the samples, and
/// for a confidence outside (0, 1). Sources: McNemar 1947; Agresti and Min 2005 for the interval.
[[nodiscard]] inline mcnemar_result mcnemar(std::uint64_t samples, std::uint64_t only_first,
                                            std::uint64_t only_second, double confidence = 0.95) {
    const std::uint64_t discordant = only_first + only_second;
    if (samples == 0 || discordant > samples || discordant < only_first) {
        errors::throw_value_error(
            "mcnemar", "expected samples that hold both counts, got " + errors::text_of(only_first) +
                           " and " + errors::text_of(only_second) + " of " + errors::text_of(samples));
    }
    detail::check_confidence("mcnemar", confidence);
    mcnemar_result result{samples, only_first, only_second, 0, {}, 1};
    const auto n = static_cast<double>(samples);
    const double b = static_cast<double>(only_first);
    const double c = static_cast<double>(only_second);
    result.difference = (b - c) / n;
    if (discordant > 0) {
        const std::uint64_t fewer = (std::min)(only_first, only_second);
        result.p_value = (std::min)(1.0, 2 * binomial_cdf(fewer, discordant, 0.5));
    }
    const double center = (b - c) / (n + 2);
    const double variance = ((b + c + 1) - (b - c) * (b - c) / (n + 2)) / ((n + 2) * (n + 2));
    const double half = normal_quantile(0.5 + confidence / 2) * std::sqrt(variance);
    result.ci = {(std::max)(-1.0, center - half), (std::min)(1.0, center + half)};
    return result;
}

/// The same from the predictions of each network for each sample.
///
/// `first`, `second`, `labels`: integers, one per sample. Throws `shape_error` if their lengths differ.
/// O(samples).
template <labels_like First, labels_like Second, labels_like Labels>
[[nodiscard]] mcnemar_result mcnemar(const First& first, const Second& second, const Labels& labels,
                                     double confidence = 0.95) {
    const auto a = as_view<1>(first);
    const auto b = as_view<1>(second);
    const auto y = as_view<1>(labels);
    if (a.extent(0) != y.extent(0) || b.extent(0) != y.extent(0)) {
        errors::throw_shape_error("mcnemar", "expected two predictions and a label for each sample, got " +
                                                 errors::text_of(a.extent(0)) + " and " +
                                                 errors::text_of(b.extent(0)) + " for " +
                                                 errors::text_of(y.extent(0)) + " labels");
    }
    std::uint64_t only_first = 0;
    std::uint64_t only_second = 0;
    for (std::size_t i = 0; i < y.extent(0); ++i) {
        const auto label = static_cast<std::int64_t>(y(i));
        const bool right_first = static_cast<std::int64_t>(a(i)) == label;
        const bool right_second = static_cast<std::int64_t>(b(i)) == label;
        only_first += right_first && !right_second ? 1U : 0U;
        only_second += right_second && !right_first ? 1U : 0U;
    }
    return mcnemar(y.extent(0), only_first, only_second, confidence);
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
