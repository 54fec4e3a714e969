// `repscope dump`: a network in an ONNX file, against the same arithmetic in this file.

#include "net/onnx_models.hpp"
#include "npy.hpp"
#include "onnx/file.hpp"
#include "process.hpp"
#include "same_numbers.hpp"

#include <repscope/io/npy.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace dump_test {

using namespace program_test;
using json = nlohmann::json;

namespace {

constexpr std::size_t count = 40, pixels = 4, filters = 2, classes = 3;

// A pixel-wise convolution, ReLU and a dense layer over images of 2 x 2, in float.
struct network {
    std::vector<float> w{1.5F, -2.F}, b{-0.25F, 0.75F}, v, c{0.1F, -0.2F, 0.3F};
    network() {
        generator random(8);
        for (std::size_t i = 0; i < classes * filters * pixels; ++i)
            v.push_back(static_cast<float>(2 * random.uniform() - 1));
    }
    [[nodiscard]] repscope::net::onnx_model model() const {
        using namespace onnx_models;
        auto out = onnx_models::model(
            {1, 1, 2, 2},
            {node("Conv", {"x", "w", "b"}, "/block/conv"), node("Relu", {"/block/conv"}, "/block/relu"),
             node("Flatten", {"/block/relu"}, "flat"),
             node("Gemm", {"flat", "v", "c"}, "scores", {integer("transB", 1)}),
             node("Softmax", {"scores"}, "p")},
            {stored("w", {filters, 1, 1, 1}, w), stored("b", {filters}, b),
             stored("v", {classes, filters * pixels}, v), stored("c", {classes}, c)});
        out.inputs[0].type = out.outputs[0].type = repscope::io::dtype::float32;
        return out;
    }
};

struct images {
    std::vector<std::uint8_t> bytes;
    std::vector<std::int64_t> labels;
    images() {
        generator random(9);
        for (std::size_t i = 0; i < count * pixels; ++i)
            bytes.push_back(static_cast<std::uint8_t>(random.below(256)));
        for (std::size_t i = 0; i < count; ++i)
            labels.push_back(static_cast<std::int64_t>(random.below(classes)));
    }
};

void write_all(const scratch_folder& folder) {
    const images data;
    program::write_onnx_file(network().model(), folder / "m.onnx");
    write_npy(folder / "x.npy", data.bytes, {count, 2, 2, 1});
    write_npy(folder / "y.npy", data.labels, {count});
}

void check_close(double got, double expected) { CHECK(std::abs(got - expected) < 1e-5); }

} // namespace

