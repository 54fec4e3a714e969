#pragma once

#include "repscope/net/feature_maps.hpp"
#include "repscope/net/layers/batch_norm.hpp"
#include "repscope/net/layers/conv2d.hpp"
#include "repscope/net/workspace.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// Convolution without bias, batch norm and, unless `Relu` is false, ReLU as one layer: `conv2d`,
/// `batch_norm` and `relu` in fewer passes over memory.
///
/// In training the maps between convolution and batch norm are kept; their gradient exists for a few samples
/// at a time. In inference the batch norm is folded into the convolution. The tap, after the ReLU, has the
/// layer's name.
template <typename Scalar, bool Relu = true>
class conv_bn_relu {
  public:
    using scalar = Scalar;
    static constexpr std::size_t tap_count = Relu ? 1 : 0;
    /// Memory of one workspace.
    struct scratch {
        detail::conv_scratch<Scalar> conv;       ///< memory of the convolution
        detail::batch_norm_scratch<Scalar> norm; ///< statistics of the batch
        map_buffer<Scalar> product;              ///< between convolution and batch norm
        detail::convolution<Scalar>
            training;               ///< writes to `product`, which has no border, the output of `conv`
        mode how = mode::inference; ///< mode of the last pass
    };

    /// Settings of the layer.
    struct config {
        std::size_t in = 1, out = 1; ///< channels of the input and of the output
        window win{};                ///< kernel, stride and padding
        double epsilon = 1e-5;       ///< added to the variance
        double momentum = 0.1;       ///< weight of a batch in the running statistics
        std::string name = "conv";   ///< name of the layer
    };

    /// A layer with weights 0.
    explicit conv_bn_relu(config values)
        : name_(values.name),
          conv_({.in = values.in, .out = values.out, .win = values.win, .bias = false, .name = values.name}),
          norm_({.channels = values.out,
                 .epsilon = values.epsilon,
                 .momentum = values.momentum,
                 .name = values.name + ".norm"}) {}

    /// The name of the layer.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// The convolution.
    [[nodiscard]] conv2d<Scalar>& convolution() noexcept { return conv_; }
    /// The convolution.
    [[nodiscard]] const conv2d<Scalar>& convolution() const noexcept { return conv_; }
    /// The batch norm.
    [[nodiscard]] batch_norm<Scalar>& norm() noexcept { return norm_; }
    /// The batch norm.
    [[nodiscard]] const batch_norm<Scalar>& norm() const noexcept { return norm_; }
    [[nodiscard]] std::size_t parameter_count() const noexcept {
        return conv_.parameter_count() + norm_.parameter_count();
    }

    [[nodiscard]] feature_map_shape output_shape(const feature_map_shape& in) const {
        return conv_.output_shape(in);
    }
    [[nodiscard]] extent_2d input_halo() const noexcept { return conv_.input_halo(); }
    void prepare(scratch& s, const feature_map_view<const Scalar>& in, const extent_2d& halo,
                 std::size_t workers) const {
        const feature_map_shape out = output_shape(in.shape);
        s.product.resize(out);
        conv_.prepare(s.conv, in, halo, workers);
        s.norm.prepare(in.shape.n, out.c);
        s.training.plan(conv_.settings().win, in, std::as_const(s.product).view(in.shape.n));
    }

