#pragma once

#include "repscope/detail/common/centered_rows.hpp"
#include "repscope/detail/geometry/class_mean_gram.hpp"
#include "repscope/detail/geometry/within_scatter.hpp"
#include "repscope/error.hpp"
#include "repscope/geometry/class_center.hpp"
#include "repscope/linalg/symmetric_eigen.hpp"
#include "repscope/moments/class_moments.hpp"
#include "repscope/moments/covariance.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `class_scatter`.
struct class_scatter_options {
    thread_source threads = 1;                   ///< threads to use; changes no bit of the result
    class_center center = class_center::samples; ///< the point about which classes scatter
};

/// Measures of the scatter within classes, S_W, and of that of the class means, Sigma_B: the mean over the C
/// classes of the products of a class mean about the center with itself.
struct class_scatter_result {
    /// NC1, tr(Sigma_W Sigma_B^+) / C with Sigma_W = S_W / n. Range 0 upward, 0 for a collapsed layer. NaN if
    /// all class means are equal.
    double nc1 = std::numeric_limits<double>::quiet_NaN();
    /// Participation ratio of S_W, (tr S_W)^2 / |S_W|_F^2. Range 1 to min(n - C, units), biased downward with
    /// few samples. NaN if the scatter is 0 up to rounding.
    double within_participation_ratio = std::numeric_limits<double>::quiet_NaN();
    /// Participation ratio of Sigma_B. Range 1 to min(C - 1, units); about the mean of the samples up to C.
    /// NaN if all class means are equal.
    double between_participation_ratio = std::numeric_limits<double>::quiet_NaN();
    /// The same of the true class means: numerator and denominator less what the noise of the means adds on
    /// average. May be outside the range of the plain value. NaN if one of them is not positive, and with
    /// fewer than 2 more samples than classes.
    double between_participation_ratio_corrected = std::numeric_limits<double>::quiet_NaN();
};

namespace detail {

/// Returns the weights of the center. A class mean about the center is its row, which is about the mean of
/// the samples, less the weighted sum of the rows.
[[nodiscard]] inline std::vector<double> center_weights(const class_mean_gram& means, class_center center) {
    std::vector<double> weights(means.classes);
    for (std::size_t c = 0; c < weights.size(); ++c) {
        weights[c] = center == class_center::classes ? 1 / static_cast<double>(means.classes)
                                                     : means.counts[c] / means.samples;
    }
    return weights;
}

/// tr(S_W (H^T H)^+) / n, H the coordinates of the class means about the center.
template <typename = void>
[[nodiscard]] double nc1_of(const within_scatter& within, const std::vector<double>& coordinates,
                            const class_mean_gram& means) {
    const std::size_t rank = within.rank;
    std::vector<double> products(rank * rank);
    for (std::size_t c = 0; c < means.classes; ++c) {
        const double* row = coordinates.data() + c * rank;
        for (std::size_t a = 0; a < rank; ++a)
            for (std::size_t b = 0; b < rank; ++b) products[a * rank + b] += row[a] * row[b];
    }
    const symmetric_eigen eigen = eigen_of_symmetric("class_scatter", products, rank);
    double sum = 0;
    for (std::size_t k = 0; k < rank; ++k) {
        if (!(eigen.values[k] > mean_rank_tolerance * eigen.values.back())) continue;
        const double* v = eigen.vectors.data() + k * rank;
        double scatter = 0;
        for (std::size_t a = 0; a < rank; ++a)
            for (std::size_t b = 0; b < rank; ++b) scatter += v[a] * within.in_span[a * rank + b] * v[b];
        sum += scatter / eigen.values[k];
    }
    return sum > 0 ? sum / means.samples : 0;
}

/// The two participation ratios of the class means. `coordinates` (classes, rank) are about the center.
inline void add_between_ratios(const within_scatter& within, const std::vector<double>& coordinates,
                               const std::vector<double>& weights, const class_mean_gram& means,
                               class_scatter_result& result) {
    const std::size_t order = means.classes, rank = within.rank;
    const auto product = [&](std::size_t a, std::size_t b) {
        double sum = 0;
        for (std::size_t k = 0; k < rank; ++k) sum += coordinates[a * rank + k] * coordinates[b * rank + k];
        return within.scale * sum;
    };
    const double degrees = means.samples - static_cast<double>(order);
    double noise_of_center = 0; // sum of weights^2 / n_c
    for (std::size_t c = 0; c < order; ++c) noise_of_center += weights[c] * weights[c] / means.counts[c];
    std::vector<double> turned(order * rank); // coordinates times S_W
    for (std::size_t a = 0; a < order; ++a)
        for (std::size_t j = 0; j < rank; ++j)
            for (std::size_t k = 0; k < rank; ++k)
                turned[a * rank + k] += coordinates[a * rank + j] * within.in_span[j * rank + k];
    // G: products of the means. L: those of their noise, relative to the variance of a sample. P: M S_W M^T.
    double g = 0, gg = 0, lg = 0, ll = 0, l = 0, p = 0, lp = 0;
    for (std::size_t a = 0; a < order; ++a) {
        for (std::size_t b = 0; b < order; ++b) {
            const double mean = product(a, b);
            const double noise = (a == b ? 1 / means.counts[a] : 0) - weights[a] / means.counts[a] -
                                 weights[b] / means.counts[b] + noise_of_center;
            double scatter = 0;
            for (std::size_t k = 0; k < rank; ++k)
                scatter += turned[a * rank + k] * coordinates[b * rank + k];
            scatter *= within.scale * within.scale / degrees;
            gg += mean * mean;
            lg += noise * mean;
            ll += noise * noise;
            lp += noise * scatter;
            if (a != b) continue;
            g += mean;
            l += noise;
            p += scatter;
        }
    }
    if (!(gg > 0)) return;
    result.between_participation_ratio = g * g / gg;
    if (!(degrees >= 2)) return;
    const double t = within.scale * std::accumulate(means.within.begin(), means.within.end(), 0.0) / degrees;
    // Unbiased for normal samples: tr(Sigma_W^2) and (tr Sigma_W)^2.
    const double squares = degrees * degrees / ((degrees - 1) * (degrees + 2)) *
                           (within.frobenius2 / (degrees * degrees) - t * t / degrees);
    const double tt = t * t - 2 * squares / degrees;
    const double numerator = g * g - 2 * l * t * g + l * l * tt - 4 * lp + 2 * ll * squares;
    const double denominator = gg - 2 * t * lg + ll * tt - 2 * l * p - 2 * lp + (l * l + ll) * squares;
    // Differences of these terms have an error of a few units in the last place of the largest.
    const double least = 64 * std::numeric_limits<double>::epsilon();
    if (numerator > least * g * g && denominator > least * gg)
        result.between_participation_ratio_corrected = numerator / denominator;
}

template <typename = void>
[[nodiscard]] class_scatter_result class_scatter_of(const within_scatter& within,
                                                    const class_mean_gram& means, class_center center) {
    class_scatter_result result;
    const double trace = within.scale * std::accumulate(means.within.begin(), means.within.end(), 0.0);
    const double error = within.scale * within.error;
    if (trace > error && within.frobenius2 > error * error)
        result.within_participation_ratio = trace * trace / within.frobenius2;
    if (within.rank == 0) return result;
    const std::size_t rank = within.rank;
    const std::vector<double> weights = center_weights(means, center);
    std::vector<double> coordinates = within.coordinates;
    for (std::size_t k = 0; k < rank; ++k) {
        double mean = 0;
        for (std::size_t c = 0; c < means.classes; ++c) mean += weights[c] * within.coordinates[c * rank + k];
        for (std::size_t c = 0; c < means.classes; ++c) coordinates[c * rank + k] -= mean;
    }
    result.nc1 = nc1_of(within, coordinates, means);
    add_between_ratios(within, coordinates, weights, means, result);
    return result;
}

} // namespace detail

