#include "repscope/net/onnx_network.hpp"

#include "net/onnx_models.hpp"
#include "net/onnx_run.hpp"
#include "repscope/error.hpp"
#include "repscope/net/graph.hpp"
#include "repscope/net/layers/conv_bn_relu.hpp"
#include "repscope/net/layers/dense.hpp"
#include "repscope/net/layers/pool.hpp"
#include "repscope/net/layers/residual.hpp"
#include "repscope/net/models.hpp"
#include "repscope/net/network.hpp"
#include "repscope/net/sequential.hpp"
#include "repscope/net/to_onnx.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onnx_network_test {

using namespace repscope;
using namespace onnx_models;
using namespace onnx_runs;

namespace {

using list = std::vector<std::int64_t>;

onnx_node norm(const std::string& input, const std::string& output) {
    return node("BatchNormalization", {input, "scale", "bias", "mean", "variance"}, output,
                {real("epsilon", 0.125)});
}
std::vector<onnx_tensor> norm_tensors(std::size_t channels) {
    return {numbers("scale", {channels}, 3), numbers("bias", {channels}, 4), numbers("mean", {channels}, 5),
            numbers("variance", {channels}, 6, 0.4, 1)};
}

/// Conv, batch norm, ReLU and a dense layer, which Shape, Gather and Concat flatten for.
onnx_model convolutional() {
    std::vector<onnx_tensor> tensors = norm_tensors(4);
    tensors.push_back(numbers("w", {4, 2, 3, 3}, 1));
    tensors.push_back(numbers("b", {4}, 2));
    tensors.push_back(numbers("v", {64, 3}, 7));
    tensors.push_back(stored<std::int64_t>("zero", {}, {0}));
    tensors.push_back(stored<std::int64_t>("first", {1}, {0}));
    tensors.push_back(stored<std::int64_t>("rest", {1}, {-1}));
    return model({std::nullopt, 2, 4, 4},
                 {node("Conv", {"x", "w", "b"}, "conv", {integers("pads", {1, 1, 1, 1})}),
                  norm("conv", "norm"), node("Relu", {"norm"}, "relu"), node("Shape", {"relu"}, "shape"),
                  node("Gather", {"shape", "zero"}, "batch"), node("Unsqueeze", {"batch", "first"}, "batch1"),
                  node("Concat", {"batch1", "rest"}, "target", {integer("axis", 0)}),
                  node("Reshape", {"relu", "target"}, "flat"), node("MatMul", {"flat", "v"}, "y")},
                 std::move(tensors));
}

void refuse(const onnx_model& model, const std::string& message,
            const net::onnx_network_options& options = {}) {
    CHECK_THROWS_WITH_AS((void)net::make_onnx_network<double>(model, options), message.c_str(), format_error);
}

} // namespace

TEST_CASE("make_onnx_network computes the network that to_onnx wrote") {
    auto network = net::network(
        "c", net::normalization<double>({0.3, -0.2}, {0.5, 1.7}),
        net::sequential(net::conv_bn_relu<double>({.in = 2, .out = 6, .win = {{3, 3}, {1, 2}, {1, 1}}}),
                        net::max_pool<double>({{2, 2}, {2, 1}, {0, 0}}),
                        net::residual<double>(6, 6, 1, "block1"), net::residual<double>(6, 5, 2, "block2"),
                        net::global_average_pool<double>(), net::dense<double>(5, 4)));
    network.initialize(3);
    std::uint32_t seed = 7;
    network.visit_state([&](const std::string& name, std::span<double> values) {
        const auto random = numbers("", {values.size()}, seed++).values<double>();
        const bool is_variance = name.ends_with("variance");
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = is_variance ? 1 + random[i] / 2 : random[i];
    });
    const std::array<std::size_t, 4> extents{3, 2, 9, 11};
    const std::vector<double> x = inputs(3 * 2 * 9 * 11);
    decltype(network)::workspace ws;
    std::vector<std::string> names;
    std::vector<std::vector<double>> layers;
    const auto logits = network.forward(
        tensor_view<const double, 4>(x.data(), extents), ws,
        [&](std::size_t, std::string_view name, const tensor_view<const double, 4>& activation) {
            names.emplace_back(name);
            layers.emplace_back();
            for (std::size_t n = 0; n < activation.extent(0); ++n) {
                for (std::size_t c = 0; c < activation.extent(1); ++c) {
                    for (std::size_t i = 0; i < activation.extent(2); ++i) {
                        for (std::size_t j = 0; j < activation.extent(3); ++j) {
                            layers.back().push_back(activation(n, c, i, j));
                        }
                    }
                }
            }
        });
    const onnx_model exported = net::to_onnx(network, {1, 2, 9, 11});
    const auto tensors = net::make_onnx_network<double>(exported).tensors;
    CHECK(net::default_taps(tensors) == names);
    const result got = run(exported, extents, {.taps = names});
    check_close(got.logits, {logits.data_handle(), logits.data_handle() + logits.size()});
    REQUIRE(got.layers.size() == layers.size());
    for (std::size_t i = 0; i < layers.size(); ++i) check_close(got.layers[i], layers[i]);
}

