#pragma once

#include "repscope/detail/net/packs.hpp"
#include "repscope/net/feature_maps.hpp"
#include "repscope/net/workspace.hpp"

#include <cmath>
#include <cstddef>
#include <span>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// The memory of batch norm between its passes over the maps.
template <typename T>
struct batch_norm_scratch {
    buffer<double> image_mean, image_m2;    // (samples, channels)
    buffer<double> mean, variance, inverse; // of the batch, or the running ones; 1 / sqrt(variance + eps)
    buffer<T> center;                       // the mean, in the type of the maps
    buffer<T> scale, shift;                 // z = y scale + shift
    buffer<double> lane_sums;               // (lanes, 2, channels): of g and of g xhat
    buffer<T> from_gradient, from_input, constant; // dy = g from_gradient + y from_input + constant
    std::size_t count = 0;                         // numbers per channel

    void prepare(std::size_t samples, std::size_t channels) {
        image_mean.resize(samples * channels);
        image_m2.resize(samples * channels);
        lane_sums.resize(max_lanes * 2 * channels);
        for (auto* each : {&mean, &variance, &inverse}) each->resize(channels);
        for (auto* each : {&center, &scale, &shift, &from_gradient, &from_input, &constant})
            each->resize(channels);
    }
};

/// Mean and sum of squared deviations of each channel of sample n, in two sweeps over a map that is in the
/// cache.
template <typename T>
inline void image_moments(const feature_map_view<const T>& y, std::size_t n, batch_norm_scratch<T>& scratch) {
    const std::size_t channels = y.shape.c;
    double* const means = scratch.image_mean.data() + n * channels;
    double* const squares = scratch.image_m2.data() + n * channels;
    const auto positions = static_cast<T>(y.shape.positions());
    for_channels<T>(channels, [&]<typename Ops>(std::size_t c) {
        typename Ops::type sum{};
        for (std::size_t r = 0; r < y.shape.h; ++r) {
            const T* from = y.at(n, r) + c;
            for (std::size_t x = 0; x < y.shape.w; ++x, from += channels) sum += Ops::load(from);
        }
        const typename Ops::type mean = sum / Ops::broadcast(positions);
        typename Ops::type m2{};
        for (std::size_t r = 0; r < y.shape.h; ++r) {
            const T* from = y.at(n, r) + c;
            for (std::size_t x = 0; x < y.shape.w; ++x, from += channels) {
                const typename Ops::type deviation = Ops::load(from) - mean;
                m2 = Ops::multiply_add(deviation, deviation, m2);
            }
        }
        T values[Ops::width];
        Ops::store(values, mean);
        for (std::size_t i = 0; i < Ops::width; ++i) means[c + i] = static_cast<double>(values[i]);
        Ops::store(values, m2);
        for (std::size_t i = 0; i < Ops::width; ++i) squares[c + i] = static_cast<double>(values[i]);
    });
}

/// Mean and variance of the batch from those of its samples, which all have the same number of positions.
template <typename T>
inline void batch_moments(std::size_t samples, std::size_t channels, std::size_t positions,
                          batch_norm_scratch<T>& scratch) {
    scratch.count = samples * positions;
    for (std::size_t c = 0; c < channels; ++c) scratch.mean[c] = scratch.variance[c] = 0;
    for (std::size_t n = 0; n < samples; ++n) {
        for (std::size_t c = 0; c < channels; ++c) scratch.mean[c] += scratch.image_mean[n * channels + c];
    }
    for (std::size_t c = 0; c < channels; ++c) scratch.mean[c] /= static_cast<double>(samples);
    const auto weight = static_cast<double>(positions);
    for (std::size_t n = 0; n < samples; ++n) {
        for (std::size_t c = 0; c < channels; ++c) {
            const double between = scratch.image_mean[n * channels + c] - scratch.mean[c];
            scratch.variance[c] += scratch.image_m2[n * channels + c] + weight * between * between;
        }
    }
    for (std::size_t c = 0; c < channels; ++c) scratch.variance[c] /= static_cast<double>(scratch.count);
}

/// scale = gamma / sqrt(variance + eps), shift = beta - mean scale.
template <typename T>
inline void affine_of(const T* gamma, const T* beta, double eps, std::size_t channels,
                      batch_norm_scratch<T>& scratch) {
    for (std::size_t c = 0; c < channels; ++c) {
        scratch.inverse[c] = 1 / std::sqrt(scratch.variance[c] + eps);
        scratch.center[c] = static_cast<T>(scratch.mean[c]);
        const double scale = static_cast<double>(gamma[c]) * scratch.inverse[c];
        scratch.scale[c] = static_cast<T>(scale);
        scratch.shift[c] = static_cast<T>(static_cast<double>(beta[c]) - scratch.mean[c] * scale);
    }
}

