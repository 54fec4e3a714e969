#pragma once

#include "repscope/detail/net/check_evaluation.hpp"
#include "repscope/detail/net/graph/engine.hpp"
#include "repscope/detail/net/graph/shapes.hpp"
#include "repscope/error.hpp"
#include "repscope/net/graph_operations.hpp"
#include "repscope/net/loss.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/slice.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// Options of a `graph`.
struct graph_options {
    /// The extents contain a batch of exactly 1: no extent is per sample, and a pass runs one sample.
    bool fixed_batch = false;
};

/// A classifier whose nodes are known at run time, for inference and derivatives with respect to its input.
///
/// A node is added after its inputs, so a graph has no cycles. Each node has one output, whose extents may
/// contain the number of samples; see `graph_extent`. After `set_output` the graph is a model: it is
/// `differentiable`, `layered` (its layers are the taps) and `logit_differentiable`. `inference_model` keeps
/// the memory and the threads of its passes.
///
/// Inputs are (n, channels, rows, columns) in data units. A pass divides the samples into pieces, which
/// threads run side by side; results do not depend on the threads or on the other samples. Constants are
/// shared by all passes and by copies of the graph. Maps are stored with adjacent channels. A ReLU, another
/// function of numbers, or a sum is computed together with the convolution before it, unless that is tapped.
template <std::floating_point Scalar = float>
class graph {
    using engine = detail::graph_engine<Scalar>;
    using session = detail::graph_session<Scalar>;
    using piece = typename engine::piece;
    using goal = typename engine::goal;
    using kind = detail::derivative_kind;

  public:
    using scalar = Scalar;
    using input_view = tensor_view<const scalar, 4>;

    /// Memory and threads of passes through one graph; grows to the size of the largest batch.
    class workspace {
      public:
        /// Memory that is allocated at the first pass.
        explicit workspace(const thread_source& threads = 1) : engine_(threads) {}
        /// Bytes of the tensors of all passes.
        [[nodiscard]] std::size_t memory() const noexcept { return engine_.memory(); }

      private:
        friend class graph;
        engine engine_;
        std::vector<scalar> logits_, direction_;
        std::vector<std::vector<scalar>> taps_;
    };

    /// A graph whose input has these extents, without the samples: one to three, such as (channels, rows,
    /// columns). The extents of the views of inputs end in ones if there are fewer. Throws `shape_error` for
    /// other ranks and extents of 0.
    explicit graph(const std::vector<std::size_t>& input_extents, const graph_options& options = {})
        : held_(std::make_shared<detail::graph_description<scalar>>()) {
        if (input_extents.empty() || input_extents.size() > 3 || element_count(input_extents) == 0) {
            errors::throw_shape_error("net::graph", "expected 1 to 3 extents of at least 1", input_extents);
        }
        graph_shape shape{graph_extent{1, !options.fixed_batch}};
        shape.insert(shape.end(), input_extents.begin(), input_extents.end());
        held_->fixed_batch = options.fixed_batch;
        held_->nodes.push_back({.name = "input", .shape = std::move(shape), .active = true});
    }

    /// The input, of extents (N, input extents), or (1, input extents) with a fixed batch.
    [[nodiscard]] graph_value input() const noexcept { return {0}; }

    /// Adds a constant tensor. Throws `shape_error` if `data` does not have the product of the extents.
    graph_value constant(const std::string& name, const std::vector<std::size_t>& extents,
                         std::vector<scalar> data) {
        if (element_count(extents) != data.size()) {
            errors::throw_shape_error(
                "net::graph", "constant " + name + ": expected " + errors::text_of(data.size()) + " elements",
                extents);
        }
        detail::graph_node<scalar> node;
        node.name = name;
        node.shape.assign(extents.begin(), extents.end());
        node.data = std::make_shared<const std::vector<scalar>>(std::move(data));
        return append(std::move(node));
    }

