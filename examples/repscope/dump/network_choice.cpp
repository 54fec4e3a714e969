#include "dump/network_choice.hpp"

#include "support/errors.hpp"
#include "support/format.hpp"
#include "support/suggestion.hpp"

#include <algorithm>
#include <cmath>

namespace program {

namespace {

namespace net = repscope::net;

std::string list_of(const std::vector<net::onnx_value>& values) {
    std::string list;
    for (const net::onnx_value& each : values) list += (list.empty() ? "'" : ", '") + each.name + "'";
    return list;
}

void check_logits(const net::onnx_model& model, const std::string& name) {
    if (name.empty()) {
        if (model.outputs.size() == 1) return;
        throw usage_error("--logits: expected the name of a tensor, such as " + list_of(model.outputs) +
                          ", got none");
    }
    std::vector<std::string> names;
    for (const net::onnx_node& node : model.nodes)
        names.insert(names.end(), node.outputs.begin(), node.outputs.end());
    if (std::find(names.begin(), names.end(), name) != names.end()) return;
    throw usage_error("--logits: no tensor is called '" + name + "'" + did_you_mean(nearest(name, names)));
}

} // namespace

void check_numbers(const network_choice& choice) {
    if (!choice.range.empty() && (choice.range.size() != 2 || !(choice.range[0] < choice.range[1]))) {
        throw usage_error("--input-range: expected LOW,HIGH with LOW below HIGH");
    }
    for (const std::vector<double>* numbers : {&choice.range, &choice.mean, &choice.std}) {
        for (const double number : *numbers) {
            if (!std::isfinite(number))
                throw usage_error("--input-range, --mean and --std: expected finite numbers");
        }
    }
    if (choice.mean.empty() != choice.std.empty()) throw usage_error("expected --mean and --std together");
    for (const double number : choice.std) {
        if (!(number > 0)) throw usage_error("--std: expected numbers above 0, got " + shortest(number));
    }
}

const net::onnx_value& chosen_input(const net::onnx_model& model, const std::string& name) {
    if (name.empty() && model.inputs.size() == 1) return model.inputs.front();
    for (const net::onnx_value& each : model.inputs) {
        if (each.name == name) return each;
    }
    if (model.inputs.empty()) throw data_error(model.name, "has no input");
    throw usage_error("--input: expected one of " + list_of(model.inputs) +
                      (name.empty() ? ", got none" : ", got '" + name + "'"));
}

bool has_channels_last(const net::onnx_value& input, const std::vector<std::size_t>& image) {
    if (!input.has_shape || input.shape.size() != 4 || image.size() != 3) return false;
    const auto fits = [&](std::size_t first, std::size_t second, std::size_t third) {
        const std::size_t extents[] = {image[first], image[second], image[third]};
        for (std::size_t i = 0; i < 3; ++i) {
            if (input.shape[i + 1] && *input.shape[i + 1] != extents[i]) return false;
        }
        return true;
    };
    return !fits(0, 1, 2) && fits(1, 2, 0);
}

void put_channels_first(net::onnx_model& model, const std::string& input) {
    std::string last = input + "_channels_last";
    const auto is_used = [&](const std::string& name) {
        return std::any_of(model.nodes.begin(), model.nodes.end(), [&](const net::onnx_node& node) {
            return std::find(node.outputs.begin(), node.outputs.end(), name) != node.outputs.end();
        });
    };
    while (is_used(last)) last += "_";
    for (net::onnx_node& node : model.nodes)
        std::replace(node.inputs.begin(), node.inputs.end(), input, last);
    net::onnx_attribute order;
    order.name = "perm";
    order.type = net::onnx_attribute::kind::integers;
    order.integers = {0, 2, 3, 1};
    model.nodes.insert(model.nodes.begin(), {last, "Transpose", {}, {input}, {last}, {order}});
    for (net::onnx_value& each : model.inputs) {
        if (each.name == input) each.shape = {each.shape[0], each.shape[3], each.shape[1], each.shape[2]};
    }
}

void check_tensors(const net::onnx_model& model, const network_choice& choice) {
    check_logits(model, choice.logits);
    (void)chosen_input(model, choice.input);
}

} // namespace program
