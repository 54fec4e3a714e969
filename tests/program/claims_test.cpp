// The claims of a study, on studies made up so that the answer is known.
#include "study/report/claims.hpp"

#include "made_up_study.hpp"
#include "study/report/notes.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace claims_test {

namespace {

using namespace program_test;

json claim(const json& claims, const std::string& id) {
    for (const auto& one : claims) {
        if (one["id"] == id) return one;
    }
    FAIL("no claim " << id);
    return {};
}

} // namespace

TEST_CASE("claims that hold, and claims that do not") {
    for (const double trend : {1.0, -1.0}) {
        CAPTURE(trend);
        const made_up made = made_up_study(trend, 3);
        const json claims = program::study_claims(made.study, made.verdicts);
        const std::string verdict = trend > 0 ? "yes" : "no";
        for (const char* id : {"1", "1-without-intensity", "3", "3-participation-ratio", "4", "5a", "5b"}) {
            CAPTURE(id);
            const json found = claim(claims, id);
            CHECK(found["holds"] == verdict);
            CHECK(found["p_holm"].get<double>() < 0.05);
            CHECK(found["p_holm"].get<double>() >= found["p"].get<double>());
            CHECK(found["seeds"] == 3);
            CHECK(found["networks"] == 15);
        }
        CHECK(claim(claims, "1")["estimate"].get<double>() == doctest::Approx(-trend));
        // .05 of accuracy for .1 of selectivity.
        CHECK(claim(claims, "1")["slope_per_tenth"]["estimate"].get<double>() ==
              doctest::Approx(-0.05 * trend));
        // The share of right images varies as that of a coin: sqrt(.5 * .5 / 99) where half of them are.
        CHECK(claim(claims, "1")["image_error"].get<double>() == doctest::Approx(0.0495).epsilon(0.03));
        const json attacked = claim(claims, "2b");
        CHECK(attacked["primary_eps"] == 8.0 / 255);
        CHECK(attacked["estimate"].get<double>() == doctest::Approx(trend));
        CHECK(attacked["networks"] == 9); // alpha of 0 and above
        CHECK(attacked["by_eps"][1]["floor"] == true);
        CHECK(attacked["by_eps"][0]["floor"] == false);
        CHECK(claim(claims, "4")["estimate"].get<double>() == doctest::Approx(trend > 0 ? 0.01 : -0.01));
        // Full maps were not measured.
        CHECK(claim(claims, "4-full")["holds"] == "unclear");
    }
}

TEST_CASE("claims that are unclear say why") {
    const made_up two_seeds = made_up_study(1.0, 2);
    for (const auto& one : program::study_claims(two_seeds.study, two_seeds.verdicts)) {
        CHECK(one["holds"] == "unclear");
        CHECK(!one["reason"].get<std::string>().empty());
    }
    const made_up mixed = made_up_study(0.0, 3);
    const json first = claim(program::study_claims(mixed.study, mixed.verdicts), "1");
    CHECK(first["holds"] == "unclear");
    CHECK(first["per_seed"].size() == 3);
    CHECK(first["per_seed"][0].get<double>() * first["per_seed"][1].get<double>() < 0.0);
}

TEST_CASE("p at the floor of the draws is marked, in the table too") {
    const made_up made = made_up_study(1.0, 3);
    const json claims = program::study_claims(made.study, made.verdicts);
    const json trend = claim(claims, "1"); // 120^3 arrangements, of which 10,000 are drawn
    CHECK(trend["at_floor"] == true);
    CHECK(trend["p"].get<double>() == doctest::Approx(1.0 / 10001));
    CHECK(program::p_value_text(trend, "p") == "<= 0.0001");
    CHECK(program::claims_table(claims).find("<= 0.00") != std::string::npos);
    const json few = claim(claims, "2a"); // 6^3 arrangements, all of them
    CHECK(few["at_floor"] == false);
    CHECK(few["p"].get<double>() == doctest::Approx(2.0 / 216));
    CHECK(program::p_value_text(few, "p") == "0.0093");
}