    /// Adds a node and returns its output. Throws `shape_error` with the name, the operation, the expected
    /// extents and the actual ones; `value_error` for attributes outside their range, for inputs that are not
    /// values of the graph, and for a computed input where a constant is required.
    graph_value add(const std::string& name, operation op, const std::vector<graph_value>& inputs) {
        std::vector<graph_shape> shapes;
        detail::graph_node<scalar> node;
        node.name = name;
        const auto [first, last] = detail::required_constants(op);
        for (const graph_value input : inputs) {
            const auto& source = at(input);
            const std::size_t index = node.inputs.size();
            if (index >= first && index < last && source.data == nullptr) {
                errors::throw_value_error("net::graph", "node " + node.name + " (" +
                                                            std::string(detail::operation_name(op)) +
                                                            "): expected a constant as input " +
                                                            errors::text_of(index) + ", got " + source.name);
            }
            shapes.push_back(source.shape);
            node.inputs.push_back(input.index);
            node.active = node.active || source.active;
        }
        const detail::node_shapes checked(node.name, detail::operation_name(op), std::move(shapes));
        node.shape = std::visit(detail::shape_inference(checked), op);
        node.what = std::move(op);
        return append(std::move(node));
    }

    /// Declares `value` as the logits, of extents (N, classes). Throws `shape_error` for others.
    void set_output(graph_value value) {
        const auto& node = at(value);
        if (node.shape.size() != 2 || node.shape[0] != samples_extent() || node.shape[1].per_sample ||
            !node.active) {
            errors::throw_shape_error("net::graph", "output " + node.name +
                                                        ": expected a computed tensor (N, classes), got " +
                                                        format_shape(node.shape));
        }
        change().output = value.index;
    }

    /// Observes `value` as the next layer and returns the layer's index. Throws `shape_error` without an axis
    /// of samples, and `value_error` for a value that does not depend on the input.
    std::size_t tap(graph_value value, std::string name, const tap_axes& axes = {}) {
        const auto& node = at(value);
        if (!node.active) {
            errors::throw_value_error("net::graph",
                                      "tap " + name + ": expected a value computed from the input");
        }
        const std::size_t rank = node.shape.size();
        const detail::node_shapes checked(name, "tap", {node.shape});
        const auto place = std::find(node.shape.begin(), node.shape.end(), samples_extent());
        const std::size_t sample = axes.sample ? checked.axis(*axes.sample, rank)
                                               : static_cast<std::size_t>(place - node.shape.begin());
        if (sample >= rank || node.shape[sample] != samples_extent() || rank < 2) {
            checked.fail("an axis of samples and one of units", format_shape(node.shape));
        }
        const std::size_t unit = checked.axis(axes.unit, rank);
        if (unit == sample) checked.fail("different axes of samples and units", format_shape(node.shape));
        detail::graph_tap next{value.index, std::move(name), {sample, unit}};
        for (std::size_t axis = 0; axis < rank; ++axis) {
            if (axis != sample) (void)checked.fixed(0, axis);
            if (axis != sample && axis != unit) next.axes.push_back(axis);
        }
        change().taps.push_back(std::move(next));
        return layers() - 1;
    }

    /// Number of tensors.
    [[nodiscard]] std::size_t values() const noexcept { return held_->nodes.size(); }
    /// The extents of a tensor.
    [[nodiscard]] const graph_shape& extents(graph_value value) const { return at(value).shape; }
    /// The name of a tensor.
    [[nodiscard]] const std::string& name(graph_value value) const { return at(value).name; }
    /// Whether the tensor is a constant.
    [[nodiscard]] bool is_constant(graph_value value) const { return at(value).data != nullptr; }
    /// The data of a constant; empty for others.
    [[nodiscard]] std::span<const scalar> data(graph_value value) const {
        const auto& held = at(value).data;
        return held == nullptr ? std::span<const scalar>{} : std::span<const scalar>(*held);
    }

