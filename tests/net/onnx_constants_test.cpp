#include "net/onnx_models.hpp"
#include "repscope/detail/net/onnx/evaluate.hpp"
#include "repscope/detail/net/onnx/order.hpp"
#include "repscope/error.hpp"
#include "repscope/net/onnx_model.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace onnx_constants_test {

using namespace repscope;
using namespace onnx_models;
using net::detail::constant;

namespace {

constant list(std::vector<std::int64_t> values) {
    const std::size_t count = values.size();
    return net::detail::make_constant({count}, std::move(values));
}
constant reals(std::vector<std::size_t> shape, std::vector<double> values) {
    return net::detail::make_constant(io::dtype::float32, std::move(shape), std::move(values));
}
constant one(std::int64_t value) { return net::detail::make_constant({}, {value}); }

/// The outputs of a node of constants.
std::vector<constant> outputs(const std::string& op, const std::vector<constant>& in,
                              std::vector<onnx_attribute> attributes = {}, std::size_t count = 1) {
    onnx_node node{"n", op, {}, {}, {}, std::move(attributes)};
    std::vector<const constant*> inputs;
    for (std::size_t i = 0; i < in.size(); ++i) {
        node.inputs.push_back("i" + std::to_string(i));
        inputs.push_back(&in[i]);
    }
    for (std::size_t i = 0; i < count; ++i) node.outputs.push_back("o" + std::to_string(i));
    const onnx_model model = onnx_models::model({}, {node}, {});
    auto out = net::detail::evaluate(net::detail::node_reader(model, node), inputs);
    REQUIRE(out.has_value());
    return std::move(*out);
}
constant output(const std::string& op, const std::vector<constant>& in,
                std::vector<onnx_attribute> attributes = {}) {
    return outputs(op, in, std::move(attributes)).at(0);
}

using integers_list = std::vector<std::int64_t>;
using reals_list = std::vector<double>;
using shape_list = std::vector<std::size_t>;

} // namespace

TEST_CASE("constants: the chain that exporters write around Reshape is evaluated") {
    const constant shape = list({7, 12, 5, 3});
    const constant channels = output("Gather", {shape, one(1)}, {integer("axis", 0)});
    CHECK(channels == one(12));
    const constant half = output("Div", {channels, one(2)});
    const constant part = output("Unsqueeze", {half, list({0})});
    CHECK(part == list({6}));
    const constant target = output("Concat", {list({7}), list({2}), part, list({-1})}, {integer("axis", 0)});
    CHECK(target == list({7, 2, 6, -1}));
    CHECK(output("Slice", {shape, list({2}), list({INT64_MAX}), list({0})}) == list({5, 3}));
    CHECK(output("Slice", {shape, list({-1}), list({INT64_MIN}), list({0}), list({-2})}) == list({3, 12}));
    CHECK(output("Cast", {reals({2}, {2.75, -2.75})}, {integer("to", 7)}) == list({2, -2}));
    CHECK(output("Squeeze", {part, list({0})}) == one(6));
    CHECK(output("Range", {one(5), one(-2), one(-3)}) == list({5, 2, -1}));
}