TEST_CASE("make_onnx_network folds batch norm, and not over a tap") {
    const onnx_model from = convolutional();
    const result folded = run(from, {3, 2, 4, 4});
    CHECK_FALSE(folded.fixed_batch);
    check_close(run(from, {3, 2, 4, 4}, {.fold_batch_norm = false}).logits, folded.logits);
    const result tapped = run(from, {3, 2, 4, 4}, {.taps = {"conv", "norm"}});
    check_close(tapped.logits, folded.logits);
    // The batch norm of the tapped convolution, by its formula.
    const auto parts = norm_tensors(4);
    std::vector<double> expected;
    for (std::size_t i = 0; i < tapped.layers[0].size(); ++i) {
        const std::size_t c = i / 16 % 4;
        const auto at = [&](std::size_t part) { return parts[part].values<double>()[c]; };
        expected.push_back((tapped.layers[0][i] - at(2)) / std::sqrt(at(3) + 0.125) * at(0) + at(1));
    }
    check_close(tapped.layers[1], expected);
    const auto tensors = net::make_onnx_network<double>(from, {.fold_batch_norm = false}).tensors;
    CHECK(net::default_taps(tensors) == std::vector<std::string>{"relu"});
    CHECK(tensors[0].name == "conv");
    CHECK(net::format_shape(tensors[0].shape) == "(N, 4, 4, 4)");
    // The fold removes the tensor between them.
    CHECK(net::make_onnx_network<double>(from).tensors[0].name == "norm");
}

TEST_CASE("make_onnx_network runs a model that is written for one sample on any number") {
    onnx_model one = convolutional();
    one.inputs[0].shape[0] = 1;
    const std::vector<double> expected = run(convolutional(), {3, 2, 4, 4}).logits;
    const result rewritten = run(one, {3, 2, 4, 4});
    CHECK_FALSE(rewritten.fixed_batch);
    CHECK(rewritten.logits == expected);
    // The batch is a number in the file: one sample per pass.
    one.nodes[7].inputs[1] = "fixed";
    one.initializers.push_back(stored<std::int64_t>("fixed", {2}, {1, 64}));
    const result fixed = run(one, {3, 2, 4, 4});
    CHECK(fixed.fixed_batch);
    check_close(fixed.logits, expected);
    one.inputs[0].shape[0] = 2;
    refuse(
        one,
        "test.onnx: node 'node_flat' (Reshape): shape (7, 4, 4, 4) cannot become (1, 64); the model states "
        "a batch of 2, expected 1 or a free one");
}

