#pragma once

#include "repscope/detail/net/onnx/conversion.hpp"
#include "repscope/detail/net/onnx/convert_axes.hpp"
#include "repscope/detail/net/onnx/convert_elements.hpp"
#include "repscope/detail/net/onnx/convert_layers.hpp"
#include "repscope/detail/net/onnx/evaluate.hpp"
#include "repscope/detail/net/onnx/node_reader.hpp"
#include "repscope/detail/net/onnx/order.hpp"
#include "repscope/error.hpp"
#include "repscope/net/graph_operations.hpp"
#include "repscope/net/onnx_model.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {
namespace detail {

/// An operator on activations and the function that adds it to the graph.
struct onnx_operator {
    std::string_view name;
    std::size_t (*add)(conversion&, const node_reader&);
};
inline constexpr onnx_operator onnx_operators[] = {
    {"Add", add_binary},
    {"AveragePool", add_pooling},
    {"BatchNormalization", add_batch_norm},
    {"Cast", add_identity},
    {"CastLike", add_identity},
    {"Clip", add_function},
    {"Concat", add_concat},
    {"Conv", [](conversion& run, const node_reader& node) { return add_convolution(run, node, nullptr); }},
    {"Div", add_binary},
    {"Dropout", add_dropout},
    {"Erf", add_function},
    {"Exp", add_function},
    {"Expand", add_expand},
    {"Flatten", add_reshape},
    {"Gather", add_gather},
    {"Gelu", add_function},
    {"Gemm", add_gemm},
    {"GlobalAveragePool", add_pooling},
    {"GlobalMaxPool", add_pooling},
    {"HardSigmoid", add_function},
    {"HardSwish", add_function},
    {"Identity", add_identity},
    {"LayerNormalization", add_layer_norm},
    {"LeakyRelu", add_function},
    {"LogSoftmax", add_softmax},
    {"MatMul", add_matrix_product},
    {"MaxPool", add_pooling},
    {"Mul", add_binary},
    {"Neg", add_function},
    {"PRelu", add_binary},
    {"Pad", add_pad},
    {"Pow", add_binary},
    {"Reciprocal", add_reciprocal},
    {"ReduceMean", add_mean},
    {"ReduceSum", add_mean},
    {"Relu", add_function},
    {"Reshape", add_reshape},
    {"Sigmoid", add_function},
    {"Slice", add_slice},
    {"Softmax", add_softmax},
    {"Sqrt", add_function},
    {"Squeeze", add_reshape},
    {"Sub", add_binary},
    {"Sum", add_sum},
    {"Tanh", add_function},
    {"Transpose", add_transpose},
    {"Unsqueeze", add_reshape},
    {"Where", add_where},
};

/// Opsets whose operators have the meaning that is implemented.
inline constexpr std::int64_t first_opset = 1;
inline constexpr std::int64_t last_opset = 22;

inline void check_opset(const onnx_model& model) {
    if (model.opset >= first_opset && model.opset <= last_opset) return;
    throw format_error(model.name + ": expected opset " + errors::text_of(first_opset) + " to " +
                       errors::text_of(last_opset) + ", got " + errors::text_of(model.opset));
}

[[nodiscard]] inline const onnx_operator& operator_of(const node_reader& node) {
    if (!node.node().domain.empty()) {
        node.complain("expected an operator of ONNX, got one of domain " + quoted_name(node.node().domain));
    }
    std::string list;
    for (const onnx_operator& each : onnx_operators) {
        if (each.name == node.op()) return each;
        list += (list.empty() ? "" : ", ") + std::string(each.name);
    }
    node.complain("the operator is not supported on activations; expected one of " + list);
}

/// Returns the axis of channels of a node's output, of this shape.
[[nodiscard]] inline std::size_t unit_axis(conversion& run, const node_reader& node,
                                           const graph_shape& output) {
    const std::string_view op = node.op();
    const std::size_t rank = output.size();
    const std::size_t last = rank == 0 ? 0 : rank - 1;
    if (rank <= 2) return last;
    if (op == "Conv" || op == "BatchNormalization" || op.ends_with("Pool")) return 1;
    if (op == "MatMul" || op == "LayerNormalization") return last;
    if (op == "Reshape" || op == "Flatten" || op == "Squeeze" || op == "Unsqueeze" || op == "Gather") {
        // Positions may be joined behind the units: (N, C, H, W) to (N, C, H W).
        if (op != "Gather" && !run.is_constant(node, 0)) {
            const graph_shape& before = run.shape(node, 0);
            const std::size_t axis = run.input(node, 0).unit;
            if (axis < before.size() && axis < rank &&
                std::equal(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(axis) + 1,
                           output.begin())) {
                return axis;
            }
        }
        return rank == 3 ? last : 1;
    }
    // The axis of an input of the same rank.
    for (std::size_t i = 0; i < node.node().inputs.size(); ++i) {
        if (!node.has(i) || run.is_constant(node, i) || run.shape(node, i).size() != rank) continue;
        const std::size_t axis = run.input(node, i).unit;
        if (op != "Transpose") return axis;
        const auto order = axis_order(node.integers("perm"), rank, node);
        for (std::size_t to = 0; to < rank; ++to) {
            if (order[to] == axis) return to;
        }
    }
    return 1;
}

/// Adds the nodes of a model to a graph, in the given order.
class onnx_converter {
  public:
    /// `kept`: tensors that must be values of the graph; a batch norm is not folded over them. Without
    /// `fold`, none is.
    onnx_converter(conversion& run, const std::set<std::string>& kept, bool fold)
        : run_(&run), kept_(&kept), fold_(fold) {}

