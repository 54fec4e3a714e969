#pragma once

#include "repscope/detail/net/check_evaluation.hpp"
#include "repscope/error.hpp"
#include "repscope/model/layer_tap.hpp"
#include "repscope/net/concepts.hpp"
#include "repscope/net/feature_maps.hpp"
#include "repscope/net/init.hpp"
#include "repscope/net/input_normalization.hpp"
#include "repscope/net/loss.hpp"
#include "repscope/net/sequential.hpp"
#include "repscope/net/workspace.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/slice.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// A tap that ignores its arguments.
struct no_tap {
    /// Does nothing.
    template <typename View>
    void operator()(std::size_t, std::string_view, const View&) const noexcept {}
};

/// A classifier: normalization of the input, layers, softmax cross-entropy.
///
/// The network holds only parameters and running statistics. Every pass is const and works in a `workspace`,
/// which allocates its memory at the first pass and keeps it. Inputs are (n, c, h, w) in data units. Results
/// do not depend on the number of threads.
template <layer_like Body>
class network {
  public:
    using scalar = typename Body::scalar;
    using input_view = tensor_view<const scalar, 4>;

    /// Memory and threads of passes through one network; grows to the size of the largest batch.
    class workspace {
      public:
        /// Memory that is allocated at the first pass.
        explicit workspace(const thread_source& threads = 1) : pool_(threads) {}

        /// Logits of the last forward pass, (samples, classes).
        [[nodiscard]] tensor_view<const scalar, 2> logits() const {
            const auto& maps = detail::maps_of(body_).out;
            return {maps.view(samples_).data, {samples_, maps.shape().c}};
        }
        /// The gradient of the logits: the caller writes it, and `backward` reads it.
        [[nodiscard]] tensor_view<scalar, 2> logit_gradient() const {
            const auto& maps = detail::maps_of(body_).gradient;
            return {maps.view(samples_).data, {samples_, maps.shape().c}};
        }
        /// Gradient of the parameters, in the order of `visit_parameters`, after `backward`.
        [[nodiscard]] std::span<const scalar> parameter_gradient() const noexcept {
            return parameter_gradient_;
        }
        /// Number of samples of the last forward pass.
        [[nodiscard]] std::size_t samples() const noexcept { return samples_; }

      private:
        friend class network;
        scoped_pool pool_;
        map_buffer<scalar> input_, input_gradient_;
        std::vector<scalar> direction_; // a tangent or gradient of the input, in the caller's shape
        typename Body::scratch body_;
        std::vector<scalar> parameter_gradient_;
        std::vector<layer_tap<scalar>> tapped_;
        feature_map_shape prepared_{};
        std::size_t samples_ = 0;
        mode how_ = mode::inference;
    };

    /// `architecture` names the network in files.
    network(std::string architecture, normalization<scalar> input, Body body)
        : architecture_(std::move(architecture)), input_(std::move(input)), body_(std::move(body)) {}

    /// The name of the architecture.
    [[nodiscard]] const std::string& architecture() const noexcept { return architecture_; }
    /// The normalization of the input.
    [[nodiscard]] const normalization<scalar>& input() const noexcept { return input_; }
    /// The layers.
    [[nodiscard]] Body& body() noexcept { return body_; }
    /// The layers.
    [[nodiscard]] const Body& body() const noexcept { return body_; }
    /// Number of taps.
    [[nodiscard]] static constexpr std::size_t layers() noexcept { return Body::tap_count; }
    /// Number of parameters.
    [[nodiscard]] std::size_t parameter_count() const noexcept { return body_.parameter_count(); }

    /// Sets all parameters to random starting values; the same bits for the same seed.
    void initialize(std::uint64_t seed, initialization how = initialization::fan_in) {
        initializer random(seed, how);
        body_.initialize(random);
    }

    /// Calls `visit(name, std::span<scalar>)` for each tensor of parameters, in the order of their gradients.
    template <typename Visitor>
    void visit_parameters(Visitor&& visit) {
        body_.visit_parameters(visit);
    }
    /// The same for reading.
    template <typename Visitor>
    void visit_parameters(Visitor&& visit) const {
        const_cast<Body&>(body_).visit_parameters([&](const std::string& name, std::span<scalar> values) {
            visit(name, std::span<const scalar>(values));
        });
    }
    /// The same for the running statistics.
    template <typename Visitor>
    void visit_state(Visitor&& visit) {
        body_.visit_state(visit);
    }
    /// The same for reading.
    template <typename Visitor>
    void visit_state(Visitor&& visit) const {
        const_cast<Body&>(body_).visit_state([&](const std::string& name, std::span<scalar> values) {
            visit(name, std::span<const scalar>(values));
        });
    }
    /// Moves the running statistics of batch norm towards those of the last training pass.
    void update_state(const workspace& ws) { body_.update_state(ws.body_); }

