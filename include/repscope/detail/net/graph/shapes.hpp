#pragma once

#include "repscope/detail/net/graph/windows.hpp"
#include "repscope/error.hpp"
#include "repscope/net/graph_operations.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// A node during its checks: what error messages name, and the extents of its inputs.
class node_shapes {
  public:
    node_shapes(std::string_view name, std::string_view operation, std::vector<graph_shape> inputs)
        : name_(name), operation_(operation), inputs_(std::move(inputs)) {}

    [[nodiscard]] std::size_t count() const noexcept { return inputs_.size(); }
    [[nodiscard]] const graph_shape& operator[](std::size_t input) const noexcept { return inputs_[input]; }

    [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
        errors::throw_shape_error("net::graph", place() + ": expected " + expected + ", got " + got);
    }
    [[noreturn]] void fail_value(const std::string& expected, const std::string& got) const {
        errors::throw_value_error("net::graph", place() + ": expected " + expected + ", got " + got);
    }
    [[nodiscard]] std::string place() const { return "node " + name_ + " (" + operation_ + ")"; }

    void expect_inputs(std::size_t least, std::size_t most) const {
        if (count() >= least && count() <= most) return;
        fail(least == most ? errors::text_of(least) + " inputs"
                           : errors::text_of(least) + " to " + errors::text_of(most) + " inputs",
             errors::text_of(count()));
    }
    void expect_rank(std::size_t input, std::size_t least, std::size_t most) const {
        const std::size_t rank = inputs_[input].size();
        if (rank >= least && rank <= most) return;
        const std::string ranks =
            least == most ? errors::text_of(least) : errors::text_of(least) + " to " + errors::text_of(most);
        fail("an input of " + ranks + " axes", format_shape(inputs_[input]));
    }
    void expect_shape(std::size_t input, const graph_shape& expected) const {
        if (inputs_[input] != expected) {
            fail("input " + errors::text_of(input) + " of shape " + format_shape(expected),
                 format_shape(inputs_[input]));
        }
    }
    /// An extent that must not contain samples.
    [[nodiscard]] std::size_t fixed(std::size_t input, std::size_t axis) const {
        const graph_extent& extent = inputs_[input][axis];
        if (extent.per_sample) {
            fail("axis " + errors::text_of(axis) + " of input " + errors::text_of(input) + " without samples",
                 format_shape(inputs_[input]));
        }
        return extent.count;
    }
    /// An axis that may count from the end.
    [[nodiscard]] std::size_t axis(std::ptrdiff_t axis, std::size_t rank) const {
        const auto size = static_cast<std::ptrdiff_t>(rank);
        if (axis < -size || axis >= size) {
            fail("an axis of a tensor of " + errors::text_of(rank) + " axes", errors::text_of(axis));
        }
        return static_cast<std::size_t>(axis < 0 ? axis + size : axis);
    }
    /// Extents broadcast as in NumPy.
    [[nodiscard]] graph_shape broadcast(const graph_shape& a, const graph_shape& b) const {
        graph_shape result(std::max(a.size(), b.size()));
        for (std::size_t i = 0; i < result.size(); ++i) {
            const graph_extent one = i < a.size() ? a[a.size() - 1 - i] : graph_extent{};
            const graph_extent two = i < b.size() ? b[b.size() - 1 - i] : graph_extent{};
            if (one != two && one != graph_extent{} && two != graph_extent{}) {
                fail("extents that broadcast", format_shape(a) + " and " + format_shape(b));
            }
            result[result.size() - 1 - i] = one == graph_extent{} ? two : one;
        }
        return result;
    }

  private:
    std::string name_, operation_;
    std::vector<graph_shape> inputs_;
};

[[nodiscard]] inline std::string_view operation_name(const operation& what) noexcept {
    constexpr std::array names{"convolution",
                               "pooling",
                               "matrix_product",
                               "unary",
                               "binary",
                               "softmax",
                               "batch_normalization",
                               "layer_normalization",
                               "reduce_mean",
                               "concat",
                               "slice",
                               "pad",
                               "reshape",
                               "transpose",
                               "expand",
                               "where",
                               "gather"};
    static_assert(names.size() == std::variant_size_v<operation>);
    return names[what.index()];
}

