#pragma once

#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"
#include "repscope/selectivity/class_selectivity.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `precision_at_k`.
struct precision_options {
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;
    std::size_t k = 60; ///< number of samples that a unit retrieves
    /// What the axes of the activations mean; rank 3 needs it.
    layout axes = layout::unstated;
};

/// Precision at k of a layer; the vectors have one entry per unit.
struct precision_result {
    /// Share of the most frequent class among the k samples with the largest activation.
    std::vector<double> precision;
    /// That class; of equally frequent ones, the lowest.
    std::vector<std::size_t> top_class;
    /// The mean of `precision` for a unit that is independent of the classes: the share of the most frequent
    /// class among k random samples, which is more than 1 / classes. Monte-Carlo error about .002.
    double null_mean = 0;
    /// k, or the number of samples if that is less.
    std::size_t k = 0;
};

/// Precision at k: the purity of the classes of the samples that excite each unit most.
///
/// `activations`, `labels` as for `class_selectivity`. Of equal activations, the earlier sample is taken. A
/// constant unit (also a silent one) gives the classes of the first k samples: compare it with `null_mean`. A
/// high precision does not limit the number of missed samples of the class. Needs all samples at once and
/// samples x units doubles of memory. O(samples x units). Throws as `class_selectivity` does and
/// `value_error` for k = 0. Source: Zhou, Khosla, Lapedriza, Oliva and Torralba 2015 (arXiv 1412.6856).
template <tensor_like Activations, labels_like Labels>
[[nodiscard]] precision_result precision_at_k(const Activations& activations, const Labels& labels,
                                              const precision_options& options = {}) {
    constexpr const char* name = "precision_at_k";
    const auto x = as_activations(activations, options.axes, name);
    if (x.empty()) errors::throw_shape_error(name, "expected at least one sample and unit", x.extents());
    if (options.k == 0) errors::throw_value_error(name, "expected k of at least 1, got 0");
    const std::size_t samples = x.extent(0);
    const std::size_t units = x.extent(1);
    const auto y = as_view<1>(labels);
    const std::size_t classes = detail::classes_of(y);
    detail::check_labels(name, y, samples, classes);
    const scoped_pool pool(options.threads);
    const std::vector<double> rows = detail::unit_rows(name, x, *pool);
    precision_result result;
    result.k = (std::min)(options.k, samples);
    result.precision.resize(units);
    result.top_class.resize(units);
    // `order[0]` .. `order[k - 1]`: the samples of a set.
    const auto most_frequent = [&](std::span<const std::uint32_t> set) {
        std::vector<std::size_t> counts(classes);
        for (const std::uint32_t i : set) ++counts[static_cast<std::size_t>(y(i))];
        const auto top = std::max_element(counts.begin(), counts.end());
        return std::pair(static_cast<std::size_t>(top - counts.begin()),
                         static_cast<double>(*top) / static_cast<double>(set.size()));
    };
    detail::for_each_unit(rows, samples, units, *pool, [&](std::size_t unit, std::span<const double> column) {
        std::vector<std::uint32_t> order(samples);
        std::iota(order.begin(), order.end(), std::uint32_t{0});
        std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(result.k - 1),
                         order.end(), [&](std::uint32_t a, std::uint32_t b) {
                             return column[a] != column[b] ? column[a] > column[b] : a < b;
                         });
        const auto [top, share] = most_frequent(std::span<const std::uint32_t>(order).first(result.k));
        result.top_class[unit] = top;
        result.precision[unit] = share;
    });
    // Draws k different random samples repeatedly: the first k of a partial shuffle.
    constexpr std::uint32_t draws = 1000;
    std::vector<std::uint32_t> order(samples);
    std::iota(order.begin(), order.end(), std::uint32_t{0});
    for (std::uint32_t draw = 0; draw < draws; ++draw) {
        random_stream random(0, streams::id(streams::purpose::permutation, 3), draw);
        for (std::size_t i = 0; i < result.k; ++i) {
            std::swap(order[i], order[i + random.below(static_cast<std::uint32_t>(samples - i))]);
        }
        result.null_mean +=
            most_frequent(std::span<const std::uint32_t>(order).first(result.k)).second / draws;
    }
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
