#pragma once

#include "repscope/detail/net/graph/binary.hpp"
#include "repscope/detail/net/graph/convolution_kernel.hpp"
#include "repscope/detail/net/graph/depthwise_kernel.hpp"
#include "repscope/detail/net/graph/elementwise.hpp"
#include "repscope/detail/net/graph/kernel.hpp"
#include "repscope/detail/net/graph/layout.hpp"
#include "repscope/detail/net/graph/linear_map.hpp"
#include "repscope/detail/net/graph/matrix_kernel.hpp"
#include "repscope/detail/net/graph/pooling_kernel.hpp"
#include "repscope/detail/net/graph/rows.hpp"
#include "repscope/detail/net/graph/shapes.hpp"
#include "repscope/net/graph_operations.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// A tensor of a graph, and the node that computes it.
template <typename T>
struct graph_node {
    std::string name{};
    graph_shape shape{};
    std::optional<operation> what{}; // nothing: the input or a constant
    std::vector<std::size_t> inputs{};
    std::shared_ptr<const std::vector<T>> data{}; // of a constant
    bool active = false;                          // depends on the input
};

/// What the kernels of one node share for all numbers of samples.
template <typename T>
struct node_weights {
    std::shared_ptr<packed_convolution<T>> convolution = std::make_shared<packed_convolution<T>>();
    std::shared_ptr<packed_matrix<T>> matrix = std::make_shared<packed_matrix<T>>();
};

[[nodiscard]] inline std::vector<std::size_t> extents_at(const graph_shape& shape, std::size_t samples) {
    std::vector<std::size_t> extents;
    for (const graph_extent& extent : shape) extents.push_back(extent.at(samples));
    return extents;
}

/// Makes the kernel of one node for tensors in these layouts.
template <typename T>
class kernel_factory {
  public:
    using result = std::unique_ptr<node_kernel<T>>;

    kernel_factory(const std::vector<graph_node<T>>& nodes, std::size_t node, std::vector<layout> inputs,
                   layout out, const node_weights<T>& weights)
        : nodes_(nodes), node_(nodes[node]), in_(std::move(inputs)), out_(std::move(out)), weights_(weights) {
    }

    [[nodiscard]] result make() const {
        return std::visit([this](const auto& what) { return this->make(what); }, *node_.what);
    }

  private:
    [[nodiscard]] node_shapes shapes() const {
        std::vector<graph_shape> inputs;
        for (const std::size_t input : node_.inputs) inputs.push_back(nodes_[input].shape);
        return {node_.name, operation_name(*node_.what), std::move(inputs)};
    }
    [[nodiscard]] std::span<const T> data(std::size_t input) const {
        if (input >= node_.inputs.size()) return {};
        const auto& held = nodes_[node_.inputs[input]].data;
        return held == nullptr ? std::span<const T>{} : std::span<const T>(*held);
    }

