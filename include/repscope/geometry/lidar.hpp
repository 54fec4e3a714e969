#pragma once

#include "repscope/detail/common/centered_rows.hpp"
#include "repscope/detail/common/entropy.hpp"
#include "repscope/detail/geometry/class_mean_gram.hpp"
#include "repscope/detail/geometry/within_scatter.hpp"
#include "repscope/error.hpp"
#include "repscope/linalg/cholesky.hpp"
#include "repscope/linalg/reflections.hpp"
#include "repscope/linalg/symmetric_eigenvalues.hpp"
#include "repscope/moments/class_moments.hpp"
#include "repscope/moments/covariance.hpp"
#include "repscope/parallel/blocks.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `lidar`.
struct lidar_options {
    thread_source threads = 1; ///< threads to use; changes no bit of the result
    /// Added to every diagonal element of the covariance within classes, in squared units of the activations.
    double ridge = 1e-4;
    /// Added to every eigenvalue before the shares are taken, as in the published formula.
    double epsilon = 1e-8;
};

namespace detail {

inline void check_lidar(std::string_view function, const lidar_options& options) {
    if (options.ridge > 0 && std::isfinite(options.ridge) && options.epsilon >= 0 &&
        std::isfinite(options.epsilon)) {
        return;
    }
    errors::throw_value_error(function, "expected a ridge above 0 and an epsilon of 0 or above, got " +
                                            errors::text_of(options.ridge) + " and " +
                                            errors::text_of(options.epsilon));
}

/// From K = M (S_W + d ridge I)^-1 M^T, (classes, classes), M the means about the mean of the samples and d
/// the samples less the classes: the eigenvalues of d J K J^T / (C - 1), J the change of the center to the
/// mean of the class means, and units - C zeros.
template <typename = void>
[[nodiscard]] double lidar_of(const std::vector<double>& products, const class_mean_gram& means,
                              double degrees, double epsilon, thread_pool& pool) {
    const std::size_t order = means.classes;
    const auto count = static_cast<double>(order);
    std::vector<double> row_mean(order);
    double mean = 0;
    for (std::size_t a = 0; a < order; ++a) {
        for (std::size_t b = 0; b < order; ++b) row_mean[a] += products[a * order + b] / count;
        mean += row_mean[a] / count;
    }
    std::vector<double> centered(order * order);
    for (std::size_t a = 0; a < order; ++a) {
        for (std::size_t b = 0; b <= a; ++b) {
            centered[a * order + b] =
                degrees / (count - 1) * (products[a * order + b] - row_mean[a] - row_mean[b] + mean);
        }
    }
    std::vector<double> values = eigenvalues_of_symmetric<double>("lidar", centered, order, pool);
    std::reverse(values.begin(), values.end());
    values.resize(means.units); // with fewer units than classes the last of the classes are 0
    double sum = 0;
    for (double& value : values) {
        value = (std::max)(value, 0.0) + epsilon;
        sum += value;
    }
    return sum > 0 ? std::exp(entropy_of_shares(values, sum)) : std::numeric_limits<double>::quiet_NaN();
}

[[nodiscard]] inline bool has_distances(const class_mean_gram& means) {
    double between = 0, within = 0;
    for (std::size_t c = 0; c < means.classes; ++c) {
        between += means.product(c, c);
        within += means.within[c];
    }
    return exceeds_rounding(between, within / means.samples);
}

/// From the lower triangle of S_T, (order, order), and the means, (classes, order), in the same basis.
/// `matrix` is consumed.
template <product_backend Backend>
[[nodiscard]] double lidar_of_matrix(const class_mean_gram& means, std::vector<double> coordinates,
                                     std::vector<double>& matrix, std::size_t size,
                                     const lidar_options& options, thread_pool& pool) {
    const std::size_t order = means.classes;
    const double degrees = means.samples - static_cast<double>(order);
    // S_W from S_T, a row at a time: it stays in the cache for all classes.
    constexpr std::size_t rows_of_task = 32;
    pool.for_each(block_count(size, rows_of_task), [&](std::size_t task) {
        const std::size_t last = (std::min)((task + 1) * rows_of_task, size);
        for (std::size_t i = task * rows_of_task; i < last; ++i) {
            double* row = matrix.data() + i * size;
            for (std::size_t c = 0; c < order; ++c) {
                const double* mean = coordinates.data() + c * size;
                add_multiple(i + 1, -(means.counts[c] * mean[i]), mean, row);
            }
            row[i] += degrees * options.ridge;
        }
    });
    if (factorize_cholesky<Backend>(size, matrix.data(), 0, pool) < size)
        return std::numeric_limits<double>::quiet_NaN();
    solve_lower<Backend>(size, matrix.data(), order, coordinates.data());
    std::vector<double> k(order * order);
    Backend::template syrk_add<factor::as_is>(order, size, coordinates.data(), size, k.data(), order);
    for (std::size_t i = 0; i < order; ++i)
        for (std::size_t j = 0; j < i; ++j) k[j * order + i] = k[i * order + j];
    return lidar_of(k, means, degrees, options.epsilon, pool);
}

/// From the centered rows (samples, units) of a thin state, in a basis of their span, which has the class
/// means too.
template <product_backend Backend>
[[nodiscard]] double lidar_of_rows(const class_mean_gram& means, std::vector<double> rows,
                                   std::size_t samples, const lidar_options& options, thread_pool& pool) {
    const std::size_t units = means.units, order = means.classes;
    rows.insert(rows.end(), means.means.begin(), means.means.end());
    make_lower_triangular(rows.data(), samples + order, units, samples, pool);
    std::vector<double> coordinates(order * samples);
    for (std::size_t c = 0; c < order; ++c)
        std::copy_n(rows.data() + (samples + c) * units, samples, coordinates.data() + c * samples);
    std::vector<double> matrix(samples * samples);
    Backend::template syrk_add<factor::transposed>(samples, samples, rows.data(), units, matrix.data(),
                                                   samples);
    return lidar_of_matrix<Backend>(means, std::move(coordinates), matrix, samples, options, pool);
}

} // namespace detail

