// ONNX files: the messages, and the conversion to a graph.

#include <onnx/onnx_pb.h>

#include "repscope/net/onnx.hpp"
#include "repscope/net/onnx_network.hpp"

#include <cstddef>
#include <cstdint>
#include <google/protobuf/stubs/logging.h>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace repscope;
    google::protobuf::SetLogHandler(nullptr);
    try {
        const net::onnx_model model = net::parse_onnx(std::as_bytes(std::span(data, size)), "f");
        try {
            (void)net::make_onnx_network<float>(model);
        } catch (const format_error&) {
        }
        // Inputs of which the model does not state the extents.
        if (!model.inputs.empty()) {
            (void)net::make_onnx_network<float>(model, {.input = model.inputs[0].name, .extents = {2, 4, 4}});
        }
    } catch (const format_error&) {
    }
    return 0;
}
