#pragma once

#include "repscope/detail/net/batch_norm_kernels.hpp"
#include "repscope/net/feature_maps.hpp"
#include "repscope/net/init.hpp"
#include "repscope/net/layers/conv2d.hpp"
#include "repscope/net/workspace.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// Batch normalization: z = gamma (y - mean) / sqrt(variance + epsilon) + beta for each channel.
///
/// In training mean and (biased) variance are those of the batch over samples and positions, and gradients
/// pass through them; in inference they are the running ones, which `update_state` moves by `momentum`
/// towards those of the last training pass (the variance unbiased). Parameters: gamma, beta; state: running
/// mean, running variance. A constant channel gives beta. Ioffe and Szegedy 2015.
template <typename Scalar>
class batch_norm {
  public:
    using scalar = Scalar;
    static constexpr std::size_t tap_count = 0;
    /// Memory of one workspace.
    struct scratch {
        detail::batch_norm_scratch<Scalar> norm;   ///< statistics of the batch
        map_buffer<Scalar> out, gradient, tangent; ///< the output, and derivatives of it
        bool batch_statistics = false;             ///< the last pass had those of the batch
    };

    /// Settings of the layer.
    struct config {
        std::size_t channels = 1;  ///< channels of the maps
        double epsilon = 1e-5;     ///< added to the variance
        double momentum = 0.1;     ///< weight of a batch in the running statistics
        std::string name = "norm"; ///< name of the layer
    };

    /// A layer with gamma 1, beta 0, running mean 0 and running variance 1.
    explicit batch_norm(config values)
        : config_(std::move(values)), names_{config_.name + ".gamma", config_.name + ".beta",
                                             config_.name + ".running_mean",
                                             config_.name + ".running_variance"},
          parameters_(2 * config_.channels, Scalar(1)), state_(2 * config_.channels, Scalar(0)) {
        for (Scalar& value : beta()) value = Scalar(0);
        for (Scalar& value : running_variance()) value = Scalar(1);
    }

    /// The settings of the layer.
    [[nodiscard]] const config& settings() const noexcept { return config_; }
    /// The factor of each channel.
    [[nodiscard]] std::span<Scalar> gamma() noexcept {
        return std::span(parameters_).first(config_.channels);
    }
    /// The offset of each channel.
    [[nodiscard]] std::span<Scalar> beta() noexcept { return std::span(parameters_).last(config_.channels); }
    /// The running mean of each channel.
    [[nodiscard]] std::span<Scalar> running_mean() noexcept {
        return std::span(state_).first(config_.channels);
    }
    /// The running variance of each channel.
    [[nodiscard]] std::span<Scalar> running_variance() noexcept {
        return std::span(state_).last(config_.channels);
    }
    /// The factor of each channel.
    [[nodiscard]] std::span<const Scalar> gamma() const noexcept {
        return std::span(parameters_).first(config_.channels);
    }
    /// The offset of each channel.
    [[nodiscard]] std::span<const Scalar> beta() const noexcept {
        return std::span(parameters_).last(config_.channels);
    }
    /// The running mean of each channel.
    [[nodiscard]] std::span<const Scalar> running_mean() const noexcept {
        return std::span(state_).first(config_.channels);
    }
    /// The running variance of each channel.
    [[nodiscard]] std::span<const Scalar> running_variance() const noexcept {
        return std::span(state_).last(config_.channels);
    }
    [[nodiscard]] std::size_t parameter_count() const noexcept { return parameters_.size(); }

    [[nodiscard]] feature_map_shape output_shape(const feature_map_shape& in) const {
        detail::check_channels("net::batch_norm", config_.channels, in);
        return in;
    }
    [[nodiscard]] extent_2d input_halo() const noexcept { return {}; }
    void prepare(scratch& s, const feature_map_view<const Scalar>& in, const extent_2d& halo,
                 std::size_t) const {
        s.out.resize(output_shape(in.shape), halo);
        s.gradient.resize(in.shape);
        s.norm.prepare(in.shape.n, config_.channels);
    }

