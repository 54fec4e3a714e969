#pragma once

#include "repscope/selectivity/discrimination.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

/// Areas under the ROC curve of every class against the others, from samples sorted once.
class auc_scores {
  public:
    auc_scores(const labeled_folds& data, std::span<const double> column)
        : data_(data), column_(column), order_(data.samples), rank_sums_(data.kept.size()),
          counts_(data.kept.size()) {
        std::stable_sort(order_.begin(), order_.end(),
                         [&](std::size_t a, std::size_t b) { return column[a] < column[b]; });
    }

    /// 2 AUC - 1 of every class over the samples inside or outside `fold`.
    void operator()(std::size_t fold, bool inside, std::vector<double>& values) {
        std::fill(rank_sums_.begin(), rank_sums_.end(), 0.0);
        std::fill(counts_.begin(), counts_.end(), 0.0);
        const auto taken = [&](std::size_t i) { return (data_.folds[i] == fold) == inside; };
        double below = 0;
        for (std::size_t at = 0; at < order_.size();) {
            // Equal values share the mean of their ranks.
            std::size_t end = at;
            double equal = 0;
            while (end < order_.size() && column_[order_[end]] == column_[order_[at]]) {
                if (taken(order_[end])) equal += 1;
                ++end;
            }
            const double rank = below + (equal + 1) / 2;
            for (; at < end; ++at) {
                if (!taken(order_[at])) continue;
                rank_sums_[data_.classes[order_[at]]] += rank;
                counts_[data_.classes[order_[at]]] += 1;
            }
            below += equal;
        }
        for (std::size_t k = 0; k < values.size(); ++k) {
            const double n = counts_[k];
            const double pairs = n * (below - n);
            values[k] = pairs > 0 ? 2 * (rank_sums_[k] - n * (n + 1) / 2) / pairs - 1
                                  : std::numeric_limits<double>::quiet_NaN();
        }
    }

  private:
    const labeled_folds& data_;
    std::span<const double> column_;
    std::vector<std::size_t> order_;
    std::vector<double> rank_sums_;
    std::vector<double> counts_;
};

} // namespace detail

/// The area under the ROC curve of one class against all others. It is the share of pairs (a value of the
/// class and one of another) with the larger value in the class; equal values count half.
///
/// Range 0 .. 1; .5 for a value without information on the class. Throws `value_error` if either is empty.
/// O(n log n).
[[nodiscard]] inline double auc(std::span<const double> of_class, std::span<const double> of_others) {
    if (of_class.empty() || of_others.empty()) {
        errors::throw_value_error("auc", "expected values of the class and of others, got " +
                                             errors::text_of(of_class.size()) + " and " +
                                             errors::text_of(of_others.size()));
    }
    std::vector<double> sorted(of_others.begin(), of_others.end());
    std::sort(sorted.begin(), sorted.end());
    double wins = 0;
    for (const double v : of_class) {
        const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), v);
        wins += static_cast<double>(first - sorted.begin()) + 0.5 * static_cast<double>(last - first);
    }
    return wins / (static_cast<double>(of_class.size()) * static_cast<double>(of_others.size()));
}

/// Separation of the best class by a threshold on each unit: max over classes of |2 AUC - 1|. The cross-fit
/// value takes class and sign from the other folds.
///
/// `activations`, `labels` as for `class_selectivity`; activations may be negative, because only their order
/// counts. Range 0 .. 1; cross-fit -1 .. 1. A constant unit has 0. Needs all samples at once and samples x
/// units doubles of memory, O(units folds (samples + classes) + sorting). Throws as `class_selectivity` does
/// and `value_error` for fewer than 2 folds. Source: Mann and Whitney 1947; the signal-detection measures of
/// Gale, Martin, Blything, Nguyen and Bowers 2020 (arXiv 2007.01062).
template <tensor_like Activations, labels_like Labels>
[[nodiscard]] discrimination_result auc_selectivity(const Activations& activations, const Labels& labels,
                                                    const discrimination_options& options = {}) {
    return detail::discriminate(
        "auc_selectivity", activations, labels, options,
        [](const detail::labeled_folds& data, std::span<const double> column) {
            return detail::auc_scores(data, column);
        },
        [](double value) { return std::abs(value); });
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
