#include "repscope/statistics/distributions.hpp"

#include "repscope/detail/common/fold_hash.hpp"

#include <array>
#include <cmath>
#include <limits>

#include <doctest/doctest.h>

namespace distributions_test {

namespace {

bool near(double a, double b, double relative = 1e-12) { return std::abs(a - b) <= relative * std::abs(b); }

} // namespace

TEST_CASE("the incomplete beta function") {
    CHECK(near(repscope::incomplete_beta(2.5, .5, .3), 0.01892712407194565));
    CHECK(near(repscope::incomplete_beta(50, 51, .5), 0.5397946186935897));
    CHECK(near(repscope::incomplete_beta(1000, 1000, .49), 0.18555265943145985, 1e-11));
    // Closed forms: I_x(1, b), I_x(a, 1) and the arc sine law.
    CHECK(near(repscope::incomplete_beta(1, 7, .2), 1 - std::pow(.8, 7)));
    CHECK(near(repscope::incomplete_beta(9, 1, .99), std::pow(.99, 9)));
    CHECK(near(repscope::incomplete_beta(.5, .5, 1e-8), 2 / 3.14159265358979324 * std::asin(1e-4)));
    CHECK(repscope::incomplete_beta(2, 3, 0) == 0);
    CHECK(repscope::incomplete_beta(2, 3, 1) == 1);
    CHECK(near(repscope::beta_quantile(1, 7, 1 - std::pow(.8, 7)), .2));
    CHECK(near(repscope::beta_quantile(9, 1, 1e-200), std::pow(1e-200, 1.0 / 9)));
    CHECK(std::isnan(repscope::beta_quantile(1, 1, 1.5)));
}

TEST_CASE("binomial, normal and Student's distribution") {
    double sum = 0; // of the terms themselves
    double term = std::pow(.8, 30);
    for (int k = 0; k <= 7; ++k) {
        sum += term;
        term *= (30.0 - k) / (k + 1.0) * .25;
    }
    CHECK(near(repscope::binomial_cdf(7, 30, .2), sum));
    CHECK(near(repscope::binomial_cdf(3, 20, .5), 1351.0 / 1048576));
    CHECK(repscope::binomial_cdf(20, 20, .5) == 1);
    CHECK(near(repscope::normal_cdf(-1.7), 0.044565462758543006));
    CHECK(near(repscope::student_quantile(.975, 19), 2.093024054408263));
    CHECK(near(repscope::student_quantile(.995, 49), 2.67995197363155));
    CHECK(near(repscope::student_quantile(.025, 2), -.95 * std::sqrt(2 / (4 * .025 * .975))));
    CHECK(near(repscope::student_quantile(.9, 1), std::tan(3.14159265358979324 * .4)));
    CHECK(repscope::student_quantile(.5, 3) == 0);
    CHECK(std::isinf(repscope::student_quantile(1, 3)));
}

TEST_CASE("blocks of samples are a hash of their place") {
    // The places themselves must not change: shards dumped by different versions are merged by them.
    constexpr std::array<std::size_t, 6> first{
        repscope::sample_block(0, 20), repscope::sample_block(1, 20),
        repscope::sample_block(2, 20), repscope::sample_block(3, 20),
        repscope::sample_block(4, 20), repscope::sample_block(std::uint64_t{1} << 40U, 20)};
    CHECK(first == std::array<std::size_t, 6>{1, 5, 19, 2, 6, 17});
    std::array<int, 20> counts{};
    for (std::uint64_t i = 0; i < 20000; ++i) ++counts[repscope::sample_block(i, 20)];
    for (const int count : counts) CHECK(std::abs(count - 1000) < 150); // 5 standard deviations
}

} // namespace distributions_test
