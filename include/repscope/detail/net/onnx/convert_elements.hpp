#pragma once

#include "repscope/detail/net/onnx/conversion.hpp"
#include "repscope/detail/net/onnx/node_options.hpp"
#include "repscope/detail/net/onnx/node_reader.hpp"
#include "repscope/error.hpp"
#include "repscope/net/graph_operations.hpp"

#include <cstddef>
#include <limits>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {
namespace detail {

/// The functions of one tensor that have no attributes.
struct plain_function {
    std::string_view name;
    op::unary_kind kind;
};
inline constexpr plain_function plain_functions[] = {
    {"Relu", op::unary_kind::relu},
    {"Sigmoid", op::unary_kind::sigmoid},
    {"HardSwish", op::unary_kind::hard_swish},
    {"Tanh", op::unary_kind::tanh},
    {"Erf", op::unary_kind::erf},
    {"Sqrt", op::unary_kind::sqrt},
    {"Exp", op::unary_kind::exponential},
    {"Neg", op::unary_kind::negate},
};

[[nodiscard]] inline std::size_t add_function(conversion& run, const node_reader& node) {
    const std::string_view name = node.op();
    op::unary op;
    bool is_plain = false;
    for (const plain_function& each : plain_functions) {
        if (each.name != name) continue;
        op.kind = each.kind;
        is_plain = true;
    }
    if (is_plain) {
        node.require_attributes({});
    } else if (name == "LeakyRelu") {
        node.require_attributes({"alpha"});
        op = {op::unary_kind::leaky_relu, node.real("alpha", 0.01), 0};
    } else if (name == "HardSigmoid") {
        node.require_attributes({"alpha", "beta"});
        op = {op::unary_kind::hard_sigmoid, node.real("alpha", 0.2), node.real("beta", 0.5)};
    } else if (name == "Gelu") {
        node.require_attributes({"approximate"});
        const std::string kind = node.text("approximate", "none");
        if (kind != "none" && kind != "tanh") {
            node.complain("expected approximate none or tanh, got " + quoted_name(kind));
        }
        op.kind = kind == "none" ? op::unary_kind::gelu : op::unary_kind::gelu_tanh;
    } else {
        node.require_inputs(1, 3);
        node.require_attributes({"min", "max"});
        const std::vector<const constant*> bounds = run.fixed_constants(node);
        const double limit = std::numeric_limits<double>::infinity();
        op = {op::unary_kind::clip, real_option(node, bounds, 1, "min", -limit),
              real_option(node, bounds, 2, "max", limit)};
        if (op.alpha == -limit && op.beta == limit) op.kind = op::unary_kind::identity;
        return run.add(node, op, {run.value(node, 0)});
    }
    node.require_inputs(1, 1);
    return run.add(node, op, {run.value(node, 0)});
}

/// Returns input number `place`. A type conversion between floating-point types changes nothing here.
[[nodiscard]] inline std::size_t add_identity(conversion& run, const node_reader& node) {
    if (node.op() == "Cast") {
        const auto type = onnx_dtype(node.integer("to", 0));
        if (!type || !is_real(*type)) {
            node.complain("activations become floating-point numbers only, got type " +
                          errors::text_of(node.integer("to", 0)));
        }
    }
    return run.add(node, op::unary{op::unary_kind::identity, 0, 0}, {run.value(node, 0)});
}

/// Dropout changes nothing in inference.
[[nodiscard]] inline std::size_t add_dropout(conversion& run, const node_reader& node) {
    node.require_inputs(1, 3);
    if (node.has(2)) {
        const constant& training = run.fixed(node, 2, "training_mode");
        if (training.is_real() || training.size() != 1 || training.integers()[0] != 0) {
            node.complain("expected inference mode, got training_mode");
        }
    }
    return run.add(node, op::unary{op::unary_kind::identity, 0, 0}, {run.value(node, 0)});
}

/// Opsets before 7 state the axis at which the second tensor begins; later ones align the last axes.
[[nodiscard]] inline std::size_t aligned_input(conversion& run, const node_reader& node) {
    const std::size_t value = run.value(node, 1);
    const auto* axis = node.find("axis", onnx_attribute::kind::integer);
    if (axis == nullptr || node.integer("broadcast", 0) == 0) return value;
    const std::size_t rank = run.shape(node, 0).size();
    graph_shape shape = run.shape(node, 1);
    const std::size_t first = node.axis(axis->integer, rank);
    if (first + shape.size() > rank) node.complain("the axes of the inputs do not fit");
    shape.resize(rank - first);
    return run.add(node, op::reshape{shape}, {value});
}

[[nodiscard]] inline std::size_t add_binary(conversion& run, const node_reader& node) {
    node.require_inputs(2, 2);
    node.require_attributes({"axis", "broadcast"});
    const std::string_view name = node.op();
    const op::binary_kind kind = name == "Add"   ? op::binary_kind::add
                                 : name == "Sub" ? op::binary_kind::subtract
                                 : name == "Mul" ? op::binary_kind::multiply
                                 : name == "Div" ? op::binary_kind::divide
                                 : name == "Pow" ? op::binary_kind::power
                                                 : op::binary_kind::prelu;
    const std::size_t a = run.value(node, 0);
    std::size_t b = aligned_input(run, node);
    if (name == "PRelu" && node.opset() < 7) {
        // One slope per channel.
        graph_shape shape = run.shape(node, 1);
        const std::size_t rank = run.shape(node, 0).size();
        if (shape.size() == 1 && rank > 2) {
            shape.resize(rank - 1);
            b = run.add(node, op::reshape{shape}, {b});
        }
    }
    return run.add(node, op::binary{kind}, {a, b});
}

[[nodiscard]] inline std::size_t add_reciprocal(conversion& run, const node_reader& node) {
    node.require_inputs(1, 1);
    const std::size_t one = run.add_constant(node, "one", {}, {1.});
    return run.add(node, op::binary{op::binary_kind::divide}, {one, run.value(node, 0)});
}

[[nodiscard]] inline std::size_t add_sum(conversion& run, const node_reader& node) {
    node.require_inputs(node.node().inputs.size(), node.node().inputs.size());
    std::size_t sum = run.value(node, 0);
    for (std::size_t i = 1; i < node.node().inputs.size(); ++i) {
        sum = run.add(node, op::binary{op::binary_kind::add}, {sum, run.value(node, i)});
    }
    return sum;
}

[[nodiscard]] inline std::size_t add_mean(conversion& run, const node_reader& node) {
    node.require_inputs(1, 2);
    node.require_attributes({"axes", "keepdims", "noop_with_empty_axes"});
    const graph_shape shape = run.shape(node, 0);
    op::reduce_mean op;
    op.keep = node.integer("keepdims", 1) != 0;
    double count = 1;
    for (const std::size_t axis : reduction_axes(node, run.fixed_constants(node), shape.size())) {
        op.axes.push_back(static_cast<std::ptrdiff_t>(axis));
        count *= static_cast<double>(shape[axis].count);
    }
    const std::size_t x = run.value(node, 0);
    if (op.axes.empty()) return run.add(node, op::unary{op::unary_kind::identity, 0, 0}, {x});
    const std::size_t mean = run.add(node, op, {x});
    if (node.op() == "ReduceMean") return mean;
    return run.add(node, op::binary{op::binary_kind::multiply},
                   {mean, run.add_constant(node, "count", {}, {count})});
}

[[nodiscard]] inline std::size_t add_where(conversion& run, const node_reader& node) {
    node.require_inputs(3, 3);
    node.require_attributes({});
    if (!run.is_constant(node, 0)) node.complain("the condition must be a constant");
    return run.add(node, op::where{}, {run.value(node, 0), run.value(node, 1), run.value(node, 2)});
}

} // namespace detail
} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