/// Rows and columns of windows over the trailing axes of `x`; `kernel` has one entry per spatial axis.
template <typename Window>
[[nodiscard]] std::array<window_axis, 2> window_axes(const node_shapes& node, const Window& what,
                                                     const std::vector<std::size_t>& kernel,
                                                     [[maybe_unused]] bool ceil_mode = false) {
    const graph_shape& x = node[0];
    const std::size_t spatial = x.size() - 2;
    const auto entry = [&](const std::vector<std::size_t>& values, std::size_t axis, std::size_t absent,
                           const char* attribute) {
        if (values.empty()) return absent;
        if (values.size() != spatial) {
            node.fail(errors::text_of(spatial) + " entries of " + attribute, errors::text_of(values.size()));
        }
        return values[axis];
    };
    std::array<window_axis, 2> axes{};
    for (std::size_t a = 0; a < spatial; ++a) {
        window_axis& axis = axes[2 - spatial + a];
        axis.in = node.fixed(0, 2 + a);
        axis.kernel = entry(kernel, a, 1, "the kernel");
        axis.stride = entry(what.stride, a, 1, "the stride");
        axis.dilation = entry(what.dilation, a, 1, "the dilation");
        axis.pad_begin = entry(what.pad_begin, a, 0, "the padding");
        axis.pad_end = entry(what.pad_end, a, 0, "the padding");
        if (axis.kernel == 0 || axis.stride == 0 || axis.dilation == 0) {
            node.fail_value("a kernel, stride and dilation of at least 1", "0");
        }
        const std::size_t reach = axis.dilation * (axis.kernel - 1) + 1;
        const std::size_t padded = axis.in + axis.pad_begin + axis.pad_end;
        if (axis.in == 0 || padded < reach) {
            node.fail("a padded input of at least " + errors::text_of(reach) + " along axis " +
                          errors::text_of(2 + a),
                      format_shape(x));
        }
        const std::size_t room = padded - reach;
        axis.out = room / axis.stride + 1;
        if (ceil_mode && room % axis.stride != 0 && axis.out * axis.stride < axis.in + axis.pad_begin) {
            ++axis.out;
        }
    }
    return axes;
}

[[nodiscard]] inline std::vector<std::size_t> kernel_of(const graph_shape& weights) {
    std::vector<std::size_t> kernel;
    for (std::size_t axis = 2; axis < weights.size(); ++axis) kernel.push_back(weights[axis].count);
    return kernel;
}

[[nodiscard]] inline std::vector<std::size_t> kernel_of(const op::pooling& what, const graph_shape& x) {
    return what.global ? kernel_of(x) : what.kernel;
}

/// The first index, the number of indices and the step of a slice along one axis.
struct slice_range {
    std::ptrdiff_t begin = 0, step = 1;
    std::size_t count = 0;
};

[[nodiscard]] inline slice_range range_of(std::ptrdiff_t begin, std::ptrdiff_t end, std::ptrdiff_t step,
                                          std::size_t extent) {
    const auto size = static_cast<std::ptrdiff_t>(extent);
    const auto clamp = [&](std::ptrdiff_t at, std::ptrdiff_t low, std::ptrdiff_t high) {
        if (at < 0) at = at < -size ? -1 : at + size;
        return std::clamp(at, low, high);
    };
    slice_range range{0, step, 0};
    if (step > 0) {
        range.begin = begin < -size ? 0 : clamp(begin, 0, size);
        const std::ptrdiff_t last = end < -size ? 0 : clamp(end, 0, size);
        if (last > range.begin)
            range.count = static_cast<std::size_t>((last - range.begin + step - 1) / step);
    } else {
        range.begin = clamp(begin, -1, size - 1);
        const std::ptrdiff_t last = clamp(end, -1, size - 1);
        if (range.begin > last) {
            range.count = static_cast<std::size_t>((range.begin - last - step - 1) / -step);
        }
    }
    return range;
}

