#pragma once

#include "repscope/detail/geometry/class_mean_gram.hpp"

#include <cstddef>
#include <limits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Class-distance normalized variance (CDNV): the spread within two classes over the distance of their means.
struct class_distance_variance_result {
    /// Mean over pairs of classes of (v_a + v_b) / (2 |mean_a - mean_b|^2), v the mean squared distance of
    /// the samples of a class from its mean. Range 0 upward; NaN if two class means are equal.
    double cdnv = std::numeric_limits<double>::quiet_NaN();
    /// The same with an unbiased squared distance: less v_a / (n_a - 1) + v_b / (n_b - 1), what the noise of
    /// two means adds to it on average. NaN if a class has one sample or such a distance is not positive.
    double cdnv_unbiased = std::numeric_limits<double>::quiet_NaN();
};

namespace detail {

[[nodiscard]] inline class_distance_variance_result class_distance_variance_of(const class_mean_gram& means) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    double plain = 0;
    double unbiased = 0;
    for (std::size_t a = 0; a < means.classes; ++a) {
        const double spread_a = means.within[a] / means.counts[a];
        for (std::size_t b = 0; b < a; ++b) {
            const double spread_b = means.within[b] / means.counts[b];
            const double distance2 = means.distance2(a, b);
            const double noise = spread_a / (means.counts[a] - 1) + spread_b / (means.counts[b] - 1);
            const double corrected = distance2 - noise;
            plain += exceeds_rounding(distance2, spread_a + spread_b)
                         ? (spread_a + spread_b) / (2 * distance2)
                         : nan;
            unbiased += exceeds_rounding(corrected, spread_a + spread_b)
                            ? (spread_a + spread_b) / (2 * corrected)
                            : nan;
        }
    }
    const auto count = static_cast<double>(means.classes);
    const double pairs = count * (count - 1) / 2;
    return {plain / pairs, unbiased / pairs};
}

} // namespace detail

/// Returns the class-distance normalized variance of a layer from the moments of its classes. Classes without
/// samples are left out.
///
/// Throws `value_error` if fewer than two classes have samples. O(classes^2 units). Source: Galanti, György
/// and Hutter 2022; docs/reference/geometry.md.
template <product_backend Backend = eigen_products>
[[nodiscard]] class_distance_variance_result class_distance_variance(const class_moments& moments) {
    return detail::class_distance_variance_of(
        detail::gram_of_class_means<Backend>("class_distance_variance", moments, false));
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