    feature_map_view<const Scalar> forward(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        s.how = run.how;
        const feature_map_view<Scalar> out = s.conv.out.view(run.samples);
        if (run.how == mode::inference) {
            norm_.statistics(s.norm, run, out.shape.positions());
            s.conv.product.pack_forward(conv_.weights(), s.norm.scale.data());
            const detail::epilogue<Scalar> end{.bias = s.norm.shift.data(), .relu = Relu};
            detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
                s.conv.product.forward(in, out, first, last, end);
            });
            return out;
        }
        const feature_map_view<Scalar> product = s.product.view(run.samples);
        const std::size_t chunk = s.conv.product.chunk();
        s.training.pack_forward(conv_.weights());
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            for (std::size_t n = first; n < last; n += chunk) {
                const std::size_t end = (std::min)(n + chunk, last);
                s.training.forward(in, product, n, end, {});
                for (std::size_t i = n; i < end; ++i) detail::image_moments<Scalar>(product, i, s.norm);
            }
        });
        norm_.statistics(s.norm, run, out.shape.positions());
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            for (std::size_t n = first; n < last; ++n)
                detail::apply_affine<Relu, Scalar>(product, out, n, s.norm);
        });
        return out;
    }

    void backward(const feature_map_view<const Scalar>& in, scratch& s, const pass& run, Scalar* parameters,
                  const feature_map_view<Scalar>& in_gradient, bool accumulate) const {
        if (s.how == mode::inference) return backward_folded(in, s, run, parameters, in_gradient, accumulate);
        const feature_map_view<const Scalar> product = s.product.view(run.samples);
        const feature_map_view<const Scalar> gradient = s.conv.gradient.view(run.samples);
        Scalar* const norm_gradient = parameters != nullptr ? parameters + conv_.parameter_count() : nullptr;
        norm_.template gradient_statistics<Relu>(product, gradient, s.norm, run, true, norm_gradient);
        if (in_gradient.data != nullptr) s.conv.product.pack_backward(conv_.weights());
        s.conv.backward(in, run, parameters != nullptr, in_gradient, accumulate,
                        [&](std::size_t n, const feature_map_view<Scalar>& to, std::size_t to_n) {
                            detail::affine_gradient<Relu>(product, gradient, n, to, to_n, s.norm);
                        });
        if (parameters != nullptr) {
            s.conv.product.fold_weights(s.conv.sums.data(), detail::lane_count(run.samples), parameters);
        }
    }

    feature_map_view<const Scalar> tangent(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        s.conv.tangent.resize(s.conv.out.shape(), s.conv.out.halo());
        s.conv.product.pack_forward(conv_.weights(), s.norm.scale.data());
        const feature_map_view<Scalar> to = s.conv.tangent.view(run.samples);
        const feature_map_view<const Scalar> out = s.conv.out.view(run.samples);
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            s.conv.product.forward(in, to, first, last, {});
            if constexpr (Relu) {
                detail::for_rows(
                    first, last,
                    [](std::size_t count, Scalar* row, const Scalar* value) {
                        detail::copy_where_positive(count, value, row, row);
                    },
                    to, out);
            }
        });
        return to;
    }

    template <typename Visitor>
    void visit_taps(scratch& s, std::size_t samples, Visitor&& visit) const {
        if constexpr (Relu) {
            visit(name_, s.conv.out.view(samples), s.conv.gradient.view(samples), s.conv.tangent);
        }
    }
    template <typename Visitor>
    void visit_parameters(Visitor&& visit) {
        conv_.visit_parameters(visit);
        norm_.visit_parameters(visit);
    }
    template <typename Visitor>
    void visit_state(Visitor&& visit) {
        norm_.visit_state(visit);
    }
    void update_state(const scratch& s) {
        if (s.how == mode::training) norm_.update_state(s.norm);
    }
    void initialize(initializer& random) {
        conv_.initialize(random);
        norm_.initialize(random);
    }

  private:
    /// With running statistics the layer is the convolution with weights W scale and bias shift.
    void backward_folded(const feature_map_view<const Scalar>& in, scratch& s, const pass& run,
                         Scalar* parameters, const feature_map_view<Scalar>& in_gradient,
                         bool accumulate) const {
        const feature_map_view<Scalar> gradient = s.conv.gradient.view(run.samples);
        const feature_map_view<const Scalar> out = s.conv.out.view(run.samples);
        if (in_gradient.data != nullptr) s.conv.product.pack_backward(conv_.weights(), s.norm.scale.data());
        s.conv.backward(in, run, parameters != nullptr, in_gradient, accumulate,
                        [&](std::size_t n, const feature_map_view<Scalar>& to, std::size_t to_n) {
                            for (std::size_t y = 0; y < gradient.shape.h; ++y) {
                                const Scalar* value = out.at(n, y);
                                const Scalar* from = gradient.at(n, y);
                                Scalar* row = to.at(to_n, y);
                                if constexpr (Relu)
                                    detail::copy_where_positive(gradient.row_length(), value, from, row);
                                else
                                    std::memcpy(row, from, gradient.row_length() * sizeof(Scalar));
                            }
                        });
        if (parameters == nullptr) return;
        if constexpr (Relu) {
            detail::for_rows(
                0, run.samples,
                [](std::size_t count, Scalar* row, const Scalar* value) {
                    detail::copy_where_positive(count, value, row, row);
                },
                gradient, out);
        }
        Scalar* const gamma = parameters + conv_.parameter_count();
        Scalar* const beta = gamma + norm_.settings().channels;
        s.conv.product.fold_weights(s.conv.sums.data(), detail::lane_count(run.samples), parameters);
        s.conv.bias_gradient(run, gradient, beta);
        const std::size_t per_channel = conv_.parameter_count() / norm_.settings().channels;
        for (std::size_t c = 0; c < norm_.settings().channels; ++c) {
            double product = -s.norm.mean[c] * static_cast<double>(beta[c]);
            for (std::size_t k = c * per_channel; k < (c + 1) * per_channel; ++k) {
                product += static_cast<double>(parameters[k]) * static_cast<double>(conv_.weights()[k]);
                parameters[k] *= s.norm.scale[c];
            }
            gamma[c] = static_cast<Scalar>(product * s.norm.inverse[c]);
        }
    }

    std::string name_;
    conv2d<Scalar> conv_;
    batch_norm<Scalar> norm_;
};

/// The convolution with a bias that equals `unit` in inference, without its ReLU.
template <typename Scalar, bool Relu>
[[nodiscard]] conv2d<Scalar> fold(const conv_bn_relu<Scalar, Relu>& unit) {
    auto settings = unit.convolution().settings();
    settings.bias = true;
    conv2d<Scalar> folded(settings);
    const auto& norm = unit.norm();
    const std::size_t per_channel = unit.convolution().weights().size() / settings.out;
    for (std::size_t c = 0; c < settings.out; ++c) {
        const double scale =
            static_cast<double>(norm.gamma()[c]) /
            std::sqrt(static_cast<double>(norm.running_variance()[c]) + norm.settings().epsilon);
        for (std::size_t k = c * per_channel; k < (c + 1) * per_channel; ++k) {
            folded.weights()[k] =
                static_cast<Scalar>(static_cast<double>(unit.convolution().weights()[k]) * scale);
        }
        folded.bias()[c] = static_cast<Scalar>(static_cast<double>(norm.beta()[c]) -
                                               static_cast<double>(norm.running_mean()[c]) * scale);
    }
    return folded;
}

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
