// study.json and the files of networks: what is written is read again, in the same bytes.
#include "study/json.hpp"

#include "made_up_study.hpp"
#include "process.hpp"
#include "study/network_json.hpp"
#include "study/report/claims.hpp"
#include "study/report/geometry_table.hpp"
#include "support/errors.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <string>
#include <vector>

namespace study_json_test {

using namespace program_test;
using json = nlohmann::ordered_json;

namespace {

// A network of which every optional part is there.
program::network_result full_network() {
    program::network_result network = made_up_network(-1.0, 3, 0.1, 0.2);
    network.selectivity_mean = std::nan("");
    auto& report = network.clean.layers[0].report;
    report.file = "out/activations/early.npy";
    report.dtype = "<f4";
    report.layout = "samples, units";
    report.unit = "unit";
    report.samples = 100;
    report.selectivity->class_labels = {0, 7};
    report.selectivity->class_counts = {40, 60};
    report.selectivity->measured.preferred_class = {0, 1, std::nullopt, 1, 0};
    report.dimensionality.limited_by_samples = true;
    network.clean.layers[1].gradient.reset();
    for (auto& condition : network.conditions) {
        if (condition.kind != program::condition_kind::corruption) condition.pixels = {0, 128, 255};
        if (condition.kind == program::condition_kind::attack) {
            condition.steps = 20;
            condition.step_size = condition.eps / 8;
            condition.restarts = 1;
        }
        condition.layers[0].full = {100, dimensionality(12.5),
                                    program::change_result{dimensionality(3), 0.25}};
        condition.layers[0].classes = {1.5, 0.75, 0.625, condition.eps};
        condition.layers[0].cka = repscope::linear_cka_result{0.875, 0.8125};
    }
    network.distances->steps = 100;
    network.distances->targets = 9;
    network.reference.layers[0].classes = {1.25, 0.5, 0.375, 0.9};
    network.reference.layers[0].full = {100, dimensionality(12), std::nullopt};
    return network;
}

std::string text_of(const program::network_result& network) {
    return network_json(network, program::image_results::written).dump();
}

std::vector<std::string> keys_of(const json& object) {
    std::vector<std::string> keys;
    for (const auto& entry : object.items()) keys.push_back(entry.key());
    return keys;
}

json claim_of(const program::study_result& study, const std::string& id) {
    const json whole = json::parse(study_text(study));
    for (const json& claim : whole["claims"]) {
        if (claim["id"] == id) return claim;
    }
    FAIL("no claim " << id);
    return {};
}

} // namespace

TEST_CASE("network: JSON and back") {
    const program::network_result network = full_network();
    const std::string text = text_of(network);
    const program::network_result read = program::network_from_json(json::parse(text));
    CHECK(text_of(read) == text);
    CHECK(std::isnan(read.selectivity_mean));
    CHECK(read.seed == 3);
    CHECK(read.clean.correct == network.clean.correct);
    CHECK(read.clean.layers[0].report.selectivity->class_labels == std::vector<std::int64_t>{0, 7});
    CHECK(read.clean.layers[0].gradient->l2.cv_units == network.clean.layers[0].gradient->l2.cv_units);
    CHECK(!read.clean.layers[1].gradient);
    REQUIRE(read.conditions.size() == network.conditions.size());
    for (std::size_t k = 0; k < read.conditions.size(); ++k) {
        CHECK(read.conditions[k].kind == network.conditions[k].kind);
        CHECK(read.conditions[k].eps == network.conditions[k].eps);
        CHECK(read.conditions[k].correct == network.conditions[k].correct);
        CHECK(read.conditions[k].pixels == network.conditions[k].pixels);
        CHECK(read.conditions[k].layers[0].full->change->relative_size == 0.25);
        CHECK(read.conditions[k].layers[0].classes->cdnv_unbiased == 0.625);
        CHECK(read.conditions[k].layers[0].cka->unbiased == 0.8125);
        CHECK(!read.conditions[k].layers[1].cka);
    }
    REQUIRE(read.distances);
    CHECK(read.distances->distance == network.distances->distance); // one of them is infinity
    CHECK(read.distances->accuracy == network.distances->accuracy);
    CHECK(read.distances->targets == 9);
    json without = json::parse(text);
    without.erase("distances");
    CHECK(!program::network_from_json(without).distances);
    // study.json has no results of single images.
    const json bare = network_json(network, program::image_results::omitted);
    CHECK(!bare.contains("right"));
    CHECK(!bare.contains("pictures"));
}

TEST_CASE("the table of class geometry has a row per alpha and layer") {
    program::study_result study;
    study.networks = {made_up_network(0.5, 1, 0.1, 0.2)};
    CHECK(program::geometry_table(study).empty()); // finished by an earlier version
    study.networks.push_back(full_network());
    const std::string table = program::geometry_table(study);
    const std::size_t row = table.find("-1     early");
    REQUIRE(row != std::string::npos);
    const std::string line = table.substr(row, table.find('\n', row) - row);
    CAPTURE(line);
    for (const char* number : {"1.250", "1.500", "0.500", "0.750", "0.900", "0.812"})
        CHECK(line.find(number) != std::string::npos);
    CHECK(table.find("0.5    late") != std::string::npos);
}

TEST_CASE("network: a file of an earlier version") {
    json object = json::parse(text_of(full_network()));
    object.erase("pictures");
    object["seconds"] = {{"training", 1.5}, {"conditions", 2.0}};
    object["mean_corruption_accuracy"] = nullptr;
    const program::network_result read = program::network_from_json(object);
    CHECK(read.seconds.at(1).stage == "conditions");
    CHECK(read.seconds.at(1).seconds == 2.0);
    CHECK(!read.mean_corruption_accuracy);
    CHECK(std::all_of(read.conditions.begin(), read.conditions.end(),
                      [](const auto& condition) { return condition.pixels.empty(); }));
}

TEST_CASE("a condition of AutoAttack: JSON and back, in a file that is found by its settings") {
    program::condition_result condition = full_network().conditions.back();
    condition.name = "autoattack";
    condition.kind = program::condition_kind::attack;
    condition.after = {{"apgd-ce", 0.5}, {"square", 0.25}};
    condition.warnings = {"few classes"};
    condition.correct[3] = true;
    condition.pixels = {1, 2, 3};
    const json written = program::attack_stage_json(condition);
    const program::condition_result read = program::attack_stage_from_json(json::parse(written.dump()));
    CHECK(program::attack_stage_json(read).dump() == written.dump());
    CHECK(read.correct == condition.correct);
    CHECK(read.pixels == condition.pixels);
    CHECK(read.after == condition.after);
    CHECK(read.warnings == condition.warnings);

    const scratch_folder folder;
    program::study_settings settings;
    settings.data = "fashion-mnist";
    settings.out = folder.path().string();
    const auto store = program::open_study(settings, {"made up", 10, 100, ""}, {});
    const program::stage_store stages = store.autoattack_stages();
    const json eight = store.autoattack_settings({{"eps", 8.0 / 255}, {"images", 100}});
    CHECK(!stages.finished("alpha_0_seed_0_8", eight));
    stages.keep("alpha_0_seed_0_8", eight, written);
    CHECK(stages.finished("alpha_0_seed_0_8", eight) == json::parse(written.dump()));
    CHECK(!stages.finished("alpha_0_seed_0_8",
                           store.autoattack_settings({{"eps", 8.0 / 255}, {"images", 99}})));
    // Networks of other settings have other stages; AutoAttack itself does not change the networks.
    const auto other = program::open_study(settings, {"other", 10, 100, ""}, {});
    CHECK(!stages.finished("alpha_0_seed_0_8",
                           other.autoattack_settings({{"eps", 8.0 / 255}, {"images", 100}})));
    program::keep_network(store, full_network());
    program::condition_options with;
    with.attacks = {"fgsm", "pgd", "autoattack"};
    with.autoattack_images = 100;
    const auto same = program::open_study(settings, {"made up", 10, 100, ""}, with);
    CHECK(program::finished_network(same, settings, {-1.0, 3}));
    std::ofstream(stages.path_of("bad")) << "{}";
    CHECK_THROWS_WITH_AS((void)stages.finished("bad", eight), doctest::Contains("is not a finished stage"),
                         program::data_error);
}

TEST_CASE("network: a file without a network is named") {
    const scratch_folder folder;
    program::study_settings settings;
    settings.data = "fashion-mnist";
    settings.out = folder.path().string();
    const auto store = program::open_study(settings, {"made up", 10, 100, ""}, {});
    const program::study_cell cell{-1.0, 3};
    CHECK(!program::finished_network(store, settings, cell));
    program::keep_network(store, full_network());
    REQUIRE(program::finished_network(store, settings, cell));
    // The file of activations does not exist.
    settings.dump = true;
    CHECK(!program::finished_network(store, settings, cell));
    settings.dump = false;
    const std::string file = store.path_of(program::cell_name(cell));
    for (const char* key : {"right", "conditions", "alpha"}) {
        CAPTURE(key);
        json stored = json::parse(slurp(file));
        stored["network"].erase(key);
        std::ofstream(file) << stored.dump();
        CHECK_THROWS_WITH_AS((void)program::finished_network(store, settings, cell),
                             doctest::Contains(file.c_str()), program::data_error);
        program::keep_network(store, full_network());
    }
}

TEST_CASE("study.json: the keys of claims and their order") {
    program::study_result study = made_up_study(1.0, 5);
    study.claims = program::study_claims(study);
    using keys = std::vector<std::string>;
    const keys common{"id",       "statement",    "estimate", "per_seed", "p",      "p_holm", "test",
                      "at_floor", "claimed_sign", "seeds",    "networks", "images", "holds"};
    const auto with = [&](const keys& more) {
        keys all = common;
        all.insert(all.end(), more.begin(), more.end());
        return all;
    };
    CHECK(keys_of(claim_of(study, "1")) == with({"slope_per_tenth", "image_error"}));
    CHECK(keys_of(claim_of(study, "1")["slope_per_tenth"]) == keys{"estimate", "ci"});
    CHECK(keys_of(claim_of(study, "2b")) ==
          with({"slope_per_tenth", "primary_eps", "image_error", "ordering_turns_at", "by_eps"}));
    CHECK(keys_of(claim_of(study, "4")) == with({"ci"}));
    CHECK(keys_of(claim_of(study, "4-full")) == with({"reason"}));
    CHECK(keys_of(claim_of(study, "6")) == with({"alphas", "range", "reason"}));
    CHECK(claim_of(study, "4-full")["p"].is_null());

    // The reason of a test comes before what only claim 2 has.
    std::erase_if(study.networks, [](const auto& network) { return network.alpha == 0.0; });
    study.claims = program::study_claims(study);
    CHECK(keys_of(claim_of(study, "2a")) ==
          with({"reason", "primary_eps", "image_error", "ordering_turns_at", "by_eps"}));
    CHECK(claim_of(study, "2a")["image_error"].is_null());
    CHECK(keys_of(claim_of(study, "6")) == with({"reason"}));

    // A single seed has no interval; one of NaN is written as such.
    program::study_result one = made_up_study(1.0, 1);
    one.claims = program::study_claims(one);
    CHECK(keys_of(claim_of(one, "4")) == with({"reason"}));
    program::study_result constant = made_up_study(1.0, 5);
    for (auto& network : constant.networks) network.selectivity_mean = 0.5;
    constant.claims = program::study_claims(constant);
    CHECK(claim_of(constant, "1")["slope_per_tenth"]["ci"] == json({nullptr, nullptr}));
}

} // namespace study_json_test
