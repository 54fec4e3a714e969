#include <onnx/onnx_pb.h>

#include "repscope/net/onnx.hpp"

#include "net/onnx_models.hpp"
#include "repscope/error.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace read_onnx_test {

using namespace repscope;
using namespace onnx_models;

namespace {

onnx_model parsed(const std::string& bytes) {
    return net::parse_onnx(std::as_bytes(std::span(bytes.data(), bytes.size())), "m.onnx");
}

onnx_model small_model() {
    onnx_model out =
        model({std::nullopt, 2, 3, 3},
              {node("Conv", {"x", "w"}, "y", {integers("pads", {1, 1, 1, 1}), integer("group", 2)}),
               node("Clip", {"y"}, "z", {real("max", 6), text("note", "n")})},
              {numbers("w", {4, 1, 3, 3}, 3)});
    out.name = "m.onnx";
    out.nodes[1].attributes.push_back(tensor("t", stored<std::int64_t>("", {2}, {5, -6})));
    return out;
}

/// A model of one initializer, which `fill` writes.
template <typename Fill>
std::string bytes_with_tensor(Fill&& fill) {
    onnx::ModelProto file;
    file.set_ir_version(7);
    file.add_opset_import()->set_version(13);
    auto& graph = *file.mutable_graph();
    auto& relu = *graph.add_node();
    relu.set_op_type("Relu");
    relu.add_input("x");
    relu.add_output("y");
    auto& tensor = *graph.add_initializer();
    tensor.set_name("w");
    fill(tensor);
    return file.SerializeAsString();
}

template <typename Fill>
void refuse_tensor(Fill&& fill, const char* message) {
    CHECK_THROWS_WITH_AS((void)parsed(bytes_with_tensor(fill)), message, format_error);
}

} // namespace

TEST_CASE("read_onnx reads what onnx_bytes wrote") {
    const onnx_model from = small_model();
    const onnx_model to = parsed(net::onnx_bytes(from));
    CHECK(to.opset == 13);
    REQUIRE(to.nodes.size() == 2);
    CHECK(to.nodes[0].op == "Conv");
    CHECK(to.nodes[0].inputs == std::vector<std::string>{"x", "w"});
    CHECK(to.nodes[0].attribute("pads")->integers == std::vector<std::int64_t>{1, 1, 1, 1});
    CHECK(to.nodes[0].attribute("group")->integer == 2);
    CHECK(to.nodes[1].attribute("max")->real == 6);
    CHECK(to.nodes[1].attribute("note")->text == "n");
    CHECK(to.nodes[1].attribute("t")->tensor.values<std::int64_t>() == std::vector<std::int64_t>{5, -6});
    REQUIRE(to.initializers.size() == 1);
    CHECK(to.initializers[0].shape == std::vector<std::size_t>{4, 1, 3, 3});
    CHECK(to.initializers[0].bytes == from.initializers[0].bytes);
    REQUIRE(to.inputs.size() == 1);
    CHECK_FALSE(to.inputs[0].shape[0].has_value());
    CHECK(to.inputs[0].shape[1] == std::size_t{2});
    CHECK(to.outputs[0].name == "z");
}

TEST_CASE("read_onnx reads elements of every type from raw bytes and from fields") {
    const auto read = [](auto&& fill) { return parsed(bytes_with_tensor(fill)).initializers.at(0); };
    const auto halves = read([](onnx::TensorProto& t) {
        t.set_data_type(10);
        t.add_dims(2);
        t.add_int32_data(0x3c00);
        t.add_int32_data(0xc100);
    });
    CHECK(halves.values<double>() == std::vector<double>{1, -2.5});
    const auto floats = read([](onnx::TensorProto& t) {
        t.set_data_type(1);
        t.add_dims(1);
        t.add_float_data(0.5F);
    });
    CHECK(floats.values<double>() == std::vector<double>{0.5});
    const auto flags = read([](onnx::TensorProto& t) {
        t.set_data_type(9);
        t.add_dims(2);
        t.add_int32_data(1);
        t.add_int32_data(0);
    });
    CHECK(flags.values<std::int64_t>() == std::vector<std::int64_t>{1, 0});
    const auto bytes = read([](onnx::TensorProto& t) {
        t.set_data_type(3);
        t.add_dims(1);
        t.add_int32_data(-7);
    });
    CHECK(bytes.values<std::int64_t>() == std::vector<std::int64_t>{-7});
    const auto wide = read([](onnx::TensorProto& t) {
        t.set_data_type(12);
        t.add_uint64_data(4000000000U); // a scalar
    });
    CHECK(wide.values<std::int64_t>() == std::vector<std::int64_t>{4000000000});
    const auto doubles = read([](onnx::TensorProto& t) {
        t.set_data_type(11);
        t.add_dims(1);
        t.add_double_data(0.1);
    });
    CHECK(doubles.values<double>() == std::vector<double>{0.1});
}

TEST_CASE("read_onnx refuses foreign and damaged files in one line") {
    const std::string whole = net::onnx_bytes(small_model());
    std::size_t accepted = 0;
    for (std::size_t length = 0; length < whole.size(); ++length) {
        try {
            (void)parsed(whole.substr(0, length));
            ++accepted; // a message may end between two of its fields
        } catch (const format_error& e) {
            const std::string message = e.what();
            REQUIRE(message.starts_with("m.onnx: "));
            REQUIRE(message.find('\n') == std::string::npos);
        }
    }
    CHECK(accepted <= 2);
    CHECK_THROWS_WITH_AS((void)parsed("\x93NUMPY a foreign file"),
                         "m.onnx: is not an ONNX model, is cut short, or is nested more than 64 times",
                         format_error);
    CHECK_THROWS_WITH_AS((void)parsed(""), "m.onnx: is not an ONNX model: it has no graph", format_error);
}

