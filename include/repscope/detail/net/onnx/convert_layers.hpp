#pragma once

#include "repscope/detail/net/onnx/constant.hpp"
#include "repscope/detail/net/onnx/conversion.hpp"
#include "repscope/detail/net/onnx/node_options.hpp"
#include "repscope/detail/net/onnx/node_reader.hpp"
#include "repscope/error.hpp"
#include "repscope/net/graph_operations.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {
namespace detail {

/// The windows of a convolution or pooling.
struct onnx_windows {
    std::vector<std::size_t> kernel, stride, dilation, pad_begin, pad_end;
};

/// Reads the attributes of windows over the spatial axes of `shape`, which `auto_pad` needs.
[[nodiscard]] inline onnx_windows windows_of(const node_reader& node, const graph_shape& shape,
                                             const std::vector<std::size_t>& kernel) {
    const std::size_t axes = kernel.size();
    if (axes < 1 || axes > 2 || shape.size() != axes + 2) {
        node.complain("expected an input of one or two spatial axes that fit the kernel, got " +
                      format_shape(shape));
    }
    const auto list = [&](std::string_view name, std::size_t count, std::size_t fallback,
                          std::int64_t least) {
        std::vector<std::size_t> out(count, fallback);
        const auto given = node.integers(name);
        if (!given) return out;
        if (given->size() != count) {
            node.complain("expected " + errors::text_of(count) + " " + std::string(name) + ", got " +
                          errors::text_of(given->size()));
        }
        for (std::size_t i = 0; i < count; ++i) {
            if ((*given)[i] < least || (*given)[i] > INT32_MAX) {
                node.complain("expected " + std::string(name) + " of at least " + errors::text_of(least) +
                              ", got " + errors::text_of((*given)[i]));
            }
            out[i] = static_cast<std::size_t>((*given)[i]);
        }
        return out;
    };
    onnx_windows out{kernel, list("strides", axes, 1, 1), list("dilations", axes, 1, 1), {}, {}};
    const std::vector<std::size_t> pads = list("pads", 2 * axes, 0, 0);
    out.pad_begin.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(axes));
    out.pad_end.assign(pads.begin() + static_cast<std::ptrdiff_t>(axes), pads.end());
    const std::string automatic = node.text("auto_pad", "NOTSET");
    if (automatic == "NOTSET") return out;
    if (automatic == "VALID") {
        out.pad_begin.assign(axes, 0);
        out.pad_end.assign(axes, 0);
        return out;
    }
    if (automatic != "SAME_UPPER" && automatic != "SAME_LOWER") {
        node.complain("expected auto_pad NOTSET, VALID, SAME_UPPER or SAME_LOWER, got " +
                      quoted_name(automatic));
    }
    for (std::size_t i = 0; i < axes; ++i) {
        const std::size_t extent = shape[i + 2].count;
        const std::size_t windows = (extent + out.stride[i] - 1) / out.stride[i];
        const std::size_t reach = (windows - 1) * out.stride[i] + (kernel[i] - 1) * out.dilation[i] + 1;
        const std::size_t pad = reach > extent ? reach - extent : 0;
        out.pad_begin[i] = automatic == "SAME_UPPER" ? pad / 2 : pad - pad / 2;
        out.pad_end[i] = pad - out.pad_begin[i];
    }
    return out;
}

/// Returns scale and shift of a batch norm in inference mode: y = scale x + shift per channel.
struct norm_affine {
    std::vector<double> scale, shift;
};
[[nodiscard]] inline norm_affine affine_of(conversion& run, const node_reader& node) {
    node.require_inputs(5, 5);
    node.require_attributes({"epsilon", "momentum", "spatial", "training_mode", "is_test"});
    if (node.integer("spatial", 1) != 1) node.complain("expected spatial 1, got 0");
    if (node.integer("training_mode", 0) != 0) node.complain("expected inference mode, got training_mode 1");
    const double epsilon = node.real("epsilon", 1e-5);
    const constant* parts[4];
    constexpr std::string_view names[] = {"scale", "bias", "mean", "variance"};
    for (std::size_t i = 0; i < 4; ++i) {
        parts[i] = &run.fixed(node, i + 1, names[i]);
        if (!parts[i]->is_real() || parts[i]->size() != parts[0]->size()) {
            node.complain("expected scale, bias, mean and variance of one size");
        }
    }
    norm_affine out;
    for (std::size_t c = 0; c < parts[0]->size(); ++c) {
        const double variance = parts[3]->reals()[c] + epsilon;
        if (!(variance > 0)) node.complain("expected variances above 0, got " + errors::text_of(variance));
        out.scale.push_back(parts[0]->reals()[c] / std::sqrt(variance));
        out.shift.push_back(parts[1]->reals()[c] - parts[2]->reals()[c] * out.scale.back());
    }
    return out;
}

