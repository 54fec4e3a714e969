#pragma once

#include <repscope/net/onnx_network.hpp>

#include <string>
#include <vector>

namespace program {

/// Returns a table of the tensors of a network: name, operator, shape, units, and the observed ones.
std::string tensor_table(const std::vector<repscope::net::onnx_tensor_info>& tensors,
                         const std::vector<std::string>& chosen);

/// Returns the names of the tensors that `--layers` chooses, in the order of computation; without patterns
/// the outputs of ReLUs, or those of other activation functions. A pattern means the name of a tensor or of
/// its file. Throws `usage_error` for a pattern that means none.
std::vector<std::string> chosen_tensors(const std::vector<repscope::net::onnx_tensor_info>& tensors,
                                        const std::vector<std::string>& patterns);

} // namespace program
