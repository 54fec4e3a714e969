#pragma once

#include "repscope/error.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace training {

/// The selection of positives and negatives of an anchor. y is the label, p the predicted class; an anchor is
/// never contrasted with itself.
enum class contrast_selection {
    all,    ///< positives: same y; negatives: another y
    hard,   ///< positives: same y; negatives: another y, predicted as the anchor's y
    soft,   ///< positives: same y; negatives: another y, predicted as the anchor is
    leaked, ///< positives: same y and same p; negatives: another y and same p
};

/// The distance of two latents.
enum class latent_distance { linf, l1, l2, cosine };

/// Options of the contrastive loss.
struct contrast_options {
    contrast_selection selection = contrast_selection::leaked; ///< positives and negatives of an anchor
    latent_distance distance = latent_distance::linf;          ///< distance of two latents
    double temperature = .2;                                   ///< divisor of the distances
};

/// The result of a contrast.
struct contrast_value {
    double loss = 0;      ///< mean over the anchors
    double positives = 0; ///< share of the pairs with equal labels that are kept; NaN without such pairs
    double negatives = 0; ///< share of the pairs with different labels that are kept; NaN without such pairs
};

namespace detail {

/// The distance of two latents and, unless `slope` is null, its derivative by the first.
template <typename Scalar>
[[nodiscard]] inline double distance_of(latent_distance kind, const Scalar* a, const Scalar* b, std::size_t n,
                                        double* slope) {
    const auto difference = [&](std::size_t k) {
        return static_cast<double>(a[k]) - static_cast<double>(b[k]);
    };
    const auto sign = [](double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; };
    double value = 0;
    switch (kind) {
    case latent_distance::linf: {
        std::size_t at = 0;
        for (std::size_t k = 0; k < n; ++k) {
            if (std::abs(difference(k)) > value) {
                value = std::abs(difference(k));
                at = k;
            }
        }
        if (slope != nullptr && n > 0) {
            std::fill_n(slope, n, 0.0);
            slope[at] = sign(difference(at));
        }
        return value;
    }
    case latent_distance::l1:
        for (std::size_t k = 0; k < n; ++k) value += std::abs(difference(k));
        for (std::size_t k = 0; k < n && slope != nullptr; ++k) slope[k] = sign(difference(k));
        return value;
    case latent_distance::l2:
        for (std::size_t k = 0; k < n; ++k) value += difference(k) * difference(k);
        value = std::sqrt(value);
        for (std::size_t k = 0; k < n && slope != nullptr; ++k) {
            slope[k] = value > 0 ? difference(k) / value : 0;
        }
        return value;
    case latent_distance::cosine:
        break;
    }
    double aa = 0, bb = 0, ab = 0;
    for (std::size_t k = 0; k < n; ++k) {
        const auto x = static_cast<double>(a[k]), y = static_cast<double>(b[k]);
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    const double scale = std::sqrt(aa * bb);
    for (std::size_t k = 0; k < n && slope != nullptr; ++k) {
        slope[k] = scale > 0
                       ? -static_cast<double>(b[k]) / scale + ab / (scale * aa) * static_cast<double>(a[k])
                       : 0;
    }
    return scale > 0 ? -ab / scale : 0;
}

} // namespace detail

/// Supervised contrast of latents, of clean and adversarial samples together:
///
///     loss = mean_i [ -(1 / max(1, |P_i|)) sum_{p in P_i} log( e^{s_ip} / sum_{a in P_i or N_i} e^{s_ia} )
///     ], s_ij = -distance(z_i, z_j) / temperature,
///
/// with positives P_i and negatives N_i by `selection`. An anchor without positives contributes 0.
///
/// `latents` (samples, width), dense rows; `labels` and `predicted` one per sample. `gradient`, unless empty,
/// receives `weight` times the derivative. At a kink of the distance (equal coordinates, two equal largest
/// differences) one of its slopes is used, 0 or that of the lowest coordinate; the cosine distance is minus
/// the cosine, 0 for a zero vector. Throws `shape_error` if lengths differ and `value_error` for a
/// temperature that is not above 0. O(samples^2 width). Bui et al. 2021 (arXiv 2101.10027); with `all`,
/// Khosla et al. 2020.
template <typename Scalar>
contrast_value supervised_contrastive_loss(const tensor_view<const Scalar, 2>& latents,
                                           std::span<const int> labels, std::span<const int> predicted,
                                           const contrast_options& options, double weight = 1,
                                           const tensor_view<Scalar, 2>& gradient = {}) {
    constexpr const char* function = "training::supervised_contrastive_loss";
    const std::size_t samples = latents.extent(0), width = latents.extent(1);
    if (labels.size() != samples || predicted.size() != samples || samples == 0 || latents.stride(1) != 1) {
        errors::throw_shape_error(function,
                                  "expected dense latents, a label and a prediction for each, got " +
                                      errors::text_of(labels.size()) + " labels and " +
                                      errors::text_of(predicted.size()) + " predictions",
                                  latents.extents());
    }
    if (!gradient.empty() && gradient.extents() != latents.extents()) {
        errors::throw_shape_error(function, "expected a gradient of shape " + format_shape(latents.extents()),
                                  gradient.extents());
    }
    if (!(options.temperature > 0)) {
        errors::throw_value_error(function, "expected a temperature above 0, got " +
                                                errors::text_of(options.temperature));
    }
    enum : char { nothing, positive, negative };
    const auto role = [&](std::size_t i, std::size_t j) {
        if (i == j) return nothing;
        const bool agree = predicted[i] == predicted[j];
        if (labels[i] == labels[j]) {
            return options.selection != contrast_selection::leaked || agree ? positive : nothing;
        }
        switch (options.selection) {
        case contrast_selection::all:
            return negative;
        case contrast_selection::hard:
            return predicted[j] == labels[i] ? negative : nothing;
        case contrast_selection::soft:
        case contrast_selection::leaked:
            break;
        }
        return agree ? negative : nothing;
    };
    const auto row = [&](std::size_t i) {
        return latents.data_handle() + static_cast<std::ptrdiff_t>(i) * latents.stride(0);
    };
    std::vector<double> s(samples * samples), by_s(samples * samples);
    for (std::size_t i = 0; i < samples; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            s[i * samples + j] = s[j * samples + i] =
                -detail::distance_of<Scalar>(options.distance, row(i), row(j), width, nullptr) /
                options.temperature;
        }
    }
    contrast_value found;
    std::size_t kept[2] = {}, all[2] = {};
    const double share = 1 / static_cast<double>(samples);
    for (std::size_t i = 0; i < samples; ++i) {
        std::size_t positives = 0, count = 0;
        double largest = 0;
        for (std::size_t j = 0; j < samples; ++j) {
            if (i != j) ++all[labels[i] == labels[j] ? 0 : 1];
            const auto what = role(i, j);
            if (what == nothing) continue;
            ++kept[what == positive ? 0 : 1];
            positives += what == positive ? 1 : 0;
            largest = count++ == 0 ? s[i * samples + j] : (std::max)(largest, s[i * samples + j]);
        }
        if (positives == 0) continue;
        double sum = 0;
        for (std::size_t j = 0; j < samples; ++j) {
            if (role(i, j) != nothing) sum += std::exp(s[i * samples + j] - largest);
        }
        const double each = share / static_cast<double>(positives);
        for (std::size_t j = 0; j < samples; ++j) {
            const auto what = role(i, j);
            if (what == nothing) continue;
            const double value = s[i * samples + j] - largest;
            by_s[i * samples + j] = share * std::exp(value) / sum;
            if (what != positive) continue;
            by_s[i * samples + j] -= each;
            found.loss -= each * (value - std::log(sum));
        }
    }
    found.positives = static_cast<double>(kept[0]) / static_cast<double>(all[0]);
    found.negatives = static_cast<double>(kept[1]) / static_cast<double>(all[1]);
    if (gradient.empty()) return found;
    std::vector<double> slope(width), sum(samples * width);
    for (std::size_t i = 0; i < samples; ++i) {
        for (std::size_t j = 0; j < samples; ++j) {
            // s_ij and s_ji are the same number.
            const double factor =
                -weight / options.temperature * (by_s[i * samples + j] + by_s[j * samples + i]);
            if (factor == 0 || i == j) continue;
            (void)detail::distance_of<Scalar>(options.distance, row(i), row(j), width, slope.data());
            for (std::size_t k = 0; k < width; ++k) sum[i * width + k] += factor * slope[k];
        }
    }
    for (std::size_t i = 0; i < samples; ++i) {
        for (std::size_t k = 0; k < width; ++k) gradient(i, k) = static_cast<Scalar>(sum[i * width + k]);
    }
    return found;
}

} // namespace training
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
