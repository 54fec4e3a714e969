#pragma once

#include "repscope/error.hpp"
#include "repscope/moments/blocked_class_sums.hpp"
#include "repscope/selectivity/class_selectivity.hpp"
#include "repscope/statistics/distributions.hpp"
#include "repscope/statistics/interval.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `cross_fit_selectivity` from a state.
struct cross_fit_options {
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;
    double epsilon = 1e-6; ///< added to the denominator of the index
    /// Must divide the number of blocks of the state; 2 or more.
    std::size_t folds = 5;
    negative_policy negatives = negative_policy::undefined; ///< treatment of negative class means
    /// Classes with fewer samples are excluded: a rare class is the maximum too often.
    std::uint64_t min_class_samples = 2;
    double confidence = 0.95; ///< of the intervals
};

/// Cross-fit class selectivity of a layer; the vectors have one entry per unit.
struct cross_fit_result {
    /// The cross-fit index; NaN if it is undefined.
    std::vector<double> index;
    /// Its standard error; NaN if it is undefined.
    std::vector<double> standard_error;
    std::vector<interval> ci; ///< interval of `index`
    /// One-sided p-value of an index of 0 or less, by Student's distribution of index / standard_error; 1 for
    /// a silent unit, NaN without a standard error. Valid for one unit at a level of .05: 8 % of noise units
    /// are below it with two classes, fewer than 5 % with more classes. Its tail ignores the selection of the
    /// class, so p-values below .01 are too small by up to the number of classes. For many units use
    /// `selectivity_p_values`.
    std::vector<double> p_value;
    /// The class of the largest mean over all samples; no value for silent and undefined units.
    std::vector<std::optional<std::size_t>> preferred_class;
    /// Share of the folds whose training samples select that class; below 1, the class is not certain.
    std::vector<double> agreement;
    /// Mean of `index` over the units that are not undefined, with silent ones as 0; NaN without such units.
    double mean = std::numeric_limits<double>::quiet_NaN();
    double mean_standard_error = std::numeric_limits<double>::quiet_NaN(); ///< standard error of `mean`
    interval mean_ci;                                                      ///< interval of `mean`
    /// Units whose class means are all exactly 0.
    std::size_t silent_units = 0;
    /// Units without an index: with a negative class mean, with a fold whose training samples are (nearly)
    /// all 0, or without a fold that contains its selected class.
    std::size_t undefined_units = 0;
    /// Number of samples of the used classes.
    std::uint64_t samples = 0;
    std::size_t classes_used = 0; ///< classes with enough samples
};

namespace detail {

/// The cross-fit index of one unit, for one left-out block after the other.
class cross_fit_unit {
  public:
    struct answer {
        double index = std::numeric_limits<double>::quiet_NaN();
        double agreement = 0;
    };

    cross_fit_unit(const blocked_class_sums& state, const cross_fit_options& options)
        : options_(options), blocks_(state.blocks()), epsilon_(options.epsilon) {
        for (std::size_t c = 0; c < state.classes(); ++c) {
            const std::uint64_t count = state.count(c);
            if (count > 0 && count >= options.min_class_samples) kept_.push_back(c);
        }
        counts_.resize(blocks_ * kept_.size());
        for (std::size_t b = 0; b < blocks_; ++b) {
            for (std::size_t k = 0; k < kept_.size(); ++k) {
                counts_[b * kept_.size() + k] = static_cast<double>(state.count(b, kept_[k]));
            }
        }
        taken_.resize(options.folds);
        for (std::size_t b = 0; b < blocks_; ++b) taken_[b % options.folds] += has_samples(b) ? 1 : 0;
        fold_sums_.resize(options.folds * kept_.size());
        fold_counts_.resize(fold_sums_.size());
        sums_.resize(kept_.size());
        samples_.resize(kept_.size());
        means_.resize(kept_.size());
    }