    /// The operation of a node; empty for the input and for constants.
    [[nodiscard]] const auto& node_operation(graph_value value) const { return at(value).what; }
    /// The inputs of a node, as places in the graph.
    [[nodiscard]] std::span<const std::size_t> inputs(graph_value value) const { return at(value).inputs; }
    /// Whether the tensor depends on the input.
    [[nodiscard]] bool is_computed(graph_value value) const { return at(value).active; }
    /// The tensor with the logits.
    [[nodiscard]] graph_value output() const noexcept { return {held_->output}; }
    /// The value of a layer and its axes: samples, units, positions.
    [[nodiscard]] graph_value tapped(std::size_t layer) const { return {tap_at(layer).value}; }
    /// The axes of a layer.
    [[nodiscard]] const auto& tapped_axes(std::size_t layer) const { return tap_at(layer).axes; }
    /// Number of taps.
    [[nodiscard]] std::size_t layers() const noexcept { return held_->taps.size(); }
    /// The name of a layer.
    [[nodiscard]] const std::string& layer_name(std::size_t layer) const { return tap_at(layer).name; }
    /// Shape (samples, units, rows, columns) of the activations of a layer. The positions are (rows,
    /// columns): the leading ones of more than two axes are joined, and columns is 1 for a single axis.
    [[nodiscard]] std::array<std::size_t, 4> extents(std::size_t layer,
                                                     const std::array<std::size_t, 4>& x) const {
        const detail::graph_tap& tap = tap_at(layer);
        std::vector<std::size_t> extents;
        for (const std::size_t axis : tap.axes) extents.push_back(held_->nodes[tap.value].shape[axis].at(1));
        extents[0] = x[0];
        return detail::tap_extents(extents);
    }
    /// Number of classes. Throws `value_error` before `set_output`.
    [[nodiscard]] std::size_t classes(const std::array<std::size_t, 4>& = {}) const {
        if (held_->output == 0) errors::throw_value_error("net::graph", "expected a graph with an output");
        return held_->nodes[held_->output].shape[1].count;
    }

    /// Returns the logits (n, classes) of `x`, valid until the next pass in `ws`. Calls `tap(index, name,
    /// activation)` for each layer after the pass; activations are (n, units, rows, columns). Throws
    /// `shape_error` if `x` does not fit.
    template <typename Tap>
    tensor_view<const scalar, 2> forward(const input_view& x, workspace& ws, Tap&& tap) const {
        begin(x, ws);
        const auto views = tap_memory(x, ws);
        const auto logits = logit_memory(x, ws);
        ws.engine_.run(x.extent(0), {kind::none, goal::everything}, false,
                       [&](session& memory, const piece& part) {
                           run_forward(x, part, memory, ws);
                           write_logits(memory, part, logits, ws);
                           for (std::size_t layer = 0; layer < views.size(); ++layer) {
                               ws.engine_.write_tap(layer, memory, memory.value(held_->taps[layer].value),
                                                    part, views[layer]);
                           }
                       });
        for (std::size_t layer = 0; layer < views.size(); ++layer) {
            tap(layer, std::string_view(held_->taps[layer].name), input_view(views[layer]));
        }
        return logits;
    }
    /// Returns the logits (samples, classes), which are stored in the workspace.
    tensor_view<const scalar, 2> forward(const input_view& x, workspace& ws) const {
        const tensor_view<scalar, 2> to = logit_memory(x, ws);
        logits(x, to, ws);
        return to;
    }

    /// Writes the logits of `x` to `to` (n, classes); see `scored`.
    void logits(const input_view& x, const tensor_view<scalar, 2>& to, workspace& ws) const {
        begin(x, ws);
        if (to.extents() != std::array{x.extent(0), classes()}) {
            errors::throw_shape_error("net::graph::logits", "expected (samples, classes)", to.extents());
        }
        ws.engine_.run(x.extent(0), {kind::none, goal::logits}, false,
                       [&](session& memory, const piece& part) {
                           run_forward(x, part, memory, ws);
                           write_logits(memory, part, to, ws);
                       });
    }
    void logits(const input_view& x, const tensor_view<scalar, 2>& to) const {
        workspace ws;
        logits(x, to, ws);
    }

