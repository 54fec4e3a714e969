#include "repscope/robustness/fairness.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace fairness_test {

using namespace repscope;

TEST_CASE("gaps of a small table by hand") {
    // With the attribute: labels 0 0 0 1, predicted 1 1 0 1. Without: labels 0 0 1 1 1, predicted 0 1 0 1 1.
    const std::vector<int> attribute{1, 1, 1, 1, 0, 0, 0, 0, 0}, labels{0, 0, 0, 1, 0, 0, 1, 1, 1},
        predicted{1, 1, 0, 1, 0, 1, 0, 1, 1};
    const fairness_gaps found = fairness(predicted, labels, attribute);
    CHECK(found.with.samples == 4);
    CHECK(found.without.samples == 5);
    CHECK(found.with.false_positive == doctest::Approx(2.0 / 3));
    CHECK(found.with.false_negative == 0);
    CHECK(found.with.positive == doctest::Approx(3.0 / 4));
    CHECK(found.with.accuracy == doctest::Approx(2.0 / 4));
    CHECK(found.without.false_positive == doctest::Approx(1.0 / 2));
    CHECK(found.without.false_negative == doctest::Approx(1.0 / 3));
    CHECK(found.without.positive == doctest::Approx(3.0 / 5));
    CHECK(found.without.accuracy == doctest::Approx(3.0 / 5));
    CHECK(found.equalized_odds == doctest::Approx((1.0 / 6 + 1.0 / 3) / 2));
    CHECK(found.demographic_parity == doctest::Approx(3.0 / 20));
}

TEST_CASE("a rate over no samples is undefined, and so is the gap it enters") {
    const fairness_gaps found = fairness(std::vector{1, 0, 1}, std::vector{1, 1, 0}, std::vector{1, 1, 0});
    CHECK(std::isnan(found.with.false_positive));
    CHECK(std::isnan(found.equalized_odds));
    CHECK(found.demographic_parity == doctest::Approx(.5));
    CHECK(std::isnan(fairness({}, {}, {}).demographic_parity));
}

TEST_CASE("values that are not binary and other lengths throw") {
    CHECK_THROWS_WITH_AS(
        (void)fairness(std::vector{0, 1}, std::vector{0}, std::vector{0}),
        "repscope::fairness: expected as many predictions as labels and attributes, got 2, 1 "
        "and 1",
        shape_error);
    CHECK_THROWS_WITH_AS((void)fairness(std::vector{0, 2}, std::vector{0, 1}, std::vector{0, 1}),
                         "repscope::fairness: expected 0 or 1, got 2 at position 1", value_error);
}

} // namespace fairness_test
