#pragma once

#include "repscope/net/feature_maps.hpp"
#include "repscope/net/layers/conv_bn_relu.hpp"
#include "repscope/net/workspace.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// Basic residual block: relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)), 3 x 3 convolutions of padding
/// 1, the first with the stride; the shortcut is the identity, or a 1 x 1 convolution with batch norm where
/// stride or channels change the shape.
///
/// Taps: "name.inner", after the inner ReLU, and "name", the output. He, Zhang, Ren and Sun 2016.
template <typename Scalar>
class residual {
  public:
    using scalar = Scalar;
    static constexpr std::size_t tap_count = 2;
    /// Memory of one workspace.
    struct scratch {
        typename conv_bn_relu<Scalar, true>::scratch first;               ///< memory of the first convolution
        typename conv_bn_relu<Scalar, false>::scratch second, projection; ///< memory of the others
        map_buffer<Scalar> out, gradient, tangent; ///< the output, and derivatives of it
    };

    /// A block from `in` to `out` channels; `stride` is that of the first convolution.
    residual(std::size_t in, std::size_t out, std::size_t stride, std::string name)
        : name_(std::move(name)), inner_name_(name_ + ".inner"),
          first_({.in = in, .out = out, .win = {{3, 3}, {stride, stride}, {1, 1}}, .name = name_ + ".first"}),
          second_({.in = out, .out = out, .win = {{3, 3}, {1, 1}, {1, 1}}, .name = name_ + ".second"}) {
        if (in == out && stride == 1) return;
        projection_.emplace(typename conv_bn_relu<Scalar, false>::config{
            .in = in, .out = out, .win = {{1, 1}, {stride, stride}, {0, 0}}, .name = name_ + ".shortcut"});
    }

    /// The name of the layer.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// The first convolution.
    [[nodiscard]] const conv_bn_relu<Scalar, true>& first() const noexcept { return first_; }
    /// The second convolution.
    [[nodiscard]] const conv_bn_relu<Scalar, false>& second() const noexcept { return second_; }
    /// The 1 x 1 convolution of the shortcut; empty if the shortcut is the identity.
    [[nodiscard]] const std::optional<conv_bn_relu<Scalar, false>>& projection() const noexcept {
        return projection_;
    }
    [[nodiscard]] std::size_t parameter_count() const noexcept {
        return first_.parameter_count() + second_.parameter_count() +
               (projection_ ? projection_->parameter_count() : 0);
    }
    [[nodiscard]] feature_map_shape output_shape(const feature_map_shape& in) const {
        return first_.output_shape(in);
    }
    [[nodiscard]] extent_2d input_halo() const noexcept { return first_.input_halo(); }
    void prepare(scratch& s, const feature_map_view<const Scalar>& in, const extent_2d& halo,
                 std::size_t workers) const {
        first_.prepare(s.first, in, second_.input_halo(), workers);
        second_.prepare(s.second, s.first.conv.out.view(in.shape.n), {}, workers);
        if (projection_) projection_->prepare(s.projection, in, {}, workers);
        s.out.resize(output_shape(in.shape), halo);
        s.gradient.resize(output_shape(in.shape));
    }

    feature_map_view<const Scalar> forward(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        const auto inner = first_.forward(in, s.first, run);
        const auto body = second_.forward(inner, s.second, run);
        const auto shortcut = projection_ ? projection_->forward(in, s.projection, run) : in;
        const feature_map_view<Scalar> out = s.out.view(run.samples);
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            detail::for_rows(
                first, last,
                [](std::size_t count, Scalar* to, const Scalar* a, const Scalar* b) {
                    for (std::size_t i = 0; i < count; ++i)
                        to[i] = a[i] + b[i] > Scalar(0) ? a[i] + b[i] : Scalar(0);
                },
                out, body, shortcut);
        });
        return out;
    }

    void backward(const feature_map_view<const Scalar>& in, scratch& s, const pass& run, Scalar* parameters,
                  const feature_map_view<Scalar>& in_gradient, bool accumulate) const {
        const feature_map_view<const Scalar> out = s.out.view(run.samples),
                                             upstream = s.gradient.view(run.samples);
        const feature_map_view<Scalar> second = s.second.conv.gradient.view(run.samples);
        // Both branches get the gradient after the sum; without a projection the shortcut gets it unchanged.
        const bool identity = !projection_ && in_gradient.data != nullptr;
        const feature_map_view<Scalar> other = projection_ ? s.projection.conv.gradient.view(run.samples)
                                               : identity  ? in_gradient
                                                           : second;
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            detail::for_rows(
                first, last,
                [&](std::size_t count, Scalar* body, Scalar* shortcut, const Scalar* g, const Scalar* value) {
                    for (std::size_t i = 0; i < count; ++i) {
                        const Scalar masked = value[i] > Scalar(0) ? g[i] : Scalar(0);
                        shortcut[i] = identity && accumulate ? shortcut[i] + masked : masked;
                        body[i] = masked;
                    }
                },
                second, other, upstream, out);
        });
        Scalar* const second_parameters =
            parameters != nullptr ? parameters + first_.parameter_count() : nullptr;
        if (projection_) {
            projection_->backward(in, s.projection, run,
                                  parameters != nullptr ? second_parameters + second_.parameter_count()
                                                        : nullptr,
                                  in_gradient, accumulate);
        }
        second_.backward(s.first.conv.out.view(run.samples), s.second, run, second_parameters,
                         s.first.conv.gradient.view(run.samples), run.tapped);
        first_.backward(in, s.first, run, parameters, in_gradient, true);
    }

    feature_map_view<const Scalar> tangent(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        s.tangent.resize(s.out.shape(), s.out.halo());
        const auto body = second_.tangent(first_.tangent(in, s.first, run), s.second, run);
        const auto shortcut = projection_ ? projection_->tangent(in, s.projection, run) : in;
        const feature_map_view<Scalar> to = s.tangent.view(run.samples);
        const feature_map_view<const Scalar> out = s.out.view(run.samples);
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            detail::for_rows(
                first, last,
                [](std::size_t count, Scalar* row, const Scalar* a, const Scalar* b, const Scalar* value) {
                    for (std::size_t i = 0; i < count; ++i)
                        row[i] = value[i] > Scalar(0) ? a[i] + b[i] : Scalar(0);
                },
                to, body, shortcut, out);
        });
        return to;
    }

    template <typename Visitor>
    void visit_taps(scratch& s, std::size_t samples, Visitor&& visit) const {
        visit(inner_name_, s.first.conv.out.view(samples), s.first.conv.gradient.view(samples),
              s.first.conv.tangent);
        visit(name_, s.out.view(samples), s.gradient.view(samples), s.tangent);
    }
    template <typename Visitor>
    void visit_parameters(Visitor&& visit) {
        first_.visit_parameters(visit);
        second_.visit_parameters(visit);
        if (projection_) projection_->visit_parameters(visit);
    }
    template <typename Visitor>
    void visit_state(Visitor&& visit) {
        first_.visit_state(visit);
        second_.visit_state(visit);
        if (projection_) projection_->visit_state(visit);
    }
    void update_state(const scratch& s) {
        first_.update_state(s.first);
        second_.update_state(s.second);
        if (projection_) projection_->update_state(s.projection);
    }
    void initialize(initializer& random) {
        first_.initialize(random);
        second_.initialize(random);
        if (projection_) projection_->initialize(random);
    }

  private:
    std::string name_, inner_name_;
    conv_bn_relu<Scalar, true> first_;
    conv_bn_relu<Scalar, false> second_;
    std::optional<conv_bn_relu<Scalar, false>> projection_;
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