TEST_CASE("make_onnx_network does not fix sizes at the number of samples of the conversion") {
    // k is 1, 2, 3 for 1, 7, 11 samples.
    const auto with = [](std::optional<std::size_t> batch, std::vector<onnx_node> last) {
        std::vector<onnx_node> nodes{node("Shape", {"x"}, "shape"), node("Slice", {"shape", "i0", "i1"}, "n"),
                                     node("Add", {"n", "three"}, "sum"), node("Div", {"sum", "four"}, "k"),
                                     node("Sub", {"four", "k"}, "rest")};
        nodes.insert(nodes.end(), last.begin(), last.end());
        const auto whole = [](const char* name, std::int64_t value) {
            return stored<std::int64_t>(name, {1}, {value});
        };
        return model({batch, 4}, std::move(nodes),
                     {whole("i0", 0), whole("i1", 1), whole("three", 3), whole("four", 4),
                      stored<double>("low", {}, {-9})});
    };
    onnx_node split = node("Split", {"x", "sizes"}, "front", {integer("axis", 1)});
    split.outputs.push_back("behind");
    const std::vector<onnx_node> splitting{node("Concat", {"k", "rest"}, "sizes", {integer("axis", 0)}),
                                           split, node("Neg", {"behind"}, "y")};
    const std::vector<onnx_node> padding{
        node("Concat", {"i0", "k", "i0", "i0"}, "pads", {integer("axis", 0)}),
        node("Pad", {"x", "pads"}, "y")};
    const std::vector<onnx_node> clipping{node("Cast", {"k"}, "limit", {integer("to", 11)}),
                                          node("Squeeze", {"limit"}, "high"),
                                          node("Clip", {"x", "low", "high"}, "c"), node("Neg", {"c"}, "y")};
    const std::string place = "test.onnx: node 'node_", end = " must not depend on the number of samples";
    refuse(with(std::nullopt, splitting), place + "front' (Split): input 'sizes'" + end);
    refuse(with(std::nullopt, padding), place + "y' (Pad): input 'pads'" + end);
    refuse(with(std::nullopt, clipping), place + "c' (Clip): input 'high'" + end);
    // Written for one sample, they run on one at a time.
    const std::vector<double> x = inputs(5 * 4);
    const auto split_result = run(with(1, splitting), {5, 4, 1, 1});
    const auto padded = run(with(1, padding), {5, 4, 1, 1});
    CHECK(split_result.fixed_batch);
    REQUIRE(split_result.logits.size() == 15);
    REQUIRE(padded.logits.size() == 25);
    for (std::size_t n = 0; n < 5; ++n) {
        CHECK(padded.logits[n * 5] == 0);
        for (std::size_t i = 0; i < 4; ++i) {
            CHECK(padded.logits[n * 5 + 1 + i] == x[n * 4 + i]);
            if (i > 0) CHECK(split_result.logits[n * 3 + i - 1] == -x[n * 4 + i]);
        }
    }
}

