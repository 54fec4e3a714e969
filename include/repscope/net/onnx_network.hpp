#pragma once

#include "repscope/detail/net/onnx/activations.hpp"
#include "repscope/detail/net/onnx/conversion.hpp"
#include "repscope/detail/net/onnx/convert.hpp"
#include "repscope/detail/net/onnx/plan.hpp"
#include "repscope/error.hpp"
#include "repscope/net/graph.hpp"
#include "repscope/net/onnx_model.hpp"

#include <concepts>
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// Options of `make_onnx_network`.
struct onnx_network_options {
    /// The model's input; empty: the only one.
    std::string input{};
    /// The tensor with the logits (samples, classes); empty: the only output. A Softmax at the end is left
    /// out.
    std::string logits{};
    /// The extents of a sample. Required if the model does not state all of them; checked otherwise.
    std::vector<std::size_t> extents{};
    /// The tensors to observe, in the order of the layers.
    std::vector<std::string> taps{};
    /// The network gets (x - mean) / std: one number per channel, or one for all; empty: x.
    std::vector<double> mean{}, std{}; ///< per channel
    /// The channels of `mean` and `std` are the last axis of the input, not the one behind the samples.
    bool channels_last = false;
    /// Whether batch norm becomes part of the convolution before it, if no tap is between them.
    bool fold_batch_norm = true;
};

/// A tensor that a network computes from its input.
struct onnx_tensor_info {
    std::string name;           ///< name of the tensor
    std::string op;             ///< the operator that computes it
    graph_shape shape;          ///< extents
    std::size_t unit_axis = 1;  ///< the axis of channels or units
    bool can_tap = false;       ///< it has an axis of samples, and another one
    bool is_rectified = false;  ///< the output of a ReLU
    bool is_activation = false; ///< the output of another activation function
};

/// A network from an ONNX model.
template <std::floating_point Scalar = float>
struct onnx_network {
    graph<Scalar> network;                 ///< the network
    std::string input;                     ///< name of the input
    std::string logits;                    ///< the tensor
    std::vector<onnx_tensor_info> tensors; ///< in the order of computation; without constants
    bool fixed_batch = false;              ///< the model computes one sample at a time
    /// The tensors of the model that the logits do not depend on, in the order of the model.
    std::vector<std::string> left_out;
};

namespace detail {

[[nodiscard]] inline bool can_tap(const graph_shape& shape, std::size_t unit, bool fixed_batch) {
    if (shape.size() < 2) return false;
    if (fixed_batch) return shape[0].count == 1 && unit != 0;
    std::size_t samples = 0;
    bool is_whole = true;
    for (const graph_extent& extent : shape) {
        if (!extent.per_sample) continue;
        ++samples;
        is_whole = is_whole && extent.count == 1;
    }
    return samples == 1 && is_whole && !shape[unit].per_sample;
}

[[nodiscard]] inline std::vector<onnx_tensor_info> tensors_of(conversion& run, const onnx_plan& plan,
                                                              bool fixed_batch) {
    const activation_outputs activations(run.model(), plan.order);
    std::vector<onnx_tensor_info> out;
    for (const std::size_t index : plan.order) {
        const onnx_node& node = run.model().nodes[index];
        for (const std::string& name : node.outputs) {
            const tensor_state* state = name.empty() ? nullptr : run.find(name);
            if (state == nullptr || !state->value || state->known[0] != nullptr) continue;
            onnx_tensor_info info{name, node.op, run.graph().shape(*state->value), state->unit};
            info.can_tap = can_tap(info.shape, info.unit_axis, fixed_batch);
            info.is_rectified = node.op == "Relu";
            info.is_activation = activations.contains(name);
            out.push_back(std::move(info));
        }
    }
    return out;
}

/// Adds the normalization of the input, and returns its output.
inline std::size_t add_normalization(conversion& run, const onnx_plan& plan,
                                     const onnx_network_options& options) {
    std::size_t value = run.graph().input();
    if (options.mean.empty() && options.std.empty()) return value;
    const std::size_t axis = options.channels_last ? plan.extents.size() : 1;
    const std::size_t channels = plan.extents[axis - 1];
    const auto constant = [&](const std::string& name, const std::vector<double>& numbers) {
        if (numbers.size() != 1 && numbers.size() != channels) {
            errors::throw_value_error("net::make_onnx_network",
                                      "expected one " + name + ", or one for each of " +
                                          errors::text_of(channels) + " channels, got " +
                                          errors::text_of(numbers.size()));
        }
        extents_list shape(plan.extents.size() + 1, 1);
        shape[axis] = numbers.size();
        return run.graph().constant(name, shape, numbers);
    };
    if (!options.mean.empty()) {
        value = run.graph().add("input - mean", op::binary{op::binary_kind::subtract},
                                {value, constant("mean", options.mean)});
    }
    if (options.std.empty()) return value;
    for (const double each : options.std) {
        if (each > 0) continue;
        errors::throw_value_error("net::make_onnx_network",
                                  "expected std above 0, got " + errors::text_of(each));
    }
    return run.graph().add("normalized input", op::binary{op::binary_kind::divide},
                           {value, constant("std", options.std)});
}

/// Returns the logits as a matrix: axes of extent 1 behind the samples are removed.
inline std::size_t logits_value(conversion& run, const onnx_plan& plan) {
    const tensor_state* state = run.find(plan.logits);
    if (state == nullptr || !state->value) {
        throw format_error(run.model().name + ": tensor " + quoted_name(plan.logits) +
                           " does not depend on the input");
    }
    const graph_shape shape = run.graph().shape(*state->value);
    if (shape.size() <= 2) return *state->value;
    graph_extent classes = 1;
    for (std::size_t axis = 1; axis < shape.size(); ++axis) {
        if (shape[axis] == graph_extent(1)) continue;
        if (classes == graph_extent(1)) {
            classes = shape[axis];
            continue;
        }
        throw format_error(run.model().name + ": expected logits (N, classes), got " +
                           quoted_name(plan.logits) + " of " + format_shape(shape));
    }
    return run.graph().add("logits", op::reshape{{shape[0], classes}}, {*state->value});
}

/// Builds the graph of a plan, and returns its tensors.
inline std::vector<onnx_tensor_info> build(const onnx_model& model, const onnx_plan& plan,
                                           const onnx_network_options& options, graph_builder& graph,
                                           bool fixed_batch) {
    conversion run(model, graph, fixed_batch);
    std::set<std::string> kept(options.taps.begin(), options.taps.end());
    kept.insert(plan.logits);
    tensor_state& input = run[plan.input];
    input.value = add_normalization(run, plan, options);
    input.unit = 1;
    onnx_converter(run, kept, options.fold_batch_norm).convert(plan.order);
    const std::size_t logits = logits_value(run, plan);
    try {
        graph.set_output(logits);
    } catch (const shape_error&) {
        throw format_error(model.name + ": expected logits (N, classes), got " + quoted_name(plan.logits) +
                           " of " + format_shape(graph.shape(logits)));
    }
    std::vector<onnx_tensor_info> tensors = tensors_of(run, plan, fixed_batch);
    for (const std::string& name : options.taps) {
        const onnx_tensor_info* place = nullptr;
        for (const onnx_tensor_info& each : tensors) {
            if (each.name == name) place = &each;
        }
        if (place == nullptr || !place->can_tap) {
            throw format_error(model.name + ": tensor " + quoted_name(name) +
                               (place == nullptr ? " is not computed from the input"
                                                 : " of " + format_shape(place->shape) +
                                                       " has no axis of samples and units"));
        }
        graph.tap(*run[name].value, name, place->unit_axis);
    }
    return tensors;
}

/// Builds a `graph`.
template <typename Scalar>
class builder_of final : public graph_builder {
  public:
    explicit builder_of(graph<Scalar>& to) : to_(&to) {}
    std::size_t input() override { return to_->input().index; }
    std::size_t add(const std::string& name, operation op, std::vector<std::size_t> inputs) override {
        std::vector<graph_value> values;
        for (const std::size_t index : inputs) values.push_back({index});
        return to_->add(name, std::move(op), std::move(values)).index;
    }
    std::size_t constant(const std::string& name, const extents_list& shape,
                         const std::vector<double>& values) override {
        std::vector<Scalar> data(values.size());
        for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<Scalar>(values[i]);
        return to_->constant(name, shape, std::move(data)).index;
    }
    [[nodiscard]] graph_shape shape(std::size_t value) const override {
        return to_->extents(graph_value{value});
    }
    void set_output(std::size_t value) override { to_->set_output({value}); }
    void tap(std::size_t value, const std::string& name, std::size_t unit) override {
        to_->tap({value}, name, tap_axes{static_cast<std::ptrdiff_t>(unit), {}});
    }