TEST_CASE("read_onnx refuses graphs that are nested too deep") {
    onnx::GraphProto inner;
    inner.set_name("g");
    for (int depth = 0; depth < 40; ++depth) {
        onnx::GraphProto outer;
        auto& node = *outer.add_node();
        node.set_op_type("If");
        node.add_output("y");
        auto& attribute = *node.add_attribute();
        attribute.set_name("then_branch");
        attribute.set_type(onnx::AttributeProto::GRAPH);
        *attribute.mutable_g() = inner;
        inner = outer;
    }
    onnx::ModelProto file;
    *file.mutable_graph() = inner;
    CHECK_THROWS_WITH_AS((void)parsed(file.SerializeAsString()),
                         "m.onnx: is not an ONNX model, is cut short, or is nested more than 64 times",
                         format_error);
}

TEST_CASE("read_onnx refuses tensors whose bytes do not fit their shape") {
    refuse_tensor(
        [](onnx::TensorProto& t) {
            t.set_data_type(1);
            t.add_dims(3);
            t.set_raw_data("12345678");
        },
        "m.onnx: initializer 'w': shape (3,) of <f4 takes 12 bytes, got 8");
    refuse_tensor(
        [](onnx::TensorProto& t) {
            t.set_data_type(1);
            t.add_dims(3);
            t.add_float_data(1);
        },
        "m.onnx: initializer 'w': expected 3 elements, got 1");
    refuse_tensor(
        [](onnx::TensorProto& t) {
            t.set_data_type(1);
            t.add_dims(-3);
        },
        "m.onnx: initializer 'w': expected extents of at least 0, got -3");
    const auto fill_text = [](const char* name) {
        return [name](onnx::TensorProto& t) {
            t.set_name(name);
            t.set_data_type(8);
        };
    };
    refuse_tensor(fill_text("x"), "m.onnx: initializer 'x': elements of type 8 are not supported");
    CHECK(parsed(bytes_with_tensor(fill_text("unused"))).initializers.empty());
    refuse_tensor(
        [](onnx::TensorProto& t) {
            t.set_data_type(1);
            for (int i = 0; i < 3; ++i) t.add_dims(std::numeric_limits<std::int32_t>::max());
        },
        "m.onnx: initializer 'w': its shape (2147483647, 2147483647, 2147483647) is too large");
}

TEST_CASE("read_onnx reads external data from files beside the model, and from no other") {
    const repscope_test::temporary_directory folder;
    std::ofstream(folder / "weights.bin", std::ios::binary) << std::string("....\x00\x00\x80\x3f", 8);
    const auto model_with = [&](const std::string& location, const std::string& offset,
                                const std::string& length) {
        const std::string bytes = bytes_with_tensor([&](onnx::TensorProto& t) {
            t.set_data_type(1);
            t.add_dims(1);
            t.set_data_location(onnx::TensorProto::EXTERNAL);
            for (const auto& [key, value] : std::vector<std::pair<std::string, std::string>>{
                     {"location", location}, {"offset", offset}, {"length", length}}) {
                auto& entry = *t.add_external_data();
                entry.set_key(key);
                entry.set_value(value);
            }
        });
        const std::string path = folder / "m.onnx";
        std::ofstream(path, std::ios::binary) << bytes;
        return path;
    };
    CHECK(net::read_onnx(model_with("weights.bin", "4", "4")).initializers.at(0).values<double>() ==
          std::vector<double>{1});
    for (const char* location : {"../weights.bin", "/etc/passwd", "..", "a/../weights.bin", ""}) {
        INFO(location);
        CHECK_THROWS_WITH_AS((void)net::read_onnx(model_with(location, "0", "4")),
                             doctest::Contains("expected external data in a file beside the model, got"),
                             format_error);
    }
    CHECK_THROWS_WITH_AS((void)net::read_onnx(model_with("weights.bin", "5", "4")),
                         doctest::Contains("expected 4 bytes at 5 of 'weights.bin', which has 8"),
                         format_error);
    CHECK_THROWS_WITH_AS((void)net::read_onnx(model_with("weights.bin", "-1", "4")),
                         doctest::Contains("expected a number of bytes, got '-1'"), format_error);
    CHECK_THROWS_WITH_AS((void)net::read_onnx(model_with("weights.bin", "0", "8")),
                         doctest::Contains("expected 4 bytes of external data, got 8"), format_error);
    CHECK_THROWS_AS((void)net::read_onnx(folder / "missing.onnx"), format_error);
    // Symbolic links to a file beside the model, and to another folder.
    std::filesystem::create_symlink("weights.bin", folder / "link.bin");
    CHECK(net::read_onnx(model_with("link.bin", "4", "4")).initializers.at(0).values<double>() ==
          std::vector<double>{1});
    const repscope_test::temporary_directory other;
    std::ofstream(other / "secret.bin", std::ios::binary) << "12345678";
    std::filesystem::create_symlink(other / "secret.bin", folder / "out.bin");
    CHECK_THROWS_WITH_AS((void)net::read_onnx(model_with("out.bin", "0", "4")),
                         doctest::Contains("got a link, 'out.bin', to another folder"), format_error);
}

} // namespace read_onnx_test
