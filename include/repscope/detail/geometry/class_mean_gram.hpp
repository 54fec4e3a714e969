#pragma once

#include "repscope/error.hpp"
#include "repscope/linalg/products.hpp"
#include "repscope/moments/class_moments.hpp"

#include <cstddef>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Means of the classes that have samples about a center, their products, and the spread within the classes.
struct class_mean_gram {
    std::size_t classes = 0; ///< that have samples
    std::size_t units = 0;
    double samples = 0;
    std::vector<double> counts; ///< samples of each class
    std::vector<double> means;  ///< (classes, units), less the center
    std::vector<double> gram;   ///< (classes, classes): means times their transpose, both triangles
    std::vector<double> within; ///< sum over the samples of a class of |x - its mean|^2

    [[nodiscard]] double product(std::size_t a, std::size_t b) const noexcept {
        return gram[a * classes + b];
    }
    /// Squared distance of two class means.
    [[nodiscard]] double distance2(std::size_t a, std::size_t b) const noexcept {
        double sum = 0;
        for (std::size_t u = 0; u < units; ++u) {
            const double difference = means[a * units + u] - means[b * units + u];
            sum += difference * difference;
        }
        return sum;
    }
};

/// Whether a squared distance of class means exceeds its rounding error; `spread` is the mean squared
/// distance of the samples from their means.
[[nodiscard]] constexpr bool exceeds_rounding(double distance2, double spread) noexcept {
    constexpr double rounding = 8 * std::numeric_limits<double>::epsilon();
    return distance2 > rounding * rounding * spread;
}

/// Throws `value_error` if fewer than two classes have samples. `about_mean_of_classes`: the center is the
/// mean of the class means, otherwise that of the samples. O(classes^2 units).
template <product_backend Backend = eigen_products>
[[nodiscard]] class_mean_gram gram_of_class_means(std::string_view function, const class_moments& moments,
                                                  bool about_mean_of_classes) {
    class_mean_gram result;
    result.units = moments.units();
    const std::vector<double> centered = moments.centered_means();
    for (std::size_t c = 0; c < moments.classes(); ++c) {
        if (moments.count(c) == 0) continue;
        result.counts.push_back(static_cast<double>(moments.count(c)));
        result.samples += result.counts.back();
        double within = 0;
        for (std::size_t u = 0; u < result.units; ++u) within += moments.m2(c, u);
        result.within.push_back(within);
        const auto row = centered.begin() + static_cast<std::ptrdiff_t>(c * result.units);
        result.means.insert(result.means.end(), row, row + static_cast<std::ptrdiff_t>(result.units));
    }
    result.classes = result.counts.size();
    if (result.classes < 2) {
        errors::throw_value_error(function, "expected at least 2 classes with samples, got " +
                                                errors::text_of(result.classes));
    }
    if (about_mean_of_classes) {
        for (std::size_t u = 0; u < result.units; ++u) {
            double mean = 0;
            for (std::size_t c = 0; c < result.classes; ++c) mean += result.means[c * result.units + u];
            mean /= static_cast<double>(result.classes);
            for (std::size_t c = 0; c < result.classes; ++c) result.means[c * result.units + u] -= mean;
        }
    }
    const std::size_t order = result.classes;
    result.gram.resize(order * order);
    Backend::template syrk_add<factor::as_is>(order, result.units, result.means.data(), result.units,
                                              result.gram.data(), order);
    for (std::size_t a = 0; a < order; ++a)
        for (std::size_t b = 0; b < a; ++b) result.gram[b * order + a] = result.gram[a * order + b];
    return result;
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