    /// Loss, prediction and input gradient of each sample; see `differentiable`.
    void evaluate(const input_view& x, std::span<const int> labels, std::span<double> losses,
                  std::span<int> predicted, const tensor_view<scalar, 4>& gradient, workspace& ws,
                  loss_function loss = loss_function::cross_entropy) const {
        begin(x, ws);
        detail::check_lengths("net::graph", x.extent(0), labels.size(), losses.size(), predicted.size());
        detail::check_labels("net::graph", labels, classes());
        const bool differentiates = !gradient.empty();
        if (differentiates) check_shape("net::graph", gradient.extents(), x.extents());
        const kind derivative = differentiates ? kind::gradient : kind::none;
        ws.engine_.run(
            x.extent(0), {derivative, goal::logits}, false, [&](session& memory, const piece& part) {
                run_forward(x, part, memory, ws);
                const tensor_view<const scalar, 2> scores =
                    ws.engine_.rows_of_output(memory, memory.value(held_->output));
                if (differentiates && memory.clears_seed()) memory.clear_gradient(held_->output);
                const auto upstream =
                    differentiates ? ws.engine_.rows_of_output(memory, memory.derivative(held_->output))
                                   : tensor_view<scalar, 2>{};
                const auto within = [&](auto all) {
                    return all.empty() ? all : all.subspan(part.first, part.count);
                };
                if (loss == loss_function::margin)
                    margin_loss(scores, within(labels), within(losses), within(predicted), upstream);
                else
                    softmax_cross_entropy(scores, within(labels), within(losses), within(predicted),
                                          upstream);
                if (!differentiates) return;
                memory.backward();
                ws.engine_.write_input(memory, memory.derivative(0), part, gradient);
            });
    }
    void operator()(const input_view& x, std::span<const int> labels, std::span<double> losses,
                    std::span<int> predicted, const tensor_view<scalar, 4>& gradient) const {
        workspace ws;
        evaluate(x, labels, losses, predicted, gradient, ws);
    }

    /// Gradient of a function of the logits with respect to each sample; see `logit_differentiable`.
    template <typename Upstream>
    void logit_vjp(const input_view& x, Upstream&& upstream_of, const tensor_view<scalar, 4>& gradient,
                   workspace& ws) const {
        begin(x, ws);
        check_shape("net::graph::logit_vjp", gradient.extents(), x.extents());
        ws.engine_.run(
            x.extent(0), {kind::gradient, goal::logits}, false, [&](session& memory, const piece& part) {
                run_forward(x, part, memory, ws);
                const tensor_view<const scalar, 2> scores =
                    ws.engine_.rows_of_output(memory, memory.value(held_->output));
                if (memory.clears_seed()) memory.clear_gradient(held_->output);
                upstream_of(part.first, scores,
                            tensor_view<scalar, 2>(
                                ws.engine_.rows_of_output(memory, memory.derivative(held_->output))));
                memory.backward();
                ws.engine_.write_input(memory, memory.derivative(0), part, gradient);
            });
    }
    template <typename Upstream>
    void logit_vjp(const input_view& x, Upstream&& upstream_of,
                   const tensor_view<scalar, 4>& gradient) const {
        workspace ws;
        logit_vjp(x, upstream_of, gradient, ws);
    }

    /// Gradient of sum(upstream activation of a layer) with respect to each sample; see `layered`.
    void vjp(std::size_t layer, const input_view& x, const input_view& upstream,
             const tensor_view<scalar, 4>& gradient, workspace& ws) const {
        begin(x, ws);
        const std::size_t value = tap_at(layer).value;
        check_shape("net::graph::vjp", gradient.extents(), x.extents());
        check_shape("net::graph::vjp", upstream.extents(), extents(layer, x.extents()));
        ws.engine_.run(x.extent(0), {kind::gradient, goal::tap, layer}, false,
                       [&](session& memory, const piece& part) {
                           run_forward(x, part, memory, ws);
                           if (memory.clears_seed()) memory.clear_gradient(value);
                           ws.engine_.read_tap(layer, upstream, part, memory, memory.derivative(value));
                           memory.backward();
                           ws.engine_.write_input(memory, memory.derivative(0), part, gradient);
                       });
    }
    void vjp(std::size_t layer, const input_view& x, const input_view& upstream,
             const tensor_view<scalar, 4>& gradient) const {
        workspace ws;
        vjp(layer, x, upstream, gradient, ws);
    }

