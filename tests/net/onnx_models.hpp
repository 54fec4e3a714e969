#pragma once

#include "repscope/net/onnx_model.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// Models for the tests, made by hand.
namespace onnx_models {

using repscope::net::onnx_attribute;
using repscope::net::onnx_model;
using repscope::net::onnx_node;
using repscope::net::onnx_tensor;

inline onnx_attribute integer(std::string name, std::int64_t value) {
    onnx_attribute out;
    out.name = std::move(name);
    out.type = onnx_attribute::kind::integer;
    out.integer = value;
    return out;
}
inline onnx_attribute integers(std::string name, std::vector<std::int64_t> values) {
    onnx_attribute out;
    out.name = std::move(name);
    out.type = onnx_attribute::kind::integers;
    out.integers = std::move(values);
    return out;
}
inline onnx_attribute real(std::string name, double value) {
    onnx_attribute out;
    out.name = std::move(name);
    out.type = onnx_attribute::kind::real;
    out.real = value;
    return out;
}
inline onnx_attribute text(std::string name, std::string value) {
    onnx_attribute out;
    out.name = std::move(name);
    out.type = onnx_attribute::kind::text;
    out.text = std::move(value);
    return out;
}
inline onnx_attribute tensor(std::string name, onnx_tensor value) {
    onnx_attribute out;
    out.name = std::move(name);
    out.type = onnx_attribute::kind::tensor;
    out.tensor = std::move(value);
    return out;
}

template <typename T>
onnx_tensor stored(std::string name, std::vector<std::size_t> shape, const std::vector<T>& values) {
    return repscope::net::make_onnx_tensor(std::move(name), std::move(shape), std::span<const T>(values));
}
/// Numbers without symmetry, in [-1, 1].
inline onnx_tensor numbers(std::string name, std::vector<std::size_t> shape, std::uint32_t seed,
                           double scale = 1, double shift = 0) {
    std::size_t count = 1;
    for (const std::size_t extent : shape) count *= extent;
    std::vector<double> values;
    std::uint32_t state = seed * 2654435761U + 12345U;
    for (std::size_t i = 0; i < count; ++i) {
        state = state * 1664525U + 1013904223U;
        values.push_back(shift + scale * (static_cast<double>(state >> 8U) / 8388608.0 - 1));
    }
    return stored(std::move(name), std::move(shape), values);
}

/// A model of the input "x" of this shape (no value: the batch) and the output of the last node.
inline onnx_model model(std::vector<std::optional<std::size_t>> shape, std::vector<onnx_node> nodes,
                        std::vector<onnx_tensor> initializers, std::int64_t opset = 13) {
    onnx_model out;
    out.name = "test.onnx";
    out.opset = opset;
    out.inputs.push_back({"x", repscope::io::dtype::float64, true, std::move(shape)});
    out.outputs.push_back({nodes.back().outputs.front(), repscope::io::dtype::float64, false, {}});
    out.nodes = std::move(nodes);
    out.initializers = std::move(initializers);
    return out;
}

inline onnx_node node(std::string op, std::vector<std::string> inputs, std::string output,
                      std::vector<onnx_attribute> attributes = {}) {
    return {"node_" + output,  std::move(op),       {},
            std::move(inputs), {std::move(output)}, std::move(attributes)};
}

} // namespace onnx_models