TEST_CASE("dump writes activations, logits and gradients of the loss" * doctest::skip(!program::has_onnx())) {
    const scratch_folder folder;
    write_all(folder);
    const outcome done = run({"dump", folder / "m.onnx", "--inputs", folder / "x.npy", "--loss-gradient",
                              folder / "y.npy", "--out", folder / "out", "--mean", "0.5", "--std", "0.25"});
    INFO(done.err);
    REQUIRE(done.code == 0);
    CHECK(done.out.empty());
    CHECK(is_one_line(done.err));
    const auto relu = repscope::io::load_npy<float, 4>(folder / "out/block.relu.npy");
    const auto logits = repscope::io::load_npy<float, 2>(folder / "out/logits.npy");
    const auto gradient = repscope::io::load_npy<float, 4>(folder / "out/loss_gradient.npy");
    REQUIRE(relu.extents() == std::array<std::size_t, 4>{count, filters, 2, 2});
    REQUIRE(logits.extents() == std::array<std::size_t, 2>{count, classes});
    REQUIRE(gradient.extents() == std::array<std::size_t, 4>{count, 1, 2, 2});
    const network net;
    const images data;
    std::size_t right = 0;
    for (std::size_t n = 0; n < count; ++n) {
        double hidden[filters][pixels];
        double scores[classes], sum = 0;
        for (std::size_t f = 0; f < filters; ++f) {
            for (std::size_t p = 0; p < pixels; ++p) {
                const double x = (data.bytes[n * pixels + p] / 255.0 - 0.5) / 0.25;
                hidden[f][p] =
                    std::max(0.0, static_cast<double>(net.w[f]) * x + static_cast<double>(net.b[f]));
                check_close(static_cast<double>(relu.data_handle()[(n * filters + f) * pixels + p]),
                            hidden[f][p]);
            }
        }
        for (std::size_t k = 0; k < classes; ++k) {
            scores[k] = static_cast<double>(net.c[k]);
            for (std::size_t i = 0; i < filters * pixels; ++i)
                scores[k] +=
                    static_cast<double>(net.v[k * filters * pixels + i]) * hidden[i / pixels][i % pixels];
            check_close(static_cast<double>(logits.data_handle()[n * classes + k]), scores[k]);
            sum += std::exp(scores[k]);
        }
        const auto label = static_cast<std::size_t>(data.labels[n]);
        right += std::max_element(scores, scores + classes) - scores == data.labels[n] ? 1U : 0U;
        for (std::size_t p = 0; p < pixels; ++p) {
            double expected = 0;
            for (std::size_t f = 0; f < filters; ++f) {
                for (std::size_t k = 0; k < classes && hidden[f][p] > 0; ++k) {
                    const double upstream = std::exp(scores[k]) / sum - (k == label ? 1 : 0);
                    expected += upstream *
                                static_cast<double>(net.v[(k * filters + f) * pixels + p] * net.w[f]) / 0.25;
                }
            }
            check_close(static_cast<double>(gradient.data_handle()[n * pixels + p]), expected);
        }
    }
    const std::string percent = std::to_string(100.0 * static_cast<double>(right) / count).substr(0, 5);
    CHECK(done.err.find("accuracy " + percent + "%") != std::string::npos);
    CHECK(done.err.find("logits of 3 classes (scores)") != std::string::npos);
}

TEST_CASE("dump has the same bits for any input type, thread count and output" *
          doctest::skip(!program::has_onnx())) {
    const scratch_folder folder;
    write_all(folder);
    const std::vector<std::string> begin{"dump", folder / "m.onnx"};
    const auto dump = [&](std::vector<std::string> more) {
        std::vector<std::string> all = begin;
        all.insert(all.end(), more.begin(), more.end());
        const outcome done = run(all);
        INFO(done.err);
        REQUIRE(done.code == 0);
        return done.out;
    };
    dump({"--inputs", folder / "x.npy", "--threads", "1", "--layers", "*", "--out", folder / "a"});
    CHECK(std::filesystem::exists(folder / "a/block.conv.npy"));
    // The same numbers as float, channels first.
    std::vector<float> values;
    for (const std::uint8_t byte : images().bytes) values.push_back(static_cast<float>(byte) / 255.F);
    write_npy(folder / "f.npy", values, {count, 1, 2, 2});
    dump({"--inputs", folder / "f.npy", "--threads", "2", "--layers", "*", "--out", folder / "b"});
    for (const char* name : {"/block.conv.npy", "/block.relu.npy", "/flat.npy", "/scores.npy", "/logits.npy"})
        CHECK(slurp(folder / "a" + name) == slurp(folder / "b" + name));
    // A tar archive, which measure reads as a dump.
    write_bytes(folder / "a.tar",
                dump({"--inputs", folder / "x.npy", "--layers", "*relu,!scores", "--out", "-"}));
    const auto measured = [&](const std::vector<std::string>& files) {
        std::vector<std::string> all{"measure"};
        all.insert(all.end(), files.begin(), files.end());
        all.insert(all.end(),
                   {"--labels", folder / "y.npy", "--layout", "*relu=nchw", "--json", folder / "m.json"});
        const outcome done = run(all);
        INFO(done.err);
        REQUIRE(done.code == 0);
        return json::parse(slurp(folder / "m.json"));
    };
    const json piped = measured({folder / "a.tar"});
    const json dumped = measured({folder / "a/block.relu.npy", folder / "a/logits.npy"});
    REQUIRE(piped["layers"].size() == 2);
    for (std::size_t i = 0; i < 2; ++i)
        CHECK(piped["layers"][i]["selectivity"] == dumped["layers"][i]["selectivity"]);
}

