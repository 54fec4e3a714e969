#pragma once

#include "repscope/dimensionality/participation_ratio.hpp"
#include "repscope/error.hpp"
#include "repscope/linalg/products.hpp"
#include "repscope/moments/covariance.hpp"
#include "repscope/moments/cross_covariance.hpp"
#include "repscope/moments/update_options.hpp"
#include "repscope/tensor/as_view.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Linear centered kernel alignment (CKA) of two layers for the same samples.
struct linear_cka_result {
    /// |S_xy|_F^2 / (|S_xx|_F |S_yy|_F), S the sums of products of centered rows. Range 0 to 1; 1 for layers
    /// that are equal up to a rotation, a scale and a shift. Biased upward with fewer samples than units. NaN
    /// if a layer is constant.
    double plain = std::numeric_limits<double>::quiet_NaN();
    /// The same with unbiased estimates of the three terms, so that it is about 0 for independent layers of
    /// any size. May be negative and above 1. NaN below 4 samples and if the estimate of |S_xx|_F^2 or
    /// |S_yy|_F^2 is 0 up to rounding.
    double unbiased = std::numeric_limits<double>::quiet_NaN();
};

namespace detail {

/// |S_xy|_F^2 and the sum of |x|^2 |y|^2 over centered rows, of layers scaled so that their products with
/// themselves are multiplied by `scale_x` and `scale_y`, powers of four.
struct cross_terms {
    double frobenius2 = 0;
    double fourth = 0;
};

/// Products of two Gram matrices of the same samples, of which the lower triangles are read.
[[nodiscard]] inline cross_terms terms_of_grams(const std::vector<double>& x, const std::vector<double>& y,
                                                std::size_t n, double scale_x, double scale_y) {
    cross_terms result;
    for (std::size_t i = 0; i < n; ++i) {
        double row = 0;
        for (std::size_t j = 0; j < i; ++j) row += scale_x * x[i * n + j] * (scale_y * y[i * n + j]);
        const double last = scale_x * x[i * n + i] * (scale_y * y[i * n + i]);
        result.frobenius2 += 2 * row + last;
        result.fourth += last;
    }
    return result;
}

template <product_backend Backend>
[[nodiscard]] cross_terms terms_of(const cross_products& xy, double scale_x, double scale_y) {
    cross_terms result;
    if (xy.rows_x.empty()) {
        const double scale = std::sqrt(scale_x) * std::sqrt(scale_y);
        result.fourth = xy.fourth * scale_x * scale_y;
        for (std::size_t u = 0; u < xy.units_x; ++u) {
            double row = 0;
            for (std::size_t v = 0; v < xy.units_y; ++v) {
                const double entry = scale * xy.products[u * xy.units_y + v];
                row += entry * entry;
            }
            result.frobenius2 += row;
        }
        return result;
    }
    const auto n = static_cast<std::size_t>(xy.samples);
    std::vector<double> x(n * n), y(n * n);
    Backend::template syrk_add<factor::as_is>(n, xy.units_x, xy.rows_x.data(), xy.units_x, x.data(), n);
    Backend::template syrk_add<factor::as_is>(n, xy.units_y, xy.rows_y.data(), xy.units_y, y.data(), n);
    return terms_of_grams(x, y, n, scale_x, scale_y);
}

inline void check_pair(std::string_view function, const scatter_matrix& x, const scatter_matrix& y,
                       const cross_covariance& xy) {
    if (x.units != xy.units_x() || y.units != xy.units_y()) {
        errors::throw_shape_error(function, "expected covariances of " + errors::text_of(xy.units_x()) +
                                                " and " + errors::text_of(xy.units_y()) + " units, got " +
                                                errors::text_of(x.units) + " and " +
                                                errors::text_of(y.units));
    }
    if (x.samples != xy.samples() || y.samples != xy.samples()) {
        errors::throw_value_error(function, "expected covariances of " + errors::text_of(xy.samples()) +
                                                " samples, got " + errors::text_of(x.samples) + " and " +
                                                errors::text_of(y.samples));
    }
}

/// CKA from the sums of products of both layers, scaled by `scale_x` and `scale_y`.
[[nodiscard]] inline linear_cka_result cka_of(const scatter_matrix& x, const scatter_matrix& y,
                                              double scale_x, double scale_y, const cross_terms& cross) {
    linear_cka_result result;
    const double t_x = scale_x * x.trace(), t_y = scale_y * y.trace();
    const double r_x = x.frobenius2(scale_x), r_y = y.frobenius2(scale_y);
    if (!(r_x > 0 && r_y > 0)) return result;
    result.plain = (std::min)(1.0, cross.frobenius2 / std::sqrt(r_x) / std::sqrt(r_y)); // but for rounding
    const double d_x = scaled_fourth(x, scale_x), d_y = scaled_fourth(y, scale_y);
    const auto n = static_cast<double>(x.samples);
    // The unbiased participation ratio is undefined where one of these is 0 up to rounding.
    if (!(participation_ratio_unbiased_of(n, t_x, r_x, d_x, x.rounding) > 0) ||
        !(participation_ratio_unbiased_of(n, t_y, r_y, d_y, y.rounding) > 0)) {
        return result;
    }
    const auto unbiased = [&](double r, double tt, double d) {
        return (n - 1) * (n - 2) * r + tt - n * (n - 1) * d;
    };
    result.unbiased = unbiased(cross.frobenius2, t_x * t_y, cross.fourth) /
                      std::sqrt(unbiased(r_x, t_x * t_x, d_x)) / std::sqrt(unbiased(r_y, t_y * t_y, d_y));
    return result;
}

} // namespace detail

