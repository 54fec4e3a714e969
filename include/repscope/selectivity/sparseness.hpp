#pragma once

#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/error.hpp"
#include "repscope/moments/class_moments.hpp"
#include "repscope/moments/class_sums.hpp"
#include "repscope/moments/update_options.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Treves and Rolls' activity ratio a = (mean |r|)^2 / mean r^2 of responses: 1 / n for a single response, 1
/// if all responses are equal. NaN without responses or if all are 0. n a is their participation ratio. O(n).
/// Source: Treves and Rolls 1991; Rolls and Tovee 1995.
[[nodiscard]] inline double treves_rolls(std::span<const double> responses) noexcept {
    double sum = 0;
    double squares = 0;
    for (const double r : responses) {
        sum += std::abs(r);
        squares += r * r;
    }
    if (squares == 0) return std::numeric_limits<double>::quiet_NaN();
    return sum * sum / (static_cast<double>(responses.size()) * squares);
}

/// Vinje and Gallant's sparseness S = (1 - a) / (1 - 1 / n), where a is `treves_rolls`: 0 if all responses
/// are equal, 1 for a single response.
///
/// A few percent too small below 50 responses: exponential responses have .457 for 5, .491 for 50, .5 for
/// many. NaN below 2 responses and if all are 0. O(n). Source: Vinje and Gallant 2000.
[[nodiscard]] inline double vinje_gallant(std::span<const double> responses) noexcept {
    if (responses.size() < 2) return std::numeric_limits<double>::quiet_NaN();
    return (1 - treves_rolls(responses)) / (1 - 1 / static_cast<double>(responses.size()));
}

/// Lifetime sparseness of every unit over samples: Vinje and Gallant's S, from moments.
///
/// For non-negative activations, because moments do not contain |r|. NaN below two samples and for silent
/// units, which are excluded from a mean. O(units x classes).
[[nodiscard]] inline std::vector<double> lifetime_sparseness(const class_moments& state) {
    std::vector<double> result(state.units(), std::numeric_limits<double>::quiet_NaN());
    const auto n = static_cast<double>(state.samples());
    if (n < 2) return result;
    for (std::size_t u = 0; u < state.units(); ++u) {
        const double mean = state.unit_mean(u);
        const double square = state.unit_variance(u) * (n - 1) / n + mean * mean;
        if (square > 0) result[u] = (1 - mean * mean / square) / (1 - 1 / n);
    }
    return result;
}

/// Lifetime sparseness of every unit over its class means; it does not depend on the spread within classes.
/// Classes without samples are excluded; NaN below two classes and for silent units. O(units x classes).
[[nodiscard]] inline std::vector<double> class_sparseness(const class_sums& state) {
    std::vector<double> result;
    std::vector<double> means;
    for (std::size_t u = 0; u < state.units(); ++u) {
        means.clear();
        for (std::size_t c = 0; c < state.classes(); ++c) {
            if (state.count(c) > 0) means.push_back(state.mean(c, u));
        }
        result.push_back(vinje_gallant(means));
    }
    return result;
}

/// Population sparseness: Vinje and Gallant's S over the units, for each sample.
///
/// `activations` as for `class_selectivity`. Range 0 .. 1; NaN for a sample to which no unit responds, which
/// is excluded from a mean, and for a single unit. Samples may be given in any portions. Throws as
/// `class_sums::update` does. O(elements), samples x units doubles are held.
template <tensor_like Activations>
[[nodiscard]] std::vector<double> population_sparseness(const Activations& activations,
                                                        const update_options& options = {}) {
    constexpr const char* name = "population_sparseness";
    const auto x = as_activations(activations, options.axes, name);
    if (x.empty()) errors::throw_shape_error(name, "expected at least one sample and unit", x.extents());
    const scoped_pool pool(options.threads);
    const std::vector<double> rows = detail::unit_rows(name, x, *pool);
    std::vector<double> result;
    for (std::size_t i = 0; i < x.extent(0); ++i) {
        result.push_back(vinje_gallant(std::span(rows).subspan(i * x.extent(1), x.extent(1))));
    }
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