    result make(const op::convolution& what) const {
        const node_shapes shapes_of = shapes();
        convolution_geometry geometry{in_[0].extents[1], out_.extents[1], what.groups,
                                      window_axes(shapes_of, what, kernel_of(shapes_of[1]))};
        const bool adjacent = map_layout(in_[0]).channels_adjacent();
        if (adjacent && what.groups == geometry.in_channels && what.groups == geometry.out_channels) {
            return std::make_unique<depthwise_kernel<T>>(geometry, in_[0], out_, data(1), data(2));
        }
        return std::make_unique<convolution_kernel<T>>(geometry, in_[0], out_, data(1), data(2),
                                                       weights_.convolution);
    }
    result make(const op::pooling& what) const {
        if (what.global && what.kind == op::pooling_kind::average) {
            std::vector<bool> reduced(in_[0].rank(), true);
            reduced[0] = reduced[1] = false;
            return mean(reduced, true);
        }
        const node_shapes shapes_of = shapes();
        const op::pooling windowed = what.global ? op::pooling{.kind = what.kind} : what;
        const auto axes = window_axes(shapes_of, windowed, kernel_of(what, shapes_of[0]), windowed.ceil_mode);
        if (what.kind == op::pooling_kind::max)
            return std::make_unique<max_pool_kernel<T>>(axes, in_[0], out_);
        return std::make_unique<average_pool_kernel<T>>(axes, in_[0], out_, what.count_include_pad);
    }
    result make(const op::matrix_product& what) const {
        typename matrix_kernel<T>::description product;
        layout a = in_[0], b = in_[1], out = out_;
        const bool row = a.rank() == 1, column = b.rank() == 1;
        const auto insert = [](layout& view, bool last, std::ptrdiff_t stride) {
            view.extents.insert(last ? view.extents.end() : view.extents.end() - 1, 1);
            view.strides.insert(last ? view.strides.end() : view.strides.end() - 1, stride);
        };
        const auto swap_last = [](layout& view) {
            std::swap(view.extents[view.rank() - 2], view.extents[view.rank() - 1]);
            std::swap(view.strides[view.rank() - 2], view.strides[view.rank() - 1]);
        };
        if (row) insert(a, false, 0);
        if (column) insert(b, true, 1);
        if (column) insert(out, true, 1);
        if (row) insert(out, false, 0);
        if (what.transpose_a && !row) swap_last(a);
        if (what.transpose_b && !column) swap_last(b);
        join_rows(a, b, out);
        const auto broadcast_leads = [&](const layout& view) {
            std::vector<std::size_t> extents(out.extents.begin(), out.extents.end() - 2);
            extents.insert(extents.end(), view.extents.end() - 2, view.extents.end());
            return broadcast_layout(view, extents);
        };
        product.a = broadcast_leads(a);
        product.b = broadcast_leads(b);
        product.out = std::move(out);
        product.inputs = {in_[0], in_[1]};
        product.constant = {!nodes_[node_.inputs[0]].active, !nodes_[node_.inputs[1]].active};
        product.factor = static_cast<T>(what.alpha);
        product.bias = data(2);
        product.b_data = data(1);
        return std::make_unique<matrix_kernel<T>>(std::move(product), weights_.matrix);
    }
    /// Joins the leading axes of `a` to its rows, if one matrix `b` serves all of them.
    static void join_rows(layout& a, const layout& b, layout& out) {
        if (b.rank() != 2 || a.rank() < 3) return;
        const std::size_t rows = a.size() / a.extents.back();
        const auto joined_a = reshaped_layout(a, {rows, a.extents.back()});
        const auto joined_out = reshaped_layout(out, {rows, out.extents.back()});
        if (!joined_a || !joined_out) return;
        a = *joined_a;
        out = *joined_out;
    }
    result make(const op::unary& what) const { return make_unary<T>(what, in_[0], out_); }
    result make(const op::binary& what) const {
        return make_binary<T>(what.kind, broadcast_layout(in_[0], out_.extents),
                              broadcast_layout(in_[1], out_.extents), out_);
    }
    result make(const op::where&) const {
        return std::make_unique<where_kernel<T>>(broadcast_layout(in_[0], out_.extents),
                                                 broadcast_layout(in_[1], out_.extents),
                                                 broadcast_layout(in_[2], out_.extents), out_);
    }
    result make(const op::softmax& what) const {
        const auto rank = static_cast<std::ptrdiff_t>(out_.rank());
        const std::ptrdiff_t axis = what.axis < 0 ? what.axis + rank : what.axis;
        return std::make_unique<softmax_kernel<T>>(in_[0], out_, static_cast<std::size_t>(axis),
                                                   what.logarithm);
    }
    result make(const op::batch_normalization& what) const {
        std::vector<T> scale, shift;
        for (std::size_t c = 0; c < data(1).size(); ++c) {
            const auto number = [&](std::size_t input) { return static_cast<double>(data(input)[c]); };
            const double factor = number(1) / std::sqrt(number(4) + what.epsilon);
            scale.push_back(static_cast<T>(factor));
            shift.push_back(static_cast<T>(number(2) - number(3) * factor));
        }
        return std::make_unique<channel_affine<T>>(in_[0], out_, std::move(scale), std::move(shift));
    }
    result make(const op::layer_normalization& what) const {
        const auto rank = static_cast<std::ptrdiff_t>(out_.rank());
        const auto first = static_cast<std::size_t>(what.axis < 0 ? what.axis + rank : what.axis);
        const std::vector<std::size_t> row(out_.extents.begin() + static_cast<std::ptrdiff_t>(first),
                                           out_.extents.end());
        const auto repeated = [&](std::size_t input, T absent) {
            const layout dense = dense_layout(row, row_major_order(row.size()));
            std::vector<T> values(dense.size(), absent);
            if (input < in_.size()) {
                strided_copy<T>(broadcast_layout(in_[input], row), dense, T(1))
                    .run(data(input).data(), values.data(), false);
            }
            return values;
        };
        return std::make_unique<layer_norm_kernel<T>>(in_[0], out_, first, repeated(1, T(1)),
                                                      repeated(2, T(0)), what.epsilon);
    }
    result make(const op::reduce_mean& what) const {
        std::vector<bool> reduced(in_[0].rank(), what.axes.empty());
        for (const std::ptrdiff_t axis : what.axes) {
            reduced[static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::ptrdiff_t>(reduced.size())
                                                      : axis)] = true;
        }
        return mean(reduced, what.keep);
    }
    result mean(const std::vector<bool>& reduced, bool keep) const {
        layout to{in_[0].extents, std::vector<std::ptrdiff_t>(reduced.size(), 0), out_.offset};
        std::size_t count = 1, out_axis = 0;
        for (std::size_t axis = 0; axis < reduced.size(); ++axis) {
            if (reduced[axis]) count *= in_[0].extents[axis];
            if (!reduced[axis]) to.strides[axis] = out_.strides[out_axis];
            if (!reduced[axis] || keep) ++out_axis;
        }
        auto map = description();
        map.parts = {{{in_[0], std::move(to)}}};
        map.scale = 1 / static_cast<double>(count);
        map.covers_input = true;
        return linear(std::move(map));
    }
    result make(const op::concat& what) const {
        auto map = description();
        const auto rank = static_cast<std::ptrdiff_t>(out_.rank());
        const auto axis = static_cast<std::size_t>(what.axis < 0 ? what.axis + rank : what.axis);
        layout to = out_;
        for (const layout& in : in_) {
            to.extents[axis] = in.extents[axis];
            map.parts.push_back({{in, to}});
            to.offset += static_cast<std::ptrdiff_t>(in.extents[axis]) * to.strides[axis];
        }
        map.covers_input = map.covers_output = true;
        return linear(std::move(map));
    }
    result make(const op::pad& what) const {
        auto map = description();
        layout from = in_[0], to = out_;
        map.covers_input = true;
        for (std::size_t axis = 0; axis < to.rank(); ++axis) {
            for (const bool end : {false, true}) {
                const std::ptrdiff_t width = end ? what.end[axis] : what.begin[axis];
                if (width < 0) map.covers_input = false;
                if (width < 0) from.extents[axis] -= static_cast<std::size_t>(-width);
                if (!end && width < 0) from.offset -= width * from.strides[axis];
                if (!end && width > 0) to.offset += width * to.strides[axis];
            }
        }
        to.extents = from.extents;
        map.parts = {{{std::move(from), std::move(to)}}};
        map.fill = what.value;
        return linear(std::move(map));
    }
    result make(const op::expand&) const {
        auto map = description();
        layout from = broadcast_layout(in_[0], out_.extents);
        map.covers_input = !has_repeats(from);
        map.parts = {{{std::move(from), out_}}};
        map.covers_output = true;
        return linear(std::move(map));
    }
    result make(const op::gather& what) const {
        auto map = description();
        const auto rank = static_cast<std::ptrdiff_t>(in_[0].rank());
        const auto axis = static_cast<std::size_t>(what.axis < 0 ? what.axis + rank : what.axis);
        const auto at = static_cast<std::ptrdiff_t>(axis);
        layout from = in_[0], to = out_;
        const auto extent = static_cast<std::int64_t>(from.extents[axis]);
        const std::ptrdiff_t step = from.strides[axis];
        from.extents.erase(from.extents.begin() + at);
        from.strides.erase(from.strides.begin() + at);
        const auto inner = static_cast<std::ptrdiff_t>(what.extents.size());
        to.extents.erase(to.extents.begin() + at, to.extents.begin() + at + inner);
        to.strides.erase(to.strides.begin() + at, to.strides.begin() + at + inner);
        std::vector<copied_part> parts;
        for (std::size_t i = 0; i < what.indices.size(); ++i) {
            const std::int64_t index = what.indices[i] < 0 ? what.indices[i] + extent : what.indices[i];
            copied_part part{from, to};
            part.from.offset += static_cast<std::ptrdiff_t>(index) * step;
            std::size_t rest = i;
            for (std::size_t a = what.extents.size(); a-- > 0;) {
                part.to.offset +=
                    static_cast<std::ptrdiff_t>(rest % what.extents[a]) * out_.strides[axis + a];
                rest /= what.extents[a];
            }
            parts.push_back(std::move(part));
        }
        map.parts = {std::move(parts)};
        map.covers_output = true;
        return linear(std::move(map));
    }
    /// A copy to row-major order.
    result make(const op::reshape&) const {
        auto map = description();
        map.parts = {{{in_[0], *reshaped_layout(out_, in_[0].extents)}}};
        map.covers_input = map.covers_output = true;
        return linear(std::move(map));
    }
    // Views of their input.
    result make(const op::slice&) const { return nullptr; }
    result make(const op::transpose&) const { return nullptr; }

    [[nodiscard]] typename linear_map<T>::description description() const {
        typename linear_map<T>::description map;
        map.inputs = in_;
        map.output = out_;
        return map;
    }
    [[nodiscard]] static result linear(typename linear_map<T>::description map) {
        return std::make_unique<linear_map<T>>(std::move(map));
    }

    const std::vector<graph_node<T>>& nodes_;
    const graph_node<T>& node_;
    std::vector<layout> in_;
    layout out_;
    const node_weights<T>& weights_;
};

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
