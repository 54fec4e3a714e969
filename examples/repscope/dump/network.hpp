#pragma once

#include "dump/network_choice.hpp"
#include "dump/tensors.hpp"
#include "support/errors.hpp"
#include "support/format.hpp"

#include <repscope/error.hpp>
#include <repscope/net/onnx_network.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace program {

/// Returns the options of a network for samples of these extents, without observed tensors and as the file
/// has it.
inline repscope::net::onnx_network_options
network_options(const network_choice& choice, std::vector<std::size_t> extents, bool channels_last) {
    return {.input = choice.input,
            .logits = choice.logits,
            .extents = std::move(extents),
            .taps = {},
            .mean = choice.mean,
            .std = choice.std,
            .channels_last = channels_last,
            .fold_batch_norm = false};
}

/// Returns the network. Throws `usage_error` for numbers that do not fit its channels.
template <typename Scalar>
repscope::net::onnx_network<Scalar> network_of(const repscope::net::onnx_model& model,
                                               const repscope::net::onnx_network_options& options) {
    try {
        return repscope::net::make_onnx_network<Scalar>(model, options);
    } catch (const repscope::value_error& e) {
        throw usage_error("--mean, --std: " + without_function_name(e.what()));
    }
}

/// Returns the network with the chosen layers observed and batch norm folded.
template <typename Scalar>
repscope::net::onnx_network<Scalar> observed_network(const repscope::net::onnx_model& model,
                                                     const network_choice& choice,
                                                     std::vector<std::size_t> extents, bool channels_last) {
    auto options = network_options(choice, std::move(extents), channels_last);
    options.taps = chosen_tensors(network_of<Scalar>(model, options).tensors, choice.layers);
    options.fold_batch_norm = true;
    return network_of<Scalar>(model, options);
}

} // namespace program
