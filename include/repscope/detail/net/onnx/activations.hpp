#pragma once

#include "repscope/detail/net/onnx/order.hpp"
#include "repscope/net/onnx_model.hpp"

#include <cstddef>
#include <map>
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

/// The outputs of activation functions. Exporters write some functions as several nodes: x sigmoid(x), x
/// hard_sigmoid(x), and x (1 + erf(x / sqrt 2)) / 2.
class activation_outputs {
  public:
    activation_outputs(const onnx_model& model, std::span<const std::size_t> order) : model_(&model) {
        for (const std::size_t index : order) {
            for (const std::string& name : model.nodes[index].inputs) readers_[name].push_back(index);
        }
        for (const std::size_t index : order) add(model.nodes[index]);
    }
    /// Whether the tensor is the output of a function that is not a ReLU.
    [[nodiscard]] bool contains(const std::string& name) const { return outputs_.contains(name); }

  private:
    [[nodiscard]] const onnx_node* only_reader(const std::string& name, std::string_view op) const {
        const auto place = readers_.find(name);
        if (place == readers_.end() || place->second.size() != 1) return nullptr;
        const onnx_node& node = model_->nodes[place->second.front()];
        return node.op == op && node.domain.empty() && !node.outputs.empty() ? &node : nullptr;
    }
    [[nodiscard]] static bool reads(const onnx_node& node, const std::string& name) {
        for (const std::string& each : node.inputs) {
            if (each == name) return true;
        }
        return false;
    }

    void add(const onnx_node& node) {
        if (!node.domain.empty() || node.outputs.empty() || node.inputs.empty()) return;
        const std::string& out = node.outputs.front();
        if (node.op == "Erf") {
            const onnx_node* sum = only_reader(out, "Add");
            const onnx_node* product = sum == nullptr ? nullptr : only_reader(sum->outputs.front(), "Mul");
            if (product == nullptr) return;
            // The factor 1/2 comes last, or was applied to x before.
            const onnx_node* half = only_reader(product->outputs.front(), "Mul");
            const bool is_scaled = half != nullptr && half->inputs.size() == 2 && has_scalar(*half);
            outputs_.insert((is_scaled ? half : product)->outputs.front());
            return;
        }
        for (const std::string_view op :
             {"LeakyRelu", "PRelu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Gelu"}) {
            if (node.op != op) continue;
            const onnx_node* product = only_reader(out, "Mul");
            const bool is_gate =
                op.ends_with("igmoid") && product != nullptr && reads(*product, node.inputs[0]);
            outputs_.insert(is_gate ? product->outputs.front() : out);
        }
    }
    /// Whether an input is a stored number.
    [[nodiscard]] bool has_scalar(const onnx_node& node) const {
        for (const std::string& name : node.inputs) {
            for (const onnx_tensor& each : model_->initializers) {
                if (each.name == name) return each.size() == 1;
            }
            for (const onnx_node& each : model_->nodes) {
                if (each.op == "Constant" && each.outputs.size() == 1 && each.outputs[0] == name) return true;
            }
        }
        return false;
    }

    const onnx_model* model_;
    std::map<std::string_view, std::vector<std::size_t>> readers_;
    std::set<std::string_view> outputs_;
};

} // namespace detail
} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
