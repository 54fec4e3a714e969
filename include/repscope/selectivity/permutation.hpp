#pragma once

#include "repscope/moments/value_rows.hpp"
#include "repscope/numeric/random.hpp"
#include "repscope/numeric/streams.hpp"
#include "repscope/selectivity/index.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace v0 {

/// Options of `selectivity_permutation`.
struct selectivity_permutation_options {
    /// Who computes; never changes a bit of the result.
    execution threads = 1;
    std::size_t permutations = 999;
    std::uint64_t seed = 0;
    double epsilon = 1e-6;
    signed_policy signed_values = signed_policy::undefined;
    /// What the axes of the activations mean; rank 3 needs it.
    layout axes = layout::unstated;
};

/// Class selectivity under shuffled labels; the vectors have one entry per unit.
struct selectivity_permutation_result {
    /// The plain index of the labels as they are; NaN for an undefined unit.
    std::vector<double> index;
    /// (1 + permutations whose index is at least `index`) / (1 + permutations); NaN for an undefined unit.
    std::vector<double> p_value;
    /// Mean and 95 % quantile of the index over the permutations for which it is defined; NaN without such.
    std::vector<double> null_mean;
    std::vector<double> null_95;
};

/// How often shuffled labels give each unit a class selectivity index as large as its own: an exact test of
/// whether the unit knows anything of the classes.
///
/// `activations`, `labels` as for `class_selectivity`. The shuffles are shared by all units and come from a
/// fixed random stream, so that p-values are the same every time; those of several units are adjusted by
/// `benjamini_hochberg`. Needs all samples at once, a second pass over what the moments saw:
/// samples x units + permutations x units doubles are held, O(permutations x samples x units).
/// `selectivity_null_p_values` approximates it from moments. Throws as `class_selectivity` does, and
/// `value_error` without permutations.
template <tensor_like Activations, labels_like Labels>
[[nodiscard]] selectivity_permutation_result selectivity_permutation(const Activations& activations, const Labels& labels,
                                                         const selectivity_permutation_options& options = {}) {
    constexpr const char* name = "selectivity_permutation";
    const auto x = as_activations(activations, options.axes, name);
    if (x.empty()) detail::throw_shape_error(name, "wanted at least one sample and unit", x.extents());
    if (options.permutations == 0 || options.permutations > 10'000'000) {
        detail::throw_value_error(name, "wanted 1 to 10000000 permutations, got " +
                                            std::to_string(options.permutations));
    }
    const std::size_t samples = x.extent(0);
    const std::size_t units = x.extent(1);
    const auto y = as_view<1>(labels);
    const std::size_t classes = detail::classes_of(y);
    detail::check_labels(name, y, samples, classes);
    const pool_lease pool(options.threads);
    const std::vector<double> rows =
        detail::value_rows(name, x, *pool, options.signed_values == signed_policy::rectify);
    std::vector<std::uint32_t> own(samples);
    std::vector<double> counts(classes);
    for (std::size_t i = 0; i < samples; ++i) {
        own[i] = static_cast<std::uint32_t>(y(i));
        counts[own[i]] += 1;
    }
    // The index of every unit under some labels.
    const auto measure = [&](const std::vector<std::uint32_t>& of, std::vector<double>& sums,
                             std::span<double> index) {
        sums.assign(classes * units, 0);
        for (std::size_t i = 0; i < samples; ++i) {
            double* sum = sums.data() + of[i] * units;
            const double* row = rows.data() + i * units;
            for (std::size_t u = 0; u < units; ++u) sum[u] += row[u];
        }
        std::vector<double> means(classes);
        for (std::size_t u = 0; u < units; ++u) {
            double smallest = std::numeric_limits<double>::infinity();
            for (std::size_t c = 0; c < classes; ++c) {
                means[c] = sums[c * units + u] / counts[c]; // 0 / 0 is NaN: a class without samples
                if (counts[c] > 0) smallest = (std::min)(smallest, means[c]);
            }
            if (options.signed_values == signed_policy::shift) {
                for (double& mean : means) mean -= smallest;
            }
            index[u] = class_selectivity_index(means, options.epsilon).index;
        }
    };
    selectivity_permutation_result result;
    result.index.resize(units);
    std::vector<double> sums;
    measure(own, sums, result.index);
    std::vector<double> shuffled_index(options.permutations * units);
    std::vector<std::vector<double>> scratch(pool->size());
    pool->for_each(options.permutations, [&](std::size_t r, std::size_t worker) {
        std::vector<std::uint32_t> labels_of_this = own;
        random_stream random(options.seed, streams::id(streams::purpose::permutation, 1),
                             static_cast<std::uint32_t>(r));
        shuffle(std::span(labels_of_this), random);
        measure(labels_of_this, scratch[worker], std::span(shuffled_index).subspan(r * units, units));
    });
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> defined;
    for (std::size_t u = 0; u < units; ++u) {
        defined.clear();
        std::size_t hits = 0;
        double sum = 0;
        for (std::size_t r = 0; r < options.permutations; ++r) {
            const double index = shuffled_index[r * units + u];
            if (detail::is_nan(index)) continue;
            defined.push_back(index);
            sum += index;
            if (index >= result.index[u] - 1e-12) ++hits; // equal but for rounding
        }
        result.null_mean.push_back(defined.empty() ? nan : sum / static_cast<double>(defined.size()));
        result.null_95.push_back(nan);
        if (!defined.empty()) {
            const auto at = defined.begin() + static_cast<std::ptrdiff_t>((defined.size() * 19 - 1) / 20);
            std::nth_element(defined.begin(), at, defined.end());
            result.null_95.back() = *at;
        }
        result.p_value.push_back(detail::is_nan(result.index[u])
                                     ? nan
                                     : static_cast<double>(1 + hits) /
                                         static_cast<double>(1 + options.permutations));
    }
    return result;
}

} // namespace v0
} // namespace repscope
