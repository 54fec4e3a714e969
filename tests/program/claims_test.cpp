// The claims of a study, on studies made up so that the answer is known.
#include "study/report/claims.hpp"

#include "made_up_study.hpp"
#include "study/json.hpp"
#include "study/report/notes.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

namespace claims_test {

namespace {

using namespace program_test;
using repscope::verdict;

const program::study_claim& claim(const std::vector<program::study_claim>& claims, const std::string& id) {
    for (const program::study_claim& each : claims) {
        if (each.id == id) return each;
    }
    FAIL("no claim " << id);
    return claims.front();
}

} // namespace

TEST_CASE("claims that hold, and claims that do not") {
    for (const double trend : {1.0, -1.0}) {
        CAPTURE(trend);
        const auto claims = program::study_claims(made_up_study(trend, 3));
        for (const char* id : {"1", "1-without-intensity", "3", "3-participation-ratio", "4", "5a", "5b"}) {
            CAPTURE(id);
            const program::study_claim& each = claim(claims, id);
            CHECK(each.result.holds == (trend > 0 ? verdict::yes : verdict::no));
            CHECK(each.result.adjusted_p_value < 0.05);
            CHECK(each.result.adjusted_p_value >= each.result.p_value);
            CHECK(each.result.blocks == 3);
            CHECK(each.networks == 15);
        }
        const program::study_claim& first = claim(claims, "1");
        CHECK(first.result.estimate == doctest::Approx(-trend));
        // .05 of accuracy for .1 of selectivity.
        CHECK(first.slope_per_tenth->estimate == doctest::Approx(-0.05 * trend));
        CHECK(!first.slope_per_tenth->ci);
        // The share of correct images varies as that of a coin: sqrt(.5 * .5 / 99) where half of them are.
        CHECK(first.image_error.value() == doctest::Approx(0.0495).epsilon(0.03));
        const program::study_claim& attacked = claim(claims, "2b");
        REQUIRE(attacked.attack.has_value());
        CHECK(attacked.attack->primary_eps == 8.0 / 255);
        CHECK(attacked.result.estimate == doctest::Approx(trend));
        CHECK(attacked.networks == 9); // alpha of 0 and above
        CHECK(attacked.attack->by_eps[1].floor);
        CHECK(!attacked.attack->by_eps[0].floor);
        CHECK(claim(claims, "4").result.estimate == doctest::Approx(trend > 0 ? 0.01 : -0.01));
        CHECK(claim(claims, "4").ci.has_value());
        // Full maps were not measured.
        CHECK(claim(claims, "4-full").result.holds == verdict::unclear);
    }
}

TEST_CASE("claim 2 is judged by AutoAttack where it was measured, and a change of the verdict is noted") {
    for (const double trend : {1.0, -1.0}) {
        CAPTURE(trend);
        program::study_result study = made_up_study(1.0, 5);
        study.options.autoattack_images = 50;
        for (program::network_result& network : study.networks) {
            const double accuracy = 0.3 + 0.05 * trend * network.alpha;
            auto attacked = condition(program::condition_kind::attack, "autoattack", accuracy, 5.0);
            attacked.eps = 8.0 / 255;
            network.conditions.push_back(attacked);
        }
        study.claims = program::study_claims(study);
        for (const char* id : {"2a-autoattack", "2b-autoattack"}) {
            const program::study_claim& each = claim(study.claims, id);
            CHECK(each.result.estimate == doctest::Approx(trend));
            CHECK(each.result.holds == (trend > 0 ? verdict::yes : verdict::no));
            CHECK(each.images == 50);
            CHECK(each.image_error.value() > 0);
        }
        program::add_study_notes(study, 10);
        REQUIRE(study.notes.size() == (trend > 0 ? 0 : 2));
        if (trend < 0)
            CHECK(study.notes[1] == "claim 2b depends on the attack: yes under PGD, no under AutoAttack");
    }
}

TEST_CASE("a note states by how much PGD is above AutoAttack on the same images") {
    program::study_result study = made_up_study(1.0, 1);
    study.options.attacks = {"pgd", "autoattack"};
    study.options.autoattack_images = 10;
    program::add_study_notes(study, 10);
    REQUIRE(study.notes.size() == 1);
    CHECK(study.notes[0].starts_with("AutoAttack is left out"));
    CHECK(program::primary_eps(study.networks) == 8.0 / 255);
    study.options.autoattack_eps = {8};
    for (program::network_result& network : study.networks) {
        auto attacked = condition(program::condition_kind::attack, "autoattack", 0.5, 5.0);
        attacked.eps = 8.0 / 255;
        attacked.images = 10;
        attacked.after = {{"square", 0.5}};
        network.conditions.push_back(attacked);
        // All of the first 10 images withstand PGD, 9 of them at alpha 0.
        for (auto& each : network.conditions) {
            if (program::is_pgd(each, 8.0 / 255)) each.correct[4] = network.alpha != 0.0;
        }
    }
    program::add_study_notes(study, 10);
    REQUIRE(study.notes.size() == 1);
    CHECK(study.notes[0] ==
          "PGD of 20 steps overestimates robust accuracy at 8/255 by 0.480 on average (0.400 "
          "to 0.500), against AutoAttack on the same 10 images");
}

TEST_CASE("the slope of a trend has an interval from five seeds") {
    const auto claims = program::study_claims(made_up_study(1.0, 5));
    REQUIRE(claim(claims, "1").slope_per_tenth->ci.has_value());
    CHECK(claim(claims, "1").slope_per_tenth->ci->low == doctest::Approx(-0.05)); // exact in every seed
    CHECK(claim(claims, "1").slope_per_tenth->ci->high == doctest::Approx(-0.05));
    CHECK(!claim(program::study_claims(made_up_study(1.0, 1)), "4").ci.has_value());
}

TEST_CASE("claims that are unclear have a reason") {
    for (const auto& each : program::study_claims(made_up_study(1.0, 2))) {
        CHECK(each.result.holds == verdict::unclear);
        CHECK(!each.reason.empty());
    }
    const auto claims = program::study_claims(made_up_study(0.0, 3));
    const program::study_claim& first = claim(claims, "1");
    CHECK(first.result.holds == verdict::unclear);
    REQUIRE(first.result.per_block.size() == 3);
    CHECK(first.result.per_block[0] * first.result.per_block[1] < 0.0);
}

TEST_CASE("p at the floor of the draws is marked, in the table too") {
    const auto claims = program::study_claims(made_up_study(1.0, 3));
    const auto& trend = claim(claims, "1").result; // 120^3 arrangements, of which 10,000 are drawn
    CHECK(trend.at_floor);
    CHECK(trend.p_value == doctest::Approx(1.0 / 10001));
    CHECK(program::p_value_text(trend.p_value, trend.at_floor) == "<= 0.0001");
    CHECK(program::claims_table(claims).find("<= 0.00") != std::string::npos);
    const auto& few = claim(claims, "2a").result; // 6^3 arrangements, all of them
    CHECK(!few.at_floor);
    CHECK(few.p_value == doctest::Approx(2.0 / 216));
    CHECK(program::p_value_text(few.p_value, few.at_floor) == "0.0093");
}

TEST_CASE("claim 4 takes networks of one seed as dependent") {
    // A large gain in one seed and next to none in the others: 15 networks of one sign, 3 seeds.
    program::study_result study = made_up_study(1.0, 3);
    for (auto& network : study.networks) {
        const double gain = network.seed == 0 ? .5 : .01;
        for (auto& condition : network.conditions) {
            if (condition.kind != program::condition_kind::corruption) continue;
            const double clean = network.reference.layers[0].dimensionality.participation_ratio;
            condition.layers = layers_of(clean + .2 - gain, true);
        }
    }
    const auto claims = program::study_claims(study);
    const program::study_claim& contrast = claim(claims, "4");
    CHECK(contrast.result.holds == verdict::unclear);
    CHECK(contrast.test == "Student's t over seeds");
    REQUIRE(contrast.result.per_block.size() == 3);
    // Means .05, .001, .001 in shares of 10 units: t = 1.061 of 2 degrees of freedom.
    const double t = (.052 / 3) / (.049 / 3);
    CHECK(contrast.result.p_value == doctest::Approx(1 - t / std::sqrt(t * t + 2)).epsilon(1e-6));
}

TEST_CASE("claim 6 counts seeds, not images alone") {
    // 2,000 images: alpha 1 is 1.2 points above alpha 0 in one seed, 1.2 below in one, equal in one.
    program::study_result study = made_up_study(1.0, 3);
    for (auto& network : study.networks) {
        std::size_t count = 1600;
        if (network.alpha == 1.0 && network.seed == 0) count += 24;
        if (network.alpha == 1.0 && network.seed == 1) count -= 24;
        network.clean.correct.assign(2000, false);
        for (std::size_t i = 0; i < count; ++i) network.clean.correct[i] = true;
    }
    const auto claims = program::study_claims(study);
    REQUIRE(claim(claims, "6").equivalence.has_value());
    const program::equivalence_claim& equivalence = *claim(claims, "6").equivalence;
    for (const auto& row : equivalence.alphas) {
        CAPTURE(row.alpha);
        CHECK(row.result.holds == (row.alpha == 1.0 ? verdict::unclear : verdict::yes));
        if (row.alpha != 1.0) continue;
        CHECK(row.result.per_block[0] == doctest::Approx(.012));
        // sd .012, t 2.92 of 2 degrees of freedom.
        CHECK(row.result.difference.block_error == doctest::Approx(.012 / std::sqrt(3.0)));
        CHECK(row.result.difference.mean.range.high >= 2.9199 * .012 / std::sqrt(3.0));
    }
    CHECK(equivalence.lowest == -2.0);
    CHECK(equivalence.highest == 0.0);
}

TEST_CASE("networks that learned nothing are noted, and no claim holds") {
    program::study_result study = made_up_study(1.0, 3);
    study.claims = program::study_claims(study);
    program::study_result good = study;
    program::add_study_notes(good, 10);
    CHECK(good.notes.empty());
    CHECK(program::study_text(good) == program::study_text(study));
    program::study_result one = study;
    one.networks[4].clean.accuracy = .12;
    program::add_study_notes(one, 10);
    CHECK(program::study_notes_text(one).find("note: 1 of 15 networks") == 0);
    CHECK(claim(one.claims, "1").result.holds == verdict::yes);
    program::study_result none = study;
    for (auto& network : none.networks) network.clean.accuracy = .088;
    program::add_study_notes(none, 10);
    CHECK(program::study_notes_text(none).find("note: no network learned anything: the highest accuracy is "
                                               "0.088, chance is 0.100") == 0);
    for (const auto& each : none.claims) CHECK(each.result.holds == verdict::unclear);
}

TEST_CASE("accuracy that stays: the range of alphas around 0") {
    const auto claims = program::study_claims(made_up_study(1.0, 3));
    const program::study_claim& stays = claim(claims, "6");
    REQUIRE(stays.equivalence.has_value());
    CHECK(stays.equivalence->lowest == -2.0);
    CHECK(stays.equivalence->highest == 1.0);
    const auto& alphas = stays.equivalence->alphas;
    REQUIRE(alphas.size() == 4);
    CHECK(alphas[0].result.holds == verdict::yes);
    CHECK(alphas[3].result.holds == verdict::no); // 20 points below
    CHECK(alphas[3].result.difference.mean.estimate == doctest::Approx(-0.2));
    CHECK(stays.result.holds == verdict::unclear);
}

} // namespace claims_test
