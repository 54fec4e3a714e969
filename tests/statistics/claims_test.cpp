#include "repscope/statistics/claims.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace claims_test {

using namespace repscope;

namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

claim_result claim_of(double p_value, std::vector<double> per_block, int claimed_sign = 1) {
    claim_result claim;
    for (const double value : per_block) claim.estimate = std::isnan(claim.estimate) ? value : claim.estimate;
    claim.blocks = per_block.size();
    claim.per_block = std::move(per_block);
    claim.p_value = p_value;
    claim.claimed_sign = claimed_sign;
    return claim;
}

} // namespace

TEST_CASE("trend_claim: correlation, p-value of all arrangements and slope") {
    // Ranks rise in all blocks: of 6^3 arrangements two are as far from 0.
    const std::vector<paired_block> blocks{
        {{1, 2, 3}, {10, 12, 14}}, {{1, 2, 4}, {1, 3, 7}}, {{0, 5, 6}, {0, 10, 12}}};
    const trend_claim_result rising = trend_claim(blocks, 1);
    CHECK(rising.claim.estimate == doctest::Approx(1));
    CHECK(rising.claim.p_value == doctest::Approx(2.0 / 216));
    CHECK(rising.claim.at_floor == false);
    CHECK(rising.claim.blocks == 3);
    CHECK(rising.slopes.mean.estimate == doctest::Approx(2));
    CHECK(!rising.claim.holds.has_value());

    // One block by brute force: |correlation| of every order of y against that of the data.
    const std::vector<paired_block> one{{{1, 2, 3, 4}, {2, 1, 4, 3}}};
    const trend_claim_result mixed = trend_claim(one, -1);
    std::array<double, 4> order{1, 2, 3, 4};
    std::size_t extreme = 0, all = 0;
    do {
        const std::vector<double> y(order.begin(), order.end());
        extreme +=
            std::abs(spearman(one[0].x, y)) >= std::abs(spearman(one[0].x, one[0].y)) - 1e-12 ? 1U : 0U;
        ++all;
    } while (std::next_permutation(order.begin(), order.end()));
    CHECK(mixed.claim.p_value == doctest::Approx(static_cast<double>(extreme) / static_cast<double>(all)));
    CHECK(mixed.claim.claimed_sign == -1);

    CHECK_THROWS_AS((void)trend_claim(blocks, 0), value_error);
    CHECK_THROWS_AS((void)trend_claim(std::vector<paired_block>{{{1, 2}, {1}}}, 1), shape_error);
}

TEST_CASE("contrast_claim: the blocks are the sample, with Student's t") {
    // Means .05, .001, .001; for 2 degrees of freedom p is 1 - t / sqrt(t^2 + 2).
    const std::vector<std::vector<double>> differences{{.04, .06}, {.001}, {0, .002, .001}};
    const claim_result claim = contrast_claim(differences, 1);
    const double mean = .052 / 3, error = .049 / 3, t = mean / error;
    CHECK(claim.estimate == doctest::Approx(mean));
    CHECK(claim.p_value == doctest::Approx(1 - t / std::sqrt(t * t + 2)).epsilon(1e-9));
    CHECK(claim.ci.high == doctest::Approx(mean + 4.30265273 * error).epsilon(1e-7));
    REQUIRE(claim.per_block.size() == 3);
    CHECK(claim.per_block[0] == doctest::Approx(.05));

    const claim_result alone = contrast_claim(std::vector<std::vector<double>>{{1, 3}}, 1);
    CHECK(alone.estimate == 2);
    CHECK(std::isnan(alone.p_value));
    CHECK(std::isnan(alone.ci.low));
    CHECK(std::isnan(contrast_claim(std::vector<std::vector<double>>{{1}, {}}, 1).estimate));
    CHECK_THROWS_AS((void)contrast_claim(differences, 2), value_error);
}

TEST_CASE("equivalent: yes inside the margin, no outside, else unclear") {
    CHECK(equivalent({-0.01, 0.009}, 0.01) == verdict::yes);
    CHECK(equivalent({-0.02, 0.009}, 0.01) == verdict::unclear);
    CHECK(equivalent({-0.02, -0.011}, 0.01) == verdict::no);
    CHECK(equivalent({0.011, 0.02}, 0.01) == verdict::no);
    CHECK(equivalent({}, 0.01) == verdict::unclear);
    CHECK_THROWS_AS((void)equivalent({0, 0}, 0), value_error);
    CHECK(to_string(verdict::yes) == "yes");
    CHECK(to_string(verdict::no) == "no");
    CHECK(to_string(verdict::unclear) == "unclear");
}