    [[nodiscard]] const std::vector<std::size_t>& kept() const noexcept { return kept_; }
    /// Whether block `b` has samples.
    [[nodiscard]] bool has_samples(std::size_t b) const noexcept {
        const std::size_t classes = kept_.size();
        return std::any_of(counts_.begin() + static_cast<std::ptrdiff_t>(b * classes),
                           counts_.begin() + static_cast<std::ptrdiff_t>((b + 1) * classes),
                           [](double count) { return count > 0; });
    }

    /// `sums`: those of the unit, [block][kept class]. Block `without` is left out; `blocks` leaves out none.
    [[nodiscard]] answer operator()(std::span<const double> sums, std::size_t without,
                                    std::optional<std::size_t> preferred) {
        gather(sums, without);
        double total = 0;
        double weights = 0;
        std::size_t agreed = 0;
        for (std::size_t fold = 0; fold < options_.folds; ++fold) {
            const std::size_t at = fold * kept_.size();
            const double weight = weight_without(fold, without);
            // Class and denominator from the other folds.
            std::size_t trained = 0;
            std::size_t chosen = 0;
            double sum = 0;
            double smallest = std::numeric_limits<double>::infinity();
            for (std::size_t k = 0; k < kept_.size(); ++k) {
                const double n = samples_[k] - fold_counts_[at + k];
                if (n == 0) continue;
                means_[k] = (sums_[k] - fold_sums_[at + k]) / n;
                if (trained == 0 || means_[k] > means_[chosen]) chosen = k;
                smallest = (std::min)(smallest, means_[k]);
                sum += means_[k];
                ++trained;
            }
            if (trained < 2) continue;
            if (preferred && *preferred == chosen) ++agreed;
            const double rest = (sum - means_[chosen]) / static_cast<double>(trained - 1);
            double denominator = means_[chosen] + rest;
            if (options_.negatives == negative_policy::shift) {
                // Training sums are differences from sums over all samples, with twice the rounding.
                const double samples = *std::max_element(samples_.begin(), samples_.end());
                if (equal_but_for_rounding(smallest, means_[chosen], 2 * samples)) return {};
                denominator -= 2 * smallest;
            }
            if (!(denominator >= epsilon_)) return {};
            // Numerator from this fold.
            if (fold_counts_[at + chosen] == 0) continue;
            double others = 0;
            std::size_t other_classes = 0;
            for (std::size_t k = 0; k < kept_.size(); ++k) {
                if (k == chosen || fold_counts_[at + k] == 0) continue;
                others += fold_sums_[at + k] / fold_counts_[at + k];
                ++other_classes;
            }
            if (other_classes == 0) continue;
            total += weight *
                     (fold_sums_[at + chosen] / fold_counts_[at + chosen] -
                      others / static_cast<double>(other_classes)) /
                     (denominator + epsilon_);
            weights += weight;
        }
        if (weights == 0) return {};
        return {total / weights, static_cast<double>(agreed) / static_cast<double>(options_.folds)};
    }

  private:
    // A fold that loses a block is weighted by its remaining samples. With the full weight, its remaining
    // blocks would move by more than a block's share of the samples, and the error would be too large.
    [[nodiscard]] double weight_without(std::size_t fold, std::size_t without) const noexcept {
        if (without == blocks_ || without % options_.folds != fold) return 1;
        return (taken_[fold] - 1) / taken_[fold];
    }

    void gather(std::span<const double> sums, std::size_t without) {
        const std::size_t classes = kept_.size();
        std::fill(fold_sums_.begin(), fold_sums_.end(), 0.0);
        std::fill(fold_counts_.begin(), fold_counts_.end(), 0.0);
        for (std::size_t b = 0; b < blocks_; ++b) {
            if (b == without) continue;
            const std::size_t at = b % options_.folds * classes;
            for (std::size_t k = 0; k < classes; ++k) {
                fold_sums_[at + k] += sums[b * classes + k];
                fold_counts_[at + k] += counts_[b * classes + k];
            }
        }
        std::fill(sums_.begin(), sums_.end(), 0.0);
        std::fill(samples_.begin(), samples_.end(), 0.0);
        for (std::size_t fold = 0; fold < options_.folds; ++fold) {
            for (std::size_t k = 0; k < classes; ++k) {
                sums_[k] += fold_sums_[fold * classes + k];
                samples_[k] += fold_counts_[fold * classes + k];
            }
        }
    }

