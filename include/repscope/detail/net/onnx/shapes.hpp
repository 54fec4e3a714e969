#pragma once

#include "repscope/detail/net/onnx/node_reader.hpp"
#include "repscope/error.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {
namespace detail {

/// The shape rules of ONNX's operators for known extents; used for constants and for activations.
using extents_list = std::vector<std::size_t>;

/// Returns the shape of an element-wise operator: trailing axes are aligned, and extents of 1 are repeated.
[[nodiscard]] inline extents_list broadcast_shape(const extents_list& a, const extents_list& b,
                                                  const node_reader& node) {
    extents_list out(std::max(a.size(), b.size()));
    for (std::size_t i = 0; i < out.size(); ++i) {
        const std::size_t from_end = out.size() - i;
        const std::size_t left = from_end <= a.size() ? a[a.size() - from_end] : 1;
        const std::size_t right = from_end <= b.size() ? b[b.size() - from_end] : 1;
        if (left != right && left != 1 && right != 1) {
            node.complain("shapes " + format_shape(a) + " and " + format_shape(b) + " do not fit");
        }
        out[i] = left == 1 ? right : left;
    }
    return out;
}

/// Returns the shape that Reshape makes of `shape`: 0 keeps the extent (unless `allow_zero`), -1 is computed.
[[nodiscard]] inline extents_list reshaped(const extents_list& shape, const std::vector<std::int64_t>& target,
                                           bool allow_zero, const node_reader& node) {
    extents_list out;
    std::optional<std::size_t> open;
    std::size_t known = 1;
    const auto fail = [&]() {
        std::string text;
        for (const std::int64_t each : target) text += (text.empty() ? "" : ", ") + errors::text_of(each);
        node.complain("shape " + format_shape(shape) + " cannot become (" + text + ")");
    };
    for (std::size_t i = 0; i < target.size(); ++i) {
        std::size_t extent = 1;
        if (target[i] == -1) {
            if (open) fail();
            open = i;
        } else if (target[i] == 0 && !allow_zero) {
            if (i >= shape.size()) fail();
            extent = shape[i];
        } else {
            if (target[i] < 0) fail();
            extent = static_cast<std::size_t>(target[i]);
        }
        if (extent != 0 && known > SIZE_MAX / extent) fail();
        known *= extent;
        out.push_back(extent);
    }
    std::size_t size = 1;
    for (const std::size_t extent : shape) size *= extent;
    if (open) {
        if (known == 0 || size % known != 0) fail();
        out[*open] = size / known;
    } else if (known != size) {
        fail();
    }
    return out;
}

/// Returns the shape with axes of extent 1 removed: the given ones, or all.
[[nodiscard]] inline extents_list squeezed(const extents_list& shape,
                                           const std::optional<std::vector<std::int64_t>>& axes,
                                           const node_reader& node) {
    std::vector<bool> removed(shape.size());
    if (axes) {
        for (const std::size_t axis : node.axes(*axes, shape.size())) {
            if (shape[axis] != 1) {
                node.complain("expected extent 1 of axis " + errors::text_of(axis) + ", got shape " +
                              format_shape(shape));
            }
            removed[axis] = true;
        }
    } else {
        for (std::size_t i = 0; i < shape.size(); ++i) removed[i] = shape[i] == 1;
    }
    extents_list out;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (!removed[i]) out.push_back(shape[i]);
    }
    return out;
}

[[nodiscard]] inline extents_list unsqueezed(const extents_list& shape, const std::vector<std::int64_t>& axes,
                                             const node_reader& node) {
    const std::size_t rank = shape.size() + axes.size();
    std::vector<bool> added(rank);
    for (const std::size_t axis : node.axes(axes, rank)) added[axis] = true;
    extents_list out;
    auto next = shape.begin();
    for (std::size_t i = 0; i < rank; ++i) out.push_back(added[i] ? 1 : *next++);
    return out;
}

