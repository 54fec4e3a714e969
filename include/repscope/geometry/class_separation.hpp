#pragma once

#include "repscope/detail/geometry/class_mean_gram.hpp"
#include "repscope/moments/normalized_class_moments.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Class separation R2: how much smaller cosine distances are within classes than between all samples.
struct class_separation_result {
    /// 1 - d_within / d_total, where d_total is the mean cosine distance, 1 - cos, of two samples of random
    /// classes, and d_within that of two samples of one random class. The two samples may be the same one.
    /// Range 0 to 1; NaN if all samples have the same direction.
    double separation = std::numeric_limits<double>::quiet_NaN();
    /// The same over pairs of different samples, which few samples per class do not enlarge. May be negative;
    /// NaN if a class has one sample.
    double separation_corrected = std::numeric_limits<double>::quiet_NaN();
    /// Samples whose values are all 0; they have no direction and are left out.
    std::uint64_t silent_samples = 0;
};

/// Computes the class separation of a layer from the moments of its directions. Each class has the same
/// weight. Classes without samples are left out.
///
/// Throws `value_error` if fewer than two classes have samples with a direction. O(classes^2 units). Source:
/// Kornblith, Chen, Lee and Norouzi 2021 (arXiv 2010.16402); docs/reference/geometry.md.
template <product_backend Backend = eigen_products>
[[nodiscard]] class_separation_result class_separation(const normalized_class_moments& state) {
    const auto means = detail::gram_of_class_means<Backend>("class_separation", state.moments(), true);
    class_separation_result result;
    result.silent_samples = state.silent_samples();
    const auto count = static_cast<double>(means.classes);
    // Of unit rows, 1 - |mean of a class|^2 is the mean squared distance of its rows from the mean.
    double within = 0, between = 0, within_pairs = 0, noise = 0;
    for (std::size_t c = 0; c < means.classes; ++c) {
        const double variance = means.within[c] / (means.counts[c] - 1); // NaN for a class of one sample
        within += means.within[c] / means.counts[c] / count;
        between += means.product(c, c) / count;
        within_pairs += variance / count;
        noise += variance / means.counts[c] / count / count;
    }
    if (!detail::exceeds_rounding(within + between, 1)) return result;
    result.separation = between / (within + between);
    result.separation_corrected = 1 - within_pairs / (within + between + noise);
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