  private:
    graph<Scalar>* to_;
};

} // namespace detail

/// Returns the network of an ONNX model, which computes what the logits depend on. Constants are evaluated,
/// batch norm is folded into convolutions, and a Softmax at the end is left out.
///
/// A model with a batch of 1 takes any number of samples: its nodes run on all of them, or, if they are
/// written for one sample only, on one at a time. Throws `format_error` of one line that names the node for
/// operators, attributes and opsets that are not supported, tensors that nothing produces, cycles, shapes
/// that do not fit, and weights that are NaN; `value_error` for `mean` and `std`.
template <std::floating_point Scalar = float>
[[nodiscard]] onnx_network<Scalar> make_onnx_network(const onnx_model& model,
                                                     const onnx_network_options& options = {}) {
    detail::check_opset(model);
    const detail::onnx_plan plan = detail::plan_of(model, options.input, options.logits, options.extents);
    const std::set<std::size_t> used(plan.order.begin(), plan.order.end());
    std::vector<std::string> left_out;
    for (std::size_t i = 0; i < model.nodes.size(); ++i) {
        if (used.contains(i)) continue;
        for (const std::string& name : model.nodes[i].outputs) {
            if (!name.empty()) left_out.push_back(name);
        }
    }
    for (const bool fixed_batch : {false, true}) {
        onnx_network<Scalar> out{graph<Scalar>(plan.extents, {.fixed_batch = fixed_batch}),
                                 plan.input,
                                 plan.logits,
                                 {},
                                 fixed_batch,
                                 left_out};
        detail::builder_of<Scalar> builder(out.network);
        try {
            out.tensors = detail::build(model, plan, options, builder, fixed_batch);
            return out;
        } catch (const value_error&) {
            throw; // of the options
        } catch (const error& e) {
            if (!plan.fixed_batch || fixed_batch) throw;
            if (*plan.fixed_batch == 1) continue;
            throw format_error(std::string(e.what()) + "; the model states a batch of " +
                               errors::text_of(*plan.fixed_batch) + ", expected 1 or a free one");
        }
    }
    throw format_error(model.name + ": cannot be converted"); // not reached
}

/// Returns the names of the tensors that are observed by default: the outputs of ReLUs, or those of other
/// activation functions if there is none.
[[nodiscard]] inline std::vector<std::string> default_taps(const std::vector<onnx_tensor_info>& tensors) {
    std::vector<std::string> rectified, others;
    for (const onnx_tensor_info& each : tensors) {
        if (!each.can_tap) continue;
        if (each.is_rectified) rectified.push_back(each.name);
        if (each.is_activation) others.push_back(each.name);
    }
    return rectified.empty() ? others : rectified;
}

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
