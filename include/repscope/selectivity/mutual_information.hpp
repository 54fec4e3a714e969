#pragma once

#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/selectivity/class_selectivity.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `mutual_information`.
struct mutual_information_options {
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;
    /// Bins of about equal count.
    std::size_t bins = 10;
    /// What the axes of the activations mean; rank 3 needs it.
    layout axes = layout::unstated;
};

/// Mutual information of class and response, in nats; the vectors have one entry per unit.
struct mutual_information_result {
    /// From the plain counts: biased upward.
    std::vector<double> plain;
    /// Corrected by the bias of Miller and Madow. Near 0 on average for a unit that is independent of the
    /// classes, and therefore negative half of the time: it is not clamped.
    std::vector<double> corrected;
    /// Bins with samples: equal values share a bin, so a mostly silent unit has fewer.
    std::vector<std::size_t> bins_used;
};

/// Mutual information of the class and of each unit's binned activation.
///
/// `activations`, `labels` as for `class_selectivity`; activations may be negative, because only their order
/// counts. A value goes to bin floor(bins r / n), where r is the number of samples with a smaller value. The
/// correction subtracts (bins_used - 1) (classes - 1) / (2 n), where classes are those with samples. Range of
/// `plain`: 0 .. log min(classes, bins); 0 for a constant unit. Needs all samples at once and samples x units
/// doubles of memory. O(units (samples log samples + classes x bins)). Throws as `class_selectivity` does and
/// `value_error` for fewer than 2 bins. Source: Miller 1955.
template <tensor_like Activations, labels_like Labels>
[[nodiscard]] mutual_information_result mutual_information(const Activations& activations,
                                                           const Labels& labels,
                                                           const mutual_information_options& options = {}) {
    constexpr const char* name = "mutual_information";
    const auto x = as_activations(activations, options.axes, name);
    if (x.empty()) errors::throw_shape_error(name, "expected at least one sample and unit", x.extents());
    if (options.bins < 2 || options.bins > 65536) {
        errors::throw_value_error(name, "expected 2 to 65536 bins, got " + errors::text_of(options.bins));
    }
    const std::size_t samples = x.extent(0);
    const std::size_t units = x.extent(1);
    const auto y = as_view<1>(labels);
    const std::size_t classes = detail::classes_of(y);
    detail::check_labels(name, y, samples, classes);
    std::vector<double> class_counts(classes);
    for (std::size_t i = 0; i < samples; ++i) class_counts[static_cast<std::size_t>(y(i))] += 1;
    const auto occupied = [](const std::vector<double>& counts) {
        return static_cast<std::size_t>(
            std::count_if(counts.begin(), counts.end(), [](double count) { return count > 0; }));
    };
    const auto n = static_cast<double>(samples);
    const scoped_pool pool(options.threads);
    const std::vector<double> rows = detail::unit_rows(name, x, *pool);
    mutual_information_result result;
    result.plain.resize(units);
    result.corrected.resize(units);
    result.bins_used.resize(units);
    detail::for_each_unit(rows, samples, units, *pool, [&](std::size_t unit, std::span<const double> column) {
        std::vector<double> sorted(column.begin(), column.end());
        std::sort(sorted.begin(), sorted.end());
        std::vector<double> joint(classes * options.bins);
        std::vector<double> bin_counts(options.bins);
        for (std::size_t i = 0; i < samples; ++i) {
            const auto smaller = static_cast<std::size_t>(
                std::lower_bound(sorted.begin(), sorted.end(), column[i]) - sorted.begin());
            const std::size_t bin = options.bins * smaller / samples;
            joint[static_cast<std::size_t>(y(i)) * options.bins + bin] += 1;
            bin_counts[bin] += 1;
        }
        double information = 0;
        for (std::size_t c = 0; c < classes; ++c) {
            for (std::size_t b = 0; b < options.bins; ++b) {
                const double count = joint[c * options.bins + b];
                if (count > 0) {
                    information += count / n * std::log(count * n / (class_counts[c] * bin_counts[b]));
                }
            }
        }
        result.bins_used[unit] = occupied(bin_counts);
        result.plain[unit] = (std::max)(0.0, information);
        result.corrected[unit] =
            information -
            static_cast<double>((result.bins_used[unit] - 1) * (occupied(class_counts) - 1)) / (2 * n);
    });
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
