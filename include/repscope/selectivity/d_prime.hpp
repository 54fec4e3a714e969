#pragma once

#include "repscope/moments/class_moments.hpp"
#include "repscope/selectivity/discrimination.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

/// d' of every class from counts, means and centered sums of squares of the classes; NaN for a class with
/// fewer than two samples, or with fewer than two others.
inline void d_primes(std::span<const double> counts, std::span<const double> means,
                     std::span<const double> squares, std::span<double> values) {
    double samples = 0;
    double sum = 0;
    for (std::size_t k = 0; k < counts.size(); ++k) {
        if (counts[k] == 0) continue;
        samples += counts[k];
        sum += counts[k] * means[k];
    }
    const double grand = sum / samples;
    double about_grand = 0;
    for (std::size_t k = 0; k < counts.size(); ++k) {
        if (counts[k] == 0) continue;
        about_grand += squares[k] + counts[k] * (means[k] - grand) * (means[k] - grand);
    }
    for (std::size_t k = 0; k < counts.size(); ++k) {
        const double n = counts[k];
        const double others = samples - n;
        values[k] = std::numeric_limits<double>::quiet_NaN();
        if (n < 2 || others < 2) continue;
        const double apart = means[k] - grand;
        const double rest = -n * apart / others; // mean of the others, relative to the grand mean
        const double squares_of_rest =
            (std::max)(0.0, about_grand - squares[k] - n * apart * apart - others * rest * rest);
        const double spread = (squares[k] / (n - 1) + squares_of_rest / (others - 1)) / 2;
        const double difference = apart - rest;
        values[k] = difference == 0 ? 0 : difference / std::sqrt(spread);
    }
}

class d_prime_scores {
  public:
    d_prime_scores(const labeled_folds& data, std::span<const double> column)
        : data_(data), column_(column), counts_(data.kept.size()), means_(data.kept.size()),
          squares_(data.kept.size()) {}

    void operator()(std::size_t fold, bool inside, std::vector<double>& values) {
        std::fill(counts_.begin(), counts_.end(), 0.0);
        std::fill(means_.begin(), means_.end(), 0.0);
        std::fill(squares_.begin(), squares_.end(), 0.0);
        for (const std::size_t i : data_.samples) {
            if ((data_.folds[i] == fold) != inside) continue;
            const std::size_t k = data_.classes[i];
            counts_[k] += 1;
            const double apart = column_[i] - means_[k];
            means_[k] += apart / counts_[k];
            squares_[k] += apart * (column_[i] - means_[k]);
        }
        d_primes(counts_, means_, squares_, values);
    }

  private:
    const labeled_folds& data_;
    std::span<const double> column_;
    std::vector<double> counts_;
    std::vector<double> means_;
    std::vector<double> squares_;
};

} // namespace detail

/// The sensitivity index of a unit for its best class, from class moments.
struct d_prime_result {
    /// The largest d' over the classes; NaN unless a class has two samples and the others have two.
    std::vector<double> largest;
    std::vector<std::optional<std::size_t>> preferred_class; ///< class of the largest value
};

/// d' of every unit for its best class: the largest over classes c of (mu_c - mu_rest) / sqrt((v_c + v_rest)
/// / 2), where the rest are the samples of all other classes together and variances have the divisor n - 1.
///
/// Computed from mergeable moments; biased upward like every maximum (`d_prime` of activations is cross-fit).
/// 0 for a constant unit; infinite if the class differs and neither varies. Classes with fewer than two
/// samples, or fewer than `min_class_samples`, are not candidates. O(units x classes).
[[nodiscard]] inline d_prime_result d_prime(const class_moments& state, std::uint64_t min_class_samples = 2) {
    d_prime_result result;
    const std::size_t classes = state.classes();
    std::vector<double> counts(classes);
    std::vector<double> means(classes);
    std::vector<double> squares(classes);
    std::vector<double> values(classes);
    for (std::size_t u = 0; u < state.units(); ++u) {
        for (std::size_t c = 0; c < classes; ++c) {
            const bool kept = state.count(c) > 0 && state.count(c) >= min_class_samples;
            counts[c] = kept ? static_cast<double>(state.count(c)) : 0;
            means[c] = kept ? state.mean(c, u) : 0;
            squares[c] = kept ? state.m2(c, u) : 0;
        }
        detail::d_primes(counts, means, squares, values);
        std::optional<std::size_t> best;
        for (std::size_t c = 0; c < classes; ++c) {
            if (!detail::is_nan(values[c]) && (!best || values[c] > values[*best])) best = c;
        }
        result.largest.push_back(best ? values[*best] : std::numeric_limits<double>::quiet_NaN());
        result.preferred_class.push_back(best);
    }
    return result;
}

/// d' of every unit of a layer, plain and cross-fit: the class is selected on the other folds, and the value
/// is computed on this one.
///
/// `activations`, `labels` as for `class_selectivity`. Needs all samples at once and samples x units doubles
/// of memory, O(samples x units x folds). Throws as `class_selectivity` does and `value_error` for fewer than
/// 2 folds. Source: Green and Swets 1966.
template <tensor_like Activations, labels_like Labels>
[[nodiscard]] discrimination_result d_prime(const Activations& activations, const Labels& labels,
                                            const discrimination_options& options = {}) {
    return detail::discriminate(
        "d_prime", activations, labels, options,
        [](const detail::labeled_folds& data, std::span<const double> column) {
            return detail::d_prime_scores(data, column);
        },
        [](double value) { return value; });
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