TEST_CASE("dump --list names the tensors, their operators, shapes and units" *
          doctest::skip(!program::has_onnx())) {
    const scratch_folder folder;
    write_all(folder);
    const outcome done = run({"dump", folder / "m.onnx", "--list"});
    INFO(done.err);
    REQUIRE(done.code == 0);
    CHECK(done.out == "tensor       operator  shape              units  layer\n"
                      "/block/conv  Conv      (N, 2, 2, 2)  2 channels\n"
                      "/block/relu  Relu      (N, 2, 2, 2)  2 channels    yes\n"
                      "flat         Flatten   (N, 8)           8 units\n"
                      "scores       Gemm      (N, 3)           3 units\n"
                      "logits: scores; not computed for them: p\n");
}

TEST_CASE("dump names layers that are not finite" * doctest::skip(!program::has_onnx())) {
    const scratch_folder folder;
    using namespace onnx_models;
    const auto write = [&](const std::string& name, const std::string& last) {
        auto made = onnx_models::model({std::nullopt, 1, 2, 2},
                                       {node("Sub", {"x", "half"}, "shifted"),
                                        node("Sqrt", {"shifted"}, "root"), node("Relu", {"root"}, "relu"),
                                        node("Relu", {"x"}, "plain"), node("Flatten", {last}, "y")},
                                       {stored<float>("half", {}, {0.5F})});
        if (last == "plain") { // the logits depend on all: 0 relu + plain is not finite, so a Where selects
            made.nodes[4] = node("Where", {"mask", "plain", "relu"}, "chosen");
            made.nodes.push_back(node("Flatten", {"chosen"}, "y"));
            made.outputs[0].name = "y";
            made.initializers.push_back(stored<std::uint8_t>("mask", {1, 1, 1, 1}, {1}));
            made.initializers.back().type = repscope::io::dtype::boolean;
        }
        made.inputs[0].type = made.outputs[0].type = repscope::io::dtype::float32;
        program::write_onnx_file(made, folder / name);
    };
    write("layer.onnx", "plain");
    write("logits.onnx", "relu");
    write_npy(folder / "x.npy", std::vector<float>{1, 1, 1, 1, 1, 0, 1, 1}, {2, 1, 2, 2});
    const outcome done =
        run({"dump", folder / "layer.onnx", "--inputs", folder / "x.npy", "--out", folder / "a"});
    CHECK(done.code == 0);
    CHECK(done.err.ends_with("\ndump: layers that are not finite: relu (input 1)\n"));
    CHECK(std::filesystem::exists(folder / "a/relu.npy"));
    const outcome refused =
        run({"dump", folder / "logits.onnx", "--inputs", folder / "x.npy", "--out", folder / "b"});
    CHECK(refused.code == 1);
    CHECK(refused.err.ends_with(
        "logits.onnx: logit 1 of input 1 is not finite; layers that are not finite: relu (input 1)\n"));
    CHECK_FALSE(std::filesystem::exists(folder / "b"));
}

