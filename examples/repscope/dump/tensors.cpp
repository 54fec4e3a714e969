#include "dump/tensors.hpp"

#include "dump/sink.hpp"
#include "dumps/layer_pattern.hpp"
#include "render/text_table.hpp"
#include "support/errors.hpp"
#include "support/plural.hpp"
#include "support/suggestion.hpp"

#include <algorithm>
#include <cstddef>

namespace program {

namespace {

namespace net = repscope::net;

std::string units_of(const net::onnx_tensor_info& tensor) {
    if (!tensor.can_tap) return "-";
    return counted(tensor.shape[tensor.unit_axis].count, tensor.shape.size() == 2 ? "unit" : "channel");
}

std::vector<std::string> names_of_tensors(const std::vector<net::onnx_tensor_info>& tensors) {
    std::vector<std::string> names;
    for (const net::onnx_tensor_info& each : tensors) {
        if (each.can_tap) names.push_back(each.name);
    }
    return names;
}

} // namespace

std::string tensor_table(const std::vector<net::onnx_tensor_info>& tensors,
                         const std::vector<std::string>& chosen) {
    text_table table({"tensor", "operator", "shape", "units", "layer"}, 3);
    for (const net::onnx_tensor_info& each : tensors) {
        const bool is_chosen = std::find(chosen.begin(), chosen.end(), each.name) != chosen.end();
        table.add_row(
            {each.name, each.op, net::format_shape(each.shape), units_of(each), is_chosen ? "yes" : ""});
    }
    return table.text();
}

std::vector<std::string> chosen_tensors(const std::vector<net::onnx_tensor_info>& tensors,
                                        const std::vector<std::string>& patterns) {
    if (patterns.empty()) {
        std::vector<std::string> names = net::default_taps(tensors);
        if (names.empty()) {
            throw usage_error("the logits depend on no output of an activation function with axes of samples "
                              "and units; --layers chooses among the tensors that --list shows");
        }
        return names;
    }
    const std::vector<std::string> names = names_of_tensors(tensors);
    const std::vector<std::string> files = file_names(names);
    std::vector<std::string> both = names;
    both.insert(both.end(), files.begin(), files.end());
    const layer_choice choice(patterns);
    for (const std::string& pattern : choice.unused(both)) {
        throw usage_error("--layers: no tensor is called like " + pattern +
                          did_you_mean(nearest(pattern, names)));
    }
    std::vector<std::string> out;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const bool excludes = std::any_of(patterns.begin(), patterns.end(), [](const std::string& pattern) {
            return pattern.starts_with('!') || pattern.find(",!") != std::string::npos;
        });
        const bool is_name = choice.takes(names[i]), is_file = choice.takes(files[i]);
        if (excludes ? is_name && is_file : is_name || is_file) out.push_back(names[i]);
    }
    if (out.empty()) throw usage_error("--layers: no tensor is left");
    return out;
}

} // namespace program
