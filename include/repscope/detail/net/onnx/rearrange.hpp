#pragma once

#include "repscope/detail/net/onnx/constant.hpp"
#include "repscope/detail/net/onnx/node_reader.hpp"
#include "repscope/detail/net/onnx/shapes.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {
namespace detail {

using stride_list = std::vector<std::ptrdiff_t>;

[[nodiscard]] inline stride_list row_major(const extents_list& shape) {
    stride_list out(shape.size(), 1);
    for (std::size_t i = shape.size(); i-- > 1;) {
        out[i - 1] = out[i] * static_cast<std::ptrdiff_t>(shape[i]);
    }
    return out;
}

/// Calls `body(place)` for each index of `shape` in row-major order, with `place` the sum of index times
/// stride.
template <typename Body>
void for_each_place(const extents_list& shape, const stride_list& strides, Body&& body) {
    for (const std::size_t extent : shape) {
        if (extent == 0) return;
    }
    std::vector<std::size_t> index(shape.size());
    std::ptrdiff_t place = 0;
    while (true) {
        body(place);
        std::size_t axis = shape.size();
        while (true) {
            if (axis == 0) return;
            --axis;
            place += strides[axis];
            if (++index[axis] < shape[axis]) break;
            place -= strides[axis] * static_cast<std::ptrdiff_t>(shape[axis]);
            index[axis] = 0;
        }
    }
}

/// Returns the elements of `from` at `offset` plus index times stride, as a constant of `shape`.
[[nodiscard]] inline constant strided(const constant& from, extents_list shape, const stride_list& strides,
                                      const node_reader& node, std::ptrdiff_t offset = 0) {
    const std::size_t count = checked_count(shape, node, from.size());
    constant out{from.type, std::move(shape), {}};
    std::visit(
        [&](const auto& list) {
            std::remove_cvref_t<decltype(list)> to;
            to.reserve(count);
            for_each_place(out.shape, strides, [&](std::ptrdiff_t place) {
                to.push_back(list[static_cast<std::size_t>(offset + place)]);
            });
            out.elements = std::move(to);
        },
        from.elements);
    return out;
}

[[nodiscard]] inline constant with_shape(const constant& from, extents_list shape) {
    return {from.type, std::move(shape), from.elements};
}

/// Returns `from` repeated to `shape`, to which it can be broadcast.
[[nodiscard]] inline constant broadcast_to(const constant& from, const extents_list& shape,
                                           const node_reader& node) {
    if (from.shape == shape) return from;
    const stride_list strides = row_major(from.shape);
    stride_list out(shape.size(), 0);
    const std::size_t added = shape.size() - from.shape.size();
    for (std::size_t i = 0; i < from.shape.size(); ++i) {
        if (from.shape[i] != 1) out[added + i] = strides[i];
    }
    return strided(from, shape, out, node);
}

[[nodiscard]] inline constant transposed(const constant& from, const std::vector<std::size_t>& order,
                                         const node_reader& node) {
    const stride_list strides = row_major(from.shape);
    extents_list shape;
    stride_list moved;
    for (const std::size_t axis : order) {
        shape.push_back(from.shape[axis]);
        moved.push_back(strides[axis]);
    }
    return strided(from, std::move(shape), moved, node);
}

[[nodiscard]] inline constant slice(const constant& from, const std::vector<axis_slice>& slices,
                                    const node_reader& node) {
    stride_list strides = row_major(from.shape);
    extents_list shape;
    std::ptrdiff_t offset = 0;
    for (std::size_t i = 0; i < slices.size(); ++i) {
        shape.push_back(slices[i].count);
        offset += slices[i].start * strides[i];
        strides[i] *= slices[i].step;
    }
    return strided(from, std::move(shape), strides, node, offset);
}

/// Returns the part of an axis that begins at `first`.
[[nodiscard]] inline constant axis_part(const constant& from, std::size_t axis, std::size_t first,
                                        std::size_t count, const node_reader& node) {
    std::vector<axis_slice> slices;
    for (const std::size_t extent : from.shape) slices.push_back({0, 1, extent});
    slices[axis] = {static_cast<std::int64_t>(first), 1, count};
    return slice(from, slices, node);
}

[[nodiscard]] inline constant tiled(const constant& from, const std::vector<std::int64_t>& repeats,
                                    const node_reader& node) {
    if (repeats.size() != from.shape.size()) node.complain("expected one number of repeats per axis");
    const stride_list strides = row_major(from.shape);
    extents_list pairs, shape;
    stride_list moved;
    for (std::size_t i = 0; i < repeats.size(); ++i) {
        if (repeats[i] < 0 || repeats[i] > static_cast<std::int64_t>(max_constant_elements)) {
            node.complain("expected repeats of at least 0, got " + errors::text_of(repeats[i]));
        }
        const auto times = static_cast<std::size_t>(repeats[i]);
        pairs.insert(pairs.end(), {times, from.shape[i]});
        moved.insert(moved.end(), {0, strides[i]});
        shape.push_back(times * from.shape[i]);
    }
    constant out = strided(from, std::move(pairs), moved, node);
    out.shape = std::move(shape);
    return out;
}

[[nodiscard]] inline constant gathered(const constant& from, const constant& indices, std::size_t axis,
                                       const node_reader& node) {
    if (indices.is_real()) node.complain("expected integers as indices");
    extents_list shape(from.shape.begin(), from.shape.begin() + static_cast<std::ptrdiff_t>(axis));
    shape.insert(shape.end(), indices.shape.begin(), indices.shape.end());
    shape.insert(shape.end(), from.shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, from.shape.end());
    const std::size_t count = checked_count(shape, node);
    std::size_t before = 1, after = 1;
    for (std::size_t i = 0; i < from.shape.size(); ++i) {
        if (i < axis) before *= from.shape[i];
        if (i > axis) after *= from.shape[i];
    }
    const std::size_t extent = from.shape[axis];
    std::vector<std::size_t> places;
    for (const std::int64_t index : indices.integers()) {
        places.push_back(node.axis(index, extent)); // the same range, and the same meaning below 0
    }
    constant out{from.type, std::move(shape), {}};
    std::visit(
        [&](const auto& list) {
            std::remove_cvref_t<decltype(list)> to;
            to.reserve(count);
            for (std::size_t b = 0; b < before; ++b) {
                for (const std::size_t place : places) {
                    const auto first =
                        list.begin() + static_cast<std::ptrdiff_t>((b * extent + place) * after);
                    to.insert(to.end(), first, first + static_cast<std::ptrdiff_t>(after));
                }
            }
            out.elements = std::move(to);
        },
        from.elements);
    return out;
}

[[nodiscard]] inline constant concatenated(std::span<const constant* const> parts, std::int64_t along,
                                           const node_reader& node) {
    constant out{parts[0]->type, parts[0]->shape, {}};
    const std::size_t axis = node.axis(along, out.shape.size());
    out.shape[axis] = 0;
    for (const constant* part : parts) {
        extents_list others = part->shape;
        if (others.size() == out.shape.size()) others[axis] = out.shape[axis];
        if (others != out.shape || part->is_real() != parts[0]->is_real()) {
            node.complain("shapes " + format_shape(parts[0]->shape) + " and " + format_shape(part->shape) +
                          " do not fit");
        }
        out.shape[axis] += part->shape[axis];
    }
    const std::size_t count = checked_count(out.shape, node);
    std::size_t before = 1, after = 1;
    for (std::size_t i = 0; i < out.shape.size(); ++i) {
        if (i < axis) before *= out.shape[i];
        if (i > axis) after *= out.shape[i];
    }
    std::visit(
        [&](const auto& first) {
            std::remove_cvref_t<decltype(first)> to;
            to.reserve(count);
            for (std::size_t b = 0; b < before && count != 0; ++b) {
                for (const constant* part : parts) {
                    const auto& list = std::get<std::remove_cvref_t<decltype(first)>>(part->elements);
                    const auto run = static_cast<std::ptrdiff_t>(part->shape[axis] * after);
                    const auto at = list.begin() + static_cast<std::ptrdiff_t>(b) * run;
                    to.insert(to.end(), at, at + run);
                }
            }
            out.elements = std::move(to);
        },
        parts[0]->elements);
    return out;
}

} // namespace detail
} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
