// `repscope analyze`: its numbers against those of `dump`, `corrupt` and `measure` for the same network.

#include "net/onnx_models.hpp"
#include "npy.hpp"
#include "onnx/file.hpp"
#include "process.hpp"
#include "same_numbers.hpp"
#include "well_formed.hpp"

#include <repscope/io/npy.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace analyze_test {

using namespace program_test;
using json = nlohmann::json;

namespace {

constexpr std::size_t count = 60, side = 8, pixels = side * side, channels = 3, filters = 4, classes = 3;

// A pixel-wise convolution, ReLU, a 2 x 2 mean and a dense layer. `channels_last`: of images (height, width,
// channels), which a first node transposes, as exports of other frameworks do.
repscope::net::onnx_model network(std::size_t seed, bool channels_last = false) {
    using namespace onnx_models;
    generator random(seed);
    const auto numbers = [&](std::size_t length, double size) {
        std::vector<float> out;
        for (std::size_t i = 0; i < length; ++i)
            out.push_back(static_cast<float>(size * (2 * random.uniform() - 1)));
        return out;
    };
    const std::string first = channels_last ? "planes" : "x";
    auto out = onnx_models::model(
        {1, channels, side, side},
        {node("Conv", {first, "w", "b"}, "/conv"), node("Relu", {"/conv"}, "/relu"),
         node("AveragePool", {"/relu"}, "pooled",
              {integers("kernel_shape", {2, 2}), integers("strides", {2, 2})}),
         node("Flatten", {"pooled"}, "flat"),
         node("Gemm", {"flat", "v", "c"}, "scores", {integer("transB", 1)})},
        {stored("w", {filters, channels, 1, 1}, numbers(filters * channels, 2.0)),
         stored("b", {filters}, numbers(filters, 0.5)),
         stored("v", {classes, filters * pixels / 4}, numbers(classes * filters * pixels / 4, 1.0)),
         stored("c", {classes}, numbers(classes, 0.5))});
    out.inputs[0].type = out.outputs[0].type = repscope::io::dtype::float32;
    if (!channels_last) return out;
    out.inputs[0].shape = {1, side, side, channels};
    out.nodes.insert(out.nodes.begin(), node("Transpose", {"x"}, "planes", {integers("perm", {0, 3, 1, 2})}));
    return out;
}

outcome succeed(const std::vector<std::string>& arguments) {
    outcome done = run(arguments);
    INFO(done.err);
    REQUIRE(done.code == 0);
    return done;
}

std::vector<int> predictions(const std::string& logits_file) {
    const auto logits = repscope::io::load_npy<float, 2>(logits_file);
    std::vector<int> out;
    for (std::size_t n = 0; n < logits.extent(0); ++n) {
        const float* row = logits.data_handle() + n * classes;
        out.push_back(static_cast<int>(std::max_element(row, row + classes) - row));
    }
    return out;
}

// A network, images, and labels that the network predicts for most of them.
struct material {
    scratch_folder folder;
    std::vector<std::int64_t> labels;