    void convert(std::span<const std::size_t> order) {
        count_readers(order);
        for (const std::size_t index : order) {
            const node_reader node(run_->model(), run_->model().nodes[index]);
            try {
                convert(node);
            } catch (const format_error&) {
                throw;
            } catch (const error& e) {
                // A complaint of the graph, without the name of its function.
                std::string_view text = e.what();
                if (text.starts_with("repscope::")) {
                    const std::size_t colon = text.find(": ");
                    if (colon != std::string_view::npos) text.remove_prefix(colon + 2);
                }
                node.complain(text);
            }
        }
    }

  private:
    void count_readers(std::span<const std::size_t> order) {
        for (const std::size_t index : order) {
            for (const std::string& name : run_->model().nodes[index].inputs) {
                auto& readers = readers_[name];
                ++readers.count;
                readers.last = index;
            }
        }
    }

    void convert(const node_reader& node) {
        const onnx_node& at = node.node();
        if (at.outputs.empty()) node.complain("has no output");
        if (run_->find(at.outputs.front()) != nullptr) return; // a batch norm that is folded
        if (at.domain.empty()) {
            if (at.op == "Shape" && !run_->is_constant(node, 0)) {
                node.require_inputs(1, 1);
                const graph_shape shape = run_->shape(node, 0);
                run_->set_constant(at.outputs.front(), shape_of(node, run_->at(shape, 0)),
                                   shape_of(node, run_->at(shape, 1)));
                return;
            }
            if (run_->has_constants_only(node) && run_->evaluate(node)) return;
        }
        const auto set = [&](const onnx_node& from, std::size_t output, std::size_t value) {
            if (from.outputs[output].empty()) return;
            tensor_state& state = (*run_)[from.outputs[output]];
            state.value = value;
        };
        const auto set_unit = [&](const std::string& name) {
            tensor_state* state = run_->find(name);
            if (state != nullptr) state->unit = unit_axis(*run_, node, run_->graph().shape(*state->value));
        };
        if (at.op == "Split" && at.domain.empty()) {
            const std::vector<std::size_t> parts = add_split(*run_, node);
            for (std::size_t i = 0; i < parts.size(); ++i) {
                set(at, i, parts[i]);
                set_unit(at.outputs[i]);
            }
            return;
        }
        if (at.op == "Conv" && at.domain.empty()) {
            if (const onnx_node* norm = foldable_norm(at)) {
                const node_reader reader(run_->model(), *norm);
                set(*norm, 0, add_convolution(*run_, node, &reader));
                set_unit(norm->outputs.front());
                return;
            }
        }
        const onnx_operator& op = operator_of(node);
        if (at.inputs.empty() || at.inputs.front().empty()) node.complain("input 0 is missing");
        set(at, 0, op.add(*run_, node));
        set_unit(at.outputs.front());
    }

    /// The batch norm that is the only reader of a convolution, if its numbers are constants.
    [[nodiscard]] const onnx_node* foldable_norm(const onnx_node& convolution) {
        const std::string& name = convolution.outputs.front();
        const auto place = readers_.find(name);
        if (!fold_ || kept_->contains(name) || place == readers_.end() || place->second.count != 1) {
            return nullptr;
        }
        const onnx_node& norm = run_->model().nodes[place->second.last];
        if (norm.op != "BatchNormalization" || !norm.domain.empty() || norm.inputs.size() != 5 ||
            norm.inputs[0] != name || norm.outputs.empty() || norm.outputs.front().empty()) {
            return nullptr;
        }
        for (std::size_t i = 1; i < 5; ++i) {
            const tensor_state* state = run_->find(norm.inputs[i]);
            if (state == nullptr || (state->stored == nullptr && state->known[0] == nullptr)) return nullptr;
        }
        return &norm;
    }

    struct reader_count {
        std::size_t count = 0;
        std::size_t last = 0; ///< the node that reads it last
    };

    conversion* run_;
    const std::set<std::string>* kept_;
    bool fold_;
    std::map<std::string_view, reader_count> readers_;
};

} // namespace detail
} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
