#pragma once

#include "repscope/detail/common/tiles.hpp"
#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/dimensionality/result.hpp"
#include "repscope/dimensionality/spectrum.hpp"
#include "repscope/error.hpp"
#include "repscope/moments/covariance.hpp"
#include "repscope/moments/update_options.hpp"
#include "repscope/tensor/as_view.hpp"

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The change of a representation when the same inputs are perturbed.
struct representation_change_result {
    /// Dimensionality of the rows perturbed - clean, one per sample.
    dimensionality_result dimensionality;
    /// sqrt(sum |perturbed - clean|^2 / sum |clean|^2) over all samples and units, 0 or more. NaN if
    /// the clean values are all 0.
    double relative_size = 0;
};

namespace detail {

/// Sum over all samples and units of the squared value; NaN without samples or with a single one.
[[nodiscard]] inline double sum_of_squares(const covariance& state) {
    const std::vector<double> means = state.unit_means();
    const std::vector<double> variances = state.unit_variances();
    const auto n = static_cast<double>(state.samples());
    double sum = 0;
    for (std::size_t u = 0; u < state.units(); ++u) sum += n * means[u] * means[u] + (n - 1) * variances[u];
    return sum;
}

/// The size of a change from both sums of squares.
[[nodiscard]] inline double relative_size(double changed, double clean) noexcept {
    return clean > 0 ? std::sqrt(changed / clean) : std::numeric_limits<double>::quiet_NaN();
}

/// Computes the change with differences in `Scalar`.
template <typename Scalar, typename Clean, typename Perturbed>
[[nodiscard]] representation_change_result change_of(std::string_view function, const Clean& clean,
                                                     const Perturbed& perturbed, thread_pool& pool) {
    const std::size_t samples = clean.extent(0);
    const std::size_t units = clean.extent(1);
    constexpr std::size_t block_values = std::size_t{1} << 18U;
    const std::size_t block_size = (std::max<std::size_t>)(1, block_values / units);
    std::vector<double> before((std::min)(block_size, samples) * units);
    std::vector<double> after(before.size());
    std::vector<Scalar> difference(samples * units);
    double changed = 0;
    double all = 0;
    for (std::size_t first = 0; first < samples; first += block_size) {
        const std::size_t count = (std::min)(block_size, samples - first);
        unit_rows_into(function, clean, first, count, false, pool, before.data());
        unit_rows_into(function, perturbed, first, count, false, pool, after.data());
        Scalar* to = difference.data() + first * units;
        for (std::size_t k = 0; k < count * units; ++k) {
            to[k] = static_cast<Scalar>(after[k] - before[k]);
            changed += static_cast<double>(to[k]) * static_cast<double>(to[k]);
            all += before[k] * before[k];
        }
    }
    covariance state(units);
    state.update(as_view(difference, {samples, units}), {.threads = pool});
    return {repscope::dimensionality(std::move(state), {.threads = pool}), relative_size(changed, all)};
}

} // namespace detail

/// The size of a change, sqrt(sum |perturbed - clean|^2 / sum |clean|^2), from the second moments of the
/// clean values of the units and of the differences perturbed - clean of the same samples.
///
/// Range as `representation_change_result::relative_size`; NaN below two samples. Throws `shape_error` if the
/// units differ, `value_error` if the samples do. O(units).
[[nodiscard]] inline double relative_size_of_change(const covariance& clean, const covariance& difference) {
    constexpr const char* name = "representation_change";
    if (clean.units() != difference.units()) {
        errors::throw_shape_error(name, "expected differences of " + errors::text_of(clean.units()) +
                                            " units, got " + errors::text_of(difference.units()));
    }
    if (clean.samples() != difference.samples()) {
        errors::throw_value_error(name, "expected differences of " + errors::text_of(clean.samples()) +
                                            " samples, got " + errors::text_of(difference.samples()));
    }
    return detail::relative_size(detail::sum_of_squares(difference), detail::sum_of_squares(clean));
}

/// Computes the change of a representation from the second moments of the clean values of the units and of
/// the differences perturbed - clean of the same samples. `difference` is consumed if it is a temporary.
///
/// Throws as `relative_size_of_change` and `dimensionality`. The two forms of this function agree to 1e-12.
/// O(min(samples, units)^3).
template <product_backend Backend = eigen_products>
[[nodiscard]] representation_change_result
representation_change(const covariance& clean, covariance difference, const spectrum_options& options = {},
                      Backend backend = {}) {
    const double size = relative_size_of_change(clean, difference);
    return {dimensionality(std::move(difference), options, backend), size};
}

/// Computes the change of a representation when the same inputs are perturbed: the dimensionality of the
/// differences, and their size relative to the clean values.
///
/// `clean`, `perturbed`: (samples, units), (samples, channels, height, width), a channel read as its spatial
/// mean, or as `options.axes` states; sample i of both comes from the same input. Differences are computed in
/// double. Those of two `float` arrays without positions are computed in `float`, as if by the caller.
///
/// Throws `shape_error` if the extents differ or are 0. Throws `value_error` below 2 samples and for a value
/// that is NaN or infinite, with its sample and unit. Holds the differences. O(samples x units x min(samples,
/// units)). Source: Leavitt and Morcos 2020 (arXiv 2010.07693).
template <tensor_like Clean, tensor_like Perturbed>
[[nodiscard]] representation_change_result
representation_change(const Clean& clean, const Perturbed& perturbed, const update_options& options = {}) {
    constexpr const char* name = "representation_change";
    const auto x = as_activations(clean, options.axes, name);
    const auto y = as_activations(perturbed, options.axes, name);
    if (x.empty()) errors::throw_shape_error(name, "expected at least one sample and unit", x.extents());
    if (x.extents() != y.extents()) {
        errors::throw_shape_error(
            name, "expected perturbed activations of shape " + format_shape(x.extents()), y.extents());
    }
    const scoped_pool pool(options.threads);
    constexpr bool narrow = std::same_as<tile_scalar_t<element_type_of<Clean>>, float> &&
                            std::same_as<tile_scalar_t<element_type_of<Perturbed>>, float>;
    if constexpr (narrow) {
        if (x.extent(2) * x.extent(3) == 1) return detail::change_of<float>(name, x, y, *pool);
    }
    return detail::change_of<double>(name, x, y, *pool);
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