/// Computes linear CKA from the products of both layers and their cross covariance, all of the same samples.
///
/// Throws `shape_error` if the units differ, `value_error` if the samples do. O(units_x units_y), of few
/// samples O(samples^2 (units_x + units_y)). Sources: Kornblith, Norouzi, Lee and Hinton 2019 (plain); Song,
/// Smola, Gretton, Bedo and Borgwardt 2012 (the unbiased terms); docs/reference/geometry.md.
template <product_backend Backend = eigen_products>
[[nodiscard]] linear_cka_result linear_cka(const scatter_matrix& x, const scatter_matrix& y,
                                           const cross_covariance& xy) {
    detail::check_pair("linear_cka", x, y, xy);
    const double scale_x = x.unit_scale(), scale_y = y.unit_scale();
    return detail::cka_of(x, y, scale_x, scale_y, detail::terms_of<Backend>(xy.centered(), scale_x, scale_y));
}

/// Computes the same from the covariances of both layers. Thick ones are copied.
template <product_backend Backend = eigen_products>
[[nodiscard]] linear_cka_result linear_cka(const covariance& x, const covariance& y,
                                           const cross_covariance& xy, Backend backend = {}) {
    return linear_cka<Backend>(x.centered(backend), y.centered(backend), xy);
}

/// Computes linear CKA from the Gram matrices of two layers for the same samples in the same order, as
/// `gram_matrix` returns. For all pairs of many layers each layer then needs one matrix, and each pair
/// O(samples^2).
///
/// Throws `value_error` if a matrix is not a Gram matrix or if the samples differ.
[[nodiscard]] inline linear_cka_result linear_cka(const scatter_matrix& x, const scatter_matrix& y) {
    constexpr const char* name = "linear_cka";
    if (!x.third.empty() || !y.third.empty())
        errors::throw_value_error(name, "expected Gram matrices, got a scatter matrix");
    if (x.samples != y.samples) {
        errors::throw_value_error(name, "expected Gram matrices of the same samples, got " +
                                            errors::text_of(x.samples) + " and " +
                                            errors::text_of(y.samples));
    }
    const double scale_x = x.unit_scale(), scale_y = y.unit_scale();
    return detail::cka_of(x, y, scale_x, scale_y,
                          detail::terms_of_grams(x.lower, y.lower, x.order, scale_x, scale_y));
}

/// Computes linear CKA of the activations of two layers: (samples, units), (samples, channels, height,
/// width), a channel read as its spatial mean, or as `options.axes` states. Sample i of both has the same
/// input.
///
/// Throws as `covariance::update` and `cross_covariance::update`. One pass, O(samples (units_x + units_y)^2).
template <tensor_like X, tensor_like Y>
[[nodiscard]] linear_cka_result linear_cka(const X& x, const Y& y, const update_options& options = {}) {
    const auto a = as_activations(x, options.axes, "linear_cka");
    const auto b = as_activations(y, options.axes, "linear_cka");
    if (a.empty() || b.empty())
        errors::throw_shape_error("linear_cka", "expected at least one sample and unit", a.extents());
    covariance xx(a.extent(1)), yy(b.extent(1));
    cross_covariance xy(a.extent(1), b.extent(1));
    const scoped_pool pool(options.threads);
    xy.update(a, b, {.threads = *pool});
    xx.update(a, {.threads = *pool});
    yy.update(b, {.threads = *pool});
    return linear_cka(xx, yy, xy);
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
