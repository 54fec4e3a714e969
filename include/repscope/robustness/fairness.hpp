#pragma once

#include "repscope/error.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Rates of a binary classifier within one group.
struct group_rates {
    std::size_t samples = 0;   ///< number of samples
    double accuracy = 0;       ///< share of correct predictions
    double positive = 0;       ///< share predicted 1
    double false_positive = 0; ///< share predicted 1 of those with label 0
    double false_negative = 0; ///< share predicted 0 of those with label 1
};

/// Differences between the rates of a binary classifier in two groups.
struct fairness_gaps {
    group_rates without, with;     ///< samples whose attribute is 0, and 1
    double equalized_odds = 0;     ///< (|FPR gap| + |FNR gap|) / 2, in [0, 1]
    double demographic_parity = 0; ///< |gap of the positive rates|, in [0, 1]
};

/// Gaps between the samples with and without an attribute.
///
/// `predicted`, `labels` and `attribute` hold one 0 or 1 per sample. A rate over no samples is NaN, and so is
/// a gap that depends on it. Throws `shape_error` if the lengths differ and `value_error` for another value,
/// with its position. O(samples). Hardt, Price and Srebro 2016 for equalized odds; the mean of the two gaps
/// is the measure of Adragna, Creager, Madras and Zemel 2020 (arXiv 2011.06485).
[[nodiscard]] inline fairness_gaps fairness(std::span<const int> predicted, std::span<const int> labels,
                                            std::span<const int> attribute) {
    if (predicted.size() != labels.size() || attribute.size() != labels.size()) {
        errors::throw_shape_error("fairness", "expected as many predictions as labels and attributes, got " +
                                                  errors::text_of(predicted.size()) + ", " +
                                                  errors::text_of(labels.size()) + " and " +
                                                  errors::text_of(attribute.size()));
    }
    std::size_t count[2][2][2] = {}; // attribute, label, prediction
    for (std::size_t i = 0; i < labels.size(); ++i) {
        for (const int value : {predicted[i], labels[i], attribute[i]}) {
            if (value == 0 || value == 1) continue;
            errors::throw_value_error("fairness", "expected 0 or 1, got " + errors::text_of(value) +
                                                      " at position " + errors::text_of(i));
        }
        ++count[attribute[i]][labels[i]][predicted[i]];
    }
    const auto share = [](std::size_t part, std::size_t whole) {
        return whole == 0 ? std::numeric_limits<double>::quiet_NaN()
                          : static_cast<double>(part) / static_cast<double>(whole);
    };
    const auto rates = [&](const std::size_t(&of)[2][2]) {
        const std::size_t negatives = of[0][0] + of[0][1], positives = of[1][0] + of[1][1];
        return group_rates{negatives + positives, share(of[0][0] + of[1][1], negatives + positives),
                           share(of[0][1] + of[1][1], negatives + positives), share(of[0][1], negatives),
                           share(of[1][0], positives)};
    };
    fairness_gaps found{.without = rates(count[0]), .with = rates(count[1])};
    found.equalized_odds = (std::abs(found.with.false_positive - found.without.false_positive) +
                            std::abs(found.with.false_negative - found.without.false_negative)) /
                           2;
    found.demographic_parity = std::abs(found.with.positive - found.without.positive);
    return found;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
