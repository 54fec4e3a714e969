#pragma once

#include "repscope/detail/net/graph/elementwise.hpp"
#include "repscope/detail/net/graph/kernel.hpp"
#include "repscope/detail/net/graph/layout.hpp"
#include "repscope/detail/net/graph/make_kernel.hpp"
#include "repscope/detail/net/graph/shapes.hpp"
#include "repscope/net/graph_operations.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// A tensor in the memory of a pass.
struct value_view {
    layout view;
    std::size_t root = 0;   ///< the value whose memory contains it
    bool covers = true;     ///< it has every element of that memory once
    bool exclusive = false; ///< no other value that a later node reads shares the memory
};

/// The layouts and kernels of a graph for one number of samples. Values share memory if they are views, such
/// as transposed tensors, or if a function of numbers works in place.
template <typename T>
class graph_program {
  public:
    /// `observed[v]`: value v is the output or a tap, so its memory is not overwritten.
    graph_program(const std::vector<graph_node<T>>& nodes, const std::vector<bool>& observed,
                  std::size_t samples, std::vector<node_weights<T>>& weights)
        : samples_(samples), kernels_(nodes.size()), in_place_(nodes.size(), false), followers_(nodes.size()),
          relu_(nodes.size(), false), follows_(nodes.size(), false) {
        std::vector<std::size_t> uses(nodes.size(), 0);
        for (std::size_t v = 0; v < nodes.size(); ++v) {
            for (const std::size_t input : nodes[v].inputs) ++uses[input];
            if (observed[v]) uses[v] += 2;
        }
        for (std::size_t v = 0; v < nodes.size(); ++v) {
            if (nodes[v].what)
                add_node(nodes, v, uses, weights[v]);
            else
                add_source(nodes[v], v);
        }
    }

    [[nodiscard]] std::size_t samples() const noexcept { return samples_; }
    [[nodiscard]] const value_view& value(std::size_t v) const noexcept { return values_[v]; }
    /// The kernel of a node; null for a view and for a value that is not computed.
    [[nodiscard]] node_kernel<T>* kernel(std::size_t v) const noexcept { return kernels_[v].get(); }
    [[nodiscard]] bool in_place(std::size_t v) const noexcept { return in_place_[v]; }
    /// Functions in place that the kernel of this node calls, and whether it applies a ReLU before them.
    [[nodiscard]] const std::vector<std::size_t>& followers(std::size_t v) const noexcept {
        return followers_[v];
    }
    [[nodiscard]] bool fuses_relu(std::size_t v) const noexcept { return relu_[v]; }
    /// Whether another kernel computes this node.
    [[nodiscard]] bool follows(std::size_t v) const noexcept { return follows_[v]; }

  private:
    void add_source(const graph_node<T>& node, std::size_t v) {
        const std::vector<std::size_t> extents = extents_at(node.shape, samples_);
        const auto order = node.data == nullptr && extents.size() == 4 ? channels_last_order(4)
                                                                       : row_major_order(extents.size());
        values_.push_back({dense_layout(extents, order), v, true, false});
    }

    void add_node(const std::vector<graph_node<T>>& nodes, std::size_t v,
                  const std::vector<std::size_t>& uses, const node_weights<T>& weights) {
        const graph_node<T>& node = nodes[v];
        std::vector<layout> inputs;
        for (const std::size_t input : node.inputs) inputs.push_back(values_[input].view);
        const std::vector<std::size_t> extents = extents_at(node.shape, samples_);
        if (auto view = view_of(node, inputs, extents)) {
            const value_view& base = values_[node.inputs[0]];
            const bool covers = base.covers && view->size() == base.view.size();
            values_.push_back({std::move(*view), base.root, covers, false});
            return;
        }
        const std::optional<std::size_t> host = host_of(nodes, node, uses);
        if (host) {
            values_.push_back(values_[*host]);
            in_place_[v] = true;
        } else {
            values_.push_back({output_layout(nodes, node, inputs, extents), v, true, true});
        }
        kernels_[v] = kernel_factory<T>(nodes, v, std::move(inputs), values_[v].view, weights).make();
        if (host) follow(node, v);
    }

