#pragma once

#include "repscope/error.hpp"
#include "repscope/moments/class_moments.hpp"
#include "repscope/moments/class_sums.hpp"
#include "repscope/statistics/summary.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The class selectivity index of one unit and the means in it.
struct unit_selectivity {
    /// (mu_max - mu_rest) / (mu_max + mu_rest + epsilon); NaN if a class mean is negative.
    double index = 0;
    /// The largest class mean.
    double mu_max = 0;
    /// The unweighted mean of the other classes' means.
    double mu_rest = 0;
    /// The class of `mu_max`, of equal ones the lowest; no value for a silent unit (all means 0) and for an
    /// undefined one.
    std::optional<std::size_t> preferred_class;
};

/// The class selectivity index of one unit from its class means; NaN marks a class without samples, which is
/// excluded.
///
/// Range 0 .. 1, NaN if a class mean is negative. Throws `value_error` if fewer than two classes remain.
/// O(classes). Source: Morcos, Barrett, Rabinowitz, Botvinick 2018; with epsilon, Leavitt and Morcos 2020.
[[nodiscard]] constexpr unit_selectivity class_selectivity_index(std::span<const double> class_means,
                                                                 double epsilon = 1e-6) {
    std::size_t classes = 0;
    std::size_t preferred = 0;
    double sum = 0;
    double largest = 0;
    double smallest = 0;
    for (std::size_t c = 0; c < class_means.size(); ++c) {
        const double mean = class_means[c];
        if (detail::is_nan(mean)) continue;
        if (classes == 0 || mean > largest) {
            largest = mean;
            preferred = c;
        }
        if (classes == 0 || mean < smallest) smallest = mean;
        sum += mean;
        ++classes;
    }
    if (classes < 2) {
        errors::throw_value_error("class_selectivity_index",
                                  "expected at least 2 classes with samples, got " +
                                      errors::text_of(classes));
    }
    unit_selectivity result;
    result.mu_max = largest;
    result.mu_rest = (sum - largest) / static_cast<double>(classes - 1);
    if (smallest < 0) {
        result.index = std::numeric_limits<double>::quiet_NaN();
        return result;
    }
    // If all means are equal, the mean of the rest is set to the same value, without the rounding error of a
    // difference of sums.
    if (largest == smallest) result.mu_rest = largest;
    result.index = (result.mu_max - result.mu_rest) / (result.mu_max + result.mu_rest + epsilon);
    if (largest > 0) result.preferred_class = preferred;
    return result;
}

/// Treatment of activations that may be negative.
enum class negative_policy {
    undefined, ///< units with a negative class mean have no index
    rectify,   ///< max(a, 0) of every element first: the index of the activation after a ReLU
    /// Each unit's smallest class mean is subtracted from its class means first. Class means that differ by
    /// at most the rounding of their sums (2^-52, times the samples of a class, times their size) count as
    /// equal. Thus the index of a constant unit is 0 for any value.
    shift,
};

/// Options of `class_selectivity` from a state.
struct selectivity_options {
    double epsilon = 1e-6;                                  ///< added to the denominator of the index
    negative_policy negatives = negative_policy::undefined; ///< treatment of negative class means
    /// Classes with fewer samples are excluded: a rare class has a noisy mean and is the maximum too often.
    std::uint64_t min_class_samples = 1;
};

/// Class selectivity of a layer; the vectors have one entry per unit.
struct selectivity_result {
    std::vector<double> index;   ///< (mu_max - mu_rest) / (mu_max + mu_rest + epsilon)
    std::vector<double> mu_max;  ///< largest class mean
    std::vector<double> mu_rest; ///< mean of the other class means
    std::vector<std::optional<std::size_t>> preferred_class; ///< the class of `mu_max`
    /// Mean of `index` over the units that are not undefined; silent units count as 0. NaN without such
    /// units.
    double mean = 0;
    /// The same without silent units.
    double mean_live = 0;
    /// Median over the units of `mean`.
    double median = 0;
    /// Units whose class means are all exactly 0.
    std::size_t silent_units = 0;
    /// Units with a negative class mean.
    std::size_t undefined_units = 0;
};

