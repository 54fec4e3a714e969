#pragma once

#include "repscope/error.hpp"
#include "repscope/numeric/random.hpp"
#include "repscope/numeric/streams.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace v0 {

/// Options of `selectivity_null_mean`.
struct null_options {
    double epsilon = 1e-6;
    /// Whether each unit's smallest class mean is subtracted first (`signed_policy::shift`).
    bool shift = false;
};

namespace detail {

/// Of one draw of class means under shuffled labels: the largest deviation from the unit's mean, the mean of
/// the others, and the smallest, in standard deviations of the unit. A unit's class means are mean + sd *
/// deviation, so that of each draw only these three are needed.
struct null_deviations {
    double largest, rest, smallest;

    [[nodiscard]] double index(double mean, double sd, double epsilon, bool shift) const noexcept {
        const double base = shift ? -sd * smallest : mean;
        const double mu_max = (std::max)(base + sd * largest, 0.0);
        const double mu_rest = (std::max)(base + sd * rest, 0.0);
        return (mu_max - mu_rest) / (mu_max + mu_rest + epsilon);
    }
};

/// The sizes of the classes that have samples. Throws `value_error` below two of them.
[[nodiscard]] inline std::vector<double> sizes_of_classes(std::string_view function,
                                                          std::span<const std::uint64_t> class_counts) {
    std::vector<double> counts;
    for (const std::uint64_t count : class_counts) {
        if (count > 0) counts.push_back(static_cast<double>(count));
    }
    if (counts.size() < 2) {
        throw_value_error(function, "wanted at least 2 classes with samples, got " +
                                        std::to_string(counts.size()));
    }
    return counts;
}

inline void check_unit_moments(std::string_view function, std::span<const double> means,
                               std::span<const double> variances) {
    if (means.size() == variances.size()) return;
    throw_shape_error(function, "wanted as many variances as means, got " +
                                    std::to_string(variances.size()) + " and " +
                                    std::to_string(means.size()));
}

/// Draw number `draw` of class means under shuffled labels, for classes of these sizes.
[[nodiscard]] inline null_deviations draw_null(std::span<const double> counts, std::size_t draw,
                                               std::vector<double>& deviation) {
    random_stream random(0, streams::id(streams::purpose::permutation), static_cast<std::uint32_t>(draw));
    double samples = 0;
    for (const double count : counts) samples += count;
    deviation.resize(counts.size());
    double grand = 0;
    for (std::size_t c = 0; c < counts.size(); ++c) {
        deviation[c] = random.normal() / std::sqrt(counts[c]);
        grand += deviation[c] * counts[c] / samples;
    }
    double sum = 0;
    double largest = deviation[0] - grand;
    double smallest = largest;
    for (const double d : deviation) {
        sum += d - grand;
        largest = (std::max)(largest, d - grand);
        smallest = (std::min)(smallest, d - grand);
    }
    return {largest, (sum - largest) / static_cast<double>(counts.size() - 1), smallest};
}

} // namespace detail

/// The mean class selectivity index that a layer would have if its labels were shuffled, from moments alone.
///
/// `means`, `variances`: of each unit over all samples, the variance with divisor n - 1. `class_counts`:
/// samples of each class; empty classes are left out. Class means are drawn as independent normals with the
/// unit's mean and variance over the class count, conditioned on the grand mean, and a class mean below 0
/// counts as 0. The draws come from a fixed random stream and are shared by all units, so the result is the
/// same every time; its Monte-Carlo error is about 1 % up to 2,000 classes. For skewed units it is a few
/// percent below a permutation of the labels.
///
/// Range 0 .. 1; a unit that is constant counts as 0. NaN without units. Throws `shape_error` when the
/// two spans differ in length and `value_error` with fewer than two classes that have samples.
/// Cost: at most 1,000 (units + classes) evaluations.
[[nodiscard]] inline double selectivity_null_mean(std::span<const double> means,
                                                  std::span<const double> variances,
                                                  std::span<const std::uint64_t> class_counts,
                                                  const null_options& options = {}) {
    detail::check_unit_moments("selectivity_null_mean", means, variances);
    const auto counts = detail::sizes_of_classes("selectivity_null_mean", class_counts);
    if (means.empty()) return std::numeric_limits<double>::quiet_NaN();
    const std::size_t draws = std::clamp<std::size_t>(2'000'000 / counts.size(), 50, 1000);
    std::vector<detail::null_deviations> drawn(draws);
    std::vector<double> scratch;
    for (std::size_t draw = 0; draw < draws; ++draw) drawn[draw] = detail::draw_null(counts, draw, scratch);

    double total = 0;
    for (std::size_t u = 0; u < means.size(); ++u) {
        const double sd = std::sqrt((std::max)(variances[u], 0.0));
        double over_draws = 0;
        for (const auto& d : drawn) over_draws += d.index(means[u], sd, options.epsilon, options.shift);
        total += over_draws / static_cast<double>(draws);
    }
    return total / static_cast<double>(means.size());
}

/// The p-value of each unit's class selectivity index under shuffled labels, by the same approximation from
/// moments alone as `selectivity_null_mean`: (1 + draws whose index is at least `index`) / (1 + draws).
///
/// `index`: the plain index of each unit, NaN for an undefined one, whose p-value is NaN. A constant unit has
/// p = 1. Up to 9,999 draws, fewer above 2,000 classes (at least 199), shared by all units. For skewed units
/// with few samples a class the p-values are too small, much so below 50 (docs/inference.md):
/// `cross_fit` has conservative ones from one pass, `selectivity_permutation` exact ones from the samples. Throws as `selectivity_null_mean` does.
/// O(draws (units + classes)).
[[nodiscard]] inline std::vector<double> selectivity_null_p_values(
    std::span<const double> index, std::span<const double> means, std::span<const double> variances,
    std::span<const std::uint64_t> class_counts, const null_options& options = {}) {
    constexpr const char* name = "selectivity_null_p_values";
    detail::check_unit_moments(name, means, variances);
    if (index.size() != means.size()) {
        detail::throw_shape_error(name, "wanted as many indices as means, got " +
                                            std::to_string(index.size()) + " and " +
                                            std::to_string(means.size()));
    }
    const auto counts = detail::sizes_of_classes(name, class_counts);
    const std::size_t draws = std::clamp<std::size_t>(20'000'000 / counts.size(), 199, 9'999);
    std::vector<std::size_t> hits(means.size());
    std::vector<double> scratch;
    for (std::size_t draw = 0; draw < draws; ++draw) {
        const auto drawn = detail::draw_null(counts, draw, scratch);
        for (std::size_t u = 0; u < means.size(); ++u) {
            const double sd = std::sqrt((std::max)(variances[u], 0.0));
            // An index that is equal but for rounding counts as reached: it is that of a constant unit.
            if (drawn.index(means[u], sd, options.epsilon, options.shift) >= index[u] - 1e-12) ++hits[u];
        }
    }
    std::vector<double> p(means.size());
    for (std::size_t u = 0; u < means.size(); ++u) {
        p[u] = index[u] == index[u] ? static_cast<double>(1 + hits[u]) / static_cast<double>(1 + draws)
                                    : std::numeric_limits<double>::quiet_NaN();
    }
    return p;
}

} // namespace v0
} // namespace repscope
