#pragma once

#include "repscope/error.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// An extent of a tensor of a `graph`: `count`, or `count` times the number of samples of the pass. So the
/// batch may be any axis, or a part of an axis, and one graph has a meaning for every number of samples.
struct graph_extent {
    std::size_t count = 1;   ///< the number, or the number per sample
    bool per_sample = false; ///< `count` is multiplied by the number of samples

    constexpr graph_extent() = default;
    /// An extent of `fixed`.
    constexpr graph_extent(std::size_t fixed) : count(fixed) {} // NOLINT(google-explicit-constructor)
    /// An extent of `numbers`, per sample if `each_sample`.
    constexpr graph_extent(std::size_t numbers, bool each_sample) : count(numbers), per_sample(each_sample) {}

    /// The extent for this number of samples.
    [[nodiscard]] constexpr std::size_t at(std::size_t samples) const noexcept {
        return per_sample ? count * samples : count;
    }
    friend constexpr bool operator==(const graph_extent&, const graph_extent&) noexcept = default;
};

/// The extents of a tensor of a `graph`.
using graph_shape = std::vector<graph_extent>;

/// A tensor of a graph, as `graph` numbers them from 0 in the order in which they are added.
struct graph_value {
    std::size_t index = 0; ///< place in the graph
    friend constexpr bool operator==(const graph_value&, const graph_value&) noexcept = default;
};

/// The axes of a tapped tensor. Without a sample axis: the first axis of one index per sample, or axis 0 with
/// a fixed batch. `unit`: the axis of channels, counted from the end if negative. The other axes are
/// positions.
struct tap_axes {
    std::ptrdiff_t unit = 1;                ///< axis of the units
    std::optional<std::ptrdiff_t> sample{}; ///< axis of the samples
};

using repscope::format_shape; // of fixed extents; the next one would hide it

/// Returns `shape` as text: "(N, 3, 224, 224)"; "4 N" is an extent of four per sample.
[[nodiscard]] inline std::string format_shape(const graph_shape& shape) {
    std::string text = "(";
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
        if (axis != 0) text += ", ";
        const graph_extent& extent = shape[axis];
        if (!extent.per_sample || extent.count != 1) text += std::to_string(extent.count);
        if (extent.per_sample) text += extent.count == 1 ? "N" : " N";
    }
    return text + (shape.size() == 1 ? ",)" : ")");
}