namespace detail {

/// Whether class means from `smallest` to `largest` are those of a constant unit, for sums over at most
/// `samples` samples each. The sum of n equal values v has an error of up to n^2 v 2^-53, since each addition
/// may round in the same direction; its mean has an error of up to n v 2^-53.
[[nodiscard]] constexpr bool equal_but_for_rounding(double smallest, double largest,
                                                    double samples) noexcept {
    const double size = (std::max)(smallest < 0 ? -smallest : smallest, largest < 0 ? -largest : largest);
    return largest - smallest <= samples * std::numeric_limits<double>::epsilon() * size;
}

/// Subtracts the smallest of the class means, as `negative_policy::shift` states; NaN marks an excluded
/// class. `samples`: number of samples of the largest class.
constexpr void shift_class_means(std::span<double> means, double samples) noexcept {
    double smallest = std::numeric_limits<double>::infinity();
    double largest = -smallest;
    for (const double mean : means) {
        if (mean < smallest) smallest = mean;
        if (mean > largest) largest = mean;
    }
    const bool constant = equal_but_for_rounding(smallest, largest, samples);
    for (double& mean : means) mean = constant && !is_nan(mean) ? 0 : mean - smallest;
}

template <typename State>
[[nodiscard]] selectivity_result class_selectivity_of(const State& state,
                                                      const selectivity_options& options) {
    const bool rectify = options.negatives == negative_policy::rectify;
    if (rectify && !state.options().rectify) {
        errors::throw_value_error(
            "class_selectivity",
            "negative_policy::rectify: expected a state that was built with class_options{.rectify = true}");
    }
    selectivity_result result;
    std::vector<double> means(state.classes());
    std::vector<double> counted;
    double sum = 0;
    std::uint64_t most = 0;
    for (std::size_t c = 0; c < state.classes(); ++c) most = (std::max)(most, state.count(c));
    for (std::size_t u = 0; u < state.units(); ++u) {
        double smallest = std::numeric_limits<double>::infinity();
        for (std::size_t c = 0; c < state.classes(); ++c) {
            const bool enough = state.count(c) > 0 && state.count(c) >= options.min_class_samples;
            means[c] = enough ? state.mean(c, u) : std::numeric_limits<double>::quiet_NaN();
            if (means[c] < smallest) smallest = means[c];
        }
        if (options.negatives == negative_policy::shift) {
            shift_class_means(means, static_cast<double>(most));
        }
        const unit_selectivity unit = class_selectivity_index(means, options.epsilon);
        result.index.push_back(unit.index);
        result.mu_max.push_back(unit.mu_max);
        result.mu_rest.push_back(unit.mu_rest);
        result.preferred_class.push_back(unit.preferred_class);
        if (is_nan(unit.index)) {
            ++result.undefined_units;
            continue;
        }
        // After a shift the means of any constant unit are 0; the class means before the shift decide whether
        // a unit is silent.
        if (!unit.preferred_class && (options.negatives != negative_policy::shift || smallest == 0)) {
            ++result.silent_units;
        }
        counted.push_back(unit.index);
        sum += unit.index;
    }
    const auto over = [](double total, std::size_t units) {
        return units == 0 ? std::numeric_limits<double>::quiet_NaN() : total / static_cast<double>(units);
    };
    result.mean = over(sum, counted.size());
    result.mean_live = over(sum, counted.size() - result.silent_units);
    result.median = median(std::move(counted));
    return result;
}

/// Number of classes of labels that start at 0: the largest + 1. Throws for implausible labels before a state
/// is allocated for them.
template <typename Labels>
[[nodiscard]] std::size_t classes_of(const Labels& labels) {
    constexpr std::size_t most = std::size_t{1} << 20U;
    const auto y = as_view<1>(labels);
    std::uint64_t largest = 0;
    for (std::size_t i = 0; i < y.extent(0); ++i) {
        const auto label = y(i);
        bool outside = false;
        if constexpr (std::is_signed_v<std::remove_cvref_t<decltype(label)>>) outside = label < 0;
        if (!outside) outside = static_cast<std::uint64_t>(label) >= most;
        if (outside) {
            errors::throw_value_error("class_selectivity",
                                      "expected labels in 0 .. " + errors::text_of(most - 1) + ", got " +
                                          errors::text_of(label) + " at position " + errors::text_of(i));
        }
        largest = (std::max)(largest, static_cast<std::uint64_t>(label));
    }
    return static_cast<std::size_t>(largest) + 1;
}

} // namespace detail