TEST_CASE("NaN passes through rectifiers, clipping and poolings of a network") {
    // The square root of a negative number is NaN.
    const auto check = [](std::vector<onnx_node> nodes, std::size_t units,
                          std::vector<onnx_tensor> tensors = {}) {
        CAPTURE(nodes.front().op);
        nodes.insert(nodes.begin(), node("Sqrt", {"x"}, "root"));
        nodes.push_back(node("Flatten", {"y"}, "out"));
        const std::vector<double> y =
            run(model({std::nullopt, 1, 3, 3}, std::move(nodes), std::move(tensors)), {4, 1, 3, 3}).logits;
        const std::vector<double> x = inputs(36);
        REQUIRE(y.size() == 36 * units);
        std::size_t count = 0;
        for (std::size_t n = 0; n < 4; ++n) {
            for (std::size_t i = 0; i < 9 * units; ++i) {
                const bool is_nan = x[n * 9 + i % 9] < 0;
                CHECK(std::isnan(y[n * 9 * units + i]) == is_nan);
                count += is_nan ? 1 : 0;
            }
        }
        CHECK(count > 0);
        CHECK(count < y.size());
    };
    check({node("Relu", {"root"}, "y")}, 1);
    check({node("LeakyRelu", {"root"}, "y")}, 1);
    check({node("Clip", {"root", "low", "high"}, "y")}, 1,
          {stored<double>("low", {}, {0.1}), stored<double>("high", {}, {0.4})});
    check({node("PRelu", {"root", "s"}, "y")}, 1, {stored<double>("s", {1, 1, 1}, {0.1})});
    check({node("HardSigmoid", {"root"}, "y")}, 1);
    check({node("HardSwish", {"root"}, "y")}, 1);
    for (const std::size_t units : {2UL, 19UL}) { // ReLU within the convolution
        check({node("Conv", {"root", "w"}, "c"), node("Relu", {"c"}, "y")}, units,
              {numbers("w", {units, 1, 1, 1}, 5)});
    }
    check({node("Expand", {"root", "wide"}, "e"),
           node("Conv", {"e", "w"}, "c", {integer("group", 8), integers("pads", {0, 0, 0, 0})}),
           node("Relu", {"c"}, "y")},
          8, {stored<std::int64_t>("wide", {4}, {1, 8, 1, 1}), numbers("w", {8, 1, 1, 1}, 5)});

    const std::vector<double> x = inputs(72);
    for (const std::size_t channels : {1UL, 8UL}) {
        const std::vector<double> y =
            run(model({std::nullopt, channels, 3, 3},
                      {node("Sqrt", {"x"}, "root"),
                       node("MaxPool", {"root"}, "m", {integers("kernel_shape", {2, 2})}),
                       node("Flatten", {"m"}, "y")},
                      {}),
                {1, channels, 3, 3})
                .logits;
        REQUIRE(y.size() == 4 * channels);
        for (std::size_t c = 0; c < channels; ++c) {
            for (std::size_t w = 0; w < 4; ++w) {
                const double* at = &x[c * 9 + w / 2 * 3 + w % 2];
                const bool is_nan = at[0] < 0 || at[1] < 0 || at[3] < 0 || at[4] < 0;
                CHECK(std::isnan(y[c * 4 + w]) == is_nan);
                if (!is_nan) CHECK(y[c * 4 + w] == std::sqrt(std::max({at[0], at[1], at[3], at[4]})));
            }
        }
    }
}

TEST_CASE("make_onnx_network repeats constants whose extents depend on the samples") {
    // A class token: Expand to the batch, then Concat in front of the tokens; the logits are those of the
    // token.
    const onnx_model from = model(
        {std::nullopt, 3, 2},
        {node("Shape", {"x"}, "shape"), node("Slice", {"shape", "i0", "i1"}, "batch"),
         node("Concat", {"batch", "minus"}, "target", {integer("axis", 0)}),
         node("ConstantOfShape", {"three"}, "ones", {tensor("value", stored<std::int64_t>("", {1}, {1}))}),
         node("Equal", {"target", "none"}, "is_none"),
         node("Where", {"is_none", "ones", "target"}, "extents"),
         node("Expand", {"token", "extents"}, "tokens"),
         node("Concat", {"tokens", "x"}, "all", {integer("axis", 1)}),
         node("ReduceMean", {"all"}, "mean", {integers("axes", {1}), integer("keepdims", 0)})},
        {stored<std::int64_t>("i0", {1}, {0}), stored<std::int64_t>("i1", {1}, {1}),
         stored<std::int64_t>("minus", {2}, {-1, -1}), stored<std::int64_t>("three", {1}, {3}),
         stored<std::int64_t>("none", {3}, {-1, -1, -1}), stored<double>("token", {1, 1, 2}, {8, -4})});
    const result got = run(from, {2, 3, 2, 1});
    const std::vector<double> x = inputs(12);
    std::vector<double> expected;
    for (std::size_t n = 0; n < 2; ++n) {
        for (std::size_t k = 0; k < 2; ++k) {
            const double* at = &x[n * 6 + k];
            expected.push_back((at[0] + at[2] + at[4] + (k == 0 ? 8 : -4)) / 4);
        }
    }
    check_close(got.logits, expected);
}