TEST_CASE("constants: elements move as the operators define") {
    const constant x = reals({2, 3}, {1, 2, 3, 4, 5, 6});
    CHECK(output("Transpose", {x}) == reals({3, 2}, {1, 4, 2, 5, 3, 6}));
    CHECK(output("Expand", {reals({2, 1}, {1, 2}), list({3, 1, 2})}).reals() ==
          reals_list{1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2});
    CHECK(output("Tile", {x, list({2, 1})}).reals() == reals_list{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6});
    CHECK(output("Tile", {x, list({1, 2})}).reals() == reals_list{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6});
    CHECK(output("Gather", {x, list({2, -3})}, {integer("axis", 1)}) == reals({2, 2}, {3, 1, 6, 4}));
    CHECK(output("Gather", {x, one(-1)}) == reals({3}, {4, 5, 6}));
    CHECK(output("Concat", {x, reals({2, 1}, {7, 8})}, {integer("axis", -1)}).reals() ==
          reals_list{1, 2, 3, 7, 4, 5, 6, 8});
    const auto parts = outputs("Split", {x, list({1, 2})}, {integer("axis", 1)}, 2);
    REQUIRE(parts.size() == 2);
    CHECK(parts[0] == reals({2, 1}, {1, 4}));
    CHECK(parts[1] == reals({2, 2}, {2, 3, 5, 6}));
    CHECK(output("Reshape", {x, list({0, -1, 1})}).shape == shape_list{2, 3, 1});
    CHECK(output("Flatten", {reals({1, 2, 3}, {1, 2, 3, 4, 5, 6})}, {integer("axis", 2)}).shape ==
          shape_list{2, 3});
    CHECK(output("ConstantOfShape", {list({2, 0, 3})}).shape == shape_list{2, 0, 3});
    CHECK(output("ConstantOfShape", {list({2})}, {tensor("value", stored<std::int64_t>("", {1}, {-1}))}) ==
          list({-1, -1}));
    CHECK(output("Shape", {x}) == list({2, 3}));
    CHECK(output("Shape", {x}, {integer("start", -1)}) == list({3}));
}

TEST_CASE("constants: arithmetic follows the types") {
    const auto of = [](const std::string& op, std::int64_t a, std::int64_t b) {
        return output(op, {one(a), one(b)}).integers().at(0);
    };
    CHECK(of("Div", -7, 2) == -3); // as in C
    CHECK(of("Mod", -7, 3) == 2);  // the sign of the divisor
    CHECK(of("Pow", -3, 3) == -27);
    CHECK(of("Mul", INT64_MAX, 2) == -2); // wraps around
    CHECK(of("Div", INT64_MIN, -1) == INT64_MIN);
    CHECK(of("Equal", 4, 4) == 1);
    CHECK(of("Less", 4, 4) == 0);
    // Rounded to float, as the model's type is.
    CHECK(output("Add", {reals({}, {1}), reals({}, {1e-9})}).reals().at(0) == 1);
    CHECK(output("Mul", {reals({2, 1}, {2, 3}), reals({2}, {5, 7})}) == reals({2, 2}, {10, 14, 15, 21}));
    CHECK(output("Pow", {reals({}, {3}), one(2)}).reals().at(0) == 9);
    CHECK(output("Where", {output("Equal", {list({3, -1}), one(-1)}), list({10, 20}), list({3, 4})}) ==
          list({3, 20}));
    CHECK(output("ReduceProd", {list({2, 3, 7})}, {integer("keepdims", 0)}) == one(42));
    CHECK(output("ReduceMean", {reals({2, 3}, {1, 2, 6, 4, 5, 9})}, {integers("axes", {1})}) ==
          reals({2, 1}, {3, 6}));
    CHECK(output("Sqrt", {reals({1}, {2.25})}) == reals({1}, {1.5}));
}