TEST_CASE("dump feeds images with their channels last to a model that has them there" *
          doctest::skip(!program::has_onnx())) {
    const scratch_folder folder;
    using namespace onnx_models;
    const auto write = [&](const std::string& name, std::vector<std::optional<std::size_t>> shape,
                           std::vector<onnx_node> nodes) {
        nodes.push_back(node("Conv", {nodes.empty() ? "x" : "t", "w"}, "c"));
        nodes.push_back(node("Relu", {"c"}, "r"));
        nodes.push_back(node("Flatten", {"r"}, "y"));
        auto made = onnx_models::model(std::move(shape), std::move(nodes), {numbers("w", {2, 3, 1, 1}, 4)});
        made.inputs[0].type = made.outputs[0].type = repscope::io::dtype::float32;
        program::write_onnx_file(made, folder / name);
    };
    const std::vector<onnx_node> to_front{node("Transpose", {"x"}, "t", {integers("perm", {0, 3, 1, 2})})};
    write("front.onnx", {std::nullopt, 3, 4, 5}, {});
    write("last.onnx", {std::nullopt, 4, 5, 3}, to_front);
    write("open.onnx", {std::nullopt, std::nullopt, std::nullopt, 3}, to_front);
    generator random(3);
    std::vector<std::uint8_t> bytes(6 * 60);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.below(256));
    write_npy(folder / "x.npy", bytes, {6, 4, 5, 3});
    write_npy(folder / "labels.npy", std::vector<std::int64_t>{0, 1, 2, 3, 4, 5}, {6});
    for (const std::string name : {"front", "last", "open"}) {
        const outcome done =
            run({"dump", folder / (name + ".onnx"), "--inputs", folder / "x.npy", "--mean", "0.1,0.2,0.3",
                 "--std", "0.5,1,2", "--loss-gradient", folder / "labels.npy", "--out", folder / name});
        INFO(done.err);
        REQUIRE(done.code == 0);
        CHECK(slurp(folder / (name + "/r.npy")) == slurp(folder / "front/r.npy"));
    }
    const auto front = repscope::io::load_npy<float, 4>(folder / "front/loss_gradient.npy");
    const auto last = repscope::io::load_npy<float, 4>(folder / "last/loss_gradient.npy");
    REQUIRE(last.extents() == std::array<std::size_t, 4>{6, 4, 5, 3});
    for (std::size_t i = 0; i < 6 * 60; ++i) {
        const std::size_t n = i / 60, p = i % 60 / 3, c = i % 3;
        CHECK(last.data_handle()[i] == front.data_handle()[(n * 3 + c) * 20 + p]);
    }
}

TEST_CASE("dump keeps a folder of another dump, and takes the type of the chosen input" *
          doctest::skip(!program::has_onnx())) {
    const scratch_folder folder;
    write_all(folder);
    const std::string model = folder / "m.onnx", x = folder / "x.npy";
    const auto dump = [&](const std::string& layers) {
        return run({"dump", model, "--inputs", x, "--layers", layers, "--out", folder / "out"});
    };
    REQUIRE(dump("*relu").code == 0);
    CHECK(dump("*relu").code == 0);
    write_npy(folder / "out/labels.npy", images().labels, {count});
    CHECK(dump("*relu,*conv").code == 0);
    const outcome mixed = dump("*relu");
    CHECK(mixed.code == 1);
    CHECK(mixed.err == "repscope dump: " + folder / "out" +
                           ": has block.conv.npy, which this dump does not write; expected a new or empty "
                           "folder, or that of a dump of the same layers\n");
    auto two = network().model();
    two.inputs.push_back({"other", repscope::io::dtype::float64, true, {1, 2}});
    program::write_onnx_file(two, folder / "two.onnx");
    REQUIRE(run({"dump", folder / "two.onnx", "--input", "x", "--inputs", x, "--out", folder / "two"}).code ==
            0);
    CHECK(slurp(folder / "two/logits.npy") == slurp(folder / "out/logits.npy"));
}

