#pragma once

#include "repscope/detail/net/onnx/constant.hpp"
#include "repscope/detail/net/onnx/evaluate.hpp"
#include "repscope/detail/net/onnx/node_options.hpp"
#include "repscope/detail/net/onnx/node_reader.hpp"
#include "repscope/detail/net/onnx/rearrange.hpp"
#include "repscope/detail/net/onnx/shapes.hpp"
#include "repscope/error.hpp"
#include "repscope/net/graph_operations.hpp"
#include "repscope/net/onnx_model.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
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

/// A graph of any scalar that is being built. Values are numbers of the graph.
class graph_builder {
  public:
    virtual ~graph_builder() = default;
    virtual std::size_t input() = 0;
    virtual void set_output(std::size_t value) = 0;
    virtual void tap(std::size_t value, const std::string& name, std::size_t unit) = 0;
    virtual std::size_t add(const std::string& name, operation op, std::vector<std::size_t> inputs) = 0;
    virtual std::size_t constant(const std::string& name, const extents_list& shape,
                                 const std::vector<double>& values) = 0;
    [[nodiscard]] virtual graph_shape shape(std::size_t value) const = 0;
};

/// What a tensor of the model is in the conversion: a constant, or a value of the graph.
struct tensor_state {
    const onnx_tensor* stored = nullptr; ///< an initializer that has not been decoded
    /// The constant for the two numbers of samples. Both are the same object if it does not depend on them.
    std::array<std::shared_ptr<const constant>, 2> known;
    std::optional<std::size_t> value;
    std::size_t unit = 1; ///< the axis of channels or units
};

/// The state of a conversion of a model into a graph.
///
/// Constants that depend on the number of samples are computed for two numbers. An extent that is the same
/// for both is fixed, and one that is proportional is per sample.
class conversion {
  public:
    conversion(const onnx_model& model, graph_builder& graph, bool fixed_batch)
        : model_(&model), graph_(&graph),
          samples_(fixed_batch ? std::array<std::size_t, 2>{1, 1} : std::array<std::size_t, 2>{7, 11}) {
        for (const onnx_tensor& each : model.initializers) {
            states_[each.name].stored = &each;
            room_ += each.size();
        }
    }

    [[nodiscard]] const onnx_model& model() const noexcept { return *model_; }
    [[nodiscard]] graph_builder& graph() noexcept { return *graph_; }
    [[nodiscard]] tensor_state* find(const std::string& name) {
        const auto place = states_.find(name);
        return place == states_.end() ? nullptr : &place->second;
    }
    tensor_state& operator[](const std::string& name) { return states_[name]; }

    /// Returns the state of an input of a node. Throws if it is an output that is not supported.
    [[nodiscard]] tensor_state& input(const node_reader& node, std::size_t place) {
        const std::string& name = node.node().inputs[place];
        tensor_state* state = find(name);
        if (state == nullptr) {
            node.complain("depends on tensor " + quoted_name(name) +
                          ", which is another input of the model or an "
                          "output that is not supported");
        }
        return *state;
    }
    [[nodiscard]] bool is_constant(const node_reader& node, std::size_t place) {
        if (!node.has(place)) return false;
        const tensor_state& state = input(node, place);
        return state.stored != nullptr || state.known[0] != nullptr;
    }
    /// Whether every input of a node is a constant.
    [[nodiscard]] bool has_constants_only(const node_reader& node) {
        for (std::size_t i = 0; i < node.node().inputs.size(); ++i) {
            if (node.has(i) && !is_constant(node, i)) return false;
        }
        return true;
    }

    /// Returns the constant for the first (`which` 0) or second number of samples.
    [[nodiscard]] const constant& known(tensor_state& state, std::size_t which) {
        if (state.stored != nullptr) {
            state.known[0] = state.known[1] = std::make_shared<const constant>(constant_of(*state.stored));
            state.stored = nullptr;
        }
        return *state.known[which];
    }
    /// Returns the inputs that are constants, null for the others.
    [[nodiscard]] std::vector<const constant*> constants(const node_reader& node, std::size_t which) {
        std::vector<const constant*> out;
        for (std::size_t i = 0; i < node.node().inputs.size(); ++i) {
            out.push_back(is_constant(node, i) ? &known(input(node, i), which) : nullptr);
        }
        return out;
    }
    /// Returns the inputs that are constants, null for the others. Throws for one that depends on the number
    /// of samples.
    [[nodiscard]] std::vector<const constant*> fixed_constants(const node_reader& node) {
        std::vector<const constant*> out = constants(node, 0);
        for (std::size_t i = 0; i < out.size(); ++i) {
            if (out[i] == nullptr) continue;
            const tensor_state& state = input(node, i);
            if (state.known[0] == state.known[1]) continue;
            node.complain("input " + quoted_name(node.node().inputs[i]) +
                          " must not depend on the number of samples");
        }
        return out;
    }
    /// Returns a constant input that does not depend on the number of samples.
    [[nodiscard]] const constant& fixed(const node_reader& node, std::size_t place, std::string_view what) {
        if (!is_constant(node, place)) node.complain(std::string(what) + " must be a constant");
        tensor_state& state = input(node, place);
        const constant& first = known(state, 0);
        if (state.known[0] != state.known[1]) {
            node.complain(std::string(what) + " must not depend on the number of samples");
        }
        return first;
    }