TEST_CASE("constants: bad nodes are refused in one line that names them") {
    const auto refused = [](const std::string& op, const std::vector<constant>& in,
                            std::vector<onnx_attribute> attributes, const char* message) {
        CHECK_THROWS_WITH_AS((void)output(op, in, std::move(attributes)), message, format_error);
    };
    refused("Div", {one(1), one(0)}, {}, "test.onnx: node 'n' (Div): division by zero");
    refused("Gather", {list({1, 2}), one(2)}, {},
            "test.onnx: node 'n' (Gather): axis 2 is outside of rank 2");
    refused("Reshape", {list({1, 2, 3}), list({2, -1})}, {},
            "test.onnx: node 'n' (Reshape): shape (3,) cannot become (2, -1)");
    refused("Expand", {list({1, 2, 3}), list({2})}, {},
            "test.onnx: node 'n' (Expand): shapes (3,) and (2,) do not fit");
    refused(
        "ConstantOfShape", {list({1 << 20, 1 << 20})}, {},
        "test.onnx: node 'n' (ConstantOfShape): expected a constant of at most 16777216 elements, got shape "
        "(1048576, 1048576)");
    refused("ConstantOfShape", {list({-1})}, {},
            "test.onnx: node 'n' (ConstantOfShape): expected extents of at least 0, got -1");
    refused("Cast", {reals({}, {1e30})}, {integer("to", 6)},
            "test.onnx: node 'n' (Cast): expected a number that fits in an integer, got 1e+30");
    refused("Cast", {one(1)}, {integer("to", 8)}, "test.onnx: node 'n' (Cast): type 8 is not supported");
    refused("Add", {one(1), reals({}, {1})}, {}, "test.onnx: node 'n' (Add): the types of the inputs differ");
    refused("Add", {one(1)}, {}, "test.onnx: node 'n' (Add): expected 2 inputs, got 1");
    refused("Transpose", {reals({1, 2}, {1, 2})}, {integers("perm", {1, 1})},
            "test.onnx: node 'n' (Transpose): axis 1 is given twice");
    refused("Slice", {list({1}), list({0}), list({1}), list({0}), list({0})}, {},
            "test.onnx: node 'n' (Slice): expected a step other than 0, got 0");
}

TEST_CASE("constants: elements of every stored type are read") {
    const onnx_tensor half{"h", io::dtype::float16, {2}, std::string("\x00\x3c\x00\xc1", 4)};
    CHECK(net::detail::constant_of(half).reals() == reals_list{1, -2.5});
    const onnx_tensor brain{"b", io::dtype::bfloat16, {1}, std::string("\x80\x3f", 2)};
    CHECK(net::detail::constant_of(brain).reals() == reals_list{1});
    CHECK(net::detail::constant_of(stored<std::int8_t>("i", {2}, {-3, 4})).integers() ==
          integers_list{-3, 4});
    CHECK(net::detail::constant_of(stored<std::uint8_t>("u", {1}, {200})).integers() == integers_list{200});
    CHECK(net::detail::constant_of(stored<double>("d", {1}, {0.1})).reals() == reals_list{0.1});
}

TEST_CASE("order: nodes come after what they need, and defects are named") {
    onnx_model from = model({},
                            {node("Relu", {"b"}, "c"), node("Relu", {"a"}, "b"), node("Relu", {"x"}, "a"),
                             node("Relu", {"x"}, "unused")},
                            {});
    CHECK(net::detail::tensor_sources(from).order("c") == std::vector<std::size_t>{2, 1, 0});
    from.nodes[2].inputs = {"c"};
    CHECK_THROWS_WITH_AS((void)net::detail::tensor_sources(from).order("c"),
                         "test.onnx: node 'node_c' (Relu): is part of a cycle", format_error);
    from.nodes[2].inputs = {"w"};
    CHECK_THROWS_WITH_AS((void)net::detail::tensor_sources(from).order("c"),
                         "test.onnx: node 'node_a' (Relu): input 'w' is neither an input of the model, an "
                         "initializer, nor the output of a node",
                         format_error);
    from.nodes[2].outputs = {"b"};
    CHECK_THROWS_WITH_AS((void)net::detail::tensor_sources(from),
                         "test.onnx: expected one source of tensor 'b', got two", format_error);
    // A long chain needs no stack.
    onnx_model chain = model({}, {node("Relu", {"x"}, "t0")}, {});
    for (int i = 1; i < 200000; ++i) {
        chain.nodes.push_back(node("Relu", {"t" + std::to_string(i - 1)}, "t" + std::to_string(i)));
    }
    CHECK(net::detail::tensor_sources(chain).order("t199999").size() == 200000);
}

} // namespace onnx_constants_test