TEST_CASE("dump refuses bad input in one line and writes nothing" * doctest::skip(!program::has_onnx())) {
    const scratch_folder folder;
    write_all(folder);
    const std::string whole = slurp(folder / "m.onnx");
    write_bytes(folder / "cut.onnx", whole.substr(0, whole.size() / 2));
    write_npy(folder / "wide.npy", std::vector<std::uint8_t>(count * 9), {count, 3, 3, 1});
    write_npy(folder / "large.npy", std::vector<float>(count * pixels, 2.5F), {count, 1, 2, 2});
    write_npy(folder / "ints.npy", std::vector<std::int64_t>(count * pixels), {count, 1, 2, 2});
    write_npy(folder / "many.npy", std::vector<std::int64_t>(count, 3), {count});
    write_npy(folder / "few.npy", std::vector<std::int64_t>(2), {2});
    const auto refuses = [&](std::vector<std::string> arguments, int code, const std::string& reason) {
        std::vector<std::string> all{"dump"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        const auto before = folder.names();
        const outcome done = run(all);
        INFO("got: " << done.err << " expected: " << reason);
        CHECK(done.code == code);
        CHECK(is_one_line(done.err));
        CHECK(done.err.find(reason) != std::string::npos);
        CHECK(folder.names() == before);
    };
    const std::string model = folder / "m.onnx", x = folder / "x.npy", out = folder / "out";
    refuses({folder / "cut.onnx", "--inputs", x, "--out", out}, 1,
            "cut.onnx: is not an ONNX model, is cut short");
    refuses({x, "--inputs", x, "--out", out}, 1, "x.npy: is not an ONNX model");
    refuses({model, "--inputs", folder / "wide.npy", "--out", out}, 1,
            "expected samples of (N, 1, 2, 2), got (1, 3, 3)");
    refuses({model, "--inputs", folder / "large.npy", "--out", out}, 1,
            "large.npy: expected numbers in [0, 1], got 2.5 in sample 0; --input-range LOW,HIGH states "
            "another range");
    refuses({model, "--inputs", folder / "ints.npy", "--out", out}, 1,
            "ints.npy: expected inputs of uint8 or of a floating-point type, got <i8");
    refuses({model, "--inputs", x, "--out", out, "--loss-gradient", folder / "many.npy"}, 1,
            "many.npy: expected labels below 3, the classes of the model, got 3");
    refuses({model, "--inputs", x, "--out", out, "--loss-gradient", folder / "few.npy"}, 1,
            "few.npy: 2 labels, but ");
    refuses({model, "--inputs", x, "--out", out, "--layers", "/block/rely"}, 2,
            "--layers: no tensor is called like /block/rely; did you mean '/block/relu'?");
    refuses({model, "--out", out}, 2, "expected --inputs X.npy, or --list");
    refuses({model, "--inputs", x}, 2, "expected --out DIR, or --out - for a tar archive");
    refuses({model, "--inputs", x, "--out", out, "--input-range", "1,0"}, 2,
            "expected LOW,HIGH with LOW below HIGH");
    refuses({model, "--inputs", x, "--out", out, "--mean", "1"}, 2, "expected --mean and --std together");
    refuses({model, "--inputs", x, "--out", out, "--mean", "1,2", "--std", "1,1"}, 2,
            "--mean, --std: expected one mean, or one for each of 1 channels, got 2");
    refuses({model, "--inputs", x, "--out", out, "--mean", "1", "--std", "0"}, 2,
            "--std: expected numbers above 0, got 0");
    refuses({model, "--inputs", x, "--out", out, "--input", "z"}, 2, "--input: expected one of 'x', got 'z'");
    refuses({model, "--inputs", x, "--out", out, "--logits", "score"}, 2,
            "--logits: no tensor is called 'score'; did you mean 'scores'?");
    refuses({model, "--inputs", x, "--out", out, "--logits", "/block/conv"}, 1,
            "expected logits (N, classes)");
}

TEST_CASE("dump and study --export state that the program is built without ONNX" *
          doctest::skip(program::has_onnx())) {
    const scratch_folder folder;
    for (const auto& arguments : std::vector<std::vector<std::string>>{
             {"dump", "m.onnx", "--list"},
             {"study", "--data", "fashion-mnist", "--out", folder / "o", "--export"}}) {
        const outcome done = run(arguments);
        CHECK(done.code == 2);
        CHECK(is_one_line(done.err));
        CHECK(done.err.find("needs ONNX, but the program is built without it") != std::string::npos);
    }
}

} // namespace dump_test