TEST_CASE("claim 4 takes networks of one seed as dependent") {
    // A large gain in one seed and next to none in the others: 15 networks of one sign, 3 seeds.
    made_up made = made_up_study(1.0, 3);
    for (auto& network : made.study["networks"]) {
        const double gain = network["seed"] == 0 ? .5 : .01;
        for (auto& condition : network["conditions"]) {
            if (condition["kind"] != "corruption") continue;
            const double clean = network["reference"]["layers"][0]["dimensionality"]["participation_ratio"];
            condition["layers"] = layers_of(clean + .2 - gain, true);
        }
    }
    const json found = claim(program::study_claims(made.study, made.verdicts), "4");
    CHECK(found["holds"] == "unclear");
    CHECK(found["test"] == "Student's t over seeds");
    REQUIRE(found["per_seed"].size() == 3);
    // Means .05, .001, .001 in shares of 10 units: t = 1.061 of 2 degrees of freedom.
    const double t = (.052 / 3) / (.049 / 3);
    CHECK(found["p"].get<double>() == doctest::Approx(1 - t / std::sqrt(t * t + 2)).epsilon(1e-6));
}

TEST_CASE("claim 6 counts seeds, not images alone") {
    // 2,000 images: alpha 1 is 1.2 points above alpha 0 in one seed, 1.2 below in one, equal in one.
    made_up made = made_up_study(1.0, 3);
    for (auto& [name, right] : made.verdicts) {
        if (name.find("clean") == std::string::npos) continue;
        std::size_t count = 1600;
        if (name == program::cell_name({1.0, 0}) + "/clean") count += 24;
        if (name == program::cell_name({1.0, 1}) + "/clean") count -= 24;
        right.assign(2000, false);
        for (std::size_t i = 0; i < count; ++i) right[i] = true;
    }
    const json found = claim(program::study_claims(made.study, made.verdicts), "6");
    for (const auto& row : found["alphas"]) {
        CAPTURE(row["alpha"].get<double>());
        CHECK(row["holds"] == (row["alpha"] == 1.0 ? "unclear" : "yes"));
        if (row["alpha"] != 1.0) continue;
        CHECK(row["per_seed"][0].get<double>() == doctest::Approx(.012));
        // sd .012, t 2.92 of 2 degrees of freedom.
        CHECK(row["seed_error"].get<double>() == doctest::Approx(.012 / std::sqrt(3.0)));
        CHECK(row["ci"][1].get<double>() >= 2.9199 * .012 / std::sqrt(3.0));
    }
    CHECK(found["range"] == json({-2.0, 0.0}));
}

TEST_CASE("networks that learned nothing are noted, and no claim holds") {
    made_up made = made_up_study(1.0, 3);
    made.study["claims"] = program::study_claims(made.study, made.verdicts);
    json good = made.study;
    program::add_study_notes(good, 10);
    CHECK(good["notes"].empty());
    CHECK(good["claims"].dump() == made.study["claims"].dump());
    json one = made.study;
    one["networks"][4]["clean_accuracy"] = .12;
    program::add_study_notes(one, 10);
    CHECK(program::study_notes_text(one).find("note: 1 of 15 networks") == 0);
    CHECK(claim(one["claims"], "1")["holds"] == "yes");
    json none = made.study;
    for (auto& network : none["networks"]) network["clean_accuracy"] = .088;
    program::add_study_notes(none, 10);
    CHECK(program::study_notes_text(none).find("note: no network learned anything: the highest accuracy is "
                                               "0.088, chance is 0.100") == 0);
    for (const auto& found : none["claims"]) CHECK(found["holds"] == "unclear");
}

TEST_CASE("accuracy that stays: the range of alphas around 0") {
    const made_up made = made_up_study(1.0, 3);
    const json found = claim(program::study_claims(made.study, made.verdicts), "6");
    CHECK(found["range"] == json({-2.0, 1.0}));
    REQUIRE(found["alphas"].size() == 4);
    CHECK(found["alphas"][0]["holds"] == "yes");
    CHECK(found["alphas"][3]["holds"] == "no"); // 20 points below
    CHECK(found["alphas"][3]["estimate"].get<double>() == doctest::Approx(-0.2));
    CHECK(found["holds"] == "unclear");
}

} // namespace claims_test