/// The ranges of all axes of the input of a slice.
[[nodiscard]] inline std::vector<slice_range> ranges_of(const op::slice& what, const graph_shape& x,
                                                        std::size_t samples) {
    std::vector<slice_range> ranges;
    for (const graph_extent& extent : x) ranges.push_back({0, 1, extent.at(samples)});
    for (std::size_t i = 0; i < what.axes.size(); ++i) {
        const std::ptrdiff_t axis =
            what.axes[i] < 0 ? what.axes[i] + static_cast<std::ptrdiff_t>(x.size()) : what.axes[i];
        const graph_extent& extent = x[static_cast<std::size_t>(axis)];
        if (extent.per_sample) continue; // the whole axis, as checked
        ranges[static_cast<std::size_t>(axis)] =
            range_of(what.begin[i], what.end[i], what.step.empty() ? 1 : what.step[i], extent.count);
    }
    return ranges;
}

/// Number of elements: a factor, and the power of the number of samples that multiplies it.
[[nodiscard]] inline std::pair<std::size_t, std::size_t> element_factors(const graph_shape& shape) {
    std::pair<std::size_t, std::size_t> count{1, 0};
    for (const graph_extent& extent : shape) {
        count.first *= extent.count;
        count.second += extent.per_sample ? 1 : 0;
    }
    return count;
}

/// Number of elements in front of the axis of samples; of all without such an axis.
[[nodiscard]] inline std::size_t elements_before_samples(const graph_shape& shape) {
    std::size_t count = 1;
    for (const graph_extent& extent : shape) {
        if (extent.per_sample) break;
        count *= extent.count;
    }
    return count;
}

/// Returns the extents of the output of each operation.
class shape_inference {
  public:
    explicit shape_inference(const node_shapes& node) : node_(node) {}

