#pragma once

#include <repscope/net/onnx_model.hpp>

#include <string>

namespace program {

/// Whether the program is built with ONNX: with libonnx and protobuf.
bool has_onnx() noexcept;

/// Reads an ONNX file. Throws `usage_error` if the program is built without ONNX, and
/// `repscope::format_error`.
repscope::net::onnx_model read_onnx_file(const std::string& path);

/// Writes an ONNX file, which gets its name when it is complete. Throws as `read_onnx_file`.
void write_onnx_file(const repscope::net::onnx_model& model, const std::string& path);

/// Throws `usage_error` if the program is built without ONNX; `what` names what needs it.
void require_onnx(const std::string& what);

} // namespace program