    feature_map_view<const Scalar> forward(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        if (run.how == mode::training) {
            detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
                for (std::size_t n = first; n < last; ++n) detail::image_moments(in, n, s.norm);
            });
        }
        statistics(s.norm, run, in.shape.positions());
        s.batch_statistics = run.how == mode::training;
        const feature_map_view<Scalar> out = s.out.view(run.samples);
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            for (std::size_t n = first; n < last; ++n)
                detail::apply_affine<false, Scalar>(in, out, n, s.norm);
        });
        return out;
    }

    void backward(const feature_map_view<const Scalar>& in, scratch& s, const pass& run, Scalar* parameters,
                  const feature_map_view<Scalar>& in_gradient, bool accumulate) const {
        const feature_map_view<Scalar> gradient = s.gradient.view(run.samples);
        gradient_statistics<false>(in, gradient, s.norm, run, s.batch_statistics, parameters);
        if (in_gradient.data == nullptr) return;
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            for (std::size_t n = first; n < last; ++n) {
                // The gradient of the output is no longer needed and is overwritten by a sum where necessary.
                detail::affine_gradient<false, Scalar>(in, gradient, n, accumulate ? gradient : in_gradient,
                                                       n, s.norm);
            }
            if (!accumulate) return;
            detail::for_rows(
                first, last,
                [](std::size_t count, Scalar* to, const Scalar* from) {
                    for (std::size_t i = 0; i < count; ++i) to[i] += from[i];
                },
                in_gradient, gradient);
        });
    }

    feature_map_view<const Scalar> tangent(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        s.tangent.resize(s.out.shape(), s.out.halo());
        const feature_map_view<Scalar> out = s.tangent.view(run.samples);
        const std::size_t channels = config_.channels;
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            detail::for_rows(
                first, last,
                [&](std::size_t count, Scalar* to, const Scalar* from) {
                    for (std::size_t x = 0; x < count; x += channels) {
                        for (std::size_t c = 0; c < channels; ++c) to[x + c] = from[x + c] * s.norm.scale[c];
                    }
                },
                out, in);
        });
        return out;
    }

    /// Mean, variance and affine form: those of the batch, from the existing moments of its samples, or those
    /// of the state.
    void statistics(detail::batch_norm_scratch<Scalar>& norm, const pass& run, std::size_t positions) const {
        if (run.how == mode::training) {
            detail::batch_moments(run.samples, config_.channels, positions, norm);
        } else {
            for (std::size_t c = 0; c < config_.channels; ++c) {
                norm.mean[c] = static_cast<double>(running_mean()[c]);
                norm.variance[c] = static_cast<double>(running_variance()[c]);
            }
        }
        detail::affine_of(gamma().data(), beta().data(), config_.epsilon, config_.channels, norm);
    }

    /// Gradients of gamma and beta, added to `parameters` unless null, and the sums for the gradient of the
    /// input.
    template <bool Relu>
    void gradient_statistics(const feature_map_view<const Scalar>& in,
                             const feature_map_view<const Scalar>& gradient,
                             detail::batch_norm_scratch<Scalar>& norm, const pass& run, bool batch_statistics,
                             Scalar* parameters) const {
        const std::size_t channels = config_.channels;
        detail::for_each_lane(run, [&](std::size_t lane, std::size_t first, std::size_t last, std::size_t) {
            double* sums = norm.lane_sums.data() + lane * 2 * channels;
            std::fill_n(sums, 2 * channels, 0.0);
            for (std::size_t n = first; n < last; ++n) {
                detail::add_gradient_sums<Relu, Scalar>(in, gradient, n, sums, norm);
            }
        });
        detail::finish_gradient(detail::lane_count(run.samples), channels, batch_statistics, parameters,
                                parameters != nullptr ? parameters + channels : nullptr, norm);
    }

    /// Moves the running statistics towards those of the last training pass.
    void update_state(const scratch& s) {
        if (s.batch_statistics) update_state(s.norm);
    }
    void update_state(const detail::batch_norm_scratch<Scalar>& norm) {
        const auto count = static_cast<double>(norm.count);
        const double unbiased = norm.count > 1 ? count / (count - 1) : 1;
        for (std::size_t c = 0; c < config_.channels; ++c) {
            const auto towards = [&](Scalar& value, double batch) {
                value = static_cast<Scalar>((1 - config_.momentum) * static_cast<double>(value) +
                                            config_.momentum * batch);
            };
            towards(running_mean()[c], norm.mean[c]);
            towards(running_variance()[c], norm.variance[c] * unbiased);
        }
    }

    template <typename Visitor>
    void visit_taps(scratch&, std::size_t, Visitor&&) const {}
    template <typename Visitor>
    void visit_parameters(Visitor&& visit) {
        visit(names_[0], gamma());
        visit(names_[1], beta());
    }
    template <typename Visitor>
    void visit_state(Visitor&& visit) {
        visit(names_[2], running_mean());
        visit(names_[3], running_variance());
    }
    void initialize(initializer&) {
        for (Scalar& value : gamma()) value = Scalar(1);
        for (Scalar& value : beta()) value = Scalar(0);
        for (Scalar& value : running_mean()) value = Scalar(0);
        for (Scalar& value : running_variance()) value = Scalar(1);
    }

  private:
    config config_;
    std::array<std::string, 4> names_;
    std::vector<Scalar> parameters_;
    std::vector<Scalar> state_;
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
