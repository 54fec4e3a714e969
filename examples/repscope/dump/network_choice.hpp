#pragma once

#include <repscope/net/onnx_model.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace program {

/// How a network of an ONNX file is read: its tensors, and the numbers that it gets.
struct network_choice {
    std::vector<std::string> layers; ///< patterns
    std::vector<double> mean, std;   ///< both or none
    std::vector<double> range;       ///< low and high; empty: 0 and 1
    std::string input, logits;       ///< names of tensors

    [[nodiscard]] std::array<double, 2> input_range() const {
        return range.empty() ? std::array<double, 2>{0, 1} : std::array<double, 2>{range[0], range[1]};
    }
};

/// Throws `usage_error` unless `--input-range`, `--mean` and `--std` have numbers that fit together.
void check_numbers(const network_choice& choice);

/// Returns the input of a model that `--input` names, or the only one. Throws `usage_error` if there is none
/// of this name, and `data_error` for a model without inputs.
const repscope::net::onnx_value& chosen_input(const repscope::net::onnx_model& model,
                                              const std::string& name);

/// Returns whether an input has the extents of images (height, width, channels) and not (channels, height,
/// width), which `image` has.
bool has_channels_last(const repscope::net::onnx_value& input, const std::vector<std::size_t>& image);

/// Gives a model whose input is (n, height, width, channels) one of (n, channels, height, width) of the same
/// name, which a first node transposes.
void put_channels_first(repscope::net::onnx_model& model, const std::string& input);

/// Throws `usage_error` unless the model has the tensors that `--input` and `--logits` name; without names,
/// unless it has one input and one output.
void check_tensors(const repscope::net::onnx_model& model, const network_choice& choice);

} // namespace program
