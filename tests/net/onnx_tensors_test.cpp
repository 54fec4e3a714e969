// The tensors of a network of an ONNX model: their sizes, and those that are observed by default.

#include "net/onnx_models.hpp"
#include "net/onnx_run.hpp"
#include "repscope/error.hpp"
#include "repscope/net/graph.hpp"
#include "repscope/net/onnx_network.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace onnx_tensors_test {

using namespace repscope;
using namespace onnx_models;
using namespace onnx_runs;

TEST_CASE("tensors of a network have a bounded size") {
    const auto padded = [](std::int64_t by) {
        return model({std::nullopt, 1, 2, 2},
                     {node("Pad", {"x", "pads"}, "wide"), node("GlobalAveragePool", {"wide"}, "m"),
                      node("Flatten", {"m"}, "y")},
                     {stored<std::int64_t>("pads", {8}, {0, 0, 0, 0, 0, 0, by, by})});
    };
    CHECK_THROWS_WITH_AS((void)net::make_onnx_network<double>(padded(100000)),
                         doctest::Contains("test.onnx: node 'node_wide' (Pad): expected at most 268435456 "
                                           "elements per sample, got (N, 1, 100002, 100002)"),
                         format_error);
    // Several tensors within this bound.
    onnx_model many = padded(16000);
    many.nodes[1].inputs[0] = "sum";
    std::vector<onnx_node> copies;
    std::string sum = "wide";
    for (int k = 0; k < 6; ++k) {
        const std::string name = "t" + std::to_string(k);
        copies.push_back(node("Tanh", {k == 0 ? "wide" : "t" + std::to_string(k - 1)}, name));
    }
    for (int k = 0; k < 6; ++k) {
        const std::string next = k == 5 ? "sum" : "s" + std::to_string(k);
        copies.push_back(node("Mul", {sum, "t" + std::to_string(k)}, next));
        sum = next;
    }
    many.nodes.insert(many.nodes.begin() + 1, copies.begin(), copies.end());
    CHECK_THROWS_WITH_AS((void)run(many, {1, 1, 2, 2}),
                         doctest::Contains("expected at most 8589934592 bytes of tensors in a pass, got"),
                         value_error);
    const onnx_model large = model({std::nullopt, 1, 2, 2},
                                   {node("Pad", {"x", "pads"}, "wide"), node("GlobalMaxPool", {"wide"}, "m"),
                                    node("Flatten", {"m"}, "y")},
                                   {stored<std::int64_t>("pads", {8}, {0, 0, 0, 0, 0, 0, 5000, 5000})});
    const auto network = net::make_onnx_network<float>(large);
    const std::vector<float> pixels(4);
    const tensor_view<const float, 4> image(pixels.data(), std::array<std::size_t, 4>{1, 1, 2, 2});
    net::graph<float>::workspace ws;
    CHECK_THROWS_WITH_AS((void)network.network.forward(image, ws),
                         doctest::Contains("expected at most 16777216 positions of a map, got 25020004"),
                         value_error);
}

TEST_CASE("make_onnx_network recognizes activation functions of several nodes") {
    const auto taps = [](std::vector<onnx_node> nodes) {
        return net::default_taps(net::make_onnx_network<double>(
                                     model({std::nullopt, 4}, std::move(nodes),
                                           {stored<double>("r", {}, {1.5}), stored<double>("one", {}, {1}),
                                            stored<double>("h", {}, {0.5})}))
                                     .tensors);
    };
    using names = std::vector<std::string>;
    CHECK(taps({node("Div", {"x", "r"}, "d"), node("Erf", {"d"}, "e"), node("Add", {"e", "one"}, "a"),
                node("Mul", {"x", "a"}, "m"), node("Mul", {"m", "h"}, "gelu"), node("Neg", {"gelu"}, "y")}) ==
          names{"gelu"});
    CHECK(taps({node("Sigmoid", {"x"}, "s"), node("Mul", {"x", "s"}, "silu"), node("Neg", {"silu"}, "y")}) ==
          names{"silu"});
    CHECK(taps({node("Tanh", {"x"}, "t"), node("Sigmoid", {"t"}, "s"), node("Neg", {"s"}, "y")}) ==
          names{"t", "s"});
    CHECK(taps({node("Tanh", {"x"}, "t"), node("Relu", {"t"}, "r1"), node("Neg", {"r1"}, "y")}) ==
          names{"r1"});
}

} // namespace onnx_tensors_test