TEST_CASE("make_onnx_network finds the axis of units behind operations that join positions") {
    // The patches of a vision transformer: (N, 4, 4, 4) to (N, 4, 16), then tokens of 4 units.
    onnx_model from = convolutional();
    from.nodes.resize(3);
    from.nodes[2].outputs = {"relu"};
    from.nodes.push_back(node("Reshape", {"relu", "joined"}, "patches"));
    from.nodes.push_back(node("Transpose", {"patches"}, "tokens", {integers("perm", {0, 2, 1})}));
    from.nodes.push_back(
        node("ReduceMean", {"tokens"}, "y", {integers("axes", {1}), integer("keepdims", 0)}));
    from.initializers.push_back(stored<std::int64_t>("joined", {3}, {0, 4, -1}));
    from.outputs[0].name = "y";
    for (const char* tap : {"patches", "tokens"}) {
        const auto network = net::make_onnx_network<double>(from, {.taps = {tap}});
        CHECK(network.network.extents(0, {2, 2, 4, 4}) == std::array<std::size_t, 4>{2, 4, 16, 1});
    }
    // A part of the batch, which seems whole for few samples.
    from.nodes.push_back(node("Slice", {"y", "first", "eight", "first"}, "some"));
    from.initializers.push_back(stored<std::int64_t>("eight", {1}, {8}));
    from.outputs[0].name = "some";
    refuse(from, "test.onnx: node 'node_some' (Slice): the axis of the samples cannot be cut");
}

TEST_CASE("make_onnx_network leaves a final Softmax out and normalizes the input") {
    onnx_model from = convolutional();
    const std::vector<double> expected = run(from, {2, 2, 4, 4}).logits;
    from.nodes.push_back(node("Softmax", {"y"}, "p"));
    from.nodes.push_back(node("Identity", {"p"}, "out"));
    from.outputs[0].name = "out";
    CHECK(run(from, {2, 2, 4, 4}).logits == expected);
    CHECK(net::make_onnx_network<double>(from).logits == "y");
    // (x - mean) / std by hand: x is 2 x + 0.5 in the first channel.
    onnx_model scaled = from;
    scaled.nodes[0].inputs[0] = "scaled";
    scaled.nodes.insert(scaled.nodes.begin(),
                        {node("Sub", {"x", "m"}, "centered"), node("Mul", {"centered", "s"}, "scaled")});
    scaled.initializers.push_back(stored<double>("m", {2, 1, 1}, {-0.25, 0.5}));
    scaled.initializers.push_back(stored<double>("s", {2, 1, 1}, {2, 0.25}));
    check_close(run(from, {2, 2, 4, 4}, {.mean = {-0.25, 0.5}, .std = {0.5, 4}}).logits,
                run(scaled, {2, 2, 4, 4}).logits);
    CHECK_THROWS_AS((void)net::make_onnx_network<double>(from, {.mean = {1, 2, 3}, .std = {1}}), value_error);
    CHECK_THROWS_AS((void)net::make_onnx_network<double>(from, {.mean = {0}, .std = {0}}), value_error);

    // Operators behind the Softmax that keep its elements, and logits with other axes of extent 1.
    from = convolutional();
    from.nodes.push_back(node("Unsqueeze", {"y", "second"}, "wide"));
    from.nodes.push_back(node("Softmax", {"wide"}, "p", {integer("axis", -1)}));
    from.nodes.push_back(node("Flatten", {"p"}, "flat_p"));
    from.nodes.push_back(node("Reshape", {"flat_p", "three"}, "out"));
    from.initializers.push_back(stored<std::int64_t>("three", {2}, {-1, 3}));
    from.initializers.push_back(stored<std::int64_t>("second", {1}, {1}));
    from.outputs[0].name = "out";
    const auto network = net::make_onnx_network<double>(from);
    CHECK(network.logits == "wide");
    CHECK(network.left_out == std::vector<std::string>{"p", "flat_p", "out"});
    CHECK(run(from, {2, 2, 4, 4}).logits == expected);
}