TEST_CASE("equivalence_claim: blocks that differ widen the interval") {
    // Items that are all alike: only the blocks spread, by .012, as in a t-test of their means.
    const std::vector<std::vector<double>> wide{std::vector<double>(50, .012), std::vector<double>(50, -.012),
                                                std::vector<double>(50, 0.0)};
    const equivalence_claim_result claim = equivalence_claim(wide, .01);
    CHECK(claim.holds == verdict::unclear);
    CHECK(claim.difference.block_error == doctest::Approx(.012 / std::sqrt(3.0)));
    CHECK(claim.difference.mean.range.high ==
          doctest::Approx(2.91998558 * .012 / std::sqrt(3.0)).epsilon(1e-7));
    CHECK(claim.per_block[1] == doctest::Approx(-.012));
    std::vector<std::vector<double>> narrow = wide;
    for (auto& block : narrow) {
        for (double& value : block) value /= 10;
    }
    CHECK(equivalence_claim(narrow, .01).holds == verdict::yes);
    for (auto& block : narrow) {
        for (double& value : block) value += .2;
    }
    CHECK(equivalence_claim(narrow, .01).holds == verdict::no);
    CHECK(equivalence_claim({{.0, .0}}, .01).holds == verdict::unclear);
    CHECK_THROWS_AS((void)equivalence_claim({{1, 2}, {1}}, .01), shape_error);
}

TEST_CASE("judge_claims: Holm's correction over all p-values, then sign and direction") {
    std::vector<claim_result> claims{claim_of(.01, {1, 1, 1}),
                                     claim_of(.02, {1, 1, 1}, -1),
                                     claim_of(.004, {1, -1, 1}),
                                     claim_of(.2, {1, 1, 1}),
                                     claim_of(undefined, {undefined, undefined, undefined}),
                                     claim_of(.001, {1, 1}),
                                     claim_of(.001, {1, undefined, 1})};
    judge_claims(claims);
    // Six p-values: .001 and .001 times 6 and 5, .004 times 4, .01 times 3, .02 times 2, .2.
    CHECK(claims[0].adjusted_p_value == doctest::Approx(.03));
    CHECK(claims[1].adjusted_p_value == doctest::Approx(.04));
    CHECK(claims[2].adjusted_p_value == doctest::Approx(.016));
    CHECK(claims[3].adjusted_p_value == doctest::Approx(.2));
    CHECK(std::isnan(claims[4].adjusted_p_value));
    CHECK(claims[5].adjusted_p_value == doctest::Approx(.006));
    CHECK(claims[0].holds == verdict::yes);
    CHECK(claims[1].holds == verdict::no);
    for (std::size_t k = 2; k < claims.size(); ++k) CHECK(claims[k].holds == verdict::unclear);
    CHECK(claims[0].reason == unclear_reason::none);
    CHECK(claims[2].reason == unclear_reason::sign_differs);
    CHECK(claims[3].reason == unclear_reason::not_significant);
    CHECK(claims[4].reason == unclear_reason::no_variation);
    CHECK(claims[5].reason == unclear_reason::few_blocks);
    CHECK(claims[6].reason == unclear_reason::sign_differs);
}

TEST_CASE("judge_claims: a verdict that is set stays, and its p-value counts") {
    std::vector<claim_result> claims{claim_of(.02, {1, 1, 1}), claim_of(.03, {1, 1, 1}),
                                     claim_of(undefined, {1, 1, 1})};
    claims[0].holds = verdict::unclear;
    claims[2].holds = verdict::yes;
    judge_claims(claims);
    CHECK(claims[0].holds == verdict::unclear);
    CHECK(claims[0].reason == unclear_reason::none);
    CHECK(claims[0].adjusted_p_value == doctest::Approx(.04));
    CHECK(claims[1].adjusted_p_value == doctest::Approx(.04));
    CHECK(claims[1].holds == verdict::yes);
    CHECK(claims[2].holds == verdict::yes);

    std::vector<claim_result> strict{claim_of(.02, {1, 1, 1})};
    judge_claims(strict, {.level = .01, .min_blocks = 3});
    CHECK(strict[0].reason == unclear_reason::not_significant);
    strict[0] = claim_of(.02, {1, 1, 1});
    judge_claims(strict, {.level = .05, .min_blocks = 4});
    CHECK(strict[0].reason == unclear_reason::few_blocks);
    std::vector<claim_result> invalid{claim_of(1.5, {1, 1, 1})};
    CHECK_THROWS_AS(judge_claims(invalid), value_error);
}

} // namespace claims_test