/// The operations of a `graph`. Axes count from 0; a negative axis counts from the end. Unless stated, an
/// operation has one input, and its output has the element type of the graph. An operation never combines
/// different samples: an axis that it sums, normalizes, or cuts must not be per sample.
namespace op {

/// Convolution (cross-correlation) over the trailing one or two axes. Inputs: x (n, in, rows, cols) or (n,
/// in, cols); the constant weights (out, in / groups, kernel extents); optionally the constant bias (out).
/// Vectors have one entry per spatial axis; an empty one means 1, or 0 for the padding. A negative padding
/// is not supported.
struct convolution {
    std::size_t groups = 1;                                                ///< number of groups of channels
    std::vector<std::size_t> stride{}, dilation{}, pad_begin{}, pad_end{}; ///< per spatial axis
};

/// The functions of `pooling`.
enum class pooling_kind { max, average };

/// Maximum or average over windows of the trailing one or two axes of (n, channels, ...). Vectors are those
/// of `convolution`. `global`: one window is the whole map, and the other attributes are ignored.
///
/// `ceil_mode` rounds the number of windows up; a window that begins in the padding at the end is left out.
/// An average divides by the number of pixels of the window inside the input or, with `count_include_pad`,
/// inside the padded input. Padding never is the maximum.
struct pooling {
    pooling_kind kind = pooling_kind::max; ///< maximum or average
    bool global = false;                   ///< one window is the whole map
    std::vector<std::size_t> kernel{}, stride{}, dilation{}, pad_begin{}, pad_end{}; ///< per spatial axis
    bool ceil_mode = false;                                                          ///< see above
    bool count_include_pad = false;                                                  ///< see above
};

/// alpha op(a) op(b) + bias, for the two trailing axes; `transpose_*` swaps these. Inputs: a, b and
/// optionally the constant bias (columns). Leading axes are broadcast. An operand of rank 1 is a row (a) or
/// a column (b), as in NumPy.
struct matrix_product {
    bool transpose_a = false, transpose_b = false; ///< swaps the trailing axes
    double alpha = 1;                              ///< factor of the product
};

/// The functions of `unary`. `alpha` and `beta` mean: leaky_relu: alpha is the slope below 0; clip: the
/// range [alpha, beta]; hard_sigmoid: min(max(alpha x + beta, 0), 1). `gelu_tanh` is the approximation of
/// `gelu` by tanh. `hard_swish` is x min(max(x / 6 + 1 / 2, 0), 1). The derivative at a corner is 0, except
/// that of leaky_relu, which is alpha.
enum class unary_kind {
    identity,
    relu,
    leaky_relu,
    clip,
    sigmoid,
    hard_sigmoid,
    hard_swish,
    tanh,
    erf,
    gelu,
    gelu_tanh,
    sqrt,
    exponential,
    negate
};

/// A function of each element.
struct unary {
    unary_kind kind = unary_kind::relu; ///< the function
    double alpha = 0;                   ///< see `unary_kind`
    double beta = 0;                    ///< see `unary_kind`
};

/// The functions of `binary`: a + b, a - b, a b, a / b, a^b, and prelu: a above 0, a b otherwise.
enum class binary_kind { add, subtract, multiply, divide, power, prelu };

/// A function of two tensors, which are broadcast as in NumPy.
struct binary {
    binary_kind kind = binary_kind::add; ///< the function
};

/// exp(x) / sum exp(x) along an axis, or its logarithm.
struct softmax {
    std::ptrdiff_t axis = -1; ///< the axis of the sum
    bool logarithm = false;   ///< the logarithm of the result
};

/// (x - mean) / sqrt(variance + epsilon) scale + bias per channel (axis 1). Inputs: x, and the constants
/// scale, bias, mean and variance, of one number per channel.
struct batch_normalization {
    double epsilon = 1e-5; ///< added to the variance
};

/// (x - mean) / sqrt(variance + epsilon) scale + bias, with the moments over the axes from `axis` to the
/// last. Inputs: x, and optionally the constants scale and bias, which are broadcast to these axes.
struct layer_normalization {
    std::ptrdiff_t axis = -1; ///< the first of the axes
    double epsilon = 1e-5;    ///< added to the variance
};

/// The mean over some axes, all axes if none is given; `keep`: they remain with extent 1.
struct reduce_mean {
    std::vector<std::ptrdiff_t> axes{}; ///< axes of the mean
    bool keep = true;                   ///< the axes remain with extent 1
};

/// Concatenates one or more tensors along an axis.
struct concat {
    std::ptrdiff_t axis = 0; ///< the axis
};

/// Every `step`-th index of the axes from `begin` to before `end`. The vectors have one entry per entry of
/// `axes`; an empty `step` means 1. Negative positions count from the end, positions outside are clamped, and
/// a negative step goes backwards, as in NumPy. A split is one slice per part.
struct slice {
    std::vector<std::ptrdiff_t> axes{}, begin{}, end{}, step{}; ///< one entry per axis
};

/// `value` around a tensor; `begin` and `end` have one entry per axis. A negative entry removes elements.
struct pad {
    std::vector<std::ptrdiff_t> begin{}, end{}; ///< elements before and after, per axis
    double value = 0;                           ///< of the added elements
};

/// The same elements in row-major order with other extents: Reshape, Flatten, Squeeze and Unsqueeze.
struct reshape {
    graph_shape shape{}; ///< extents of the output
};

/// Axis i of the output is axis `axes[i]` of the input.
struct transpose {
    std::vector<std::size_t> axes{}; ///< axes of the input
};

/// Broadcasts a tensor to the extents `shape`, which are broadcast with its own ones.
struct expand {
    graph_shape shape{}; ///< extents of the output
};

/// x where the condition is not 0, y elsewhere. Inputs: the constant condition, x, y; all are broadcast.
struct where {};

/// The entries `indices` along an axis; negative ones count from the end. The axis is replaced by the axes
/// `extents` of the indices, none for a single index.
struct gather {
    std::ptrdiff_t axis = 0;             ///< the axis that is replaced
    std::vector<std::int64_t> indices{}; ///< entries of the axis
    std::vector<std::size_t> extents{};  ///< extents of `indices`
};

} // namespace op

/// The operation of a node of a `graph`.
using operation =
    std::variant<op::convolution, op::pooling, op::matrix_product, op::unary, op::binary, op::softmax,
                 op::batch_normalization, op::layer_normalization, op::reduce_mean, op::concat, op::slice,
                 op::pad, op::reshape, op::transpose, op::expand, op::where, op::gather>;

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
