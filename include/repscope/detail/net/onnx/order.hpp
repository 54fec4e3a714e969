#pragma once

#include "repscope/detail/net/onnx/node_reader.hpp"
#include "repscope/error.hpp"
#include "repscope/net/onnx_model.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {
namespace detail {

/// Where the tensors of a model come from. Throws `format_error` if two nodes, initializers or inputs have
/// the same name.
class tensor_sources {
  public:
    enum class kind : unsigned char { input, initializer, node };
    struct source {
        kind type = kind::input;
        std::size_t index = 0;
    };

    explicit tensor_sources(const onnx_model& model) : model_(&model) {
        for (std::size_t i = 0; i < model.initializers.size(); ++i) {
            add(model.initializers[i].name, {kind::initializer, i});
        }
        for (std::size_t i = 0; i < model.inputs.size(); ++i) add(model.inputs[i].name, {kind::input, i});
        for (std::size_t i = 0; i < model.nodes.size(); ++i) {
            for (const std::string& name : model.nodes[i].outputs) {
                if (!name.empty()) add(name, {kind::node, i});
            }
        }
    }

    [[nodiscard]] const source* find(std::string_view name) const {
        const auto place = sources_.find(name);
        return place == sources_.end() ? nullptr : &place->second;
    }

    /// Returns the nodes that the tensor `output` depends on, each after those that it needs: in the order of
    /// the model, if that is such an order. Throws `format_error` for a cycle, and for a tensor that nothing
    /// produces.
    [[nodiscard]] std::vector<std::size_t> order(const std::string& output) const {
        enum class state : unsigned char { fresh, open, complete };
        std::vector<state> states(model_->nodes.size(), state::fresh);
        std::vector<std::pair<std::size_t, std::size_t>> stack; // node, and its next input
        std::vector<std::size_t> out;
        const auto visit = [&](const std::string& name, const onnx_node* reader) {
            if (name.empty()) return;
            const source* from = find(name);
            if (from == nullptr) {
                const std::string place = reader == nullptr
                                              ? model_->name + ": output "
                                              : node_reader(*model_, *reader).place() + ": input ";
                throw format_error(
                    place + quoted_name(name) +
                    " is neither an input of the model, an initializer, nor the output of a node");
            }
            if (from->type != kind::node || states[from->index] == state::complete) return;
            if (states[from->index] == state::open) {
                node_reader(*model_, model_->nodes[from->index]).complain("is part of a cycle");
            }
            states[from->index] = state::open;
            stack.emplace_back(from->index, 0);
        };
        visit(output, nullptr);
        while (!stack.empty()) {
            const std::size_t index = stack.back().first;
            const onnx_node& node = model_->nodes[index];
            if (stack.back().second < node.inputs.size()) {
                visit(node.inputs[stack.back().second++], &node);
            } else {
                states[index] = state::complete;
                out.push_back(index);
                stack.pop_back();
            }
        }
        std::vector<std::size_t> sorted = out;
        std::sort(sorted.begin(), sorted.end());
        return is_order(sorted) ? sorted : out;
    }

  private:
    [[nodiscard]] bool is_order(const std::vector<std::size_t>& nodes) const {
        for (const std::size_t index : nodes) {
            for (const std::string& name : model_->nodes[index].inputs) {
                const source* from = find(name);
                if (from != nullptr && from->type == kind::node && from->index >= index) return false;
            }
        }
        return true;
    }

    void add(std::string_view name, source from) {
        if (!sources_.emplace(name, from).second) {
            throw format_error(model_->name + ": expected one source of tensor " + quoted_name(name) +
                               ", got two");
        }
    }

    const onnx_model* model_;
    std::map<std::string_view, source> sources_; ///< names are those of the model
};

} // namespace detail
} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