    graph_shape operator()(const op::convolution& what) const {
        node_.expect_inputs(2, 3);
        node_.expect_rank(0, 3, 4);
        node_.expect_rank(1, node_[0].size(), node_[0].size());
        const std::size_t in = node_.fixed(0, 1), out = node_.fixed(1, 0);
        if (what.groups == 0 || in % what.groups != 0 || out % what.groups != 0 || out == 0 ||
            node_[1][1].count * what.groups != in) {
            node_.fail("weights (out, " + errors::text_of(in) + " / groups, ...) for " +
                           errors::text_of(what.groups) + " groups",
                       format_shape(node_[1]));
        }
        if (node_.count() == 3) node_.expect_shape(2, {out});
        return windows(window_axes(node_, what, kernel_of(node_[1])), out);
    }
    graph_shape operator()(const op::pooling& what) const {
        node_.expect_inputs(1, 1);
        node_.expect_rank(0, 3, 4);
        if (!what.global && what.kernel.empty()) node_.fail("a kernel", "none");
        op::pooling windowed = what;
        if (what.global) windowed = op::pooling{.kind = what.kind};
        return windows(
            window_axes(node_, windowed, kernel_of(what, node_[0]), what.ceil_mode && !what.global),
            node_.fixed(0, 1));
    }
    graph_shape operator()(const op::matrix_product& what) const {
        node_.expect_inputs(2, 3);
        node_.expect_rank(0, 1, 64);
        node_.expect_rank(1, 1, 64);
        graph_shape a = node_[0], b = node_[1];
        const bool row = a.size() == 1, column = b.size() == 1;
        if (row) a.insert(a.begin(), graph_extent{});
        if (column) b.push_back({});
        if (what.transpose_a && !row) std::swap(a[a.size() - 2], a[a.size() - 1]);
        if (what.transpose_b && !column) std::swap(b[b.size() - 2], b[b.size() - 1]);
        if (a.back() != b[b.size() - 2]) {
            node_.fail("equal inner extents", format_shape(node_[0]) + " and " + format_shape(node_[1]));
        }
        if (a.back().per_sample) node_.fail("inner extents without samples", format_shape(node_[0]));
        graph_shape result = node_.broadcast({a.begin(), a.end() - 2}, {b.begin(), b.end() - 2});
        if (!row) result.push_back(a[a.size() - 2]);
        if (!column) result.push_back(b.back());
        if (node_.count() == 3) node_.expect_shape(2, {b.back()});
        return result;
    }
    graph_shape operator()(const op::unary&) const {
        node_.expect_inputs(1, 1);
        return node_[0];
    }
    graph_shape operator()(const op::binary&) const {
        node_.expect_inputs(2, 2);
        return node_.broadcast(node_[0], node_[1]);
    }
    graph_shape operator()(const op::softmax& what) const {
        node_.expect_inputs(1, 1);
        (void)node_.fixed(0, node_.axis(what.axis, node_[0].size()));
        return node_[0];
    }
    graph_shape operator()(const op::batch_normalization&) const {
        node_.expect_inputs(5, 5);
        node_.expect_rank(0, 2, 64);
        for (std::size_t input = 1; input < 5; ++input) node_.expect_shape(input, {node_.fixed(0, 1)});
        return node_[0];
    }
    graph_shape operator()(const op::layer_normalization& what) const {
        node_.expect_inputs(1, 3);
        const std::size_t first = node_.axis(what.axis, node_[0].size());
        for (std::size_t axis = first; axis < node_[0].size(); ++axis) (void)node_.fixed(0, axis);
        const graph_shape row(node_[0].begin() + static_cast<std::ptrdiff_t>(first), node_[0].end());
        for (std::size_t input = 1; input < node_.count(); ++input) {
            if (node_[input].size() > row.size() || node_.broadcast(row, node_[input]) != row) {
                node_.fail("scale and bias that broadcast to " + format_shape(row),
                           format_shape(node_[input]));
            }
        }
        return node_[0];
    }
    graph_shape operator()(const op::reduce_mean& what) const {
        node_.expect_inputs(1, 1);
        std::vector<bool> reduced(node_[0].size(), what.axes.empty());
        for (const std::ptrdiff_t axis : what.axes) reduced[node_.axis(axis, node_[0].size())] = true;
        graph_shape result;
        for (std::size_t axis = 0; axis < reduced.size(); ++axis) {
            if (!reduced[axis]) {
                result.push_back(node_[0][axis]);
            } else {
                (void)node_.fixed(0, axis);
                if (what.keep) result.push_back({});
            }
        }
        return result;
    }
    graph_shape operator()(const op::concat& what) const {
        if (node_.count() == 0) node_.fail("at least 1 input", "0");
        graph_shape result = node_[0];
        const std::size_t axis = node_.axis(what.axis, result.size());
        for (std::size_t input = 1; input < node_.count(); ++input) {
            graph_shape next = node_[input];
            node_.expect_rank(input, result.size(), result.size());
            next[axis] = result[axis];
            if (next != result || node_[input][axis].per_sample || result[axis].per_sample) {
                node_.fail("extents that differ along axis " + errors::text_of(axis) +
                               " only, which has no samples",
                           format_shape(result) + " and " + format_shape(node_[input]));
            }
            result[axis].count += node_[input][axis].count;
        }
        return result;
    }
    graph_shape operator()(const op::slice& what) const {
        node_.expect_inputs(1, 1);
        const std::size_t count = what.axes.size();
        if (what.begin.size() != count || what.end.size() != count ||
            (!what.step.empty() && what.step.size() != count)) {
            node_.fail(errors::text_of(count) + " positions, one per axis",
                       errors::text_of(what.begin.size()) + ", " + errors::text_of(what.end.size()) +
                           " and " + errors::text_of(what.step.size()));
        }
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t axis = node_.axis(what.axes[i], node_[0].size());
            const std::ptrdiff_t step = what.step.empty() ? 1 : what.step[i];
            if (step == 0) node_.fail_value("a step other than 0", "0");
            const graph_extent& extent = node_[0][axis];
            const bool whole =
                what.begin[i] == 0 && step == 1 && what.end[i] >= static_cast<std::ptrdiff_t>(1) << 30;
            if (extent.per_sample && !whole) (void)node_.fixed(0, axis);
        }
        graph_shape result = node_[0];
        const std::vector<slice_range> ranges = ranges_of(what, node_[0], 1);
        for (std::size_t axis = 0; axis < result.size(); ++axis) {
            if (!result[axis].per_sample) result[axis].count = ranges[axis].count;
            if (result[axis].count == 0) node_.fail("a slice with elements", format_shape(result));
        }
        return result;
    }
    graph_shape operator()(const op::pad& what) const {
        node_.expect_inputs(1, 1);
        graph_shape result = node_[0];
        if (what.begin.size() != result.size() || what.end.size() != result.size()) {
            node_.fail("paddings of " + errors::text_of(result.size()) + " axes",
                       errors::text_of(what.begin.size()) + " and " + errors::text_of(what.end.size()));
        }
        for (std::size_t axis = 0; axis < result.size(); ++axis) {
            if (what.begin[axis] == 0 && what.end[axis] == 0) continue;
            const auto extent = static_cast<std::ptrdiff_t>(node_.fixed(0, axis));
            const std::ptrdiff_t padded = extent + what.begin[axis] + what.end[axis];
            if (padded <= 0 || -what.begin[axis] >= extent || -what.end[axis] >= extent) {
                node_.fail("a padded tensor with elements", format_shape(result));
            }
            result[axis].count = static_cast<std::size_t>(padded);
        }
        return result;
    }
    graph_shape operator()(const op::reshape& what) const {
        node_.expect_inputs(1, 1);
        if (element_factors(node_[0]) != element_factors(what.shape)) {
            node_.fail("as many elements as " + format_shape(node_[0]), format_shape(what.shape));
        }
        if (elements_before_samples(node_[0]) != elements_before_samples(what.shape)) {
            node_.fail("the elements of each sample to stay together, as in " + format_shape(node_[0]),
                       format_shape(what.shape));
        }
        return what.shape;
    }
    graph_shape operator()(const op::transpose& what) const {
        node_.expect_inputs(1, 1);
        std::vector<std::size_t> sorted = what.axes;
        std::sort(sorted.begin(), sorted.end());
        for (std::size_t axis = 0; axis < (std::max)(sorted.size(), node_[0].size()); ++axis) {
            if (sorted.size() == node_[0].size() && sorted[axis] == axis) continue;
            node_.fail("each of " + errors::text_of(node_[0].size()) + " axes once", "other axes");
        }
        graph_shape result;
        for (const std::size_t axis : what.axes) result.push_back(node_[0][axis]);
        return result;
    }
    graph_shape operator()(const op::expand& what) const {
        node_.expect_inputs(1, 1);
        return node_.broadcast(node_[0], what.shape);
    }
    graph_shape operator()(const op::where&) const {
        node_.expect_inputs(3, 3);
        return node_.broadcast(node_.broadcast(node_[0], node_[1]), node_[2]);
    }
    graph_shape operator()(const op::gather& what) const {
        node_.expect_inputs(1, 1);
        const std::size_t axis = node_.axis(what.axis, node_[0].size());
        const auto extent = static_cast<std::int64_t>(node_.fixed(0, axis));
        std::size_t count = 1;
        for (const std::size_t one : what.extents) count *= one;
        if (count != what.indices.size() || count == 0) {
            node_.fail(errors::text_of(count) + " indices", errors::text_of(what.indices.size()));
        }
        for (const std::int64_t index : what.indices) {
            if (index >= -extent && index < extent) continue;
            node_.fail_value("indices below " + errors::text_of(extent), errors::text_of(index));
        }
        graph_shape result = node_[0];
        const auto at = result.begin() + static_cast<std::ptrdiff_t>(axis);
        const graph_shape inner(what.extents.begin(), what.extents.end());
        result.insert(result.erase(at), inner.begin(), inner.end());
        return result;
    }

  private:
    [[nodiscard]] graph_shape windows(const std::array<window_axis, 2>& axes, std::size_t channels) const {
        graph_shape result{node_[0][0], channels};
        if (node_[0].size() == 4) result.push_back(axes[0].out);
        result.push_back(axes[1].out);
        return result;
    }

    const node_shapes& node_;
};

/// The inputs that must be constants: from the first index to before the second one.
[[nodiscard]] inline std::pair<std::size_t, std::size_t> required_constants(const operation& what) noexcept {
    if (std::holds_alternative<op::convolution>(what)) return {1, 3};
    if (std::holds_alternative<op::matrix_product>(what)) return {2, 3};
    if (std::holds_alternative<op::batch_normalization>(what)) return {1, 5};
    if (std::holds_alternative<op::layer_normalization>(what)) return {1, 3};
    if (std::holds_alternative<op::where>(what)) return {0, 1};
    return {0, 0};
}

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