/// Adds a convolution. With `norm`, the batch norm that follows becomes part of weights and bias.
[[nodiscard]] inline std::size_t add_convolution(conversion& run, const node_reader& node,
                                                 const node_reader* norm) {
    node.require_inputs(2, 3);
    node.require_attributes({"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"});
    const constant& weights = run.fixed(node, 1, "the weights");
    if (!weights.is_real() || weights.shape.size() < 3) {
        node.complain("expected weights (out, in, kernel), got shape " + format_shape(weights.shape));
    }
    const std::vector<std::size_t> kernel(weights.shape.begin() + 2, weights.shape.end());
    if (const auto stated = node.integers("kernel_shape")) {
        if (!std::equal(stated->begin(), stated->end(), kernel.begin(), kernel.end(),
                        [](std::int64_t a, std::size_t b) { return a == static_cast<std::int64_t>(b); })) {
            node.complain("expected the kernel_shape of the weights, " + format_shape(kernel));
        }
    }
    if (weights.size() == 0) node.complain("expected weights, got shape " + format_shape(weights.shape));
    const onnx_windows at = windows_of(node, run.shape(node, 0), kernel);
    const std::int64_t groups = node.integer("group", 1);
    if (groups < 1) node.complain("expected at least one group, got " + errors::text_of(groups));
    op::convolution op{static_cast<std::size_t>(groups), at.stride, at.dilation, at.pad_begin, at.pad_end};
    const std::size_t out = weights.shape[0];
    std::vector<double> bias;
    if (node.has(2)) {
        const constant& given = run.fixed(node, 2, "the bias");
        if (!given.is_real() || given.size() != out) {
            node.complain("expected a bias of " + errors::text_of(out) + " numbers, got shape " +
                          format_shape(given.shape));
        }
        bias = given.reals();
    }
    const std::string& name = node.node().inputs[1];
    const std::size_t x = run.value(node, 0);
    if (norm == nullptr) {
        std::vector<std::size_t> inputs{x, run.value(node, 1)};
        if (node.has(2)) inputs.push_back(run.value(node, 2));
        return run.add(node, std::move(op), std::move(inputs));
    }
    const norm_affine affine = affine_of(run, *norm);
    if (affine.scale.size() != out) {
        norm->complain("expected " + errors::text_of(out) + " channels, got " +
                       errors::text_of(affine.scale.size()));
    }
    bias.resize(out);
    std::vector<double> scaled = weights.reals();
    const std::size_t per_channel = scaled.size() / out;
    for (std::size_t c = 0; c < out; ++c) {
        for (std::size_t i = 0; i < per_channel; ++i) scaled[c * per_channel + i] *= affine.scale[c];
        bias[c] = bias[c] * affine.scale[c] + affine.shift[c];
    }
    const std::size_t w = run.add_constant(node, name, weights.shape, scaled);
    const std::size_t b = run.add_constant(*norm, norm->node().inputs[2], {out}, bias);
    return run.add(*norm, std::move(op), {x, w, b});
}

[[nodiscard]] inline std::size_t add_pooling(conversion& run, const node_reader& node) {
    node.require_inputs(1, 1);
    op::pooling op;
    op.kind = node.op() == "MaxPool" || node.op() == "GlobalMaxPool" ? op::pooling_kind::max
                                                                     : op::pooling_kind::average;
    if (node.op().starts_with("Global")) {
        node.require_attributes({});
        op.global = true;
        return run.add(node, std::move(op), {run.value(node, 0)});
    }
    node.require_attributes({"auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape",
                             "pads", "storage_order", "strides"});
    std::vector<std::size_t> kernel;
    for (const std::int64_t extent : node.integers("kernel_shape").value_or(std::vector<std::int64_t>{})) {
        if (extent < 1 || extent > INT32_MAX) {
            node.complain("expected a kernel_shape of at least 1, got " + errors::text_of(extent));
        }
        kernel.push_back(static_cast<std::size_t>(extent));
    }
    const onnx_windows at = windows_of(node, run.shape(node, 0), kernel);
    op.kernel = at.kernel;
    op.stride = at.stride;
    op.dilation = at.dilation;
    op.pad_begin = at.pad_begin;
    op.pad_end = at.pad_end;
    op.ceil_mode = node.integer("ceil_mode", 0) != 0;
    op.count_include_pad = node.integer("count_include_pad", 0) != 0;
    return run.add(node, std::move(op), {run.value(node, 0)});
}