    /// Returns the logits (n, classes) of `x`. After the pass it calls `tap(index, name, activations)` for
    /// each layer with a ReLU, in forward order; views are valid until the next pass. Throws `shape_error` if
    /// `x` does not fit.
    template <typename Tap = no_tap>
    tensor_view<const scalar, 2> forward(const input_view& x, workspace& ws, Tap&& tap = {},
                                         mode how = mode::inference) const {
        const pass run = begin(x, ws, how);
        input_.forward(x, ws.input_.view(run.samples), run);
        body_.forward(ws.input_.view(run.samples), ws.body_, run);
        if constexpr (!std::is_same_v<std::remove_cvref_t<Tap>, no_tap>) {
            std::size_t index = 0;
            body_.visit_taps(ws.body_, run.samples,
                             [&](const std::string& name, const auto& activation, const auto&, const auto&) {
                                 tap(index++, std::string_view(name),
                                     tensor_view<const scalar, 4>(activation.view()));
                             });
        }
        return ws.logits();
    }
    /// The same with the statistics of the batch in batch norm.
    template <typename Tap = no_tap>
    tensor_view<const scalar, 2> forward_training(const input_view& x, workspace& ws, Tap&& tap = {}) const {
        return forward(x, ws, std::forward<Tap>(tap), mode::training);
    }