    /// Evaluates a node of constants. Returns false if the operator is not one of those.
    bool evaluate(const node_reader& node) {
        bool is_same = samples_[0] == samples_[1];
        if (!is_same) {
            is_same = true;
            for (std::size_t i = 0; i < node.node().inputs.size(); ++i) {
                if (!node.has(i)) continue;
                tensor_state& state = input(node, i);
                (void)known(state, 0);
                is_same = is_same && state.known[0] == state.known[1];
            }
        }
        auto first = detail::evaluate(node, constants(node, 0));
        if (!first) return false;
        auto second = is_same ? std::nullopt : detail::evaluate(node, constants(node, 1));
        for (std::size_t i = 0; i < node.node().outputs.size() && i < first->size(); ++i) {
            set_constant(node.node().outputs[i], std::move((*first)[i]),
                         second ? std::optional<constant>(std::move((*second)[i])) : std::nullopt);
        }
        return true;
    }
    void set_constant(const std::string& name, constant first, std::optional<constant> second) {
        tensor_state& state = states_[name];
        if (second && *second == first) second.reset();
        const std::size_t size = first.size() + (second ? second->size() : 0);
        if (size > room_) {
            throw format_error(model_->name + ": expected constants of less memory, got " +
                               errors::text_of(size) + " more elements in tensor " + quoted_name(name));
        }
        room_ -= size;
        state.known[0] = std::make_shared<const constant>(std::move(first));
        state.known[1] = second ? std::make_shared<const constant>(std::move(*second)) : state.known[0];
    }

    /// Returns an input as a value of the graph.
    [[nodiscard]] std::size_t value(const node_reader& node, std::size_t place) {
        tensor_state& state = input(node, place);
        if (!state.value) state.value = materialized(state, node, node.node().inputs[place]);
        return *state.value;
    }
    [[nodiscard]] graph_shape shape(const node_reader& node, std::size_t place) {
        return graph_->shape(value(node, place));
    }
    /// Returns the extents for the first or second number of samples.
    [[nodiscard]] extents_list at(const graph_shape& shape, std::size_t which) const {
        extents_list out;
        for (const graph_extent& extent : shape) out.push_back(extent.at(samples_[which]));
        return out;
    }
    /// Returns the extents, with or without a factor of samples, that have the values `first` and `second`
    /// for the two numbers of samples.
    [[nodiscard]] graph_shape fitted(const extents_list& first, const extents_list& second,
                                     const node_reader& node) const {
        graph_shape out;
        for (std::size_t i = 0; i < first.size() && i < second.size(); ++i) {
            if (first[i] == second[i]) {
                out.emplace_back(first[i]);
            } else if (first[i] % samples_[0] == 0 && first[i] / samples_[0] * samples_[1] == second[i]) {
                out.emplace_back(first[i] / samples_[0], true);
            } else {
                break;
            }
        }
        if (out.size() != first.size() || out.size() != second.size()) {
            node.complain("expected extents that are fixed or proportional to the number of samples");
        }
        return out;
    }
    /// Returns the shape that `rule(which)` states for both numbers of samples.
    template <typename Rule>
    [[nodiscard]] graph_shape fitted(const node_reader& node, Rule&& rule) {
        const extents_list first = rule(std::size_t{0});
        return fitted(first, rule(std::size_t{1}), node);
    }

    std::size_t add(const node_reader& node, operation op, std::vector<std::size_t> inputs) {
        const std::size_t value = graph_->add(node.node().outputs.front(), std::move(op), std::move(inputs));
        const graph_shape shape = graph_->shape(value);
        extents_list of_sample;
        for (const graph_extent& extent : shape) of_sample.push_back(extent.count);
        if (!bounded_count(of_sample, max_value_elements)) {
            node.complain("expected at most " + errors::text_of(max_value_elements) +
                          " elements per sample, got " + format_shape(shape));
        }
        return value;
    }
    /// Adds a constant to the graph. Throws if a number is NaN.
    std::size_t add_constant(const node_reader& node, const std::string& name, const extents_list& shape,
                             const std::vector<double>& values) {
        for (const double value : values) {
            if (std::isnan(value)) node.complain("constant " + quoted_name(name) + " contains NaN");
        }
        return graph_->constant(name, shape, values);
    }
    std::size_t add_constant(const node_reader& node, const std::string& name, const constant& from) {
        if (from.is_real()) return add_constant(node, name, from.shape, from.reals());
        return add_constant(node, name, from.shape,
                            std::vector<double>(from.integers().begin(), from.integers().end()));
    }

  private:
    /// A constant whose extents depend on the number of samples is one part that is repeated.
    [[nodiscard]] std::size_t materialized(tensor_state& state, const node_reader& node,
                                           const std::string& name) {
        const constant& first = known(state, 0);
        const constant& second = known(state, 1);
        if (state.known[0] == state.known[1]) return add_constant(node, name, first);
        const graph_shape shape = fitted(first.shape, second.shape, node);
        std::vector<axis_slice> slices;
        for (const graph_extent& extent : shape) {
            slices.push_back({0, 1, extent.per_sample ? 1 : extent.count});
        }
        const constant part = slice(first, slices, node);
        if (broadcast_to(part, first.shape, node) != first ||
            broadcast_to(part, second.shape, node) != second) {
            node.complain("constant " + quoted_name(name) + " depends on the number of samples");
        }
        return graph_->add(name, op::expand{shape}, {add_constant(node, name, part)});
    }

    const onnx_model* model_;
    graph_builder* graph_;
    std::array<std::size_t, 2> samples_;
    std::size_t room_ = max_computed_elements; ///< elements that computed constants may still have
    std::map<std::string, tensor_state> states_;
};

} // namespace detail
} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
