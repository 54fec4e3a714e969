#pragma once

#include <torch/script.h>

#include <functional>
#include <string>

// Hooks for TorchScript: in C++ its modules have none, but their graphs can be edited.

namespace layer_taps {

/// A function that is called with the output of a layer and its name, which is that of `named_modules()` in
/// Python.
using listener = std::function<void(const std::string& layer, const torch::Tensor& output)>;

/// A copy of the module's `forward` that passes to `on_output` each tensor that a submodule returns, at any
/// depth, while it runs; the module itself stays as it is. One listener at a time.
torch::jit::Method tapped_forward(torch::jit::Module& module, listener on_output);

} // namespace layer_taps
