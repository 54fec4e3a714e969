// The claims of a study, on studies made up so that the answer is known.
#include "study_claims.hpp"

#include "made_up_study.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

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