    /// The taps of the last forward pass for a penalty, with gradients set to 0.
    std::span<const layer_tap<scalar>> taps(workspace& ws) const {
        ws.tapped_.clear();
        body_.visit_taps(
            ws.body_, ws.samples_,
            [&](const std::string& name, const auto& activation, const auto& gradient, const auto&) {
                const pass run{*ws.pool_, ws.samples_, ws.how_};
                detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last,
                                               std::size_t) { detail::fill_zero(gradient, first, last); });
                ws.tapped_.push_back({name, activation.view(), gradient.view()});
            });
        return ws.tapped_;
    }

    /// Gradient of the parameters from `ws.logit_gradient()` and, if `tapped`, from the gradients at the
    /// taps. `input_gradient`, unless empty, receives the gradient of the input of the last forward pass.
    void backward(workspace& ws, bool tapped = false,
                  const tensor_view<scalar, 4>& input_gradient = {}) const {
        ws.parameter_gradient_.resize(parameter_count());
        backward_from(Body::size - 1, ws, tapped, ws.parameter_gradient_.data(), input_gradient);
    }

    /// Gradient of the input of the last forward pass, of the shape of its samples, from
    /// `ws.logit_gradient()`, without that of the parameters.
    void input_gradient(workspace& ws, const tensor_view<scalar, 4>& gradient) const {
        backward_from(Body::size - 1, ws, false, nullptr, gradient);
    }

    /// Number of output classes for inputs of this shape.
    [[nodiscard]] std::size_t classes(const std::array<std::size_t, 4>& x) const {
        return body_.output_shape({x[0], x[1], x[2], x[3]}).c;
    }

    /// Loss, prediction and input gradient of each sample, in inference mode; see `differentiable`. Works
    /// through `x` in pieces, so memory does not grow with it.
    void evaluate(const input_view& x, std::span<const int> labels, std::span<double> losses,
                  std::span<int> predicted, const tensor_view<scalar, 4>& gradient, workspace& ws,
                  loss_function loss = loss_function::cross_entropy) const {
        const std::size_t n = x.extent(0);
        detail::check_lengths("net::network", n, labels.size(), losses.size(), predicted.size());
        if (!gradient.empty()) check_shape("net::network", gradient.extents(), x.extents());
        for (std::size_t first = 0; first < n; first += piece) {
            const std::size_t count = (std::min)(piece, n - first);
            const auto logits = forward(samples(x, first, count), ws);
            const auto part = [&](auto span) { return span.empty() ? span : span.subspan(first, count); };
            if (first == 0) detail::check_labels("net::network", labels, logits.extent(1));
            const auto upstream = gradient.empty() ? tensor_view<scalar, 2>{} : ws.logit_gradient();
            const auto own = labels.subspan(first, count);
            if (loss == loss_function::margin)
                margin_loss(logits, own, part(losses), part(predicted), upstream);
            else
                softmax_cross_entropy(logits, own, part(losses), part(predicted), upstream);
            if (!gradient.empty()) {
                backward_from(Body::size - 1, ws, false, nullptr, samples(gradient, first, count));
            }
        }
    }
    /// Computes losses and their gradients; see `differentiable`.
    void operator()(const input_view& x, std::span<const int> labels, std::span<double> losses,
                    std::span<int> predicted, const tensor_view<scalar, 4>& gradient) const {
        workspace ws;
        evaluate(x, labels, losses, predicted, gradient, ws);
    }

    /// Gradient of sum(upstream activation of a layer) with respect to each sample; see `layered`.
    void vjp(std::size_t layer, const input_view& x, const input_view& upstream,
             const tensor_view<scalar, 4>& gradient, workspace& ws) const {
        check_layer(layer);
        check_shape("net::network::vjp", gradient.extents(), x.extents());
        for (std::size_t first = 0; first < x.extent(0); first += piece) {
            const std::size_t count = (std::min)(piece, x.extent(0) - first);
            forward(samples(x, first, count), ws);
            const auto all = taps(ws);
            auto expected = all[layer].activation.extents();
            expected[0] = x.extent(0);
            check_shape("net::network::vjp", upstream.extents(), expected);
            copy(samples(upstream, first, count), all[layer].gradient);
            backward_from(Body::layer_of_tap(layer), ws, true, nullptr, samples(gradient, first, count));
        }
    }
    /// Computes vector-Jacobian products of a layer; see `layered`.
    void vjp(std::size_t layer, const input_view& x, const input_view& upstream,
             const tensor_view<scalar, 4>& gradient) const {
        workspace ws;
        vjp(layer, x, upstream, gradient, ws);
    }

    /// Shape of the activations of a layer for inputs of this shape.
    [[nodiscard]] std::array<std::size_t, 4> extents(std::size_t layer,
                                                     const std::array<std::size_t, 4>& x) const {
        check_layer(layer);
        const feature_map_shape shape = body_.tap_shape(layer, {x[0], x[1], x[2], x[3]});
        return {shape.n, shape.c, shape.h, shape.w};
    }

    /// Calls `visit(unit, gradient)` for every unit of a layer in order. `gradient` is that of the unit's
    /// spatial mean with respect to each sample, of the shape of `x`, valid until the next call. One forward
    /// pass, and one backward pass per unit from its layer down, for all samples at once; pass one batch at a
    /// time.
    template <typename Visit>
    void unit_gradients(std::size_t layer, const input_view& x, workspace& ws, Visit&& visit) const {
        check_layer(layer);
        forward(x, ws);
        const auto all = taps(ws);
        const layer_tap<scalar>& own = all[layer];
        // The backward pass overwrites gradients below an output; at a tap inside a block it adds to them.
        const bool inside = !Body::tap_is_output(layer);
        const std::size_t units = own.gradient.extent(1);
        const scalar share = scalar(1) / static_cast<scalar>(own.gradient.extent(2) * own.gradient.extent(3));
        ws.direction_.resize(x.size());
        const tensor_view<scalar, 4> gradient(ws.direction_.data(), x.extents());
        const auto set = [&](std::size_t unit, scalar value) {
            for (std::size_t n = 0; n < own.gradient.extent(0); ++n) {
                for (std::size_t y = 0; y < own.gradient.extent(2); ++y) {
                    for (std::size_t column = 0; column < own.gradient.extent(3); ++column) {
                        own.gradient(n, unit, y, column) = value;
                    }
                }
            }
        };
        for (std::size_t unit = 0; unit < units; ++unit) {
            if (inside && unit > 0)
                (void)taps(ws);
            else if (unit > 0)
                set(unit - 1, scalar(0));
            set(unit, share);
            backward_from(Body::layer_of_tap(layer), ws, inside, nullptr, gradient);
            visit(unit, tensor_view<const scalar, 4>(gradient));
        }
    }

    /// Derivatives of all layers in `directions` directions, from one forward pass: `fill(index, tangent)`
    /// sets a direction, of the shape of `x`, and `visit(index, layer, out)` is called for every layer.
    template <typename Fill, typename Visit>
    void tangents(const input_view& x, std::size_t directions, workspace& ws, Fill&& fill,
                  Visit&& visit) const {
        forward(x, ws);
        const pass run{*ws.pool_, ws.samples_, mode::inference};
        ws.direction_.resize(x.size());
        const tensor_view<scalar, 4> tangent(ws.direction_.data(), x.extents());
        for (std::size_t index = 0; index < directions; ++index) {
            fill(index, tangent);
            input_.tangent(tangent, ws.input_.view(run.samples), run);
            body_.tangent(ws.input_.view(run.samples), ws.body_, run);
            std::size_t layer = 0;
            body_.visit_taps(
                ws.body_, run.samples, [&](const auto&, const auto&, const auto&, const auto& tangents) {
                    visit(index, layer++, tensor_view<const scalar, 4>(tangents.view(run.samples).view()));
                });
        }
    }

    /// Change of the activation of a layer for a change `tangent` of each sample; see `layered`.
    void jvp(std::size_t layer, const input_view& x, const input_view& tangent,
             const tensor_view<scalar, 4>& out, workspace& ws) const {
        check_shape("net::network::jvp", tangent.extents(), x.extents());
        check_shape("net::network::jvp", out.extents(), extents(layer, x.extents()));
        for (std::size_t first = 0; first < x.extent(0); first += piece) {
            const std::size_t count = (std::min)(piece, x.extent(0) - first);
            tangents(
                samples(x, first, count), 1, ws,
                [&](std::size_t, const tensor_view<scalar, 4>& to) {
                    copy(samples(tangent, first, count), to);
                },
                [&](std::size_t, std::size_t which, const input_view& change) {
                    if (which == layer) copy(change, samples(out, first, count));
                });
        }
    }
    /// Computes Jacobian-vector products of a layer; see `layered`.
    void jvp(std::size_t layer, const input_view& x, const input_view& tangent,
             const tensor_view<scalar, 4>& out) const {
        workspace ws;
        jvp(layer, x, tangent, out, ws);
    }

  private:
    static constexpr std::size_t piece = 128;

    /// Sizes the workspace for `x`.
    pass begin(const input_view& x, workspace& ws, mode how) const {
        const feature_map_shape shape{x.extent(0), x.extent(1), x.extent(2), x.extent(3)};
        if (shape.n == 0 || shape.c != input_.channels() || shape.h == 0 || shape.w == 0) {
            errors::throw_shape_error("net::network",
                                      "expected (n, " + errors::text_of(input_.channels()) + ", h, w)",
                                      x.extents());
        }
        const feature_map_shape& held = ws.prepared_;
        if (shape.c != held.c || shape.h != held.h || shape.w != held.w || shape.n > held.n) {
            (void)body_.output_shape(shape);
            ws.prepared_ = {};
            ws.input_.resize(shape, body_.input_halo());
            ws.input_gradient_.resize(shape);
            body_.prepare(ws.body_, ws.input_.view(shape.n), {}, ws.pool_->size());
            ws.prepared_ = shape;
        }
        ws.samples_ = shape.n;
        ws.how_ = how;
        return {*ws.pool_, shape.n, how};
    }

    void backward_from(std::size_t top, workspace& ws, bool tapped, scalar* parameters,
                       const tensor_view<scalar, 4>& input_gradient) const {
        const pass run{*ws.pool_, ws.samples_, ws.how_, tapped};
        const feature_map_view<scalar> to = ws.input_gradient_.view(run.samples);
        const bool has_input_gradient = !input_gradient.empty();
        body_.backward_below(top, ws.input_.view(run.samples), ws.body_, run, parameters,
                             has_input_gradient ? to : feature_map_view<scalar>{}, false);
        if (has_input_gradient) input_.backward(to, input_gradient, run);
    }

    static void copy(const tensor_view<const scalar, 4>& from, const tensor_view<scalar, 4>& to) {
        for (std::size_t n = 0; n < from.extent(0); ++n) {
            for (std::size_t c = 0; c < from.extent(1); ++c) {
                for (std::size_t y = 0; y < from.extent(2); ++y) {
                    for (std::size_t x = 0; x < from.extent(3); ++x) to(n, c, y, x) = from(n, c, y, x);
                }
            }
        }
    }
    static void check_layer(std::size_t layer) {
        if (layer < layers()) return;
        errors::throw_value_error("net::network", "expected a layer below " + errors::text_of(layers()) +
                                                      ", got " + errors::text_of(layer));
    }
    static void check_shape(const char* function, const std::array<std::size_t, 4>& got,
                            const std::array<std::size_t, 4>& expected) {
        if (got != expected) {
            errors::throw_shape_error(function, "expected shape " + format_shape(expected), got);
        }
    }
    std::string architecture_;
    normalization<scalar> input_;
    Body body_;
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
