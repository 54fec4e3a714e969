// `repscope study` with AutoAttack: its conditions, its eps, and what a second run measures again.

#include "made_up_images.hpp"
#include "process.hpp"
#include "small_studies.hpp"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace study_autoattack_test {

using namespace program_test;
using namespace program_test::studies;

TEST_CASE("a study with AutoAttack" * doctest::test_suite("trains")) {
    const scratch_folder folder;
    write_data(folder);
    const auto arguments = study(folder, "out",
                                 {"--alphas",
                                  "1",
                                  "--seeds",
                                  "1",
                                  "--corruption-images",
                                  "0",
                                  "--gradient-images",
                                  "0",
                                  "--attack-images",
                                  "8",
                                  "--eps",
                                  "8,16",
                                  "--attacks",
                                  "autoattack,pgd",
                                  "--autoattack-images",
                                  "8",
                                  "--autoattack-eps",
                                  "8,16",
                                  "--distance-images",
                                  "6"});
    const outcome result = run(arguments);
    INFO(result.err);
    REQUIRE(result.code == 0);
    const json all = study_json(folder, "out");
    CHECK(all["options"]["attacks"] == json({"pgd", "autoattack"}));
    CHECK(all["options"]["autoattack_images"] == 8);
    const json& network = all["networks"][0];
    std::map<std::string, std::vector<json>> attacks;
    for (const auto& condition : network["conditions"]) {
        if (condition["kind"] == "attack") attacks[condition["name"]].push_back(condition);
    }
    CHECK(attacks.size() == 3); // pgd with two losses
    REQUIRE(attacks["autoattack"].size() == 2);
    for (const json& condition : attacks["autoattack"]) {
        CHECK(condition["norm"] == "linf");
        CHECK(condition["images"] == 8);
        CHECK(!condition.contains("steps"));
        const json& after = condition["after"];
        REQUIRE(after.size() == 4);
        CHECK(after["apgd-ce"].get<double>() >= after["apgd-t"].get<double>());
        CHECK(after["fab-t"].get<double>() >= after["square"].get<double>());
        CHECK(condition["accuracy"] == after["square"]);
        CHECK(condition["mean_linf"].get<double>() <= condition["eps"].get<double>() + 1e-6);
    }
    const std::string page = slurp(folder / "out/report.html");
    CHECK(page.find("AutoAttack 8/255") != std::string::npos);
    CHECK(page.find("PGD above it") != std::string::npos);
    CHECK(slurp(folder / "out/study.csv").find("attack/autoattack/8,,accuracy_after_fab-t,") !=
          std::string::npos);
    CHECK(all["options"]["autoattack_eps"] == json({8.0, 16.0}));
    CHECK(all["notes"][0].get<std::string>().find(
              "PGD of 3 steps overestimates robust accuracy at 8/255 by ") != std::string::npos);
    // The share of images that are farther away than eps, at 65 eps.
    const json& distances = network["distances"];
    CHECK(distances["images"] == 6);
    REQUIRE(distances["distance"].size() == 6);
    REQUIRE(distances["curve"]["eps"].size() == 65);
    CHECK(distances["curve"]["eps"][64] == 16.0 / 255);
    for (std::size_t k = 0; k <= 64; ++k) {
        double farther = 0.0;
        for (const json& distance : distances["distance"])
            farther += distance.is_null() || distance > distances["curve"]["eps"][k] ? 1.0 : 0.0;
        CHECK(distances["curve"]["accuracy"][k].get<double>() == farther / 6);
    }
    // A second run reads the finished network and writes the same.
    REQUIRE(run(arguments).code == 0);
    CHECK(study_json(folder, "out") == all);
    // The networks do not depend on AutoAttack, which is found again, or measured again from the parameters.
    std::filesystem::remove(folder / "out/autoattack/alpha_1_seed_0_16.json");
    REQUIRE(run(arguments).code == 0);
    const auto of_attack = [](const json& study) {
        json conditions = study["networks"][0]["conditions"];
        return conditions;
    };
    CHECK(of_attack(study_json(folder, "out")) == of_attack(all));
    std::filesystem::remove(folder / "out/autoattack/alpha_1_seed_0_16.json");
    std::filesystem::remove(folder / "out/networks/alpha_1_seed_0.parameters");
    REQUIRE(run(arguments).code == 0);
    CHECK(of_attack(study_json(folder, "out")) == of_attack(all));
    auto bare = arguments;
    *(std::find(bare.begin(), bare.end(), "--attacks") + 1) = "pgd";
    REQUIRE(run(bare).code == 0);
    json kept = json::array();
    for (const json& each : all["networks"][0]["conditions"]) {
        if (each.value("name", "") != "autoattack") kept.push_back(each);
    }
    CHECK(of_attack(study_json(folder, "out")) == kept);
}

TEST_CASE("the eps of AutoAttack is that of claim 2" * doctest::test_suite("trains")) {
    const scratch_folder folder;
    write_data(folder);
    const std::vector<std::string> small{"--seeds",
                                         "1",
                                         "--corruption-images",
                                         "0",
                                         "--gradient-images",
                                         "0",
                                         "--attacks",
                                         "pgd,autoattack",
                                         "--autoattack-images",
                                         "4"};
    const auto with = [&](const std::string& out, const std::string& alphas) {
        auto options = small;
        options.insert(options.end(), {"--alphas", alphas});
        const outcome done = run(study(folder, out, options));
        INFO(done.err);
        REQUIRE(done.code == 0);
        return study_json(folder, out);
    };
    const json all = with("out", "0");
    double nearest = 1.0, primary = 0.0;
    std::vector<double> attacked;
    for (const json& condition : all["networks"][0]["conditions"]) {
        if (condition.value("name", "") == "autoattack") attacked.push_back(condition["eps"]);
        if (condition.value("name", "") != "pgd") continue;
        const double distance = std::abs(condition["accuracy"].get<double>() -
                                         0.5 * all["networks"][0]["clean_accuracy"].get<double>());
        if (distance < nearest) primary = condition["eps"];
        nearest = std::min(nearest, distance);
    }
    CHECK(attacked == std::vector<double>{primary});
    REQUIRE(all["options"]["autoattack_eps"].size() == 1);
    CHECK(all["options"]["autoattack_eps"][0].get<double>() / 255 == primary);
    // There is none without networks of alpha 0, and PGD.
    const json without = with("without", "1");
    CHECK(without["notes"][0].get<std::string>().starts_with("AutoAttack is left out"));
    CHECK(!without["options"].contains("autoattack_eps"));
    const outcome refused = run(study(folder, "out", {"--attacks", "autoattack"}));
    CHECK(refused.code == 2);
    CHECK(refused.err.find("--autoattack-eps: expected numbers") != std::string::npos);
}

} // namespace study_autoattack_test