/// Computes LiDAR, the effective number of directions in which classes differ more than samples of a class:
/// exp of the entropy of the shares of l + epsilon, l the eigenvalues of
/// (Sigma_w + ridge I)^-1/2 Sigma_b (Sigma_w + ridge I)^-1/2. Sigma_w has the divisor n - C, and Sigma_b is
/// the sum over C classes of products of a class mean about the mean of the class means, over C - 1.
///
/// Range 1 to min(C - 1, units), slightly more because of epsilon; biased upward by the noise of the class
/// means. NaN if all class means are equal, without more samples than classes, and if the ridge is below the
/// rounding of the products. `products` are those of more samples than units; `moments` are of the same
/// samples. Classes without samples are left out.
///
/// Throws `value_error` if fewer than two classes have samples, if the samples differ, for a Gram matrix and
/// for a ridge that is not positive; `shape_error` if the units differ. O(units^3 / 3 + classes units^2).
/// Source: Thilak et al. 2023 (arXiv 2312.04000), where a class is the views of an image.
template <product_backend Backend = eigen_products>
[[nodiscard]] double lidar(scatter_matrix products, const class_moments& moments,
                           const lidar_options& options = {}) {
    constexpr const char* name = "lidar";
    detail::check_lidar(name, options);
    detail::check_same_samples(name, products.units, products.samples, moments);
    if (products.third.empty())
        errors::throw_value_error(name, "expected a scatter matrix, got a Gram matrix: pass the covariance");
    const auto means = detail::gram_of_class_means<Backend>(name, moments, false);
    if (!detail::has_distances(means) || !(means.samples > static_cast<double>(means.classes)))
        return std::numeric_limits<double>::quiet_NaN();
    const scoped_pool pool(options.threads);
    return detail::lidar_of_matrix<Backend>(means, means.means, products.lower, means.units, options, *pool);
}

/// Computes the same from a covariance of any number of samples. A thin one costs O(samples^2 units), a thick
/// one is copied.
template <product_backend Backend = eigen_products>
[[nodiscard]] double lidar(const covariance& state, const class_moments& moments,
                           const lidar_options& options = {}, Backend backend = {}) {
    constexpr const char* name = "lidar";
    if (!state.is_thin()) return lidar<Backend>(state.centered(backend), moments, options);
    detail::check_lidar(name, options);
    detail::check_same_samples(name, state.units(), state.samples(), moments);
    const auto means = detail::gram_of_class_means<Backend>(name, moments, false);
    if (!detail::has_distances(means) || !(means.samples > static_cast<double>(means.classes)))
        return std::numeric_limits<double>::quiet_NaN();
    const scoped_pool pool(options.threads);
    return detail::lidar_of_rows<Backend>(means, detail::centered_rows(state.rows(), state.units()),
                                          static_cast<std::size_t>(state.samples()), options, *pool);
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
