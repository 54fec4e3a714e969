#pragma once

#include "dump/options.hpp"

#include <repscope/net/onnx_model.hpp>

namespace program {

/// Prints the tensors of a model.
void list_tensors(const repscope::net::onnx_model& model, const dump_options& options);

/// Computes the layers, logits and gradients of all inputs, and writes them.
void dump_network(const repscope::net::onnx_model& model, const dump_options& options);

} // namespace program
