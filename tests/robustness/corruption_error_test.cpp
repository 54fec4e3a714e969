#include "repscope/robustness/corruption_error.hpp"

#include "repscope/corruption/kind.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <vector>

namespace corruption_error_test {

using doctest::Approx;

TEST_CASE("corruption errors are ratios of sums over severities") {
    const std::array<double, 5> errors{0.1, 0.2, 0.3, 0.4, 0.5};
    CHECK(repscope::unnormalized_corruption_error(errors) == Approx(0.3));
    CHECK(repscope::corruption_error(errors, 0.75) == Approx(1.5 / 3.75));
    // sum (E - 0.05) / sum (R - 0.5) = 1.25 / 1.25
    CHECK(repscope::relative_corruption_error(errors, 0.05, 0.75, 0.5) == Approx(1.0));
    CHECK(repscope::relative_corruption_error(errors, 0.4, 0.75, 0.5) == Approx(-0.4));
    CHECK(repscope::mean_corruption_error(std::array<float, 2>{0.5F, 1.5F}) == Approx(1.0));
}

TEST_CASE("AlexNet is as bad as itself on every common corruption") {
    std::vector<double> ratios;
    double sum = 0.0;
    for (const auto name : repscope::corruption::common) {
        const auto reference = repscope::alexnet_error(name);
        REQUIRE(reference);
        sum += *reference;
        ratios.push_back(repscope::corruption_error(std::array<double, 1>{*reference}, *reference));
    }
    CHECK(ratios.size() == 15);
    CHECK(repscope::mean_corruption_error(ratios) == Approx(1.0));
    CHECK(sum / 15 == Approx(0.788993).epsilon(1e-6));
    for (const auto name : repscope::corruption::extra) CHECK_FALSE(repscope::alexnet_error(name));
}

TEST_CASE("invalid errors throw") {
    const std::array<double, 2> good{0.5, 0.5};
    CHECK_THROWS_AS((void)repscope::corruption_error(std::vector<double>{}, 0.5), repscope::value_error);
    CHECK_THROWS_AS((void)repscope::corruption_error(std::array<double, 1>{1.5}, 0.5), repscope::value_error);
    CHECK_THROWS_AS((void)repscope::corruption_error(good, 0.0), repscope::value_error);
    CHECK_THROWS_AS((void)repscope::relative_corruption_error(good, 0.1, 0.4, 0.4), repscope::value_error);
    CHECK_THROWS_AS((void)repscope::mean_corruption_error(std::vector<double>{}), repscope::value_error);
    CHECK_THROWS_AS(
        (void)repscope::mean_corruption_error(std::array<double, 1>{std::numeric_limits<double>::infinity()}),
        repscope::value_error);
}

} // namespace corruption_error_test