/// out = y scale + shift, or max(0, .) of it.
template <bool Relu, typename T>
inline void apply_affine(const feature_map_view<const T>& y, const feature_map_view<T>& out, std::size_t n,
                         const batch_norm_scratch<T>& scratch) {
    const std::size_t channels = y.shape.c;
    for_channels<T>(channels, [&]<typename Ops>(std::size_t c) {
        const auto scale = Ops::load(scratch.scale.data() + c), shift = Ops::load(scratch.shift.data() + c);
        for (std::size_t r = 0; r < y.shape.h; ++r) {
            const T* from = y.at(n, r) + c;
            T* to = out.at(n, r) + c;
            for (std::size_t x = 0; x < y.shape.w; ++x, from += channels, to += channels) {
                auto z = Ops::multiply_add(Ops::load(from), scale, shift);
                if constexpr (Relu) z = Ops::rectified(z);
                Ops::store(to, z);
            }
        }
    });
}

/// Adds sum g and sum g xhat of sample n to the lane's sums; g is the gradient after the ReLU, masked here by
/// a second evaluation of the forward pass.
template <bool Relu, typename T>
inline void add_gradient_sums(const feature_map_view<const T>& y, const feature_map_view<const T>& gradient,
                              std::size_t n, double* sums, const batch_norm_scratch<T>& scratch) {
    const std::size_t channels = y.shape.c;
    for_channels<T>(channels, [&]<typename Ops>(std::size_t c) {
        const auto scale = Ops::load(scratch.scale.data() + c), shift = Ops::load(scratch.shift.data() + c);
        const auto mean = Ops::load(scratch.center.data() + c);
        typename Ops::type sum{}, product{};
        for (std::size_t r = 0; r < y.shape.h; ++r) {
            const T* from = y.at(n, r) + c;
            const T* g_from = gradient.at(n, r) + c;
            for (std::size_t x = 0; x < y.shape.w; ++x, from += channels, g_from += channels) {
                const auto value = Ops::load(from);
                auto g = Ops::load(g_from);
                if constexpr (Relu) g = Ops::where_positive(Ops::multiply_add(value, scale, shift), g);
                sum += g;
                product = Ops::multiply_add(g, value - mean, product);
            }
        }
        T values[Ops::width];
        Ops::store(values, sum);
        for (std::size_t i = 0; i < Ops::width; ++i) sums[c + i] += static_cast<double>(values[i]);
        Ops::store(values, product);
        for (std::size_t i = 0; i < Ops::width; ++i) {
            sums[channels + c + i] += static_cast<double>(values[i]) * scratch.inverse[c + i];
        }
    });
}

/// Gradients of gamma and beta (null: skipped) from the sums of the lanes, and the coefficients of the
/// gradient of y. With the batch's statistics y also enters through mean and variance, with running ones only
/// directly.
template <typename T>
inline void finish_gradient(std::size_t lanes, std::size_t channels, bool batch_statistics, T* gamma_gradient,
                            T* beta_gradient, batch_norm_scratch<T>& scratch) {
    for (std::size_t c = 0; c < channels; ++c) {
        double sum = 0, product = 0;
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            sum += scratch.lane_sums[lane * 2 * channels + c];
            product += scratch.lane_sums[lane * 2 * channels + channels + c];
        }
        if (gamma_gradient != nullptr) gamma_gradient[c] = static_cast<T>(product);
        if (beta_gradient != nullptr) beta_gradient[c] = static_cast<T>(sum);
        const auto scale = static_cast<double>(scratch.scale[c]);
        scratch.from_gradient[c] = scratch.scale[c];
        scratch.from_input[c] = scratch.constant[c] = T(0);
        if (batch_statistics) {
            const auto count = static_cast<double>(scratch.count);
            const double slope = scale * product * scratch.inverse[c] / count;
            scratch.from_input[c] = static_cast<T>(-slope);
            scratch.constant[c] = static_cast<T>(slope * scratch.mean[c] - scale * sum / count);
        }
    }
}

/// The gradient of y of sample n, written to sample `to_n` of `to`.
template <bool Relu, typename T>
inline void affine_gradient(const feature_map_view<const T>& y, const feature_map_view<const T>& gradient,
                            std::size_t n, const feature_map_view<T>& to, std::size_t to_n,
                            const batch_norm_scratch<T>& scratch) {
    const std::size_t channels = y.shape.c;
    for_channels<T>(channels, [&]<typename Ops>(std::size_t c) {
        const auto scale = Ops::load(scratch.scale.data() + c), shift = Ops::load(scratch.shift.data() + c);
        const auto a = Ops::load(scratch.from_gradient.data() + c);
        const auto b = Ops::load(scratch.from_input.data() + c);
        const auto constant = Ops::load(scratch.constant.data() + c);
        for (std::size_t r = 0; r < y.shape.h; ++r) {
            const T* from = y.at(n, r) + c;
            const T* g_from = gradient.at(n, r) + c;
            T* out = to.at(to_n, r) + c;
            for (std::size_t x = 0; x < y.shape.w;
                 ++x, from += channels, g_from += channels, out += channels) {
                const auto value = Ops::load(from);
                auto g = Ops::load(g_from);
                if constexpr (Relu) g = Ops::where_positive(Ops::multiply_add(value, scale, shift), g);
                Ops::store(out, Ops::multiply_add(g, a, Ops::multiply_add(value, b, constant)));
            }
        }
    });
}

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