    material() {
        generator random(3);
        program::write_onnx_file(network(8), folder / "m.onnx");
        std::vector<std::uint8_t> bytes;
        for (std::size_t i = 0; i < count * pixels * channels; ++i)
            bytes.push_back(static_cast<std::uint8_t>(random.below(256)));
        write_npy(folder / "x.npy", bytes, {count, side, side, channels});
        dump("x.npy", "clean");
        for (const int predicted : predictions(folder / "clean/logits.npy"))
            labels.push_back(random.below(5) == 0 ? static_cast<std::int64_t>(random.below(classes))
                                                  : predicted);
        write_npy(folder / "y.npy", labels, {count});
    }
    void dump(const std::string& inputs, const std::string& out, const std::vector<std::string>& more = {}) {
        std::vector<std::string> all{"dump",          folder / "m.onnx", "--inputs",
                                     folder / inputs, "--out",           folder / out};
        all.insert(all.end(), more.begin(), more.end());
        succeed(all);
    }
    [[nodiscard]] double accuracy(const std::string& out, std::size_t images = count) const {
        const auto predicted = predictions(folder / out + "/logits.npy");
        double right = 0;
        for (std::size_t n = 0; n < images; ++n) right += predicted[n] == labels[n] ? 1 : 0;
        return right / static_cast<double>(images);
    }
    [[nodiscard]] std::vector<std::string> command(const std::string& inputs, const std::string& out,
                                                   const std::vector<std::string>& more) const {
        std::vector<std::string> all{"analyze",  folder / "m.onnx", "--inputs", folder / inputs,
                                     "--labels", folder / "y.npy",  "--out",    folder / out};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    [[nodiscard]] json result(const std::string& out) const {
        return json::parse(slurp(folder / out + "/analysis.json"));
    }
};

const std::vector<std::string> attacks_only{"--corruption-images",
                                            "0",
                                            "--gradient-images",
                                            "0",
                                            "--attack-images",
                                            "50",
                                            "--attacks",
                                            "fgsm,pgd",
                                            "--eps",
                                            "12.75",
                                            "--distance-images",
                                            "10",
                                            "--attack-steps",
                                            "3"};

json condition(const json& model, const std::string& kind, const std::string& name) {
    for (const json& each : model["conditions"]) {
        if (each["kind"] == kind && each.value("name", "") == name) return each;
    }
    FAIL("no condition " << kind << " " << name);
    return {};
}

} // namespace

TEST_CASE("analyze measures layers as measure does, and corrupted images as corrupt makes them" *
          doctest::skip(!program::has_onnx())) {
    material made;
    const scratch_folder& folder = made.folder;
    succeed(made.command(
        "x.npy", "out",
        {"--attack-images", "0", "--corruption-images", "40", "--gradient-images", "20", "--probes", "0"}));
    const json whole = made.result("out");
    CHECK(whole["schema"] == "repscope.analysis/1");
    const json& model = whole["models"][0];
    CHECK(model["clean_accuracy"].get<double>() == made.accuracy("clean"));
    CHECK(model["clean_accuracy"].get<double>() < 1.0);

    succeed({"measure", folder / "clean/relu.npy", "--labels", folder / "y.npy", "--json",
             folder / "measured.json", "--layout", "nchw"});
    const json measured = json::parse(slurp(folder / "measured.json"))["layers"][0];
    const json layer = model["conditions"][0]["layers"][0];
    CHECK(layer["name"] == "/relu");
    CHECK(layer["units"] == filters);
    CHECK(layer["selectivity"]["index"] == measured["selectivity"]["index"]);
    CHECK(layer["selectivity"]["null_mean"] == measured["selectivity"]["null_mean"]);
    CHECK(layer["selectivity"]["cross_fit"]["ci"].size() == 2);
    CHECK(layer["dimensionality"]["participation_ratio"] ==
          measured["dimensionality"]["participation_ratio"]);
    CHECK(layer["geometry"]["nc1"].is_number());
    CHECK(layer["gradient"]["l2"]["images"] == 20);
    CHECK(layer["gradient"]["l1"]["mean"].get<double>() > layer["gradient"]["l2"]["mean"].get<double>());

    REQUIRE(model["conditions"].size() == 1 + 75);
    succeed({"corrupt", folder / "x.npy", folder / "contrast.npy", "--corruption", "contrast", "--severity",
             "4"});
    made.dump("contrast.npy", "contrast");
    for (const json& each : model["conditions"]) {
        if (each.value("name", "") != "contrast" || each["severity"] != 4) continue;
        CHECK(each["images"] == 40);
        CHECK(each["accuracy"].get<double>() == made.accuracy("contrast", 40));
        CHECK(each["layers"][0]["change"]["relative_size"].get<double>() > 0.0);
    }
}

TEST_CASE("analyze attacks as the gradient of dump does, and continues where it was" *
          doctest::skip(!program::has_onnx())) {
    material made;
    const scratch_folder& folder = made.folder;
    std::vector<std::string> saved = attacks_only;
    saved.emplace_back("--save-adversarial");
    succeed(made.command("x.npy", "out", saved));
    const json model = made.result("out")["models"][0];
    const json fgsm = condition(model, "attack", "fgsm");

    // FGSM by hand: 12.75 / 255 = 0.05.
    made.dump("x.npy", "gradient", {"--loss-gradient", folder / "y.npy"});
    const auto gradient = repscope::io::load_npy<float, 4>(folder / "gradient/loss_gradient.npy");
    const auto bytes = repscope::io::load_npy<std::uint8_t, 4>(folder / "x.npy");
    std::vector<float> moved(gradient.size());
    for (std::size_t n = 0; n < count; ++n) {
        for (std::size_t c = 0; c < channels; ++c) {
            for (std::size_t p = 0; p < pixels; ++p) {
                const std::size_t at = (n * channels + c) * pixels + p;
                const float x =
                    static_cast<float>(bytes.data_handle()[(n * pixels + p) * channels + c]) / 255.F;
                const float g = gradient.data_handle()[at];
                moved[at] = std::clamp(x + 0.05F * (g > 0 ? 1.F : g < 0 ? -1.F : 0.F), 0.F, 1.F);
            }
        }
    }
    write_npy(folder / "moved.npy", moved, {count, channels, side, side});
    made.dump("moved.npy", "moved");
    CHECK(fgsm["accuracy"].get<double>() == made.accuracy("moved", 50));
    CHECK(fgsm["accuracy"].get<double>() < model["clean_accuracy"].get<double>());
    CHECK(fgsm["eps"].get<double>() == doctest::Approx(0.05));
    const auto written = repscope::io::load_npy<float, 4>(folder / "out/adversarial/m/attack-fgsm-12.75.npy");
    REQUIRE(written.extents() == std::array<std::size_t, 4>{50, channels, side, side});
    float furthest = 0;
    for (std::size_t i = 0; i < written.size(); ++i)
        furthest = std::max(furthest, std::abs(written.data_handle()[i] - moved[i]));
    CHECK(furthest < 1e-6F);
    CHECK(condition(model, "attack", "pgd")["steps"] == 3);
    CHECK(condition(model, "random", "")["mean_linf"].get<double>() == doctest::Approx(0.05));
    const std::string rows = slurp(folder / "out/per_image.csv");
    CHECK(std::count(rows.begin(), rows.end(), '\n') == 1 + count + 4 * 50);

    // Nothing is measured again; a stage of other settings is.
    const std::string first = slurp(folder / "out/analysis.json");
    CHECK(succeed(made.command("x.npy", "out", saved)).out.find("8 of them finished before") !=
          std::string::npos);
    CHECK(slurp(folder / "out/analysis.json") == first);
    std::vector<std::string> longer = attacks_only;
    longer.back() = "4";
    CHECK(succeed(made.command("x.npy", "out", longer)).out.find("6 of them finished before") !=
          std::string::npos);
    CHECK(condition(made.result("out")["models"][0], "attack", "pgd")["steps"] == 4);

    // The same numbers as float, with a note instead of corruptions, for any number of threads.
    std::vector<float> values;
    for (std::size_t i = 0; i < moved.size(); ++i) {
        const std::size_t n = i / (channels * pixels), c = i / pixels % channels, p = i % pixels;
        values.push_back(static_cast<float>(bytes.data_handle()[(n * pixels + p) * channels + c]) / 255.F);
    }
    write_npy(folder / "f.npy", values, {count, channels, side, side});
    std::vector<std::string> floats = attacks_only;
    floats[1] = "30";
    floats.insert(floats.end(), {"--threads", "1"});
    const outcome done = succeed(made.command("f.npy", "floats", floats));
    CHECK(done.out.find("note: corruptions are left out") != std::string::npos);
    json same = made.result("floats")["models"][0];
    for (const char* key : {"conditions", "clean_accuracy", "selectivity_mean"})
        CHECK(same[key] == model[key]);
}

TEST_CASE("analyze measures distances, shows images, and takes a model of images with their channels last" *
          doctest::skip(!program::has_onnx())) {
    material made;
    const scratch_folder& folder = made.folder;
    succeed(made.command("x.npy", "out", attacks_only));
    const json whole = made.result("out");
    const json& model = whole["models"][0];
    CHECK(whole["options"]["distance_images"] == 10);
    const json& distances = model["distances"];
    CHECK(distances["attack"] == "fab-t");
    CHECK(distances["norm"] == "linf");
    REQUIRE(distances["distance"].size() == 10);
    const auto predicted = predictions(folder / "clean/logits.npy");
    std::vector<double> sizes;
    for (std::size_t n = 0; n < 10; ++n) {
        const double distance = distances["distance"][n];
        CHECK((distance == 0.0) == (predicted[n] != made.labels[n]));
        sizes.push_back(distance);
    }
    const json& curve = distances["curve"];
    REQUIRE(curve["eps"].size() == 65);
    CHECK(curve["eps"][64].get<double>() == doctest::Approx(0.05));
    for (std::size_t k = 0; k < 65; ++k) {
        const double eps = curve["eps"][k];
        const auto farther = std::count_if(sizes.begin(), sizes.end(), [eps](double d) { return d > eps; });
        CHECK(curve["accuracy"][k].get<double>() == static_cast<double>(farther) / 10);
    }
    CHECK(slurp(folder / "out/figures/distances.csv")
              .starts_with("model,quantity,eps_255ths,value\nm,accuracy,0,"));
    CHECK(slurp(folder / "out/figures/images.csv").find("PGD 12.75/255, model m\"") != std::string::npos);
    const std::string page = slurp(folder / "out/report.html");
    for (const char* part :
         {"id=\"images\"", "random signs, 12.75/255", "wrongly classified, by the model of"})
        CHECK(page.find(part) != std::string::npos);

    program::write_onnx_file(network(8, true), folder / "m.onnx");
    succeed(made.command("x.npy", "last", attacks_only));
    const json last = made.result("last")["models"][0];
    CHECK(last["input"] == "x");
    for (const char* key : {"conditions", "reference", "ablation", "distances", "clean_accuracy"})
        CHECK(last[key] == model[key]);
}

TEST_CASE("analyze runs AutoAttack on its own number of images, and prints its warnings" *
          doctest::skip(!program::has_onnx())) {
    const material made;
    const std::vector<std::string> no_others{"--corruption-images", "0", "--gradient-images", "0",
                                             "--ablation-images",   "0", "--attack-images",   "20",
                                             "--distance-images",   "0"};
    std::vector<std::string> options = no_others;
    options.insert(options.end(),
                   {"--attacks", "autoattack", "--autoattack-images", "6", "--norm", "l2", "--eps", "0.5"});
    const outcome done = succeed(made.command("x.npy", "out", options));
    const json whole = made.result("out");
    const json& model = whole["models"][0];
    const json attacked = condition(model, "attack", "autoattack");
    CHECK(attacked["images"] == 6);
    CHECK(attacked["norm"] == "l2");
    CHECK(attacked["eps"] == 0.5);
    REQUIRE(attacked["after"].size() == 4);
    CHECK(attacked["after"]["apgd-ce"].get<double>() >= attacked["after"]["square"].get<double>());
    CHECK(attacked["accuracy"] == attacked["after"]["square"]);
    CHECK(attacked["mean_l2"].get<double>() <= 0.5 + 1e-6);
    // Three classes are fewer than its nine targets and the loss of four logits need.
    const std::string warning = "the model has 3 classes: targets are all classes but the label";
    REQUIRE(attacked["warnings"].size() == 1);
    CHECK(attacked["warnings"][0].get<std::string>().starts_with(warning));
    CHECK(whole["notes"][0].get<std::string>().starts_with("AutoAttack: " + warning));
    CHECK(done.out.find("note: AutoAttack: " + warning) != std::string::npos);
    // Random signs of the same norm, less what the box cuts off.
    const json random = condition(model, "random", "");
    CHECK(random["images"] == 20);
    CHECK(random["mean_l2"].get<double>() <= 0.5 + 1e-6);
    CHECK(random["mean_l2"].get<double>() > 0.45);
    CHECK(slurp(made.folder / "out/per_image.csv").find("m,attack/autoattack/l2/0.5,5,") !=
          std::string::npos);

    options = no_others;
    options.insert(options.end(), {"--attacks", "fgsm,autoattack", "--autoattack-images", "0"});
    succeed(made.command("x.npy", "none", options));
    CHECK(made.result("none")["options"]["attacks"] == json({"fgsm"}));
    CHECK(made.result("none")["options"]["eps"] == json({1.0, 2.0, 4.0, 8.0}));
}

TEST_CASE("analyze compares two models" * doctest::skip(!program::has_onnx())) {
    material made;
    const scratch_folder& folder = made.folder;
    program::write_onnx_file(network(9), folder / "other.onnx");
    std::vector<std::string> both = made.command("x.npy", "out", attacks_only);
    both.insert(both.begin() + 2, folder / "other.onnx");
    const outcome done = succeed(both);
    CHECK(done.out.find("accuracy") != std::string::npos);
    const json whole = made.result("out");
    REQUIRE(whole["models"].size() == 2);
    CHECK(whole["models"][1]["name"] == "other");
    CHECK(whole["models"][1]["sha256"] != whole["models"][0]["sha256"]);
    succeed(made.command("x.npy", "one", attacks_only));
    CHECK(made.result("one")["models"][0]["conditions"] == whole["models"][0]["conditions"]);

    const std::string page = slurp(folder / "out/report.html");
    CHECK(fault_of_page(page) == "");
    for (const char* part : {"Layers and robustness of m and other", "Accuracy under attack", "ablation",
                             "gradients were not measured", "corruptions were not measured"})
        CHECK(page.find(part) != std::string::npos);
    CHECK(page.find("alpha") == std::string::npos);
    const std::string attacks = slurp(folder / "out/figures/attacks.csv");
    CHECK(attacks.starts_with("model,attack,eps_255ths,accuracy\nm,"));
    CHECK(attacks.find("\nother,pgd,12.75,") != std::string::npos);
    const std::string geometry = slurp(folder / "out/figures/geometry.csv");
    for (const char* row : {"\nm,clean_nc1_trace,", "\nother,pgd_cdnv,", "\nm,pgd_cka_unbiased,"})
        CHECK(geometry.find(row) != std::string::npos);
}

TEST_CASE("analyze refuses bad input in one line" * doctest::skip(!program::has_onnx())) {
    const material made;
    const scratch_folder& folder = made.folder;
    write_npy(folder / "many.npy", std::vector<std::int64_t>(count, 3), {count});
    std::vector<std::int64_t> two(count, 5);
    two[0] = 0;
    write_npy(folder / "five.npy", two, {count});
    write_npy(folder / "few.npy", std::vector<std::int64_t>{0, 1}, {2});
    const auto refuses = [&](const std::string& option, const std::string& value, int code,
                             const std::string& reason) {
        std::vector<std::string> all = made.command("x.npy", "out", {});
        const auto place = std::find(all.begin(), all.end(), option);
        if (place == all.end())
            all.insert(all.end(), {option, value});
        else
            place[1] = value;
        const outcome done = run(all);
        INFO("got: " << done.err << " expected: " << reason);
        CHECK(done.code == code);
        CHECK(is_one_line(done.err));
        CHECK(done.err.find(reason) != std::string::npos);
        CHECK_FALSE(std::filesystem::exists(folder / "out/analysis.json"));
    };
    refuses("--labels", folder / "five.npy", 1, "expected labels below 3, the classes of the model, got 5");
    refuses("--labels", folder / "few.npy", 1, "few.npy: 2 labels, but ");
    refuses("--attacks", "fgsm,cw", 2, "expected fgsm, pgd or autoattack with commas between them, got 'cw'");
    refuses("--attacks", "pgd,pgd", 2, "--attacks: pgd occurs twice");
    refuses("--input", "other", 2, "--input: expected one of 'x', got 'other'");
    refuses("--logits", "/rellu", 2, "--logits: no tensor is called '/rellu'; did you mean");
    refuses("--input-range", "1,0", 2, "expected LOW,HIGH with LOW below HIGH");
    refuses("--layers", "nothing", 2, "--layers: no tensor is called like nothing");
}

} // namespace analyze_test
