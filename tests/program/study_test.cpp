// `repscope study` on small made-up images: what it writes, that measure reads its activations back, and that
// an interrupted study goes on.

#include "made_up_images.hpp"
#include "npy.hpp"
#include "process.hpp"
#include "small_studies.hpp"
#include "well_formed.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <doctest/doctest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

namespace study_test {

using namespace program_test;
using namespace program_test::studies;

TEST_CASE("a study, its files, and its activations read back" * doctest::test_suite("trains")) {
    const scratch_folder folder;
    write_data(folder);
    const outcome result = run(study(folder, "out", {"--dump"}));
    INFO(result.err);
    REQUIRE(result.code == 0);
    CHECK(result.err.empty());
    CHECK(result.out.find("4 networks") != std::string::npos);
    CHECK(result.out.find("takes about") != std::string::npos);

    CHECK(result.out.find("time of 4 networks: ") != std::string::npos);
    CHECK(result.out.find("attacks ") != std::string::npos);
    CHECK(result.out.find(folder / "out/report.html") != std::string::npos);
    const std::string page = slurp(folder / "out/report.html");
    CHECK(fault_of_page(page) == "");
    CHECK(page.find("it compares with alpha 0, which no network has") != std::string::npos);
    CHECK(page.find("data:image/png;base64,") != std::string::npos);
    for (const char* row :
         {"fog, severity 3", "random signs, ", "PGD 16/255, alpha -1", "PGD 16/255, alpha 1"})
        CHECK(page.find(row) != std::string::npos);
    CHECK(std::filesystem::exists(folder / "out/figures/attacks.csv"));
    CHECK(slurp(folder / "out/figures/images.png").starts_with("\x89PNG"));

    const json all = study_json(folder, "out");
    CHECK(!all["networks"][0].contains("pictures"));
    CHECK(all["networks"][0]["seconds"].contains("corruptions"));
    CHECK(all["schema"] == "repscope.study/1");
    CHECK(all["command"] == "study");
    CHECK(all["data"]["name"] == "fashion-mnist (subset)");
    CHECK(all["data"]["train"] == 640);
    CHECK(all["data"]["test"] == 250);
    CHECK(all["data"]["sha256"].get<std::string>().size() == 64);
    CHECK(all["network"] == "mlp");
    CHECK(all["training"]["epochs"] == 4);
    CHECK(all["options"]["alphas"] == json({-1.0, 1.0}));
    REQUIRE(all["networks"].size() == 4);
    std::vector<double> selectivity;
    for (const auto& network : all["networks"]) {
        // 15 corruptions at 5 severities; two attacks of 3 kinds and random signs.
        CHECK(network["conditions"].size() == 1 + 75 + 4 * 2);
        const json& clean = network["conditions"][0];
        CHECK(clean["kind"] == "clean");
        CHECK(clean["images"] == 250);
        CHECK(clean["accuracy"] == network["clean_accuracy"]);
        CHECK(clean["accuracy"].get<double>() > 0.2); // guessing gives 0.1 +- 0.02
        REQUIRE(clean["layers"].size() == 2);
        CHECK(clean["layers"][0]["units"] == 256);
        CHECK(clean["layers"][1]["units"] == 128);
        const double mean = 0.5 * (clean["layers"][0]["selectivity"]["mean"].get<double>() +
                                   clean["layers"][1]["selectivity"]["mean"].get<double>());
        CHECK(network["selectivity_mean"].get<double>() == doctest::Approx(mean).epsilon(1e-14));
        selectivity.push_back(mean);
    }
    CHECK(all["networks"][0]["alpha"] == -1.0);
    CHECK(all["networks"][1]["alpha"] == 1.0);
    CHECK(all["networks"][0]["seed"] == 0);
    CHECK(all["networks"][2]["seed"] == 1);
    CHECK(selectivity[0] < selectivity[1]);
    CHECK(selectivity[2] < selectivity[3]);
    CHECK(selectivity[0] != selectivity[2]);

    // A line for the network's three quantities, one for the accuracy, and the same number for every layer.
    const std::string csv = slurp(folder / "out/study.csv");
    CHECK(csv.starts_with("alpha,seed,condition,layer,quantity,value\n-1,0,,,selectivity_mean,"));
    CHECK(csv.find("\n1,1,clean,") != std::string::npos);
    CHECK(csv.find(",components_interpolated_95,") != std::string::npos);

    for (const auto& network : all["networks"]) {
        for (const auto& layer : network["conditions"][0]["layers"]) {
            const std::string file = layer["file"];
            const std::string labels = std::filesystem::path(file).parent_path() / "labels.npy";
            const outcome read = run({"measure", file, "--labels", labels, "--json", "-"});
            INFO(read.err);
            REQUIRE(read.code == 0);
            json measured = layer;
            CHECK(measured["gradient"]["l2"]["images"] == 5);
            CHECK(measured["gradient"]["l2"]["mean"].get<double>() > 0.0);
            measured.erase("gradient");
            // What `measure` adds of the file and for its own table.
            json layer_read = json::parse(read.out)["layers"][0];
            CHECK(layer_read["batches"] == 1);
            CHECK(measured["batches"].is_null());
            CHECK(layer_read["zero_samples"].is_number_unsigned());
            CHECK(measured["zero_samples"].is_null());
            const std::size_t samples = layer_read["samples"], units = layer_read["units"];
            CHECK(layer_read["eigenvalues"].size() == std::min(samples, units));
            CHECK(layer_read["notes"].is_array());
            for (const char* key : {"batches", "zero_samples", "eigenvalues", "notes"}) {
                layer_read.erase(key);
                measured.erase(key);
            }
            CHECK(layer_read == measured);
        }
    }
}

TEST_CASE("conditions: their sizes, their effects, and means over them" * doctest::test_suite("trains")) {
    const scratch_folder folder;
    write_data(folder);
    const outcome result = run(study(folder, "out", {"--alphas", "0", "--seeds", "1"}));
    INFO(result.err);
    REQUIRE(result.code == 0);
    const json network = study_json(folder, "out")["networks"][0];
    CHECK(network["reference"]["images"] == 12); // the fewest that a condition has
    const json& early = network["reference"]["layers"][0];
    const auto shares = early["cumulative_variance"].get<std::vector<double>>();
    const auto needed = early["dimensionality"]["components"]["95"].get<std::size_t>();
    CHECK(shares.back() == doctest::Approx(1.0));
    CHECK(shares[needed - 1] >= 0.95);
    if (needed > 1) CHECK(shares[needed - 2] < 0.95);
    double sum = 0.0;
    double without_frost = 0.0;
    std::map<std::string, std::size_t> kinds;
    for (const auto& condition : network["conditions"]) {
        const std::string kind = condition["kind"];
        ++kinds[kind + (condition.contains("name") ? "/" + condition["name"].get<std::string>() : "")];
        if (kind == "clean") continue;
        CHECK(condition["images"] == (kind == "corruption" ? 12 : 20));
        REQUIRE(condition["layers"].size() == 2);
        const double size = condition["mean_linf"];
        if (kind == "corruption") {
            sum += condition["accuracy"].get<double>();
            if (condition["name"] != "frost") without_frost += condition["accuracy"].get<double>();
            CHECK(size > 0.0);
            CHECK(size <= 1.0);
            continue;
        }
        const double eps = condition["eps"];
        CHECK((eps == 4.0 / 255 || eps == 16.0 / 255));
        CHECK(size <= eps + 1e-6);
        CHECK(size > 0.9 * eps); // the last iterate carries the whole budget somewhere in every image
        for (const auto& layer : condition["layers"]) {
            CHECK(layer["change"]["relative_size"].get<double>() > 0.0);
            CHECK(layer["change"]["relative_size"].get<double>() < 1.0);
            CHECK(layer["change"]["dimensionality"]["participation_ratio"].get<double>() >= 1.0);
        }
        if (kind == "attack" && condition["name"] != "fgsm") CHECK(condition["step_size"] == 2.5 * eps / 3);
    }
    CHECK(kinds["clean"] == 1);
    CHECK(kinds["corruption/fog"] == 5);
    CHECK(kinds["attack/pgd"] == 2);
    CHECK(kinds["random"] == 2);
    CHECK(network["mean_corruption_accuracy"]["all"].get<double>() == doctest::Approx(sum / 75));
    CHECK(network["mean_corruption_accuracy"]["without_frost"].get<double>() ==
          doctest::Approx(without_frost / 70));
    const std::string archive = slurp(folder / "out/per_image.npz");
    CHECK(archive.starts_with("PK\x03\x04"));
    CHECK(archive.find("alpha_0_seed_0/corruption/fog/3.npy") != std::string::npos);
    CHECK(archive.find("alpha_0_seed_0/attack/pgd/16.npy") != std::string::npos);

    // None of them when none is asked for.
    REQUIRE(run(study(folder, "bare",
                      {"--corruption-images", "0", "--attack-images", "0", "--gradient-images", "0"}))
                .code == 0);
    const json bare = study_json(folder, "bare")["networks"][0];
    CHECK(bare["conditions"].size() == 1);
    CHECK(bare["mean_corruption_accuracy"].is_null());
    CHECK(!bare["conditions"][0]["layers"][0].contains("gradient"));
    const std::string page = slurp(folder / "bare/report.html");
    CHECK(fault_of_page(page) == "");
    for (const char* reason : {"attacks were not measured", "corruptions were not measured",
                               "no perturbation was measured", "gradients were not measured"})
        CHECK(page.find(reason) != std::string::npos);
}

TEST_CASE("threads do not change a number, an interrupted study resumes, other settings are an error" *
          doctest::test_suite("trains")) {
    const scratch_folder folder;
    write_data(folder);
    REQUIRE(run(study(folder, "whole", {"--threads", "1"})).code == 0);
    const json whole = study_json(folder, "whole");
    // Killed when the first network is there, which takes its time where nothing is vectorized.
    const pid_t child =
        start(study(folder, "killed", {"--threads", "1"}), folder / "log.out", folder / "log.err");
    const std::string first = folder / "killed/networks/alpha_-1_seed_0.json";
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(10);
    while (!std::filesystem::exists(first) && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ::kill(child, SIGKILL);
    const int code = wait_for(child);
    REQUIRE(std::filesystem::exists(first));
    CHECK(code == 128 + SIGKILL);
    CHECK(!std::filesystem::exists(folder / "killed/study.json"));
    const std::string kept = slurp(first);
    const outcome again = run(study(folder, "killed", {"--threads", "3"}));
    INFO(again.err);
    CHECK(again.code == 0);
    CHECK(again.out.find("finished before") != std::string::npos);
    CHECK(slurp(first) == kept);
    CHECK(without_times(study_json(folder, "killed")) == without_times(whole));

    // Nothing is left to train.
    const std::string before = slurp(folder / "killed/study.json");
    CHECK(run(study(folder, "killed")).code == 0);
    CHECK(slurp(folder / "killed/study.json") == before);

    const outcome other = run(study(folder, "killed", {"--epochs", "2"}));
    CHECK(other.code == 2);
    CHECK(is_one_line(other.err));
    CHECK(other.err.find("epochs 4, now 2") != std::string::npos);
    CHECK(slurp(folder / "killed/study.json") == before);
}

// Not of the suite "trains": the one training that the sanitizers see before a change is taken.
TEST_CASE("study: the smallest one") {
    const scratch_folder folder;
    write_data(folder);
    const outcome result = run(study(folder, "out",
                                     {"--epochs",
                                      "1",
                                      "--train",
                                      "128",
                                      "--test",
                                      "50",
                                      "--alphas",
                                      "1",
                                      "--seeds",
                                      "1",
                                      "--eps",
                                      "4",
                                      "--corruption-images",
                                      "2",
                                      "--attack-images",
                                      "2",
                                      "--gradient-images",
                                      "2",
                                      "--attack-steps",
                                      "1",
                                      "--dump"}));
    INFO(result.err);
    REQUIRE(result.code == 0);
    CHECK(result.err.empty());
    const json all = study_json(folder, "out");
    REQUIRE(all["networks"].size() == 1);
    const json& network = all["networks"][0];
    CHECK(network["conditions"].size() == 1 + 75 + 4);
    const double share = 50 * network["clean_accuracy"].get<double>();
    CHECK(share == doctest::Approx(std::round(share)));
    CHECK(std::filesystem::exists(folder / "out/report.html"));
}

TEST_CASE("wrong studies") {
    const scratch_folder folder;
    write_data(folder);
    const auto refuses = [&](std::vector<std::string> arguments, int code, const std::string& reason) {
        const outcome result = run(arguments);
        INFO(result.err << " expected " << reason);
        CHECK(result.code == code);
        CHECK(is_one_line(result.err));
        CHECK(result.out.empty());
        CHECK(result.err.find(reason) != std::string::npos);
        CHECK(!std::filesystem::exists(folder / "out"));
    };
    refuses({"study", "--data", "fashion-mnist:" + (folder / "nowhere"), "--out", folder / "out"}, 1,
            "nowhere");
    refuses({"study", "--data", "imagenet", "--out", folder / "out"}, 2, "imagenet");
    refuses({"study", "--data", "cifar10", "--out", folder / "out"}, 2, "cifar10:DIR");
    refuses({"study", "--out", folder / "out"}, 2, "--data");
    refuses(study(folder, "out", {"--alphas", "-2,x"}), 2, "--alphas");
    const std::string data = "fashion-mnist:" + folder.path().string();
    const auto with = [&](const std::vector<std::string>& more) {
        std::vector<std::string> arguments{"study", "--data", data, "--out", folder / "out"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return arguments;
    };
    refuses(with({"--alphas", "-101"}), 2, "-101");
    refuses(with({"--alphas", "1,1"}), 2, "twice");
    refuses(with({"--train", "5000"}), 2, "700");
    refuses(with({"--test", "5000"}), 2, "300");
    refuses(with({"--train", "100"}), 2, "128");
    refuses(with({"--network", "huge"}), 2, "huge");
    refuses(with({"--seeds", "0"}), 2, "--seeds");
    refuses(with({"--eps", "0"}), 2, "--eps");
    refuses(with({"--eps", "4,4"}), 2, "twice");
    refuses(with({"--attack-steps", "0"}), 2, "--attack-steps");
    refuses(with({"--attacks", "pgd,msd"}), 2, "'msd'");
    refuses(with({"--attacks", "pgd,pgd"}), 2, "twice");
    refuses(with({"--frost-textures", folder / "nowhere"}), 1, "nowhere");
    std::string labels = slurp(folder / "train-labels-idx1-ubyte");
    write_bytes(folder / "train-labels-idx1-ubyte", labels.substr(0, labels.size() - 1));
    refuses(with({}), 1, "train-labels-idx1-ubyte");
    labels.back() = '\x0a';
    write_bytes(folder / "train-labels-idx1-ubyte", labels);
    refuses(with({}), 1, "label");
}

} // namespace study_test