/// Class selectivity of every unit of a layer, from its class sums.
///
/// Throws `value_error` if fewer than two classes have samples, and if `rectify` is requested for a state of
/// activations that were not rectified. O(units x classes).
[[nodiscard]] inline selectivity_result class_selectivity(const class_sums& state,
                                                          const selectivity_options& options = {}) {
    return detail::class_selectivity_of(state, options);
}

/// The same from class moments.
[[nodiscard]] inline selectivity_result class_selectivity(const class_moments& state,
                                                          const selectivity_options& options = {}) {
    return detail::class_selectivity_of(state, options);
}

/// Options of `class_selectivity` from activations.
struct class_selectivity_options {
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;
    double epsilon = 1e-6;                                  ///< added to the denominator of the index
    negative_policy negatives = negative_policy::undefined; ///< treatment of negative class means
    /// What the axes of the activations mean; rank 3 needs it.
    layout axes = layout::unstated;
};

/// Class selectivity of every unit of a layer.
///
/// `activations`: (samples, units), (samples, channels, height, width), where a channel is one unit with its
/// spatial mean as value, or as `options.axes` states. `labels`: one integer per sample in 0 .. 2^20 - 1;
/// classes are 0 .. the largest. Throws as `class_sums::update` and `class_selectivity` of a state do. One
/// pass, O(elements).
template <tensor_like Activations, labels_like Labels>
[[nodiscard]] selectivity_result class_selectivity(const Activations& activations, const Labels& labels,
                                                   const class_selectivity_options& options = {}) {
    const auto x = as_activations(activations, options.axes, "class_selectivity");
    if (x.empty())
        errors::throw_shape_error("class_selectivity", "expected at least one sample and unit", x.extents());
    class_sums state(x.extent(1), detail::classes_of(labels),
                     {.rectify = options.negatives == negative_policy::rectify});
    state.update(x, labels, {.threads = options.threads});
    return class_selectivity(state, {.epsilon = options.epsilon, .negatives = options.negatives});
}

/// Selected if the activations are not a tensor; does not compile.
template <typename T, labels_like Labels>
    requires(!tensor_like<T>)
selectivity_result class_selectivity(const T&, const Labels&, const class_selectivity_options& = {}) {
    detail::refuse_non_tensor<T>();
    return {};
}

/// Class selectivity at compile time, for a small array [sample][unit] and its labels 0 .. Samples - 1.
///
/// Computes the same formula from plain sums. Throws `value_error`, which is a compile-time error in a
/// constant expression, for labels outside that range and fewer than two classes.
template <typename T, std::size_t Samples, std::size_t Units, label_scalar Label>
    requires std::is_arithmetic_v<T>
[[nodiscard]] constexpr std::array<unit_selectivity, Units>
class_selectivity(const std::array<std::array<T, Units>, Samples>& activations,
                  const std::array<Label, Samples>& labels, double epsilon = 1e-6) {
    std::array<unit_selectivity, Units> result{};
    for (std::size_t u = 0; u < Units; ++u) {
        std::array<double, Samples> means{};
        std::array<double, Samples> counts{};
        for (std::size_t i = 0; i < Samples; ++i) {
            if (labels[i] < Label(0) || static_cast<std::uint64_t>(labels[i]) >= Samples) {
                errors::throw_value_error("class_selectivity", "expected labels below the number of samples");
            }
            means[static_cast<std::size_t>(labels[i])] += static_cast<double>(activations[i][u]);
            counts[static_cast<std::size_t>(labels[i])] += 1;
        }
        for (std::size_t c = 0; c < Samples; ++c) {
            if (counts[c] == 0)
                means[c] = std::numeric_limits<double>::quiet_NaN();
            else
                means[c] /= counts[c];
        }
        result[u] = class_selectivity_index(means, epsilon);
    }
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