    const cross_fit_options& options_;
    std::size_t blocks_;
    double epsilon_;
    std::vector<std::size_t> kept_;
    std::vector<double> counts_;
    std::vector<double> taken_; ///< blocks with samples, per fold
    std::vector<double> fold_sums_;
    std::vector<double> fold_counts_;
    std::vector<double> sums_;
    std::vector<double> samples_;
    std::vector<double> means_;
};

/// The jackknife's standard error from the replicates of a statistic, one per block. Deviations are from the
/// statistic itself rather than their mean. This is the larger of the two, since it includes the replicates'
/// bias. The sum of squares is not scaled by (n - 1) / n. For statistics that are symmetric in their blocks
/// the unscaled sum is on average at least the variance of n - 1 blocks (Efron and Stein 1981). With scaling,
/// intervals of mostly silent units were too short.
[[nodiscard]] inline double jackknife_error(std::span<const double> replicates, double statistic) noexcept {
    if (replicates.size() < 2) return std::numeric_limits<double>::quiet_NaN();
    double squares = 0;
    for (const double r : replicates) squares += (r - statistic) * (r - statistic);
    return std::sqrt(squares);
}

/// P(T >= value / error) of Student's distribution; 1 if both are 0, NaN without an error.
[[nodiscard]] inline double upper_tail_of_ratio(double value, double error, double freedom) noexcept {
    if (!(error >= 0)) return std::numeric_limits<double>::quiet_NaN();
    if (error == 0) return value > 0 ? 0 : 1;
    const double t = value / error;
    const double both = incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t));
    return t > 0 ? both / 2 : 1 - both / 2;
}

} // namespace detail

