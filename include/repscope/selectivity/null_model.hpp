#pragma once

#include "repscope/error.hpp"
#include "repscope/moments/class_sums.hpp"
#include "repscope/moments/value_histogram.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"
#include "repscope/selectivity/class_selectivity.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `selectivity_null_mean`.
struct null_options {
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;
    double epsilon = 1e-6; ///< added to the denominator of the index
    /// Whether each unit's smallest class mean is subtracted first (`negative_policy::shift`).
    bool shift = false;
};

namespace detail {

/// Throws unless the state, the variances and the histogram have the same units and samples, and at least two
/// classes have samples.
inline void check_unit_distributions(std::string_view function, const class_sums& sums,
                                     std::span<const double> variances, const value_histogram& histogram) {
    if (variances.size() != sums.units() || histogram.units() != sums.units()) {
        errors::throw_shape_error(function, "expected variances and a histogram of " +
                                                errors::text_of(sums.units()) + " units, got " +
                                                errors::text_of(variances.size()) + " and " +
                                                errors::text_of(histogram.units()));
    }
    if (histogram.samples() != sums.samples()) {
        errors::throw_value_error(function, "expected a histogram of " + errors::text_of(sums.samples()) +
                                                " samples, got " + errors::text_of(histogram.samples()));
    }
    const auto& counts = sums.counts();
    const auto used =
        std::count_if(counts.begin(), counts.end(), [](std::uint64_t count) { return count > 0; });
    if (used < 2) {
        errors::throw_value_error(function,
                                  "expected at least 2 classes with samples, got " + errors::text_of(used));
    }
}

/// Mean of unit `u` over all samples.
[[nodiscard]] inline double mean_over_classes(const class_sums& sums, std::size_t u) {
    double sum = 0;
    for (std::size_t c = 0; c < sums.classes(); ++c) sum += sums.sum(c, u);
    return sum / static_cast<double>(sums.samples());
}

/// The index of a unit under shuffled labels, drawn from the distribution of its values.
///
/// The samples farthest from the mean (32 per class, at least 256 and at most 1,024) get random places. The
/// sums of the others per class are normal with their mean and variance, conditioned on the sum over all
/// classes.
class shuffled_index {
  public:
    shuffled_index(const std::vector<std::uint64_t>& class_counts, const null_options& options)
        : options_(options) {
        for (const std::uint64_t count : class_counts) {
            if (count > 0) sizes_.push_back(static_cast<double>(count));
        }
        samples_ = std::accumulate(sizes_.begin(), sizes_.end(), 0.0);
        largest_ = *std::max_element(sizes_.begin(), sizes_.end());
        // The class of each place; for very many samples, of a share of them.
        constexpr double max_places = 1U << 20U;
        const double share = (std::min)(1.0, max_places / samples_);
        double end = 0;
        for (std::size_t c = 0; c < sizes_.size(); ++c) {
            end += sizes_[c] * share;
            classes_.resize(static_cast<std::size_t>(std::llround(end)), static_cast<std::uint32_t>(c));
        }
        sums_.resize(sizes_.size());
        placed_.resize(sizes_.size());
        noise_.resize(sizes_.size());
        means_.resize(sizes_.size());
    }

    /// Maximum number of samples that get places.
    [[nodiscard]] static double max_placed(std::size_t classes) noexcept {
        return std::clamp(32 * static_cast<double>(classes), 256.0, 1024.0);
    }

    /// For the values `values` of a unit with mean `mean`.
    void take(const value_distribution& values, double mean) {
        std::vector<std::size_t> order(values.value.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            return std::abs(values.value[a] - mean) > std::abs(values.value[b] - mean);
        });
        far_.clear();
        double left = (std::min)(samples_, max_placed(sizes_.size()));
        double near = 0, sum = 0, squares = 0;
        for (const std::size_t i : order) {
            const double placed = (std::min)(left, values.count[i]);
            far_.insert(far_.end(), static_cast<std::size_t>(placed), values.value[i]);
            left -= placed;
            near += values.count[i] - placed;
            sum += (values.count[i] - placed) * values.value[i];
            squares += (values.count[i] - placed) * values.value[i] * values.value[i];
        }
        near_ = near;
        near_mean_ = near > 0 ? sum / near : 0;
        near_sd_ = near > 0 ? std::sqrt((std::max)(0.0, squares / near - near_mean_ * near_mean_)) : 0;
        const auto smallest = std::min_element(values.value.begin(), values.value.end());
        positive_ = smallest == values.value.end() || *smallest >= 0;
    }

    /// One draw; NaN if a class mean is negative.
    [[nodiscard]] double draw(random_stream& random) {
        std::fill(sums_.begin(), sums_.end(), 0.0);
        std::fill(placed_.begin(), placed_.end(), 0.0);
        for (std::size_t i = 0; i < far_.size(); ++i) {
            // A random one of the remaining places: the first steps of a shuffle.
            std::uint32_t& first = classes_[i];
            std::swap(first, classes_[i + random.below(static_cast<std::uint32_t>(classes_.size() - i))]);
            sums_[first] += far_[i];
            placed_[first] += 1;
        }
        if (near_ > 0) add_near(random);
        for (std::size_t c = 0; c < sums_.size(); ++c) {
            means_[c] = sums_[c] / sizes_[c];
            if (positive_) means_[c] = (std::max)(means_[c], 0.0);
        }
        if (options_.shift) shift_class_means(means_, largest_);
        return class_selectivity_index(means_, options_.epsilon).index;
    }

