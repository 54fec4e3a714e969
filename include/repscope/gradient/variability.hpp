#pragma once

#include "repscope/error.hpp"
#include "repscope/moments/gradient_moments.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

/// The factor that makes the root of a mean of k squares of normals an unbiased estimate of their standard
/// deviation: sqrt(k / 2) Gamma(k / 2) / Gamma((k + 1) / 2). From c(1) = sqrt(pi / 2) by c(k) c(k + 1) =
/// sqrt((k + 1) / k). O(k).
[[nodiscard]] inline double probe_factor(std::size_t probes) noexcept {
    double factor = 1.2533141373155001;
    for (std::size_t k = 1; k < probes; ++k) {
        factor = std::sqrt((static_cast<double>(k) + 1) / static_cast<double>(k)) / factor;
    }
    return factor;
}

} // namespace detail

/// Variability of the input gradients of the units of a layer. Numbers are NaN if there is nothing to
/// average.
struct gradient_variability_result {
    double cv_samples = 0;         ///< sd over mean of a unit's norm over samples, mean over live units
    double cv_units = 0;           ///< sd over mean of a sample's norms over live units, mean over samples
    double mean = 0;               ///< mean norm, over samples and live units
    double sd = 0;                 ///< sd of a unit's norm over samples, mean over live units
    double cv_samples_nonzero = 0; ///< `cv_samples` over the samples with a norm above 0 only
    double zero_fraction = 0;      ///< share of the norms of live units that are exactly 0
    std::size_t units = 0;         ///< number of units
    std::size_t dead_units = 0;    ///< norm 0 for every sample
    std::uint64_t images = 0;      ///< number of images
    double cv_samples_error = 0;   ///< standard errors from the choice of images and the probes together
    double cv_units_error = 0;     ///< as `cv_samples_error`
    double mean_error = 0;         ///< as `cv_samples_error`
};