    /// Calls `visit(unit, gradient)` for every unit of a layer in order. `gradient` is that of the unit's
    /// mean over positions with respect to each sample, of the shape of `x`, valid until the next call. One
    /// forward pass, and one backward pass per unit, for all samples at once; pass one batch at a time.
    template <typename Visit>
    void unit_gradients(std::size_t layer, const input_view& x, workspace& ws, Visit&& visit) const {
        begin(x, ws);
        const std::size_t value = tap_at(layer).value;
        const auto shape = extents(layer, x.extents());
        const typename engine::request what{kind::gradient, goal::tap, layer};
        ws.engine_.run(x.extent(0), what, true,
                       [&](session& memory, const piece& part) { run_forward(x, part, memory, ws); });
        const tensor_view<scalar, 4> gradient = direction(x, ws);
        const scalar share = scalar(1) / static_cast<scalar>(shape[2] * shape[3]);
        for (std::size_t unit = 0; unit < shape[1]; ++unit) {
            ws.engine_.run(x.extent(0), what, true, [&](session& memory, const piece& part) {
                memory.clear_gradient(value);
                ws.engine_.fill_unit(layer, unit, memory, memory.derivative(value), share);
                memory.backward();
                ws.engine_.write_input(memory, memory.derivative(0), part, gradient);
            });
            visit(unit, input_view(gradient));
        }
    }

    /// Derivatives of all layers in `directions` directions, from one forward pass: `fill(index, tangent)`
    /// sets a direction, of the shape of `x`, and `visit(index, layer, out)` is called for every layer.
    template <typename Fill, typename Visit>
    void tangents(const input_view& x, std::size_t directions, workspace& ws, Fill&& fill,
                  Visit&& visit) const {
        begin(x, ws);
        const typename engine::request what{kind::tangent, goal::taps};
        ws.engine_.run(x.extent(0), what, true,
                       [&](session& memory, const piece& part) { run_forward(x, part, memory, ws); });
        const tensor_view<scalar, 4> tangent = direction(x, ws);
        const auto views = tap_memory(x, ws);
        for (std::size_t index = 0; index < directions; ++index) {
            fill(index, tangent);
            ws.engine_.run(x.extent(0), what, true, [&](session& memory, const piece& part) {
                ws.engine_.read_input(tangent, part, memory, memory.derivative(0));
                memory.tangent();
                for (std::size_t layer = 0; layer < views.size(); ++layer) {
                    ws.engine_.write_tap(layer, memory, memory.derivative(held_->taps[layer].value), part,
                                         views[layer]);
                }
            });
            for (std::size_t layer = 0; layer < views.size(); ++layer) {
                visit(index, layer, input_view(views[layer]));
            }
        }
    }

    /// Change of the activation of a layer for a change `tangent` of each sample; see `layered`.
    void jvp(std::size_t layer, const input_view& x, const input_view& tangent,
             const tensor_view<scalar, 4>& out, workspace& ws) const {
        begin(x, ws);
        const std::size_t value = tap_at(layer).value;
        check_shape("net::graph::jvp", tangent.extents(), x.extents());
        check_shape("net::graph::jvp", out.extents(), extents(layer, x.extents()));
        ws.engine_.run(x.extent(0), {kind::tangent, goal::tap, layer}, false,
                       [&](session& memory, const piece& part) {
                           run_forward(x, part, memory, ws);
                           ws.engine_.read_input(tangent, part, memory, memory.derivative(0));
                           memory.tangent();
                           ws.engine_.write_tap(layer, memory, memory.derivative(value), part, out);
                       });
    }
    void jvp(std::size_t layer, const input_view& x, const input_view& tangent,
             const tensor_view<scalar, 4>& out) const {
        workspace ws;
        jvp(layer, x, tangent, out, ws);
    }

