#pragma once

#include "repscope/error.hpp"
#include "repscope/net/onnx_model.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {
namespace detail {

/// Returns `name` for a message: without control characters and at most 200 bytes of it.
[[nodiscard]] inline std::string quoted_name(std::string_view name) {
    std::string text = "'";
    for (const char c : name.substr(0, 200)) text += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    return text + (name.size() > 200 ? "...'" : "'");
}

/// A node with the model that it is part of: reads attributes and inputs, and throws errors that name it.
class node_reader {
  public:
    node_reader(const onnx_model& model, const onnx_node& node) : model_(&model), node_(&node) {}

    [[nodiscard]] const onnx_node& node() const noexcept { return *node_; }
    [[nodiscard]] std::int64_t opset() const noexcept { return model_->opset; }
    [[nodiscard]] const std::string& op() const noexcept { return node_->op; }

    /// "model.onnx: node 'conv1' (Conv)". A node without a name is identified by its first output.
    [[nodiscard]] std::string place() const {
        std::string_view name = node_->name;
        if (name.empty() && !node_->outputs.empty()) name = node_->outputs.front();
        return model_->name + ": node " + quoted_name(name) + " (" + node_->op + ")";
    }
    [[noreturn]] void complain(std::string_view complaint) const {
        throw format_error(place() + ": " + std::string(complaint));
    }

    /// Whether input number `input` is given.
    [[nodiscard]] bool has(std::size_t input) const noexcept {
        return input < node_->inputs.size() && !node_->inputs[input].empty();
    }
    void require_inputs(std::size_t least, std::size_t most) const {
        const std::size_t count = node_->inputs.size();
        if (count < least || count > most) {
            complain("expected " +
                     (least == most ? errors::text_of(least)
                                    : errors::text_of(least) + " to " + errors::text_of(most)) +
                     " inputs, got " + errors::text_of(count));
        }
        for (std::size_t i = 0; i < least; ++i) {
            if (node_->inputs[i].empty()) complain("input " + errors::text_of(i) + " is missing");
        }
    }
    /// Throws if the node has an attribute that is not in the list.
    void require_attributes(std::initializer_list<std::string_view> supported) const {
        for (const onnx_attribute& each : node_->attributes) {
            bool is_known = false;
            for (const std::string_view name : supported) is_known = is_known || each.name == name;
            if (is_known) continue;
            std::string list;
            for (const std::string_view name : supported) {
                list += (list.empty() ? "" : ", ") + std::string(name);
            }
            complain("attribute " + quoted_name(each.name) + " is not supported; expected " +
                     (list.empty() ? "none" : "one of " + list));
        }
    }

    [[nodiscard]] const onnx_attribute* find(std::string_view name, onnx_attribute::kind kind) const {
        const onnx_attribute* attribute = node_->attribute(name);
        if (attribute != nullptr && attribute->type != kind) {
            complain("attribute " + quoted_name(name) + " has another type than the operator's");
        }
        return attribute;
    }
    [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t fallback) const {
        const auto* attribute = find(name, onnx_attribute::kind::integer);
        return attribute == nullptr ? fallback : attribute->integer;
    }
    [[nodiscard]] double real(std::string_view name, double fallback) const {
        const auto* attribute = find(name, onnx_attribute::kind::real);
        return attribute == nullptr ? fallback : attribute->real;
    }
    [[nodiscard]] std::string text(std::string_view name, std::string_view fallback) const {
        const auto* attribute = find(name, onnx_attribute::kind::text);
        return attribute == nullptr ? std::string(fallback) : attribute->text;
    }
    [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(std::string_view name) const {
        const auto* attribute = find(name, onnx_attribute::kind::integers);
        if (attribute == nullptr) return std::nullopt;
        return attribute->integers;
    }

    /// Returns the axis that `axis` means among `rank` axes; a negative one counts from the end.
    [[nodiscard]] std::size_t axis(std::int64_t axis, std::size_t rank) const {
        const auto count = static_cast<std::int64_t>(rank);
        if (axis < -count || axis >= count) {
            complain("axis " + errors::text_of(axis) + " is outside of rank " + errors::text_of(rank));
        }
        return static_cast<std::size_t>(axis < 0 ? axis + count : axis);
    }
    [[nodiscard]] std::vector<std::size_t> axes(const std::vector<std::int64_t>& values,
                                                std::size_t rank) const {
        std::vector<std::size_t> out;
        std::vector<bool> used(rank);
        for (const std::int64_t value : values) {
            out.push_back(axis(value, rank));
            if (used[out.back()]) complain("axis " + errors::text_of(value) + " is given twice");
            used[out.back()] = true;
        }
        return out;
    }

  private:
    const onnx_model* model_;
    const onnx_node* node_;
};

} // namespace detail
} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