    /// The output as a view of the input.
    [[nodiscard]] std::optional<layout> view_of(const graph_node<T>& node, const std::vector<layout>& inputs,
                                                const std::vector<std::size_t>& extents) const {
        if (std::holds_alternative<op::reshape>(*node.what)) return reshaped_layout(inputs[0], extents);
        if (const auto* unary = std::get_if<op::unary>(&*node.what)) {
            if (unary->kind == op::unary_kind::identity) return inputs[0];
        }
        if (const auto* transpose = std::get_if<op::transpose>(&*node.what)) {
            layout view{extents, {}, inputs[0].offset};
            for (const std::size_t axis : transpose->axes) view.strides.push_back(inputs[0].strides[axis]);
            return view;
        }
        if (const auto* slice = std::get_if<op::slice>(&*node.what)) {
            layout view = inputs[0];
            // The extents of the input at this number of samples take the place of its symbolic ones.
            const auto ranges = ranges_of(*slice, input_shape(node, inputs[0]), 1);
            for (std::size_t axis = 0; axis < view.rank(); ++axis) {
                view.offset += ranges[axis].begin * view.strides[axis];
                view.strides[axis] *= ranges[axis].step;
                view.extents[axis] = extents[axis];
            }
            return view;
        }
        return std::nullopt;
    }
    [[nodiscard]] static graph_shape input_shape(const graph_node<T>& node, const layout& input) {
        graph_shape shape(input.extents.begin(), input.extents.end());
        for (std::size_t axis = 0; axis < shape.size(); ++axis)
            shape[axis].per_sample = node.shape[axis].per_sample;
        return shape;
    }

    /// The input whose memory the node can overwrite.
    [[nodiscard]] std::optional<std::size_t> host_of(const std::vector<graph_node<T>>& nodes,
                                                     const graph_node<T>& node,
                                                     const std::vector<std::size_t>& uses) const {
        std::optional<std::size_t> host;
        const auto* unary = std::get_if<op::unary>(&*node.what);
        const auto* binary = std::get_if<op::binary>(&*node.what);
        const bool scales = std::holds_alternative<op::batch_normalization>(*node.what);
        const bool adds = binary != nullptr && binary->kind == op::binary_kind::add;
        if (!(unary != nullptr && works_in_place(unary->kind)) && !scales && !adds) return host;
        for (std::size_t i = 0; i < (adds ? 2U : 1U); ++i) {
            const std::size_t input = node.inputs[i];
            const bool fits = values_[input].exclusive && uses[input] == 1 &&
                              nodes[input].shape == node.shape && nodes[input].active == node.active &&
                              !kernels_[input]->reads_output();
            if (fits && (!host || input > *host)) host = input;
        }
        if (host && adds) { // the other input must not be in the same memory
            const std::size_t other = node.inputs[node.inputs[0] == *host ? 1 : 0];
            if (values_[other].root == values_[*host].root) host.reset();
        }
        return host;
    }

    /// Lets the kernel that writes the memory call the function in place, if everything else is computed.
    void follow(const graph_node<T>& node, std::size_t v) {
        const std::size_t root = values_[v].root;
        for (const std::size_t input : node.inputs) {
            const bool chained = values_[input].root == root;
            const bool direct = input == root || follows_[input];
            if (chained ? !direct : input > root) return;
        }
        const auto* unary = std::get_if<op::unary>(&*node.what);
        const bool relu = unary != nullptr && unary->kind == op::unary_kind::relu;
        if (relu && kernels_[root]->fuses_relu() && !relu_[root] && followers_[root].empty()) {
            relu_[root] = follows_[v] = true;
        } else if (kernels_[root]->calls_followers() && kernels_[v]->divisible()) {
            followers_[root].push_back(v);
            follows_[v] = true;
        }
    }

    [[nodiscard]] layout output_layout(const std::vector<graph_node<T>>& nodes, const graph_node<T>& node,
                                       const std::vector<layout>& inputs,
                                       const std::vector<std::size_t>& extents) const {
        const std::size_t rank = extents.size();
        if (std::holds_alternative<op::convolution>(*node.what) ||
            std::holds_alternative<op::pooling>(*node.what)) {
            return dense_layout(extents, channels_last_order(rank));
        }
        if (!std::holds_alternative<op::matrix_product>(*node.what) &&
            !std::holds_alternative<op::reshape>(*node.what)) {
            // The order of the axes of the first computed input of full size, so that loops have long runs.
            for (const bool same : {true, false}) {
                for (std::size_t i = 0; i < inputs.size(); ++i) {
                    const bool computed = nodes[node.inputs[i]].data == nullptr;
                    if (!computed || inputs[i].rank() != rank) continue;
                    if (!same || inputs[i].extents == extents)
                        return dense_layout(extents, order_of(inputs[i]));
                }
            }
        }
        return dense_layout(extents, row_major_order(rank));
    }

    std::size_t samples_ = 1;
    std::vector<value_view> values_;
    std::vector<std::unique_ptr<node_kernel<T>>> kernels_;
    std::vector<bool> in_place_;
    std::vector<std::vector<std::size_t>> followers_;
    std::vector<bool> relu_, follows_;
};

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
