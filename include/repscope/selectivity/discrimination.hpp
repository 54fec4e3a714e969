#pragma once

#include "repscope/detail/common/check_labels.hpp"
#include "repscope/detail/common/fold_hash.hpp"
#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/error.hpp"
#include "repscope/selectivity/class_selectivity.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `d_prime` and `auc_selectivity` from activations.
struct discrimination_options {
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;
    std::size_t folds = 5; ///< number of folds
    /// Classes with fewer samples are excluded.
    std::uint64_t min_class_samples = 2;
    /// Index of the first sample in the whole data set; the fold is a hash of the index.
    std::uint64_t first_index = 0;
    /// What the axes of the activations mean; rank 3 needs it.
    layout axes = layout::unstated;
};

/// Discrimination of the best class from the others by each unit; the vectors have one entry per unit.
struct discrimination_result {
    /// The largest over the classes, biased upward like every maximum; NaN without two classes.
    std::vector<double> largest;
    /// The class of `largest`, of equal ones the lowest; no value if it is NaN.
    std::vector<std::optional<std::size_t>> preferred_class;
    /// Cross-fit: the class is selected on the other folds and the value is computed on this one; mean over
    /// the folds that contain both the class and others. Near 0 for a unit that is independent of the
    /// classes. NaN without such folds.
    std::vector<double> cross_fit;
};

namespace detail {

/// Labels, folds and classes of the samples, as the loops over single units need them.
struct labeled_folds {
    std::vector<std::uint32_t> classes; ///< index of each sample's class among the kept ones
    std::vector<std::uint32_t> folds;
    std::vector<std::size_t> samples; ///< the samples of kept classes
    std::vector<std::size_t> kept;
    std::size_t fold_count = 0;
};

template <typename Label>
[[nodiscard]] labeled_folds fold_labels(std::string_view function, const tensor_view<const Label, 1>& y,
                                        std::size_t samples, const discrimination_options& options) {
    if (options.folds < 2 || options.folds > 1024) {
        errors::throw_value_error(function,
                                  "expected 2 to 1024 folds, got " + errors::text_of(options.folds));
    }
    const std::size_t classes = classes_of(y);
    check_labels(function, y, samples, classes);
    std::vector<std::uint64_t> counts(classes);
    for (std::size_t i = 0; i < samples; ++i) ++counts[static_cast<std::size_t>(y(i))];
    labeled_folds result;
    std::vector<std::uint32_t> place(classes);
    for (std::size_t c = 0; c < classes; ++c) {
        place[c] = static_cast<std::uint32_t>(result.kept.size());
        if (counts[c] > 0 && counts[c] >= options.min_class_samples) result.kept.push_back(c);
    }
    result.fold_count = options.folds;
    for (std::size_t i = 0; i < samples; ++i) {
        const auto c = static_cast<std::size_t>(y(i));
        const bool is_kept = counts[c] >= options.min_class_samples;
        if (is_kept) result.samples.push_back(i);
        result.classes.push_back(place[c]);
        // The folds of `cross_fit_selectivity` with its default of four blocks per fold.
        result.folds.push_back(static_cast<std::uint32_t>(
            sample_block(options.first_index + i, 4 * options.folds) % options.folds));
    }
    return result;
}

/// The common part of `d_prime` and `auc_selectivity`.
///
/// `make_score(data, column)` returns the score of a unit: a callable `score(fold, inside, values)` that
/// writes one value per kept class, NaN where it is undefined, over the samples inside or outside a fold
/// (with `fold == data.fold_count`: over all). `size(value)` is the quantity that the preferred class
/// maximizes; if `size(-1)` is positive, a cross-fit value takes the sign of the value on the training folds.
template <typename Activations, typename Labels, typename MakeScore, typename Size>
[[nodiscard]] discrimination_result discriminate(std::string_view function, const Activations& activations,
                                                 const Labels& labels, const discrimination_options& options,
                                                 MakeScore&& make_score, Size&& size) {
    const auto x = as_activations(activations, options.axes, function);
    if (x.empty()) errors::throw_shape_error(function, "expected at least one sample and unit", x.extents());
    const std::size_t units = x.extent(1);
    const labeled_folds data = fold_labels(function, as_view<1>(labels), x.extent(0), options);
    const scoped_pool pool(options.threads);
    const std::vector<double> rows = unit_rows(function, x, *pool);
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    discrimination_result result;
    result.largest.assign(units, nan);
    result.cross_fit.assign(units, nan);
    result.preferred_class.resize(units);
    for_each_unit(rows, x.extent(0), units, *pool, [&](std::size_t unit, std::span<const double> column) {
        auto score = make_score(data, column);
        std::vector<double> values(data.kept.size());
        const auto best = [&] {
            std::optional<std::size_t> place;
            for (std::size_t k = 0; k < values.size(); ++k) {
                if (is_nan(values[k])) continue;
                if (!place || size(values[k]) > size(values[*place])) place = k;
            }
            return place;
        };
        score(data.fold_count, false, values);
        const auto chosen = best();
        if (!chosen) return;
        result.largest[unit] = size(values[*chosen]);
        result.preferred_class[unit] = data.kept[*chosen];
        double total = 0;
        std::size_t usable = 0;
        std::vector<double> trained(data.kept.size());
        for (std::size_t fold = 0; fold < data.fold_count; ++fold) {
            score(fold, false, values);
            const auto training_choice = best();
            if (!training_choice) continue;
            trained = values;
            score(fold, true, values);
            if (is_nan(values[*training_choice])) continue;
            const bool turned = trained[*training_choice] < 0 && size(-1.0) > 0;
            total += turned ? -values[*training_choice] : values[*training_choice];
            ++usable;
        }
        if (usable > 0) result.cross_fit[unit] = total / static_cast<double>(usable);
    });
    return result;
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
