#pragma once

#include "repscope/error.hpp"
#include "repscope/net/graph.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// A graph in two parts. `tail` computes the logits from what `head` taps: the tensors that the nodes after a
/// layer read, the layer first. The input of `tail` is their elements one tensor after the other, each
/// without the axis of samples and row-major.
template <typename Scalar>
struct graph_cut {
    graph<Scalar> head, tail;
    std::vector<std::size_t> sizes; ///< elements per sample of each tensor
};

/// Cuts a graph behind a layer.
template <typename Scalar>
class graph_cutter {
  public:
    graph_cutter(const graph<Scalar>& whole, std::size_t layer)
        : whole_(whole), layer_(whole.tapped(layer)), depends_(whole.values(), false),
          needed_(whole.values(), false) {
        depends_[layer_.index] = true;
        for (std::size_t v = layer_.index + 1; v < whole.values(); ++v) {
            for (const std::size_t input : whole.inputs({v})) depends_[v] = depends_[v] || depends_[input];
        }
        needed_[whole.output().index] = true;
        for (std::size_t v = whole.values(); v-- > 0;) {
            if (!needed_[v] || is_boundary(v)) continue;
            for (const std::size_t input : whole.inputs({v})) needed_[input] = true;
        }
    }

    /// Whether the logits depend on the layer.
    [[nodiscard]] bool is_used() const { return depends_[whole_.output().index]; }

    /// Throws `shape_error` if a tensor that the nodes behind the layer read has no axis of samples.
    [[nodiscard]] graph_cut<Scalar> result() const {
        std::vector<std::size_t> boundary{layer_.index};
        for (std::size_t v = 0; v < whole_.values(); ++v) {
            if (needed_[v] && is_boundary(v) && v != layer_.index) boundary.push_back(v);
        }
        std::vector<std::size_t> sizes;
        std::size_t total = 0;
        for (const std::size_t v : boundary) {
            std::size_t size = 1;
            const std::size_t samples = sample_axis(v);
            const graph_shape& shape = whole_.extents({v});
            for (std::size_t axis = 0; axis < shape.size(); ++axis)
                size *= axis == samples ? 1 : shape[axis].at(1);
            sizes.push_back(size);
            total += size;
        }
        return {head(boundary), tail(boundary, sizes, total), std::move(sizes)};
    }

  private:
    [[nodiscard]] bool is_boundary(std::size_t v) const {
        return v == layer_.index || (whole_.is_computed({v}) && !depends_[v]);
    }
    [[nodiscard]] graph_extent samples_extent() const { return whole_.extents(whole_.input())[0]; }
    [[nodiscard]] std::size_t sample_axis(std::size_t v) const {
        if (v == layer_.index) {
            for (std::size_t layer = 0; layer < whole_.layers(); ++layer) {
                if (whole_.tapped(layer) == layer_) return whole_.tapped_axes(layer)[0];
            }
        }
        const graph_shape& shape = whole_.extents({v});
        const auto place = std::find(shape.begin(), shape.end(), samples_extent());
        const auto others = static_cast<std::size_t>(std::count_if(
            shape.begin(), shape.end(), [](const graph_extent& extent) { return extent.per_sample; }));
        if (place == shape.end() || shape.size() < 2 || others > 1) {
            errors::throw_shape_error("net::unit_ablation", "tensor " + whole_.name({v}) +
                                                                ": expected one axis of samples, got " +
                                                                format_shape(shape));
        }
        return static_cast<std::size_t>(place - shape.begin());
    }

    [[nodiscard]] graph<Scalar> head(const std::vector<std::size_t>& boundary) const {
        graph<Scalar> result = empty_graph(input_extents());
        std::vector<bool> used(whole_.values(), false);
        for (const std::size_t v : boundary) used[v] = true;
        for (std::size_t v = whole_.values(); v-- > 0;) {
            if (!used[v]) continue;
            for (const std::size_t input : whole_.inputs({v})) used[input] = true;
        }
        std::vector<std::optional<graph_value>> places(whole_.values());
        places[0] = result.input();
        for (std::size_t v = 1; v < whole_.values(); ++v) {
            if (used[v]) places[v] = copy(v, places, result);
        }
        for (const std::size_t v : boundary) {
            const std::size_t samples = sample_axis(v);
            result.tap(*places[v], whole_.name({v}),
                       {samples == 0 ? 1 : 0, static_cast<std::ptrdiff_t>(samples)});
        }
        result.set_output(as_rows(*places[layer_.index], sample_axis(layer_.index), result));
        return result;
    }

