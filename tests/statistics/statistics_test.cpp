// Intervals and tests of a robustness study, against closed forms, enumeration and published figures.

#include "repscope/statistics/effect_size.hpp"
#include "repscope/statistics/mcnemar.hpp"
#include "repscope/statistics/multiple_testing.hpp"
#include "repscope/statistics/proportion_interval.hpp"
#include "repscope/statistics/sign_flip.hpp"
#include "repscope/statistics/spearman_interval.hpp"

#include "repscope/random/random_stream.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

namespace statistics_test {

namespace {

using repscope::interval;

bool near(double a, double b, double absolute = 1e-12) { return std::abs(a - b) <= absolute; }
bool near(const interval& a, double low, double high, double absolute = 1e-12) {
    return near(a.low, low, absolute) && near(a.high, high, absolute);
}

} // namespace

TEST_CASE("intervals of a proportion") {
    using repscope::clopper_pearson_interval;
    using repscope::wilson_interval;
    const double z = 1.959963984540054;
    CHECK(near(wilson_interval(0, 100), 0, z * z / (100 + z * z)));
    CHECK(wilson_interval(0, 100).low == 0);
    CHECK(wilson_interval(7, 7).high == 1);
    CHECK(near(wilson_interval(9, 10), 0.5958499732047615, 0.9821237869049271));
    CHECK(near(wilson_interval(50, 100), 0.4038315303659956, 0.5961684696340044));
    CHECK(near(wilson_interval(4730, 10000), .46322672010096777, .48279401581104864));
    CHECK(near(clopper_pearson_interval(0, 100), 0, 1 - std::pow(.025, .01)));
    CHECK(near(clopper_pearson_interval(100, 100), std::pow(.025, .01), 1));
    CHECK(near(clopper_pearson_interval(9, 10), 0.5549838829718047, 0.9974714214555382));
    CHECK(near(clopper_pearson_interval(50, 100), .39832112950330106, .6016788704966989));
    CHECK(near(clopper_pearson_interval(4730, 10000), .4631735419169233, .4828421907745454));
    CHECK_THROWS_WITH_AS((void)wilson_interval(3, 2),
                         "repscope::wilson_interval: expected at least 1 trial and no more successes than "
                         "trials, got 3 of 2",
                         repscope::value_error);
    CHECK_THROWS_AS((void)clopper_pearson_interval(0, 0), repscope::value_error);
    CHECK_THROWS_AS((void)clopper_pearson_interval(1, 2, 1), repscope::value_error);
}

TEST_CASE("the guaranteed interval covers, the score interval does so on average") {
    // Exact coverage: the binomial terms of the counts whose interval holds the proportion.
    const auto coverage = [](double share, auto&& of) {
        double covered = 0;
        for (std::uint64_t k = 0; k <= 100; ++k) {
            const double below = k == 0 ? 0 : repscope::binomial_cdf(k - 1, 100, share);
            if (of(k).contains(share)) covered += repscope::binomial_cdf(k, 100, share) - below;
        }
        return covered;
    };
    const auto wilson = [](std::uint64_t k) { return repscope::wilson_interval(k, 100); };
    const auto guaranteed = [](std::uint64_t k) { return repscope::clopper_pearson_interval(k, 100); };
    CHECK(near(coverage(.02, wilson), .949, 5e-4));
    CHECK(near(coverage(.5, wilson), .943, 5e-4));
    CHECK(near(coverage(.02, guaranteed), .985, 5e-4));
    CHECK(near(coverage(.5, guaranteed), .965, 5e-4));
}

TEST_CASE("McNemar's test counts the samples that one network alone has right") {
    //                           both  first second none first
    const std::vector<int> labels{0, 1, 2, 3, 4};
    const std::vector<int> first{0, 1, 0, 0, 4};
    const std::vector<std::uint8_t> second{0, 0, 2, 0, 0};
    const auto r = repscope::mcnemar(first, second, labels);
    CHECK(r.samples == 5);
    CHECK(r.only_first == 2);
    CHECK(r.only_second == 1);
    CHECK(near(r.difference, .2));
    CHECK(r.p_value == 1);
    // 2 P(X <= 5), X binomial of 21 tosses: exact in integers.
    const auto many = repscope::mcnemar(1000, 16, 5);
    CHECK(near(many.p_value, 2 * (1 + 21 + 210 + 1330 + 5985 + 20349) / 2097152.0));
    CHECK(near(many.difference, .011));
    const double variance = (22 - 121 / 1002.0) / (1002.0 * 1002.0);
    CHECK(near(many.ci, 11 / 1002.0 - 1.959963984540054 * std::sqrt(variance),
               11 / 1002.0 + 1.959963984540054 * std::sqrt(variance)));
    CHECK(repscope::mcnemar(10, 0, 0).p_value == 1);
    CHECK(repscope::mcnemar(10, 0, 0).difference == 0);
    CHECK_THROWS_AS((void)repscope::mcnemar(0, 0, 0), repscope::value_error);
    CHECK_THROWS_AS((void)repscope::mcnemar(10, 6, 5), repscope::value_error);
    CHECK_THROWS_AS((void)repscope::mcnemar(first, second, std::vector<int>{1}), repscope::shape_error);
}

TEST_CASE("flipping signs, exactly and at random") {
    const std::vector<double> seeds{.3, -.1, .25, .4, .05, .2};
    // Sums that reach 1.1: all positive but .1 or .05 and .1 turned; by hand: 1.3, 1.2, 1.1 and their
    // mirrors.
    const auto exact = repscope::sign_flip_test(seeds);
    CHECK(exact.exact);
    CHECK(near(exact.mean, 1.1 / 6));
    CHECK(near(exact.p_value, 6 / 64.0));
    CHECK(near(repscope::sign_flip_test(std::vector<double>{1, 2, 3, 4, 5, 6}).p_value, 2 / 64.0));
    CHECK(repscope::sign_flip_test(std::vector<double>{0, 0, 0}).p_value == 1);
    CHECK(repscope::sign_flip_test(std::vector<double>{5}).p_value == 1);
    // 21 differences at random, 20 of them exactly: as good as the same.
    std::vector<double> more;
    repscope::random_stream random(4, 4);
    for (int i = 0; i < 21; ++i) more.push_back(random.normal() + .4);
    const auto drawn = repscope::sign_flip_test(more);
    CHECK(!drawn.exact);
    // The exact p-value of all 2^20 patterns, counted here.
    double sum = 0;
    for (const double d : more) sum += d;
    int hits = 0;
    for (std::uint32_t pattern = 0; pattern < (1U << 20U); pattern += 7) { // every seventh: 150,000
        double total = more[20];
        for (std::size_t i = 0; i < 20; ++i) total += (pattern >> i & 1U) != 0 ? -more[i] : more[i];
        hits += std::abs(total) >= std::abs(sum) ? 1 : 0;
    }
    const double expected = hits / 149797.0;
    CHECK(near(drawn.p_value, expected, 5 * std::sqrt(expected / 1e5) + 1e-5));
    CHECK_THROWS_AS((void)repscope::sign_flip_test({}), repscope::value_error);
    CHECK_THROWS_AS((void)repscope::sign_flip_test(std::vector<double>{1, NAN}), repscope::value_error);
}

TEST_CASE("Hedges' d") {
    const std::vector<double> seeds{.3, -.1, .25, .4, .05, .2};
    double squares = 0;
    for (const double d : seeds) squares += (d - 1.1 / 6) * (d - 1.1 / 6);
    CHECK(near(repscope::hedges_d(seeds), 1.1 / 6 / std::sqrt(squares / 5) * 16 / 19));
    CHECK(repscope::hedges_d(std::vector<double>{0, 0, 0}) == 0);
    CHECK(std::isinf(repscope::hedges_d(std::vector<double>{2, 2, 2})));
    CHECK(std::isnan(repscope::hedges_d(std::vector<double>{1, 2})));
}

TEST_CASE("adjusted p-values") {
    const std::vector<double> p{.01, .04, .03, .005, .5};
    const auto h = repscope::holm(p); // sorted .005 x 5, .01 x 4, .03 x 3, .04 x 2 -> .09, .5
    const std::array<double, 5> holm{.04, .09, .09, .025, .5};
    const auto q = repscope::benjamini_hochberg(p); // .5, .04 x 5/4, .03 x 5/3, .01 x 5/2, .005 x 5
    const std::array<double, 5> bh{.025, .05, .05, .025, .5};
    for (std::size_t i = 0; i < 5; ++i) {
        CHECK(near(h[i], holm[i]));
        CHECK(near(q[i], bh[i]));
    }
    CHECK(repscope::holm(std::vector<double>{.6, .7})[0] == 1);
    CHECK(repscope::benjamini_hochberg({}).empty());
    CHECK_THROWS_WITH_AS((void)repscope::holm(std::vector<double>{.1, NAN}),
                         "repscope::holm: expected probabilities in 0 .. 1, got nan at position 1",
                         repscope::value_error);
}

TEST_CASE("the interval of a rank correlation") {
    CHECK(near(repscope::spearman_interval(.7, 20), 0.3247022778669827, 0.8848548683554118));
    CHECK(repscope::spearman_interval(.7, 3) == interval{-1, 1});
    CHECK(repscope::spearman_interval(1, 10) == interval{1, 1});
    const auto mirrored = repscope::spearman_interval(-.7, 20);
    CHECK(near(mirrored, -0.8848548683554118, -0.3247022778669827));
    CHECK_THROWS_AS((void)repscope::spearman_interval(1.01, 20), repscope::value_error);
}

} // namespace statistics_test
