#pragma once

#include "repscope/detail/geometry/class_mean_gram.hpp"
#include "repscope/geometry/class_center.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// How far the class means of a layer are from the simplex that classes collapse to at the end of training.
/// All are 0 for a collapsed layer. NaN where undefined; class means that differ by their rounding alone
/// count as equal.
struct neural_collapse_result {
    /// tr S_W / tr S_B: mean squared distance of a sample from its class mean over that of a class mean from
    /// the center. Range 0 upward; NaN if all class means are equal.
    double nc1_trace = std::numeric_limits<double>::quiet_NaN();
    /// Standard deviation (divisor C) over mean of the distances of class means from the center. NaN if all
    /// class means are equal.
    double nc2_equinorm = std::numeric_limits<double>::quiet_NaN();
    /// Mean over pairs of classes of |cos + 1 / (C - 1)|, the cosine that of two class means about the
    /// center. Range 0 to C / (C - 1). NaN if a class mean is the center.
    double nc2_equiangular = std::numeric_limits<double>::quiet_NaN();
    /// Frobenius norm of G / |G| - (I - 1 1^T / C) / sqrt(C - 1), G the products of the class means about the
    /// center. Range 0 to sqrt(2). NaN if all class means are equal.
    double nc2_simplex = std::numeric_limits<double>::quiet_NaN();
};

namespace detail {

[[nodiscard]] inline neural_collapse_result neural_collapse_of(const class_mean_gram& means) {
    neural_collapse_result result;
    const auto count = static_cast<double>(means.classes);
    double within = 0;
    double between = 0;
    double frobenius2 = 0;
    double norm_sum = 0;
    for (std::size_t c = 0; c < means.classes; ++c) {
        within += means.within[c];
        between += means.product(c, c);
        norm_sum += std::sqrt(means.product(c, c));
    }
    for (const double product : means.gram) frobenius2 += product * product;
    if (!exceeds_rounding(between, within / means.samples) || !(frobenius2 > 0)) return result;
    result.nc1_trace = within / means.samples / (between / count);

    const double norm_mean = norm_sum / count;
    double norm_squares = 0;
    bool has_directions = true;
    for (std::size_t c = 0; c < means.classes; ++c) {
        const double norm = std::sqrt(means.product(c, c));
        norm_squares += (norm - norm_mean) * (norm - norm_mean);
        has_directions = has_directions && norm > 0;
    }
    result.nc2_equinorm = std::sqrt(norm_squares / count) / norm_mean;

    double deviation = 0;
    double distance2 = 0;
    for (std::size_t a = 0; a < means.classes; ++a) {
        for (std::size_t b = 0; b < means.classes; ++b) {
            const double ideal = ((a == b ? 1 : 0) - 1 / count) / std::sqrt(count - 1);
            const double difference = means.product(a, b) / std::sqrt(frobenius2) - ideal;
            distance2 += difference * difference;
            if (b >= a || !has_directions) continue;
            const double cosine =
                means.product(a, b) / std::sqrt(means.product(a, a)) / std::sqrt(means.product(b, b));
            deviation += std::abs(cosine + 1 / (count - 1));
        }
    }
    result.nc2_simplex = std::sqrt(distance2);
    if (has_directions) result.nc2_equiangular = deviation / (count * (count - 1) / 2);
    return result;
}

} // namespace detail

/// Returns how far a layer is from neural collapse, by NC1 as a ratio of traces and by NC2, from the moments
/// of its classes. Classes without samples are left out.
///
/// Throws `value_error` if fewer than two classes have samples. O(classes^2 units). Source: Papyan, Han and
/// Donoho 2020 (NC2); Tirer et al. 2023 (the ratio of traces); docs/reference/geometry.md.
template <product_backend Backend = eigen_products>
[[nodiscard]] neural_collapse_result neural_collapse(const class_moments& moments,
                                                     class_center center = class_center::samples) {
    return detail::neural_collapse_of(
        detail::gram_of_class_means<Backend>("neural_collapse", moments, center == class_center::classes));
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
