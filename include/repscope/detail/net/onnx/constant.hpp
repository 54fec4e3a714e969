#pragma once

#include "repscope/detail/net/onnx/node_reader.hpp"
#include "repscope/error.hpp"
#include "repscope/io/dtype.hpp"
#include "repscope/net/onnx_model.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {
namespace detail {

/// The elements of a constant: `double` for floating-point types, 64-bit integers for the others.
using element_list = std::variant<std::vector<double>, std::vector<std::int64_t>>;

/// A constant that is computed before the network runs. Elements are row-major.
struct constant {
    io::dtype type = io::dtype::float32;
    std::vector<std::size_t> shape;
    element_list elements;

    [[nodiscard]] bool is_real() const noexcept { return elements.index() == 0; }
    [[nodiscard]] std::size_t size() const noexcept {
        return std::visit([](const auto& list) { return list.size(); }, elements);
    }
    [[nodiscard]] const std::vector<double>& reals() const { return std::get<0>(elements); }
    [[nodiscard]] const std::vector<std::int64_t>& integers() const { return std::get<1>(elements); }

    friend bool operator==(const constant&, const constant&) = default;
};

[[nodiscard]] inline bool is_real(io::dtype type) noexcept {
    return !io::is_integer(type) && type != io::dtype::boolean;
}

/// The largest number of elements of a constant that is computed from smaller ones: a file of a few bytes can
/// state any number.
inline constexpr std::size_t max_constant_elements = std::size_t{1} << 24U;
/// The largest number of elements of all computed constants, more than those that the file stores.
inline constexpr std::size_t max_computed_elements = std::size_t{1} << 26U;

/// The largest number of elements of a tensor of a graph, per sample.
inline constexpr std::size_t max_value_elements = std::size_t{1} << 28U;

/// Returns the number of elements of `shape`, or nothing if it is above `limit`.
[[nodiscard]] inline std::optional<std::size_t> bounded_count(std::span<const std::size_t> shape,
                                                              std::size_t limit) noexcept {
    std::size_t count = 1;
    for (const std::size_t extent : shape) {
        if (extent == 0) return std::size_t{0};
    }
    for (const std::size_t extent : shape) {
        if (count > limit / extent) return std::nullopt;
        count *= extent;
    }
    return count;
}

/// Returns the number of elements of `shape` and throws if it is too large. A number up to `from`, that of
/// the inputs, is always allowed.
[[nodiscard]] inline std::size_t checked_count(std::span<const std::size_t> shape, const node_reader& node,
                                               std::size_t from = 0) {
    const std::size_t limit = std::max(max_constant_elements, from);
    const auto count = bounded_count(shape, limit);
    if (!count) {
        node.complain("expected a constant of at most " + errors::text_of(limit) + " elements, got shape " +
                      format_shape(shape));
    }
    return *count;
}

/// Returns the constant in a stored tensor.
[[nodiscard]] inline constant constant_of(const onnx_tensor& tensor) {
    if (is_real(tensor.type)) return {tensor.type, tensor.shape, tensor.values<double>()};
    return {tensor.type, tensor.shape, tensor.values<std::int64_t>()};
}

[[nodiscard]] inline constant make_constant(io::dtype type, std::vector<std::size_t> shape,
                                            std::vector<double> values) {
    if (is_real(type)) return {type, std::move(shape), std::move(values)};
    std::vector<std::int64_t> integers(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) integers[i] = static_cast<std::int64_t>(values[i]);
    return {type, std::move(shape), std::move(integers)};
}

[[nodiscard]] inline constant make_constant(std::vector<std::size_t> shape,
                                            std::vector<std::int64_t> values) {
    return {io::dtype::int64, std::move(shape), std::move(values)};
}

/// Returns a rank 1 constant of the extents.
[[nodiscard]] inline constant shape_constant(std::span<const std::size_t> shape) {
    std::vector<std::int64_t> values;
    for (const std::size_t extent : shape) values.push_back(static_cast<std::int64_t>(extent));
    const std::size_t count = values.size();
    return make_constant({count}, std::move(values));
}

/// Returns the integers of a constant input, which has rank 0 or 1. Throws for another type.
[[nodiscard]] inline const std::vector<std::int64_t>& integer_list(const constant& value,
                                                                   const node_reader& node) {
    if (value.is_real() || value.shape.size() > 1) {
        node.complain("expected a list of integers, got " + io::element_format{value.type, false}.name() +
                      " of shape " + format_shape(value.shape));
    }
    return value.integers();
}

} // namespace detail
} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
