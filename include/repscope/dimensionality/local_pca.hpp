#pragma once

#include "repscope/dimensionality/nearest_neighbors.hpp"
#include "repscope/dimensionality/spectrum.hpp"
#include "repscope/moments/covariance.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Number of eigenvalues above a share of the largest: Fukunaga and Olsen's dimension. 0 when all are 0.
///
/// `eigenvalues`: descending. Throws `value_error` for a share outside [0, 1). O(n). Source: Fukunaga and
/// Olsen 1971.
[[nodiscard]] inline std::size_t fukunaga_olsen(std::span<const double> eigenvalues, double share = 0.05) {
    if (!(share >= 0 && share < 1)) {
        errors::throw_value_error("fukunaga_olsen",
                                  "expected a share in [0, 1), got " + errors::text_of(share));
    }
    if (eigenvalues.empty()) return 0;
    return static_cast<std::size_t>(std::count_if(eigenvalues.begin(), eigenvalues.end(), [&](double value) {
        return value > share * eigenvalues[0];
    }));
}

/// Options of `local_pca`.
struct local_pca_options {
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;
    /// Number of neighbors that form a neighborhood together with the sample itself.
    std::size_t k = 20;
    /// An eigenvalue counts when it is above this share of the neighborhood's largest.
    double share = 0.05;
    /// What the axes of the activations mean; rank 3 needs it.
    layout axes = layout::unstated;
};

/// Intrinsic dimension by principal components of neighborhoods.
struct local_pca_result {
    /// Mean over samples of the number of components of their neighborhood; NaN below k + 1 samples.
    double mean = std::numeric_limits<double>::quiet_NaN();
    /// One a sample.
    std::vector<std::uint32_t> components;
    std::size_t k = 0; ///< number of neighbors
};

/// The mean number of principal components of the neighborhoods of samples (`fukunaga_olsen` of each).
///
/// `activations` as for `nearest_neighbors`. At most min(k, units): choose k well above the expected
/// dimension. Equal samples are not merged; a neighborhood of equal samples has 0 components. Throws
/// `shape_error` without samples, `value_error` for k = 0 and a share outside [0, 1), and for an activation
/// that is not finite. O(samples^2 x units + samples (k^2 units + k^3)). Source: Fukunaga and Olsen 1971.
template <tensor_like Activations>
[[nodiscard]] local_pca_result local_pca(const Activations& activations,
                                         const local_pca_options& options = {}) {
    constexpr const char* name = "local_pca";
    const auto x = as_activations(activations, options.axes, name);
    if (x.empty()) errors::throw_shape_error(name, "expected at least one sample and unit", x.extents());
    if (options.k == 0) errors::throw_value_error(name, "expected k of at least 1, got 0");
    (void)fukunaga_olsen({}, options.share); // throws for an invalid share
    local_pca_result result;
    result.k = options.k;
    const std::size_t samples = x.extent(0);
    const std::size_t units = x.extent(1);
    if (samples <= options.k) return result;
    const scoped_pool pool(options.threads);
    const std::vector<double> rows = detail::unit_rows(name, x, *pool);
    const neighbors near =
        detail::search_neighbors(detail::quantized_points(rows, samples, units), options.k, *pool);
    result.components.resize(samples);
    pool->for_each(samples, [&](std::size_t i) {
        std::vector<double> own;
        own.reserve((options.k + 1) * units);
        const auto append = [&](std::size_t j) {
            own.insert(own.end(), rows.begin() + static_cast<std::ptrdiff_t>(j * units),
                       rows.begin() + static_cast<std::ptrdiff_t>((j + 1) * units));
        };
        append(i);
        for (std::size_t n = 0; n < options.k; ++n) append(near.index[i * options.k + n]);
        covariance state(units);
        state.update(tensor_view<const double, 2>(own.data(), {options.k + 1, units}));
        result.components[i] = static_cast<std::uint32_t>(fukunaga_olsen(spectrum(state), options.share));
    });
    double sum = 0;
    for (const std::uint32_t count : result.components) sum += count;
    result.mean = sum / static_cast<double>(samples);
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
