#pragma once

#include "repscope/detail/net/onnx/conversion.hpp"
#include "repscope/detail/net/onnx/node_options.hpp"
#include "repscope/detail/net/onnx/node_reader.hpp"
#include "repscope/detail/net/onnx/shapes.hpp"
#include "repscope/error.hpp"
#include "repscope/net/graph_operations.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {
namespace detail {

/// Adds a node that changes the extents and keeps the elements.
[[nodiscard]] inline std::size_t add_reshape(conversion& run, const node_reader& node) {
    const graph_shape from = run.shape(node, 0);
    const graph_shape to = run.fitted(node, [&](std::size_t which) {
        const extents_list shape = run.at(from, which);
        const std::vector<const constant*> in = run.constants(node, which);
        if (node.op() == "Reshape") {
            node.require_attributes({"allowzero", "shape"});
            return reshape_option(node, in, shape);
        }
        node.require_attributes({"axis", "axes"});
        if (node.op() == "Flatten") return flattened(shape, node.integer("axis", 1), node);
        if (node.op() == "Unsqueeze") return unsqueeze_option(node, in, shape);
        return squeezed(shape, integer_option(node, in, 1, "axes"), node);
    });
    return run.add(node, op::reshape{to}, {run.value(node, 0)});
}

[[nodiscard]] inline std::size_t add_transpose(conversion& run, const node_reader& node) {
    node.require_inputs(1, 1);
    node.require_attributes({"perm"});
    const std::size_t rank = run.shape(node, 0).size();
    return run.add(node, op::transpose{axis_order(node.integers("perm"), rank, node)}, {run.value(node, 0)});
}

[[nodiscard]] inline std::size_t add_expand(conversion& run, const node_reader& node) {
    node.require_inputs(2, 2);
    const graph_shape from = run.shape(node, 0);
    const graph_shape to = run.fitted(node, [&](std::size_t which) {
        return expand_option(node, run.constants(node, which), run.at(from, which));
    });
    return run.add(node, op::expand{to}, {run.value(node, 0)});
}

[[nodiscard]] inline std::size_t add_concat(conversion& run, const node_reader& node) {
    node.require_attributes({"axis"});
    const std::size_t count = node.node().inputs.size();
    node.require_inputs(count, count);
    std::vector<std::size_t> inputs;
    for (std::size_t i = 0; i < count; ++i) inputs.push_back(run.value(node, i));
    const std::size_t axis = node.axis(node.integer("axis", 1), run.shape(node, 0).size());
    return run.add(node, op::concat{static_cast<std::ptrdiff_t>(axis)}, std::move(inputs));
}

/// Adds the part of an axis that begins at `first`.
[[nodiscard]] inline std::size_t add_part(conversion& run, const node_reader& node, std::size_t axis,
                                          std::size_t first, std::size_t count) {
    op::slice op;
    op.axes = {static_cast<std::ptrdiff_t>(axis)};
    op.begin = {static_cast<std::ptrdiff_t>(first)};
    op.end = {static_cast<std::ptrdiff_t>(first + count)};
    return run.add(node, std::move(op), {run.value(node, 0)});
}

/// Adds the parts of a Split, one value per output.
[[nodiscard]] inline std::vector<std::size_t> add_split(conversion& run, const node_reader& node) {
    node.require_inputs(1, 2);
    node.require_attributes({"axis", "split", "num_outputs"});
    const graph_shape shape = run.shape(node, 0);
    const std::size_t axis = node.axis(node.integer("axis", 0), shape.size());
    if (shape[axis].per_sample) node.complain("the axis of the samples cannot be split");
    std::vector<std::size_t> parts;
    std::size_t first = 0;
    for (const std::size_t count :
         split_parts(shape[axis].count, integer_option(node, run.fixed_constants(node), 1, "split"),
                     node.node().outputs.size(), node)) {
        parts.push_back(add_part(run, node, axis, first, count));
        first += count;
    }
    return parts;
}

[[nodiscard]] inline std::size_t add_slice(conversion& run, const node_reader& node) {
    node.require_inputs(1, 5);
    node.require_attributes({"starts", "ends", "axes"});
    const graph_shape shape = run.shape(node, 0);
    const auto slices = slice_option(node, run.constants(node, 0), run.at(shape, 0));
    const auto others = slice_option(node, run.constants(node, 1), run.at(shape, 1));
    const auto is_whole = [](const axis_slice& one, std::size_t extent) {
        return one.start == 0 && one.step == 1 && one.count == extent;
    };
    op::slice op;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        const axis_slice& each = slices[axis];
        const std::size_t extent = run.at(shape, 0)[axis];
        const axis_slice& other = others[axis];
        if (is_whole(each, extent) && is_whole(other, run.at(shape, 1)[axis])) continue;
        if (shape[axis].per_sample) node.complain("the axis of the samples cannot be cut");
        if (each.start != other.start || each.step != other.step || each.count != other.count)
            node.complain("the bounds must not depend on the number of samples");
        if (each.count == 0) node.complain("expected at least one element of each axis");
        const std::int64_t last = each.start + each.step * (static_cast<std::int64_t>(each.count) - 1);
        op.axes.push_back(static_cast<std::ptrdiff_t>(axis));
        op.begin.push_back(each.start);
        op.step.push_back(each.step);
        // One behind the last element; in front of the axis is below -extent.
        const std::int64_t end = each.step > 0 ? last + 1 : last - 1;
        op.end.push_back(end < 0 ? -static_cast<std::ptrdiff_t>(extent) - 1 : end);
    }
    if (op.axes.empty())
        return run.add(node, op::unary{op::unary_kind::identity, 0, 0}, {run.value(node, 0)});
    return run.add(node, std::move(op), {run.value(node, 0)});
}