  private:
    [[nodiscard]] graph_extent samples_extent() const noexcept { return {1, !held_->fixed_batch}; }
    [[nodiscard]] const detail::graph_node<scalar>& at(graph_value value) const {
        if (value.index >= held_->nodes.size()) {
            errors::throw_value_error("net::graph", "expected a value below " + errors::text_of(values()) +
                                                        ", got " + errors::text_of(value.index));
        }
        return held_->nodes[value.index];
    }
    [[nodiscard]] const detail::graph_tap& tap_at(std::size_t layer) const {
        if (layer >= layers()) {
            errors::throw_value_error("net::graph", "expected a layer below " + errors::text_of(layers()) +
                                                        ", got " + errors::text_of(layer));
        }
        return held_->taps[layer];
    }
    /// The graph for a change; workspaces and copies keep the former one.
    [[nodiscard]] detail::graph_description<scalar>& change() {
        if (held_.use_count() > 1) held_ = std::make_shared<detail::graph_description<scalar>>(*held_);
        return *held_;
    }
    graph_value append(detail::graph_node<scalar> node) {
        change().nodes.push_back(std::move(node));
        return {values() - 1};
    }
    static void check_shape(const char* function, const std::array<std::size_t, 4>& got,
                            const std::array<std::size_t, 4>& expected) {
        if (got != expected) {
            errors::throw_shape_error(function, "expected shape " + format_shape(expected), got);
        }
    }
    void begin(const input_view& x, workspace& ws) const {
        std::array<std::size_t, 4> expected{x.extent(0), 1, 1, 1};
        const graph_shape& shape = held_->nodes[0].shape;
        for (std::size_t axis = 1; axis < shape.size(); ++axis) expected[axis] = shape[axis].count;
        check_shape("net::graph", x.extents(), expected);
        if (x.extent(0) == 0)
            errors::throw_shape_error("net::graph", "expected at least 1 sample", x.extents());
        ws.engine_.open(held_);
    }
    static void run_forward(const input_view& x, const piece& part, session& memory, workspace& ws) {
        ws.engine_.read_input(x, part, memory, memory.value(0));
        memory.forward();
    }
    void write_logits(session& memory, const piece& part, const tensor_view<scalar, 2>& to,
                      const workspace& ws) const {
        const auto scores = ws.engine_.rows_of_output(memory, memory.value(held_->output));
        for (std::size_t n = 0; n < part.count; ++n) {
            for (std::size_t c = 0; c < scores.extent(1); ++c) to(part.first + n, c) = scores(n, c);
        }
    }
    [[nodiscard]] tensor_view<scalar, 2> logit_memory(const input_view& x, workspace& ws) const {
        ws.logits_.resize(x.extent(0) * classes());
        return {ws.logits_.data(), std::array{x.extent(0), classes()}};
    }
    [[nodiscard]] std::vector<tensor_view<scalar, 4>> tap_memory(const input_view& x, workspace& ws) const {
        std::vector<tensor_view<scalar, 4>> views;
        ws.taps_.resize(layers());
        for (std::size_t layer = 0; layer < layers(); ++layer) {
            const auto shape = extents(layer, x.extents());
            ws.taps_[layer].resize(element_count(shape));
            views.emplace_back(ws.taps_[layer].data(), shape);
        }
        return views;
    }
    [[nodiscard]] static tensor_view<scalar, 4> direction(const input_view& x, workspace& ws) {
        ws.direction_.resize(x.size());
        return {ws.direction_.data(), x.extents()};
    }

    std::shared_ptr<detail::graph_description<scalar>> held_;
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