/// The cross-fit class selectivity index of every unit of a layer, with its interval.
///
///     index = mean over folds of (a - b) / (A + B + epsilon)
///
/// The class and the denominator come from the samples outside the fold. A is the mean of the class, B the
/// unweighted mean of the means of the other classes. The numerator is the difference of the same two means
/// over the fold. The index of a unit that is independent of the classes is therefore 0 on average, where the
/// plain index is .3 to .7 with few samples. The reason is that a mean is not evaluated on the samples that
/// made it the largest. For a unit with a clear preferred class it is the plain index without its bias. If
/// the samples do not determine the preferred class, it averages over the classes that would be selected and
/// is smaller.
///
/// Range: may be negative and may exceed 1 slightly. `ci`: index -+ t standard errors of the jackknife over
/// the blocks of the state, where t is Student's quantile for the number of blocks less one; a fold that
/// loses a block is weighted by its remaining samples. The interval of `mean` removes each block from all
/// units together, so units need not be independent. A fold without samples of the selected class, or of any
/// other, is excluded. A silent unit has the index 0 with an interval of length 0. Undefined units have NaN
/// and are counted; the mean is over the others. A unit that is undefined with some block left out has an
/// index but no interval.
///
/// Throws `value_error` if the folds are fewer than 2 or do not divide the blocks, and if `rectify` is
/// requested for a state of activations that were not rectified. Throws it also if fewer than two classes
/// have `min_class_samples` samples, and for a confidence outside (0, 1). O(units x classes x blocks^2).
[[nodiscard]] inline cross_fit_result cross_fit_selectivity(const blocked_class_sums& state,
                                                            const cross_fit_options& options = {}) {
    constexpr const char* name = "cross_fit_selectivity";
    const std::size_t blocks = state.blocks();
    if (options.folds < 2 || blocks % options.folds != 0) {
        errors::throw_value_error(name, "expected at least 2 folds that divide the " +
                                            errors::text_of(blocks) + " blocks, got " +
                                            errors::text_of(options.folds));
    }
    if (options.negatives == negative_policy::rectify && !state.options().rectify) {
        errors::throw_value_error(
            name, "negative_policy::rectify: expected a state that was built with {.rectify = true}");
    }
    detail::check_confidence(name, options.confidence);
    const detail::cross_fit_unit prototype(state, options);
    const std::vector<std::size_t>& kept = prototype.kept();
    if (kept.size() < 2) {
        errors::throw_value_error(name, "expected at least 2 classes of " +
                                            errors::text_of(options.min_class_samples) +
                                            " samples or more, got " + errors::text_of(kept.size()));
    }
    std::vector<std::size_t> taken; // blocks with samples
    for (std::size_t b = 0; b < blocks; ++b) {
        if (prototype.has_samples(b)) taken.push_back(b);
    }
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const std::size_t units = state.units();
    cross_fit_result result;
    result.index.assign(units, nan);
    result.standard_error.assign(units, nan);
    result.ci.resize(units);
    result.p_value.assign(units, nan);
    result.preferred_class.resize(units);
    result.agreement.assign(units, 0);
    result.classes_used = kept.size();
    std::vector<double> totals(kept.size()); // samples of each kept class
    for (std::size_t k = 0; k < kept.size(); ++k) {
        result.samples += state.count(kept[k]);
        totals[k] = static_cast<double>(state.count(kept[k]));
    }
    std::vector<unsigned char> silent(units);
    std::vector<double> replicates(units * taken.size());
    const double t = taken.size() < 2 ? nan
                                      : student_quantile(0.5 + options.confidence / 2,
                                                         static_cast<double>(taken.size() - 1));
    const scoped_pool pool(options.threads);
    constexpr std::size_t line_elements = 8; // units whose sums share a cache line
    pool->for_each(block_count(units, line_elements), [&](std::size_t task) {
        detail::cross_fit_unit one(state, options);
        const std::size_t first = task * line_elements;
        const std::size_t count = (std::min)(line_elements, units - first);
        std::vector<double> sums(count * blocks * kept.size());
        for (std::size_t b = 0; b < blocks; ++b) {
            for (std::size_t k = 0; k < kept.size(); ++k) {
                const auto row = state.sums(b, kept[k]);
                for (std::size_t u = 0; u < count; ++u) {
                    sums[(u * blocks + b) * kept.size() + k] = row[first + u];
                }
            }
        }
        std::vector<double> means(kept.size());
        for (std::size_t u = first; u < first + count; ++u) {
            const auto own = std::span<const double>(sums).subspan((u - first) * blocks * kept.size(),
                                                                   blocks * kept.size());
            double largest_size = 0;
            for (std::size_t k = 0; k < kept.size(); ++k) {
                double sum = 0;
                for (std::size_t b = 0; b < blocks; ++b) {
                    sum += own[b * kept.size() + k];
                    largest_size = (std::max)(largest_size, std::abs(own[b * kept.size() + k]));
                }
                means[k] = sum / totals[k];
            }
            const auto largest = std::max_element(means.begin(), means.end());
            if (largest_size == 0) {
                silent[u] = 1;
                result.index[u] = 0;
                result.standard_error[u] = 0;
                result.ci[u] = {0, 0};
                result.p_value[u] = 1;
                continue;
            }
            const bool negative = *std::min_element(means.begin(), means.end()) < 0;
            std::fill_n(replicates.begin() + static_cast<std::ptrdiff_t>(u * taken.size()), taken.size(),
                        nan);
            if (negative && options.negatives != negative_policy::shift) continue;
            const auto preferred = static_cast<std::size_t>(largest - means.begin());
            const auto answer = one(own, blocks, preferred);
            if (detail::is_nan(answer.index)) continue;
            result.index[u] = answer.index;
            result.agreement[u] = answer.agreement;
            result.preferred_class[u] = kept[preferred];
            const auto own_replicates = std::span(replicates).subspan(u * taken.size(), taken.size());
            for (std::size_t j = 0; j < taken.size(); ++j) {
                own_replicates[j] = one(own, taken[j], preferred).index;
            }
            const double error = detail::jackknife_error(own_replicates, answer.index);
            result.standard_error[u] = error;
            result.ci[u] = {answer.index - t * error, answer.index + t * error};
            result.p_value[u] =
                detail::upper_tail_of_ratio(answer.index, error, static_cast<double>(taken.size()) - 1);
        }
    });

    double sum = 0;
    std::size_t counted = 0;
    for (std::size_t u = 0; u < units; ++u) {
        result.silent_units += silent[u];
        if (detail::is_nan(result.index[u])) {
            ++result.undefined_units;
        } else {
            sum += result.index[u];
            ++counted;
        }
    }
    if (counted == 0) return result;
    result.mean = sum / static_cast<double>(counted);
    // The change from leaving out a block, over the units that have an index without it.
    std::vector<double> changes(taken.size());
    for (std::size_t j = 0; j < taken.size(); ++j) {
        double change = 0;
        std::size_t with = 0;
        for (std::size_t u = 0; u < units; ++u) {
            const double r = silent[u] != 0 ? 0 : replicates[u * taken.size() + j];
            if (detail::is_nan(r)) continue;
            change += r - result.index[u];
            ++with;
        }
        changes[j] = with == 0 ? nan : change / static_cast<double>(with);
    }
    result.mean_standard_error = detail::jackknife_error(changes, 0);
    result.mean_ci = {result.mean - t * result.mean_standard_error,
                      result.mean + t * result.mean_standard_error};
    return result;
}