[[nodiscard]] inline std::size_t add_pad(conversion& run, const node_reader& node) {
    node.require_inputs(1, 4);
    node.require_attributes({"mode", "pads", "value"});
    const std::string mode = node.text("mode", "constant");
    if (mode != "constant") node.complain("expected mode constant, got " + quoted_name(mode));
    const std::size_t rank = run.shape(node, 0).size();
    const std::vector<const constant*> in = run.fixed_constants(node);
    const auto pads = integer_option(node, in, 1, "pads");
    const auto axes = integer_option(node, in, 3, "axes");
    std::vector<std::size_t> places(rank);
    for (std::size_t i = 0; i < rank; ++i) places[i] = i;
    if (axes) places = node.axes(*axes, rank);
    if (!pads || pads->size() != 2 * places.size()) {
        node.complain("expected " + errors::text_of(2 * places.size()) + " pads, got " +
                      errors::text_of(pads ? pads->size() : 0));
    }
    for (const std::int64_t each : *pads) {
        if (each < -INT32_MAX || each > INT32_MAX) {
            node.complain("expected pads below 2^31, got " + errors::text_of(each));
        }
    }
    op::pad op{std::vector<std::ptrdiff_t>(rank), std::vector<std::ptrdiff_t>(rank),
               real_option(node, in, 2, "value", 0)};
    for (std::size_t i = 0; i < places.size(); ++i) {
        op.begin[places[i]] = (*pads)[i];
        op.end[places[i]] = (*pads)[places.size() + i];
    }
    return run.add(node, std::move(op), {run.value(node, 0)});
}

[[nodiscard]] inline std::size_t add_gather(conversion& run, const node_reader& node) {
    node.require_inputs(2, 2);
    node.require_attributes({"axis"});
    const graph_shape shape = run.shape(node, 0);
    const std::size_t axis = node.axis(node.integer("axis", 0), shape.size());
    const constant& indices = run.fixed(node, 1, "the indices");
    if (indices.is_real()) node.complain("expected integers as indices");
    if (!shape[axis].per_sample) {
        for (const std::int64_t index : indices.integers()) (void)node.axis(index, shape[axis].count);
    }
    return run.add(node, op::gather{static_cast<std::ptrdiff_t>(axis), indices.integers(), indices.shape},
                   {run.value(node, 0)});
}

} // namespace detail
} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
