#pragma once

#include "repscope/error.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace training {

namespace detail {

/// log softmax of a row.
template <typename Scalar>
inline void log_softmax(const tensor_view<const Scalar, 2>& logits, std::size_t row, double* to) {
    const std::size_t classes = logits.extent(1);
    double largest = static_cast<double>(logits(row, 0)), sum = 0;
    for (std::size_t k = 1; k < classes; ++k) {
        if (static_cast<double>(logits(row, k)) > largest) largest = static_cast<double>(logits(row, k));
    }
    for (std::size_t k = 0; k < classes; ++k) sum += std::exp(static_cast<double>(logits(row, k)) - largest);
    const double shift = largest + std::log(sum);
    for (std::size_t k = 0; k < classes; ++k) to[k] = static_cast<double>(logits(row, k)) - shift;
}

} // namespace detail

/// Mean over samples of KL(softmax(p) || softmax(q)), in [0, inf).
///
/// `p`, `q` are logits (samples, classes). Adds `weight` times the derivatives to `p_gradient` and
/// `q_gradient`, unless they are empty. With P, Q the softmaxes, they are P (log P - log Q - KL) / n and (Q -
/// P) / n. Throws `shape_error` if shapes differ. O(samples classes).
template <typename Scalar>
double kl_divergence(const tensor_view<const Scalar, 2>& p, const tensor_view<const Scalar, 2>& q,
                     double weight = 1, const tensor_view<Scalar, 2>& p_gradient = {},
                     const tensor_view<Scalar, 2>& q_gradient = {}) {
    for (const auto& extents : {q.extents(), p_gradient.empty() ? p.extents() : p_gradient.extents(),
                                q_gradient.empty() ? p.extents() : q_gradient.extents()}) {
        if (extents == p.extents() && !p.empty()) continue;
        errors::throw_shape_error(
            "training::kl_divergence",
            "expected logits and gradients of one shape, the first " + format_shape(p.extents()), extents);
    }
    const std::size_t samples = p.extent(0), classes = p.extent(1);
    std::vector<double> log_p(classes), log_q(classes);
    double sum = 0;
    const double share = 1 / static_cast<double>(samples);
    for (std::size_t i = 0; i < samples; ++i) {
        detail::log_softmax(p, i, log_p.data());
        detail::log_softmax(q, i, log_q.data());
        double value = 0;
        for (std::size_t k = 0; k < classes; ++k) value += std::exp(log_p[k]) * (log_p[k] - log_q[k]);
        sum += share * value;
        for (std::size_t k = 0; k < classes; ++k) {
            const double of_p = std::exp(log_p[k]);
            if (!p_gradient.empty()) {
                p_gradient(i, k) +=
                    static_cast<Scalar>(weight * share * of_p * (log_p[k] - log_q[k] - value));
            }
            if (!q_gradient.empty()) {
                q_gradient(i, k) += static_cast<Scalar>(weight * share * (std::exp(log_q[k]) - of_p));
            }
        }
    }
    return sum;
}

/// Mean over samples of the Jensen-Shannon divergence of `views` predictions of each: (1/V) sum_v KL(p_v ||
/// m), m = (1/V) sum_v p_v, in [0, log V].
///
/// `logits` (views * samples, classes), one view after the other. Adds `weight` times the derivative to
/// `gradient`, unless it is empty: p_v (log p_v - log m - KL(p_v || m)) / (V n). Throws `shape_error` for
/// rows that are not a multiple of `views`. O(views samples classes). The consistency term of AugMix,
/// Hendrycks, Mu, Cubuk, Zoph, Gilmer and Lakshminarayanan 2020 (arXiv 1912.02781).
template <typename Scalar>
double jensen_shannon(const tensor_view<const Scalar, 2>& logits, std::size_t views, double weight = 1,
                      const tensor_view<Scalar, 2>& gradient = {}) {
    if (views == 0 || logits.empty() || logits.extent(0) % views != 0 ||
        (!gradient.empty() && gradient.extents() != logits.extents())) {
        errors::throw_shape_error("training::jensen_shannon",
                                  "expected rows that are " + errors::text_of(views) +
                                      " views of each sample, and a gradient of that shape",
                                  logits.extents());
    }
    const std::size_t samples = logits.extent(0) / views, classes = logits.extent(1);
    const double share = 1 / static_cast<double>(views * samples);
    std::vector<double> log_p(views * classes), log_m(classes);
    double sum = 0;
    for (std::size_t i = 0; i < samples; ++i) {
        for (std::size_t v = 0; v < views; ++v) {
            detail::log_softmax(logits, v * samples + i, log_p.data() + v * classes);
        }
        for (std::size_t k = 0; k < classes; ++k) {
            double mean = 0;
            for (std::size_t v = 0; v < views; ++v) mean += std::exp(log_p[v * classes + k]);
            log_m[k] = std::log(mean / static_cast<double>(views));
        }
        for (std::size_t v = 0; v < views; ++v) {
            const double* const own = log_p.data() + v * classes;
            double value = 0;
            for (std::size_t k = 0; k < classes; ++k) {
                const double p = std::exp(own[k]);
                if (p > 0) value += p * (own[k] - log_m[k]);
            }
            sum += share * value;
            for (std::size_t k = 0; k < classes && !gradient.empty(); ++k) {
                const double p = std::exp(own[k]);
                if (!(p > 0)) continue;
                gradient(v * samples + i, k) +=
                    static_cast<Scalar>(weight * share * p * (own[k] - log_m[k] - value));
            }
        }
    }
    return sum;
}

} // namespace training
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
