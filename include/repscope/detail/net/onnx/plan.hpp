#pragma once

#include "repscope/detail/net/onnx/constant.hpp"
#include "repscope/detail/net/onnx/node_reader.hpp"
#include "repscope/detail/net/onnx/order.hpp"
#include "repscope/error.hpp"
#include "repscope/net/onnx_model.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {
namespace detail {

/// What is computed of a model: from which input, up to which tensor.
struct onnx_plan {
    std::string input;
    std::string logits;
    std::vector<std::size_t> extents;       ///< of a sample
    std::optional<std::size_t> fixed_batch; ///< the batch that the model states
    std::vector<std::size_t> order;         ///< nodes
};

[[nodiscard]] inline std::string list_of(const std::vector<onnx_value>& values) {
    std::string list;
    for (const onnx_value& each : values) list += (list.empty() ? "" : ", ") + quoted_name(each.name);
    return list;
}

/// Returns the input that `name` states, or the only one.
[[nodiscard]] inline const onnx_value& chosen_input(const onnx_model& model, const std::string& name) {
    for (const onnx_value& each : model.inputs) {
        if (each.name == name || (name.empty() && model.inputs.size() == 1)) return each;
    }
    if (model.inputs.empty()) throw format_error(model.name + ": has no input");
    throw format_error(model.name + ": expected the name of an input, one of " + list_of(model.inputs) +
                       (name.empty() ? ", got none" : ", got " + quoted_name(name)));
}

/// Returns the extents of a sample: those of the model, and `given` where it states none.
[[nodiscard]] inline std::vector<std::size_t> sample_extents(const onnx_model& model, const onnx_value& input,
                                                             const std::vector<std::size_t>& given) {
    const std::string place = model.name + ": input " + quoted_name(input.name) + ": ";
    if (input.type && (!is_real(*input.type))) {
        throw format_error(place + "expected floating-point numbers, got " +
                           io::element_format{*input.type, false}.name());
    }
    if (!input.has_shape || input.shape.empty()) {
        if (given.empty())
            throw format_error(place + "the model states no shape; give the extents of a sample");
        return given;
    }
    std::string stated = "(N";
    std::vector<std::size_t> out;
    bool fits = given.empty() || given.size() + 1 == input.shape.size();
    bool is_open = false;
    for (std::size_t i = 1; i < input.shape.size(); ++i) {
        const auto& extent = input.shape[i];
        stated += ", " + (extent ? errors::text_of(*extent) : "?");
        is_open = is_open || (!extent && given.empty());
        fits = fits && (given.empty() || !extent || *extent == given[i - 1]);
        if (fits && !is_open) out.push_back(extent ? *extent : given[i - 1]);
    }
    stated += input.shape.size() == 1 ? ",)" : ")";
    if (is_open) {
        throw format_error(place + "its shape " + stated + " is not fixed; give the extents of a sample");
    }
    if (!fits) {
        throw format_error(place + "expected samples of " + stated + ", got " + format_shape(given));
    }
    if (out.empty() || out.size() > 3) {
        throw format_error(place + "expected a shape of 2 to 4 axes, got " + stated);
    }
    return out;
}

/// Whether an operator keeps the elements of its first input and their order.
[[nodiscard]] inline bool keeps_elements(std::string_view op) noexcept {
    for (const std::string_view each :
         {"Identity", "Dropout", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze"}) {
        if (each == op) return true;
    }
    return false;
}

/// Returns the tensor before a final Softmax or LogSoftmax, behind which the elements are kept; `name` if
/// there is none.
[[nodiscard]] inline std::string before_softmax(const onnx_model& model, const tensor_sources& sources,
                                                const std::string& name) {
    std::string at = name;
    for (std::size_t step = 0; step < model.nodes.size(); ++step) {
        const auto* from = sources.find(at);
        if (from == nullptr || from->type != tensor_sources::kind::node) return name;
        const onnx_node& node = model.nodes[from->index];
        if (!node.domain.empty() || node.inputs.empty()) return name;
        at = node.inputs.front();
        if (node.op == "Softmax" || node.op == "LogSoftmax") return at;
        if (!keeps_elements(node.op)) return name;
    }
    return name;
}

[[nodiscard]] inline onnx_plan plan_of(const onnx_model& model, const std::string& input,
                                       const std::string& logits, const std::vector<std::size_t>& extents) {
    const tensor_sources sources(model);
    onnx_plan plan;
    const onnx_value& chosen = chosen_input(model, input);
    plan.input = chosen.name;
    plan.extents = sample_extents(model, chosen, extents);
    const auto elements = bounded_count(plan.extents, max_value_elements);
    if (plan.extents.size() > 3 || !elements || *elements == 0) {
        throw format_error(model.name + ": input " + quoted_name(chosen.name) +
                           ": expected samples of 1 to 3 axes and at least one number, got " +
                           format_shape(plan.extents));
    }
    if (chosen.has_shape && !chosen.shape.empty()) plan.fixed_batch = chosen.shape[0];
    plan.logits = logits;
    if (logits.empty()) {
        if (model.outputs.size() != 1) {
            throw format_error(model.name + ": expected the name of the logits, one of " +
                               list_of(model.outputs) + ", got none");
        }
        plan.logits = model.outputs.front().name;
    } else if (sources.find(logits) == nullptr) {
        throw format_error(model.name + ": expected the name of a tensor as logits, such as " +
                           list_of(model.outputs) + ", got " + quoted_name(logits));
    }
    plan.logits = before_softmax(model, sources, plan.logits);
    plan.order = sources.order(plan.logits);
    return plan;
}

} // namespace detail
} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
