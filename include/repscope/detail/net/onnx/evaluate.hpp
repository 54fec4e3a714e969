#pragma once

#include "repscope/detail/net/onnx/arithmetic.hpp"
#include "repscope/detail/net/onnx/constant.hpp"
#include "repscope/detail/net/onnx/node_options.hpp"
#include "repscope/detail/net/onnx/node_reader.hpp"
#include "repscope/detail/net/onnx/rearrange.hpp"
#include "repscope/detail/net/onnx/shapes.hpp"
#include "repscope/io/dtype.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {
namespace detail {

/// Returns the extents that Shape gives for `shape`, of which it may take a part.
[[nodiscard]] inline constant shape_of(const node_reader& node, const extents_list& shape) {
    node.require_attributes({"start", "end"});
    const auto rank = static_cast<std::int64_t>(shape.size());
    const auto clamped = [rank](std::int64_t place) {
        return std::clamp<std::int64_t>(place < 0 ? place + rank : place, 0, rank);
    };
    const auto first = static_cast<std::size_t>(clamped(node.integer("start", 0)));
    const auto last = static_cast<std::size_t>(clamped(node.integer("end", rank)));
    if (first >= last) return make_constant({0}, {});
    return shape_constant(std::span(shape).subspan(first, last - first));
}

/// Returns the constant in a node Constant.
[[nodiscard]] inline constant constant_of(const node_reader& node) {
    node.require_attributes({"value", "value_float", "value_floats", "value_int", "value_ints"});
    if (const auto* tensor = node.find("value", onnx_attribute::kind::tensor)) {
        return constant_of(tensor->tensor);
    }
    if (const auto* one = node.find("value_float", onnx_attribute::kind::real)) {
        return make_constant(io::dtype::float32, {}, std::vector<double>{one->real});
    }
    if (const auto* list = node.find("value_floats", onnx_attribute::kind::reals)) {
        return make_constant(io::dtype::float32, {list->reals.size()}, list->reals);
    }
    if (const auto* one = node.find("value_int", onnx_attribute::kind::integer)) {
        return make_constant({}, {one->integer});
    }
    if (const auto list = node.integers("value_ints")) return make_constant({list->size()}, *list);
    node.complain("expected a value");
}

[[nodiscard]] inline constant filled(const node_reader& node, const constant& shape) {
    node.require_attributes({"value"});
    extents_list extents;
    for (const std::int64_t extent : integer_list(shape, node)) {
        if (extent < 0) node.complain("expected extents of at least 0, got " + errors::text_of(extent));
        extents.push_back(static_cast<std::size_t>(extent));
    }
    constant value{io::dtype::float32, {}, std::vector<double>{0}};
    if (const auto* tensor = node.find("value", onnx_attribute::kind::tensor)) {
        value = constant_of(tensor->tensor);
        if (value.size() != 1) node.complain("expected a value of one element");
        value.shape = {};
    }
    return broadcast_to(value, extents, node);
}

[[nodiscard]] inline constant numbers_from(const node_reader& node, constant_list inputs) {
    for (const constant* each : inputs) {
        if (each->size() != 1) node.complain("expected scalars");
    }
    const constant& type = *inputs[0];
    const auto at = [&](std::size_t i) {
        return inputs[i]->is_real() ? inputs[i]->reals()[0] : static_cast<double>(inputs[i]->integers()[0]);
    };
    const double count = std::ceil((at(1) - at(0)) / at(2));
    if (!(count < static_cast<double>(max_constant_elements))) {
        node.complain("expected at most " + errors::text_of(max_constant_elements) + " numbers");
    }
    std::vector<double> values;
    for (double i = 0; i < count; ++i) values.push_back(at(0) + i * at(2));
    const std::size_t size = values.size();
    return make_constant(type.type, {size}, std::move(values));
}

[[nodiscard]] inline constant selected(const node_reader& node, constant_list inputs) {
    const extents_list shape =
        broadcast_shape(inputs[0]->shape, broadcast_shape(inputs[1]->shape, inputs[2]->shape, node), node);
    if (inputs[0]->is_real() || inputs[1]->is_real() != inputs[2]->is_real()) {
        node.complain("expected a boolean and two tensors of one type");
    }
    const constant condition = broadcast_to(*inputs[0], shape, node);
    constant out = broadcast_to(*inputs[1], shape, node);
    const constant other = broadcast_to(*inputs[2], shape, node);
    std::visit(
        [&](auto& to) {
            const auto& from = std::get<std::remove_cvref_t<decltype(to)>>(other.elements);
            for (std::size_t i = 0; i < to.size(); ++i) {
                if (condition.integers()[i] == 0) to[i] = from[i];
            }
        },
        out.elements);
    return out;
}

[[nodiscard]] inline io::dtype cast_type(const node_reader& node, constant_list inputs) {
    if (node.op() == "CastLike") return inputs[1]->type;
    const auto type = onnx_dtype(node.integer("to", 0));
    if (!type) node.complain("type " + errors::text_of(node.integer("to", 0)) + " is not supported");
    return *type;
}

/// Evaluates a node that moves elements; nothing if the operator is another one.
[[nodiscard]] inline std::optional<constant> evaluate_rearrangement(const node_reader& node,
                                                                    constant_list in) {
    const std::string_view op = node.op();
    const extents_list& shape = in[0]->shape;
    if (op == "Gather") {
        node.require_inputs(2, 2);
        return gathered(*in[0], *in[1], node.axis(node.integer("axis", 0), shape.size()), node);
    }
    if (op == "Unsqueeze") return with_shape(*in[0], unsqueeze_option(node, in, shape));
    if (op == "Squeeze") {
        return with_shape(*in[0], squeezed(shape, integer_option(node, in, 1, "axes"), node));
    }
    if (op == "Reshape") return with_shape(*in[0], reshape_option(node, in, shape));
    if (op == "Flatten") return with_shape(*in[0], flattened(shape, node.integer("axis", 1), node));
    if (op == "Concat") {
        node.require_inputs(in.size(), in.size());
        return concatenated(in, node.integer("axis", 0), node);
    }
    if (op == "Slice") return slice(*in[0], slice_option(node, in, shape), node);
    if (op == "Transpose") {
        return transposed(*in[0], axis_order(node.integers("perm"), shape.size(), node), node);
    }
    if (op == "Expand") return broadcast_to(*in[0], expand_option(node, in, shape), node);
    if (op == "Tile") {
        node.require_inputs(2, 2);
        return tiled(*in[0], integer_list(*in[1], node), node);
    }
    if (op == "Identity" || op == "Dropout") return *in[0];
    if (op == "Shape") return shape_of(node, shape);
    if (op == "Size") return make_constant({}, {static_cast<std::int64_t>(in[0]->size())});
    return std::nullopt;
}

/// Evaluates a node whose inputs are all constants; an input that is left out is null. Returns its outputs,
/// or nothing if the operator is not supported here.
[[nodiscard]] inline std::optional<std::vector<constant>> evaluate(const node_reader& node,
                                                                   constant_list in) {
    const std::string_view op = node.op();
    if (op == "Constant") return std::vector<constant>{constant_of(node)};
    if (in.empty() || in[0] == nullptr) return std::nullopt;
    if (op == "Split") {
        const std::size_t axis = node.axis(node.integer("axis", 0), in[0]->shape.size());
        std::vector<constant> out;
        std::size_t first = 0;
        for (const std::size_t part : split_parts(in[0]->shape[axis], integer_option(node, in, 1, "split"),
                                                  node.node().outputs.size(), node)) {
            out.push_back(axis_part(*in[0], axis, first, part, node));
            first += part;
        }
        return out;
    }
    if (auto moved = evaluate_rearrangement(node, in)) return std::vector<constant>{std::move(*moved)};
    for (const binary_operator& each : binary_operators) {
        if (each.name != op) continue;
        const bool any_number = op == "Min" || op == "Max";
        node.require_inputs(any_number ? in.size() : 2, any_number ? in.size() : 2);
        constant out = *in[0];
        for (std::size_t i = 1; i < in.size(); ++i) out = apply_binary(each, out, *in[i], node);
        return std::vector<constant>{std::move(out)};
    }
    for (const unary_operator& each : unary_operators) {
        if (each.name == op) return std::vector<constant>{apply_unary(each, *in[0], node)};
    }
    if (op == "Cast" || op == "CastLike") {
        node.require_inputs(op == "Cast" ? 1 : 2, op == "Cast" ? 1 : 2);
        return std::vector<constant>{converted(*in[0], cast_type(node, in), node)};
    }
    if (op == "ConstantOfShape") return std::vector<constant>{filled(node, *in[0])};
    if (op == "Range") {
        node.require_inputs(3, 3);
        return std::vector<constant>{numbers_from(node, in)};
    }
    if (op == "Where") {
        node.require_inputs(3, 3);
        return std::vector<constant>{selected(node, in)};
    }
    for (const std::string_view name : {"ReduceProd", "ReduceSum", "ReduceMin", "ReduceMax", "ReduceMean"}) {
        if (name != op) continue;
        return std::vector<constant>{reduced(*in[0], reduction_axes(node, in, in[0]->shape.size()),
                                             node.integer("keepdims", 1) != 0, op, node)};
    }
    return std::nullopt;
}

} // namespace detail
} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