  private:
    void add_near(random_stream& random) {
        double total = 0, left = 0;
        for (std::size_t c = 0; c < sums_.size(); ++c) {
            const double count = (std::max)(0.0, sizes_[c] - placed_[c]);
            noise_[c] = near_sd_ == 0 ? 0 : near_sd_ * std::sqrt(count) * random.normal();
            total += noise_[c];
            left += count;
        }
        for (std::size_t c = 0; c < sums_.size(); ++c) {
            const double count = (std::max)(0.0, sizes_[c] - placed_[c]);
            sums_[c] += count * near_mean_ + noise_[c] - total * count / left;
        }
    }

    null_options options_;
    std::vector<double> sizes_;
    double samples_ = 0;
    double largest_ = 0;
    std::vector<std::uint32_t> classes_;
    std::vector<double> far_;
    double near_ = 0, near_mean_ = 0, near_sd_ = 0;
    bool positive_ = true;
    std::vector<double> sums_, placed_, noise_, means_;
};

} // namespace detail

/// The mean class selectivity index of a layer under shuffled labels: the average over the units with an
/// index, of each unit's average over shuffles with a defined index.
///
/// `index`: the index of each unit, NaN for an undefined one, which is excluded. `sums`, `histogram`: of the
/// same values. `variances`: of each unit over all samples, divisor n - 1. Shuffles are drawn for each unit
/// from its own distribution of values, so the labels of single samples are not needed. The draws come from a
/// fixed random stream: the same bits every time. There are 2,048 to 16,384 of them over all units, at most
/// 4,096 for one. docs/reference/selectivity.md has the error against shuffles of the samples.
///
/// Range 0 .. 1; a constant unit counts as 0. NaN without a unit that has an index. Throws `shape_error` if
/// the numbers of units differ and `value_error` if the numbers of samples do, or with fewer than two classes
/// that have samples. About 4 10^6 additions, at most 2,100 per unit; up to 64 times as many if shuffles
/// seldom give an index.
[[nodiscard]] inline double selectivity_null_mean(std::span<const double> index, const class_sums& sums,
                                                  std::span<const double> variances,
                                                  const value_histogram& histogram,
                                                  const null_options& options = {}) {
    constexpr const char* name = "selectivity_null_mean";
    detail::check_unit_distributions(name, sums, variances, histogram);
    if (index.size() != sums.units()) {
        errors::throw_shape_error(name, "expected an index of each of " + errors::text_of(sums.units()) +
                                            " units, got " + errors::text_of(index.size()));
    }
    std::vector<std::size_t> units;
    for (std::size_t u = 0; u < index.size(); ++u) {
        if (!detail::is_nan(index[u])) units.push_back(u);
    }
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    if (units.empty()) return nan;
    const double additions =
        (std::min)(static_cast<double>(sums.samples()), detail::shuffled_index::max_placed(sums.classes())) +
        static_cast<double>(sums.classes());
    const double draws = std::clamp(4e6 / additions, 2048.0, 16384.0);
    const auto draws_per_unit = static_cast<std::size_t>(
        std::clamp(std::ceil(draws / static_cast<double>(units.size())), 1.0, 4096.0));
    // For a unit with an index under few shuffles.
    const std::size_t max_attempts = (std::min)(64 * draws_per_unit, 2 * draws_per_unit + 16384);
    std::vector<double> means(units.size(), nan);
    const scoped_pool pool(options.threads);
    constexpr std::size_t units_per_task = 32;
    pool->for_each(block_count(units.size(), units_per_task), [&](std::size_t task) {
        detail::shuffled_index shuffled(sums.counts(), options);
        const std::size_t end = (std::min)((task + 1) * units_per_task, units.size());
        for (std::size_t k = task * units_per_task; k < end; ++k) {
            const std::size_t u = units[k];
            const double mean = detail::mean_over_classes(sums, u);
            value_distribution values = histogram.distribution(u);
            detail::fit_moments(values, mean, variances[u]);
            shuffled.take(values, mean);
            random_stream random(0, streams::id(streams::purpose::permutation, 2),
                                 static_cast<std::uint32_t>(u));
            double sum = 0;
            std::size_t defined = 0;
            for (std::size_t attempt = 0; attempt < max_attempts; ++attempt) {
                const double drawn = shuffled.draw(random);
                if (detail::is_nan(drawn)) continue;
                sum += drawn;
                if (++defined == draws_per_unit) break;
            }
            if (defined != 0) means[k] = sum / static_cast<double>(defined);
        }
    });
    double total = 0;
    std::size_t counted = 0;
    for (const double mean : means) {
        if (detail::is_nan(mean)) continue;
        total += mean;
        ++counted;
    }
    return counted == 0 ? nan : total / static_cast<double>(counted);
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
