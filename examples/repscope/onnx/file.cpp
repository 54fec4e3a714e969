// The one source that includes the schema of ONNX and protobuf.

#include "onnx/file.hpp"

#include "support/errors.hpp"

#ifdef REPSCOPE_WITH_ONNX
#include <onnx/onnx_pb.h>

#include <repscope/net/onnx.hpp>

#include <repscope/bytes.hpp>

#include <span>
#endif

namespace program {

void require_onnx(const std::string& what) {
    if (has_onnx()) return;
    throw usage_error(what + " needs ONNX, but the program is built without it: install libonnx-dev and "
                             "libprotobuf-dev, and build it again");
}

#ifdef REPSCOPE_WITH_ONNX

bool has_onnx() noexcept { return true; }

repscope::net::onnx_model read_onnx_file(const std::string& path) { return repscope::net::read_onnx(path); }

void write_onnx_file(const repscope::net::onnx_model& model, const std::string& path) {
    const std::string bytes = repscope::net::onnx_bytes(model);
    repscope::write_file_atomically(path, std::as_bytes(std::span(bytes)));
}

#else

bool has_onnx() noexcept { return false; }

repscope::net::onnx_model read_onnx_file(const std::string& path) {
    require_onnx(path);
    return {};
}

void write_onnx_file(const repscope::net::onnx_model&, const std::string& path) { require_onnx(path); }

#endif

} // namespace program