/// Variability of input-unit gradients from their moments. Standard deviations have the divisor n - 1.
///
/// A unit whose norm is 0 for all samples is dead and enters `dead_units` only; a sample whose norms are all
/// 0 does not enter `cv_units`. The variance due to probes is subtracted: (1 - 1 / c^2) mean r^2 of a unit,
/// where c is the factor that makes r unbiased. A negative remainder becomes 0. `cv_samples` needs two
/// samples, `cv_units` two live units and, from probes, at least three of them; it is then accurate to a few
/// percent from 16 probes on. The errors assume independent samples, and that the errors of all units are
/// fully correlated. O(units + samples). Leavitt and Morcos 2020 compare both spreads without a definition of
/// the norm, so there is one state per norm.
[[nodiscard]] inline gradient_variability_result gradient_variability(const gradient_moments& moments) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    gradient_variability_result result;
    result.units = moments.units();
    result.images = moments.samples();
    const auto n = static_cast<double>(moments.samples());
    const double factor = moments.probes() == 0 ? 1 : detail::probe_factor(moments.probes());
    const double noise = 1 - 1 / (factor * factor);
    std::size_t live = 0, with_nonzero = 0;
    double zeros = 0;
    for (std::size_t u = 0; u < moments.units(); ++u) {
        const double mean = moments.mean(u), mean_square = moments.mean_square(u);
        if (!(mean > 0)) continue;
        ++live;
        zeros += static_cast<double>(moments.zeros(u));
        const double variance = (std::max)(0.0, moments.m2(u) / (n - 1) - noise * mean_square);
        const double cv = std::sqrt(variance) / mean;
        result.mean += mean;
        result.sd += std::sqrt(variance);
        result.cv_samples += cv;
        result.mean_error += std::sqrt(moments.m2(u) / (n - 1) / n);
        // cv^2 = (1 - noise) mean r^2 / (mean r)^2 - 1, as a function of the two means, whose covariances
        // over samples are known. If cv is 0, that is the error of cv^2, and its root that of cv.
        const double by_square = (1 - noise) / (mean * mean);
        const double by_mean = -2 * (1 - noise) * mean_square / (mean * mean * mean);
        const double of_cv2 = std::sqrt((std::max)(0.0, by_square * by_square * moments.square_m2(u) +
                                                            2 * by_square * by_mean * moments.cross_m2(u) +
                                                            by_mean * by_mean * moments.m2(u)) /
                                        ((n - 1) * n));
        result.cv_samples_error += (std::min)(std::sqrt(of_cv2), cv > 0 ? of_cv2 / (2 * cv) : nan);
        // Excluding zeros changes the count, the mean and the contribution to the sum of squares.
        const double nonzero = n - static_cast<double>(moments.zeros(u));
        if (nonzero < 2) continue;
        ++with_nonzero;
        const double mean_nonzero = mean * n / nonzero;
        const double m2_nonzero = moments.m2(u) - mean * mean_nonzero * (n - nonzero);
        const double variance_nonzero =
            (std::max)(0.0, m2_nonzero / (nonzero - 1) - noise * mean_square * n / nonzero);
        result.cv_samples_nonzero += std::sqrt(variance_nonzero) / mean_nonzero;
    }
    result.dead_units = moments.units() - live;
    const double share = 1 / static_cast<double>(live); // without live units this is 0 x infinity: NaN
    for (double* value :
         {&result.mean, &result.sd, &result.cv_samples, &result.mean_error, &result.cv_samples_error}) {
        *value *= share;
    }
    result.zero_fraction = zeros * share / n;
    result.cv_samples_nonzero /= static_cast<double>(with_nonzero);
    if (moments.samples() < 2) {
        for (double* value : {&result.sd, &result.cv_samples, &result.cv_samples_nonzero, &result.mean_error,
                              &result.cv_samples_error}) {
            *value = nan;
        }
    }

    // cv^2 = U (U sum r^2 / (sum r)^2 - 1) / (U - 1) over the U live units.
    const auto units = static_cast<double>(live);
    const bool exact = moments.probes() == 0;
    double count = 0, sum = 0, squares = 0;
    for (const double ratio : moments.ratios()) {
        if (ratio == 0) continue;
        const double cv2 = units * (units * ratio - 1) / (units - 1);
        const double value = exact ? std::sqrt((std::max)(0.0, cv2)) : cv2;
        const double change = value - sum;
        ++count;
        sum += change / count;
        squares += change * (value - sum);
    }
    result.cv_units = result.cv_units_error = nan;
    if (live < 2 || count == 0) return result;
    const double error = count > 1 ? std::sqrt(squares / (count - 1) / count) : nan;
    result.cv_units = sum;
    result.cv_units_error = error;
    if (exact || !(sum == sum)) return result;
    // The root of a noisy cv^2 is biased; the mean of cv^2 is not. The mean of cv follows from it and the
    // variance v of cv^2 over samples: sqrt(m) (1 - v / (8 m^2)), where v excludes the variance of the
    // estimates.
    const double root = std::sqrt((std::max)(0.0, sum));
    const double scale = units * units / (units - 1);
    const double of_estimates = scale * scale * moments.ratio_variance() / count;
    const double spread = std::clamp(squares / (count - 1) - of_estimates, 0.0, sum * sum);
    const double correction = sum > 0 ? root * spread / (8 * sum * sum) : 0;
    result.cv_units = root - correction;
    const double of_root = root > 0 ? (std::min)(error / (2 * root), std::sqrt(error)) : std::sqrt(error);
    result.cv_units_error = std::sqrt(of_root * of_root + correction * correction);
    return result;
}

/// The unweighted mean over layers of every number. Counts are summed over layers (`units`, `dead_units`);
/// `images` is that of the layer with the fewest images. Layers without a value (NaN) are excluded from the
/// mean of that number.
[[nodiscard]] inline gradient_variability_result
mean_over_layers(std::span<const gradient_variability_result> layers) {
    gradient_variability_result mean;
    for (double gradient_variability_result::*const number :
         {&gradient_variability_result::cv_samples, &gradient_variability_result::cv_units,
          &gradient_variability_result::mean, &gradient_variability_result::sd,
          &gradient_variability_result::cv_samples_nonzero, &gradient_variability_result::zero_fraction,
          &gradient_variability_result::cv_samples_error, &gradient_variability_result::cv_units_error,
          &gradient_variability_result::mean_error}) {
        double count = 0, sum = 0;
        for (const auto& layer : layers) {
            if (!(layer.*number == layer.*number)) continue;
            ++count;
            sum += layer.*number;
        }
        mean.*number = count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
    }
    for (const auto& layer : layers) {
        mean.units += layer.units;
        mean.dead_units += layer.dead_units;
        mean.images = &layer == layers.data() ? layer.images : (std::min)(mean.images, layer.images);
    }
    return mean;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
