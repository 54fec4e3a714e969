#pragma once

#include "repscope/detail/net/onnx/constant.hpp"
#include "repscope/detail/net/onnx/node_reader.hpp"
#include "repscope/detail/net/onnx/shapes.hpp"
#include "repscope/error.hpp"
#include "repscope/io/dtype.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {
namespace detail {

/// The element type with this number in ONNX; nothing for text and complex numbers.
[[nodiscard]] constexpr std::optional<io::dtype> onnx_dtype(std::int64_t number) noexcept {
    switch (number) {
    case 1:
        return io::dtype::float32;
    case 2:
        return io::dtype::uint8;
    case 3:
        return io::dtype::int8;
    case 4:
        return io::dtype::uint16;
    case 5:
        return io::dtype::int16;
    case 6:
        return io::dtype::int32;
    case 7:
        return io::dtype::int64;
    case 9:
        return io::dtype::boolean;
    case 10:
        return io::dtype::float16;
    case 11:
        return io::dtype::float64;
    case 12:
        return io::dtype::uint32;
    case 13:
        return io::dtype::uint64;
    case 16:
        return io::dtype::bfloat16;
    default:
        return std::nullopt;
    }
}

/// The constant inputs of a node; null for an input that is left out or that is not constant.
using constant_list = std::span<const constant* const>;

[[nodiscard]] inline const constant* input_at(constant_list inputs, std::size_t place) noexcept {
    return place < inputs.size() ? inputs[place] : nullptr;
}

/// Returns a list of integers that newer opsets give as an input and older ones as an attribute. Throws if
/// the input depends on the activations.
[[nodiscard]] inline std::optional<std::vector<std::int64_t>>
integer_option(const node_reader& node, constant_list inputs, std::size_t input, std::string_view name) {
    if (node.has(input)) {
        const constant* value = input_at(inputs, input);
        if (value == nullptr) {
            node.complain("input " + errors::text_of(input) + " (" + std::string(name) +
                          ") must not depend on the activations");
        }
        return integer_list(*value, node);
    }
    return node.integers(name);
}

/// Returns a number that newer opsets give as an input and older ones as an attribute.
[[nodiscard]] inline double real_option(const node_reader& node, constant_list inputs, std::size_t input,
                                        std::string_view name, double fallback) {
    if (!node.has(input)) return node.real(name, fallback);
    const constant* value = input_at(inputs, input);
    if (value == nullptr || value->size() != 1) {
        node.complain("input " + errors::text_of(input) + " (" + std::string(name) +
                      ") must be one constant number");
    }
    return value->is_real() ? value->reals()[0] : static_cast<double>(value->integers()[0]);
}

/// Returns the axes that a reduction removes, ascending.
[[nodiscard]] inline std::vector<std::size_t> reduction_axes(const node_reader& node, constant_list inputs,
                                                             std::size_t rank) {
    const auto given = integer_option(node, inputs, 1, "axes");
    if (given && !given->empty()) {
        std::vector<std::size_t> axes = node.axes(*given, rank);
        std::sort(axes.begin(), axes.end());
        return axes;
    }
    if (node.integer("noop_with_empty_axes", 0) != 0) return {};
    std::vector<std::size_t> axes(rank);
    for (std::size_t i = 0; i < rank; ++i) axes[i] = i;
    return axes;
}

[[nodiscard]] inline std::vector<axis_slice> slice_option(const node_reader& node, constant_list inputs,
                                                          const extents_list& shape) {
    const auto starts = integer_option(node, inputs, 1, "starts");
    const auto ends = integer_option(node, inputs, 2, "ends");
    if (!starts || !ends) node.complain("expected starts and ends");
    return sliced(shape, *starts, *ends, integer_option(node, inputs, 3, "axes"),
                  integer_option(node, inputs, 4, "steps"), node);
}

[[nodiscard]] inline extents_list reshape_option(const node_reader& node, constant_list inputs,
                                                 const extents_list& shape) {
    const auto target = integer_option(node, inputs, 1, "shape");
    if (!target) node.complain("expected a shape");
    return reshaped(shape, *target, node.integer("allowzero", 0) != 0, node);
}

[[nodiscard]] inline extents_list unsqueeze_option(const node_reader& node, constant_list inputs,
                                                   const extents_list& shape) {
    const auto axes = integer_option(node, inputs, 1, "axes");
    if (!axes) node.complain("expected axes");
    return unsqueezed(shape, *axes, node);
}

/// Returns the shape that Expand makes: both shapes are broadcast to each other.
[[nodiscard]] inline extents_list expand_option(const node_reader& node, constant_list inputs,
                                                const extents_list& shape) {
    const auto target = integer_option(node, inputs, 1, "shape");
    if (!target) node.complain("expected a shape");
    extents_list other;
    for (const std::int64_t extent : *target) {
        if (extent < 0) node.complain("expected extents of at least 0, got " + errors::text_of(extent));
        other.push_back(static_cast<std::size_t>(extent));
    }
    return broadcast_shape(shape, other, node);
}

} // namespace detail
} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