[[nodiscard]] inline std::size_t add_gemm(conversion& run, const node_reader& node) {
    node.require_inputs(2, 3);
    node.require_attributes({"alpha", "beta", "transA", "transB", "broadcast"});
    const op::matrix_product op{node.integer("transA", 0) != 0, node.integer("transB", 0) != 0,
                                node.real("alpha", 1)};
    const std::size_t a = run.value(node, 0), b = run.value(node, 1);
    const double beta = node.real("beta", 1);
    if (!node.has(2) || beta == 0) return run.add(node, op, {a, b});
    const graph_shape shape = run.shape(node, 1);
    if (shape.size() != 2) node.complain("expected matrices, got " + format_shape(shape));
    const graph_extent columns = shape[op.transpose_b ? 0 : 1];
    if (run.is_constant(node, 2)) {
        const constant& bias = run.fixed(node, 2, "the bias");
        const bool is_row = bias.shape.size() == 1 || (bias.shape.size() == 2 && bias.shape[0] == 1);
        if (bias.is_real() && is_row && !columns.per_sample && bias.size() == columns.count) {
            std::vector<double> scaled = bias.reals();
            for (double& value : scaled) value *= beta;
            const std::size_t c = run.add_constant(node, node.node().inputs[2], {columns.count}, scaled);
            return run.add(node, op, {a, b, c});
        }
    }
    std::size_t c = run.value(node, 2);
    if (beta != 1) {
        c = run.add(node, op::binary{op::binary_kind::multiply},
                    {c, run.add_constant(node, "beta", {}, {beta})});
    }
    return run.add(node, op::binary{op::binary_kind::add}, {run.add(node, op, {a, b}), c});
}

[[nodiscard]] inline std::size_t add_matrix_product(conversion& run, const node_reader& node) {
    node.require_inputs(2, 2);
    node.require_attributes({});
    return run.add(node, op::matrix_product{}, {run.value(node, 0), run.value(node, 1)});
}

[[nodiscard]] inline std::size_t add_batch_norm(conversion& run, const node_reader& node) {
    const norm_affine affine = affine_of(run, node);
    std::vector<std::size_t> inputs;
    for (std::size_t i = 0; i < 5; ++i) inputs.push_back(run.value(node, i));
    return run.add(node, op::batch_normalization{node.real("epsilon", 1e-5)}, std::move(inputs));
}

[[nodiscard]] inline std::size_t add_layer_norm(conversion& run, const node_reader& node) {
    node.require_inputs(1, 3);
    node.require_attributes({"axis", "epsilon", "stash_type"});
    std::vector<std::size_t> inputs;
    for (std::size_t i = 0; i < 3 && node.has(i); ++i) {
        if (i > 0) (void)run.fixed(node, i, i == 1 ? "the scale" : "the bias");
        inputs.push_back(run.value(node, i));
    }
    return run.add(node,
                   op::layer_normalization{static_cast<std::ptrdiff_t>(node.integer("axis", -1)),
                                           node.real("epsilon", 1e-5)},
                   std::move(inputs));
}

/// Before opset 13, Softmax is that of a matrix: the axes from `axis` on are joined.
[[nodiscard]] inline std::size_t add_softmax(conversion& run, const node_reader& node) {
    node.require_inputs(1, 1);
    node.require_attributes({"axis"});
    const bool logarithm = node.op() == "LogSoftmax";
    const graph_shape shape = run.shape(node, 0);
    const std::size_t axis = node.axis(node.integer("axis", node.opset() < 13 ? 1 : -1), shape.size());
    const std::size_t x = run.value(node, 0);
    if (node.opset() >= 13 || axis + 1 == shape.size()) {
        return run.add(node, op::softmax{static_cast<std::ptrdiff_t>(axis), logarithm}, {x});
    }
    const graph_shape matrix = run.fitted(node, [&](std::size_t which) {
        return flattened(run.at(shape, which), static_cast<std::int64_t>(axis), node);
    });
    const std::size_t rows = run.add(node, op::reshape{matrix}, {x});
    return run.add(node, op::reshape{shape}, {run.add(node, op::softmax{1, logarithm}, {rows})});
}

} // namespace detail
} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