/// Computes NC1 and the participation ratios within and between classes, from the second moments of a layer
/// of more samples than units and the class moments of the same samples.
///
/// Directions of class means whose squared norm is at most 1e-12 of the largest do not enter the
/// pseudo-inverse. Classes without samples are left out. Throws `value_error` if fewer than two classes have
/// samples, if the states have different numbers of samples, and for a Gram matrix; `shape_error` if the
/// units differ. O(classes units^2), no eigenvalues beyond those of a matrix of the classes. Source: Papyan,
/// Han and Donoho 2020 (NC1); docs/reference/geometry.md.
template <product_backend Backend = eigen_products>
[[nodiscard]] class_scatter_result class_scatter(const scatter_matrix& products, const class_moments& moments,
                                                 const class_scatter_options& options = {}) {
    constexpr const char* name = "class_scatter";
    detail::check_same_samples(name, products.units, products.samples, moments);
    if (products.third.empty())
        errors::throw_value_error(name, "expected a scatter matrix, got a Gram matrix: pass the covariance");
    const auto means = detail::gram_of_class_means<Backend>(name, moments, false);
    const scoped_pool pool(options.threads);
    return detail::class_scatter_of(detail::within_scatter_of_matrix<Backend>(name, means, products, *pool),
                                    means, options.center);
}

/// Computes the same from a covariance of any number of samples. A thin one costs O(classes samples units +
/// samples^2 units), a thick one is copied.
template <product_backend Backend = eigen_products>
[[nodiscard]] class_scatter_result class_scatter(const covariance& state, const class_moments& moments,
                                                 const class_scatter_options& options = {},
                                                 Backend backend = {}) {
    constexpr const char* name = "class_scatter";
    if (!state.is_thin()) return class_scatter<Backend>(state.centered(backend), moments, options);
    detail::check_same_samples(name, state.units(), state.samples(), moments);
    const auto means = detail::gram_of_class_means<Backend>(name, moments, false);
    const std::vector<double> rows = detail::centered_rows(state.rows(), state.units());
    return detail::class_scatter_of(
        detail::within_scatter_of_rows<Backend>(name, means, state.centered(backend), rows), means,
        options.center);
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