/// Returns the rank 2 shape that Flatten makes.
[[nodiscard]] inline extents_list flattened(const extents_list& shape, std::int64_t axis,
                                            const node_reader& node) {
    const std::size_t cut =
        axis == static_cast<std::int64_t>(shape.size()) ? shape.size() : node.axis(axis, shape.size());
    extents_list out{1, 1};
    for (std::size_t i = 0; i < shape.size(); ++i) out[i < cut ? 0 : 1] *= shape[i];
    return out;
}

/// What Slice takes of an axis: `count` indices from `start` in steps of `step`.
struct axis_slice {
    std::int64_t start = 0;
    std::int64_t step = 1;
    std::size_t count = 0;
};

/// Returns the slice of each axis. Bounds outside of an axis mean its ends, as in Python.
[[nodiscard]] inline std::vector<axis_slice>
sliced(const extents_list& shape, const std::vector<std::int64_t>& starts,
       const std::vector<std::int64_t>& ends, const std::optional<std::vector<std::int64_t>>& axes,
       const std::optional<std::vector<std::int64_t>>& steps, const node_reader& node) {
    std::vector<axis_slice> out;
    for (const std::size_t extent : shape) out.push_back({0, 1, extent});
    const std::size_t count = axes ? axes->size() : starts.size();
    if (starts.size() != count || ends.size() != count || (steps && steps->size() != count) ||
        count > shape.size()) {
        node.complain("expected as many starts, ends and steps as axes");
    }
    std::vector<std::int64_t> all(count);
    std::iota(all.begin(), all.end(), std::int64_t{0});
    const auto places = node.axes(axes ? *axes : all, shape.size());
    for (std::size_t i = 0; i < count; ++i) {
        const auto extent = static_cast<std::int64_t>(shape[places[i]]);
        const std::int64_t step = steps ? (*steps)[i] : 1;
        if (step == 0 || step == INT64_MIN) {
            node.complain("expected a step other than 0, got " + errors::text_of(step));
        }
        const auto clamped = [&](std::int64_t value) {
            if (value < 0) value += extent;
            return std::clamp<std::int64_t>(value, step < 0 ? -1 : 0, step < 0 ? extent - 1 : extent);
        };
        const std::int64_t first = clamped(starts[i]);
        const std::int64_t last = clamped(ends[i]);
        const std::int64_t span = step > 0 ? last - first : first - last;
        const std::int64_t width = step > 0 ? step : -step;
        const std::int64_t taken = span <= 0 ? 0 : (span - 1) / width + 1;
        out[places[i]] = {taken == 0 ? 0 : first, step, static_cast<std::size_t>(taken)};
    }
    return out;
}

/// Returns the order of axes that Transpose makes; without `order` the axes are reversed.
[[nodiscard]] inline std::vector<std::size_t>
axis_order(const std::optional<std::vector<std::int64_t>>& order, std::size_t rank, const node_reader& node) {
    std::vector<std::size_t> out(rank);
    for (std::size_t i = 0; i < rank; ++i) out[i] = rank - 1 - i;
    if (!order) return out;
    if (order->size() != rank) {
        node.complain("expected an order of " + errors::text_of(rank) + " axes, got " +
                      errors::text_of(order->size()));
    }
    return node.axes(*order, rank);
}

/// Returns the extents of the parts that Split makes of an axis.
[[nodiscard]] inline extents_list split_parts(std::size_t extent,
                                              const std::optional<std::vector<std::int64_t>>& sizes,
                                              std::size_t outputs, const node_reader& node) {
    extents_list parts;
    std::size_t sum = 0;
    if (sizes) {
        for (const std::int64_t size : *sizes) {
            if (size < 0 || static_cast<std::size_t>(size) > extent) break;
            parts.push_back(static_cast<std::size_t>(size));
            sum += parts.back();
        }
    } else {
        // Equal parts; the last one is smaller if they do not divide the axis.
        const std::size_t part = outputs == 0 ? extent : (extent + outputs - 1) / outputs;
        for (std::size_t i = 0; i < outputs; ++i) {
            parts.push_back(std::min(part, extent - std::min(sum, extent)));
            sum += parts.back();
        }
    }
    if (parts.size() != outputs || sum != extent) {
        node.complain("expected " + errors::text_of(outputs) + " parts of together " +
                      errors::text_of(extent));
    }
    return parts;
}

} // namespace detail
} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