/// Options of `cross_fit_selectivity` from activations.
struct cross_fit_activations_options {
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;
    double epsilon = 1e-6; ///< added to the denominator of the index
    std::size_t folds = 5; ///< number of folds, 2 or more
    /// Number of blocks of the jackknife, a multiple of the number of folds.
    std::size_t blocks = 20;
    negative_policy negatives = negative_policy::undefined; ///< treatment of negative class means
    std::uint64_t min_class_samples = 2;                    ///< classes with fewer samples are excluded
    double confidence = 0.95;                               ///< of the intervals
    /// Index of the first sample in the whole data set.
    std::uint64_t first_index = 0;
    /// What the axes of the activations mean; rank 3 needs it.
    layout axes = layout::unstated;
};

/// Cross-fit class selectivity of every unit of a layer.
///
/// `activations`: (samples, units), (samples, channels, height, width), or as `options.axes` states.
/// `labels`: one integer per sample in 0 .. 2^20 - 1. Throws as `blocked_class_sums::update` and
/// `cross_fit_selectivity` of a state do. One pass.
template <tensor_like Activations, labels_like Labels>
[[nodiscard]] cross_fit_result cross_fit_selectivity(const Activations& activations, const Labels& labels,
                                                     const cross_fit_activations_options& options = {}) {
    const auto x = as_activations(activations, options.axes, "cross_fit_selectivity");
    if (x.empty())
        errors::throw_shape_error("cross_fit_selectivity", "expected at least one sample and unit",
                                  x.extents());
    blocked_class_sums state(
        x.extent(1), detail::classes_of(labels),
        {.blocks = options.blocks, .rectify = options.negatives == negative_policy::rectify});
    state.update(x, labels, {.threads = options.threads, .first_index = options.first_index});
    return cross_fit_selectivity(state, {.threads = options.threads,
                                         .epsilon = options.epsilon,
                                         .folds = options.folds,
                                         .negatives = options.negatives,
                                         .min_class_samples = options.min_class_samples,
                                         .confidence = options.confidence});
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