    /// The layer as a matrix: the logits of the head, without which a graph does not run.
    [[nodiscard]] graph_value as_rows(graph_value value, std::size_t samples, graph<Scalar>& to) const {
        const graph_shape shape = to.extents(value);
        op::transpose order{{samples}};
        std::size_t size = 1;
        for (std::size_t axis = 0; axis < shape.size(); ++axis) {
            if (axis == samples) continue;
            order.axes.push_back(axis);
            size *= shape[axis].at(1);
        }
        if (samples != 0) value = to.add("samples in front", order, {value});
        return to.add("rows", op::reshape{{samples_extent(), size}}, {value});
    }

    [[nodiscard]] graph<Scalar> tail(const std::vector<std::size_t>& boundary,
                                     const std::vector<std::size_t>& sizes, std::size_t total) const {
        graph<Scalar> result = empty_graph({total});
        std::vector<std::optional<graph_value>> places(whole_.values());
        std::size_t first = 0;
        for (std::size_t k = 0; k < boundary.size(); ++k) {
            const std::size_t v = boundary[k], samples = sample_axis(v);
            const std::string& name = whole_.name({v});
            graph_value value = result.input();
            if (boundary.size() > 1) {
                const op::slice part{{1},
                                     {static_cast<std::ptrdiff_t>(first)},
                                     {static_cast<std::ptrdiff_t>(first + sizes[k])},
                                     {}};
                value = result.add(name, part, {value});
            }
            first += sizes[k];
            const graph_shape& shape = whole_.extents({v});
            op::reshape apart{{shape[samples]}};
            op::transpose order{};
            for (std::size_t axis = 0; axis < shape.size(); ++axis) {
                if (axis != samples) apart.shape.push_back(shape[axis]);
                order.axes.push_back(axis == samples ? 0 : axis < samples ? axis + 1 : axis);
            }
            value = result.add(name, apart, {value});
            places[v] = samples == 0 ? value : result.add(name, order, {value});
        }
        for (std::size_t v = 1; v < whole_.values(); ++v) {
            if (needed_[v] && !places[v]) places[v] = copy(v, places, result);
        }
        result.set_output(*places[whole_.output().index]);
        return result;
    }

    [[nodiscard]] graph_value copy(std::size_t v, const std::vector<std::optional<graph_value>>& places,
                                   graph<Scalar>& to) const {
        const graph_value value{v};
        if (whole_.is_constant(value)) {
            std::vector<std::size_t> extents;
            for (const graph_extent& extent : whole_.extents(value)) extents.push_back(extent.at(1));
            const auto data = whole_.data(value);
            return to.constant(whole_.name(value), extents, {data.begin(), data.end()});
        }
        std::vector<graph_value> inputs;
        for (const std::size_t input : whole_.inputs(value)) inputs.push_back(*places[input]);
        return to.add(whole_.name(value), *whole_.node_operation(value), inputs);
    }
    [[nodiscard]] std::vector<std::size_t> input_extents() const {
        std::vector<std::size_t> extents;
        const graph_shape& shape = whole_.extents(whole_.input());
        for (std::size_t axis = 1; axis < shape.size(); ++axis) extents.push_back(shape[axis].at(1));
        return extents;
    }
    [[nodiscard]] graph<Scalar> empty_graph(const std::vector<std::size_t>& extents) const {
        return graph<Scalar>(extents, {.fixed_batch = !samples_extent().per_sample});
    }

    const graph<Scalar>& whole_;
    graph_value layer_;
    std::vector<bool> depends_; // on the layer
    std::vector<bool> needed_;  // by the tail, its inputs included
};

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