TEST_CASE("make_onnx_network normalizes channels that are the last axis") {
    const onnx_model from =
        model({std::nullopt, 2, 2, 3},
              {node("Transpose", {"x"}, "t", {integers("perm", {0, 3, 1, 2})}),
               node("ReduceMean", {"t"}, "y", {integers("axes", {2, 3}), integer("keepdims", 0)})},
              {});
    const auto got = run(from, {1, 2, 2, 3}, {.mean = {1, 2, 3}, .std = {2, 4, 8}, .channels_last = true});
    const std::vector<double> x = inputs(12);
    std::vector<double> expected;
    for (std::size_t c = 0; c < 3; ++c) {
        const double mean = (x[c] + x[3 + c] + x[6 + c] + x[9 + c]) / 4;
        expected.push_back((mean - static_cast<double>(1 + c)) / static_cast<double>(2U << c));
    }
    check_close(got.logits, expected);
    CHECK_THROWS_AS((void)net::make_onnx_network<double>(from, {.mean = {1, 2, 3}, .std = {1}}), value_error);
}

TEST_CASE("make_onnx_network refuses what it does not support in one line") {
    onnx_model from = convolutional();
    refuse(from, "test.onnx: tensor 'nothing' is not computed from the input", {.taps = {"nothing"}});
    refuse(from, "test.onnx: input 'x': expected samples of (N, 2, 4, 4), got (2, 5, 4)",
           {.extents = {2, 5, 4}});
    refuse(from, "test.onnx: expected the name of an input, one of 'x', got 'z'", {.input = "z"});
    refuse(from, "test.onnx: expected the name of a tensor as logits, such as 'y', got 'z'", {.logits = "z"});
    from.inputs[0].shape[2].reset();
    refuse(from, "test.onnx: input 'x': its shape (N, 2, ?, 4) is not fixed; give the extents of a sample");
    from = convolutional();
    from.inputs[0].shape[1] = 0;
    refuse(from,
           "test.onnx: input 'x': expected samples of 1 to 3 axes and at least one number, got (0, 4, 4)");
    from = convolutional();
    from.nodes[2] = node("Pad", {"norm", "pads"}, "relu");
    from.initializers.push_back(stored<std::int64_t>("pads", {8}, {0, 0, INT64_MAX, 0, 0, 0, INT64_MAX, 0}));
    refuse(from, "test.onnx: node 'node_relu' (Pad): expected pads below 2^31, got 9223372036854775807");
    from = convolutional();
    from.opset = 23;
    refuse(from, "test.onnx: expected opset 1 to 22, got 23");
    from = convolutional();
    from.nodes[2].op = "Einsum";
    CHECK_THROWS_WITH_AS(
        (void)net::make_onnx_network<double>(from),
        doctest::Contains("test.onnx: node 'node_relu' (Einsum): the operator is not supported on "
                          "activations; expected one of Add, AveragePool, "),
        format_error);
    from.nodes[2].domain = "com.example";
    refuse(from, "test.onnx: node 'node_relu' (Einsum): expected an operator of ONNX, got one of domain "
                 "'com.example'");
    from = convolutional();
    from.nodes[0].attributes.push_back(integer("winograd", 1));
    refuse(from, "test.onnx: node 'node_conv' (Conv): attribute 'winograd' is not supported; expected one of "
                 "auto_pad, "
                 "dilations, group, kernel_shape, pads, strides");
    from = convolutional();
    from.initializers[4] = stored<double>("w", {4, 2, 3, 3}, std::vector<double>(72, std::nan("")));
    refuse(from, "test.onnx: node 'node_conv' (Conv): constant 'w' contains NaN", {.fold_batch_norm = false});
    refuse(from, "test.onnx: node 'node_conv' (Conv): constant 'w' contains NaN");
    from = convolutional();
    from.initializers[4] = numbers("w", {4, 3, 3, 3}, 1);
    CHECK_THROWS_WITH_AS((void)net::make_onnx_network<double>(from),
                         doctest::Contains("test.onnx: node 'node_conv' (Conv): "), format_error);
    from = convolutional();
    from.inputs.push_back({"mask", io::dtype::float64, true, {std::nullopt, 4}});
    refuse(from, "test.onnx: expected the name of an input, one of 'x', 'mask', got none");
    from.nodes[2] = node("Mul", {"norm", "mask"}, "relu");
    refuse(from,
           "test.onnx: node 'node_relu' (Mul): depends on tensor 'mask', which is another input of the model "
           "or an "
           "output that is not supported",
           {.input = "x"});
}

} // namespace onnx_network_test
