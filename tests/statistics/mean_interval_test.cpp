#include "repscope/statistics/mean_interval.hpp"

#include "repscope/random/random_stream.hpp"
#include "repscope/statistics/blocked_permutation.hpp"
#include "repscope/statistics/rank_correlation.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace mean_interval_test {

using namespace repscope;

TEST_CASE("ranks share among equals") {
    CHECK(ranks(std::vector<double>{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5}) ==
          std::vector<double>{4.5, 1.5, 6, 1.5, 8, 11, 3, 10, 8, 4.5, 8});
    CHECK(ranks(std::vector<double>{}).empty());
}

TEST_CASE("rank correlation") {
    const std::vector<double> x{1, 2, 3, 4, 5}, y{2, 1, 4, 3, 5};
    // 1 - 6 sum d^2 / (n (n^2 - 1)) without ties: d = 1 1 1 1 0.
    CHECK(spearman(x, y) == doctest::Approx(1 - 6 * 4.0 / 120).epsilon(1e-15));
    // Any increasing function leaves it alone.
    std::vector<double> bent;
    for (const double value : y) bent.push_back(std::exp(3 * value));
    CHECK(spearman(x, bent) == spearman(x, y));
    CHECK(spearman(x, std::vector<double>{9, 7, 5, 3, 1}) == doctest::Approx(-1).epsilon(1e-15));
    // With ties: ranks 1 2.5 2.5 4 and 1.5 1.5 3 4.
    CHECK(spearman(std::vector<double>{1, 2, 2, 3}, std::vector<double>{1, 1, 2, 3}) ==
          doctest::Approx(3.75 / 4.5).epsilon(1e-15));
    CHECK(std::isnan(spearman(x, std::vector<double>(5, 2.0))));
    CHECK(std::isnan(spearman(std::vector<double>{1}, std::vector<double>{1})));
    CHECK(pearson(x, std::vector<double>{1, 4, 9, 16, 25}) == doctest::Approx(0.98110491).epsilon(1e-7));
    CHECK_THROWS_AS((void)spearman(x, std::vector<double>{1}), shape_error);
    CHECK_THROWS_WITH_AS((void)spearman(x, std::vector<double>{1, 2, std::nan(""), 4, 5}),
                         doctest::Contains("at position 2"), value_error);
}

TEST_CASE("Student's test of a mean") {
    // t = 2 sqrt(3), 2 degrees of freedom: p = 1 - t / sqrt(t^2 + 2); and scipy.stats.ttest_1samp.
    CHECK(mean_p_value(std::vector<double>{1, 2, 3}) ==
          doctest::Approx(1 - std::sqrt(12.0 / 14)).epsilon(1e-12));
    CHECK(mean_p_value(std::vector<double>{-1, -2, -3}) ==
          doctest::Approx(1 - std::sqrt(12.0 / 14)).epsilon(1e-12));
    CHECK(mean_p_value(std::vector<double>{2, 2}) == 0);
    CHECK(std::isnan(mean_p_value(std::vector<double>{0, 0, 0})));
    CHECK(std::isnan(mean_p_value(std::vector<double>{1})));
    CHECK(std::isnan(mean_p_value(std::vector<double>{})));
}

TEST_CASE("a mean over blocks that share their items") {
    // Two-way analysis of variance by hand: block means 2 and 4, item means 1.5, 3 and 4.5; rest +-.5, 0,
    // -+.5.
    const auto found = crossed_mean({{1, 2, 3}, {2, 4, 6}});
    CHECK(found.mean.estimate == doctest::Approx(3));
    const double blocks = 3 * 2.0 / 1, items = 2 * 4.5 / 2, rest = 4 * .25 / 2;
    CHECK(found.block_error == doctest::Approx(std::sqrt(blocks / 6)).epsilon(1e-14));
    CHECK(found.item_error == doctest::Approx(std::sqrt((items - rest) / 6)).epsilon(1e-14));
    CHECK(found.mean.error == doctest::Approx(std::sqrt((blocks + items - rest) / 6)).epsilon(1e-14));
    const double t = 6.313751514675; // 95 % of one degree of freedom
    CHECK(found.mean.range.high == doctest::Approx(3 + t * found.mean.error).epsilon(1e-9));
    CHECK(std::isnan(crossed_mean({{1, 2}}).mean.error));
    CHECK(std::isnan(crossed_mean({}).mean.estimate));
    CHECK_THROWS_AS((void)crossed_mean({{1, 2}, {1}}), shape_error);
    CHECK_THROWS_AS((void)crossed_mean({{1, 2}, {1, 2}}, 1), value_error);
    // Its interval contains the true mean at the nominal rate, where blocks dominate, items do, and neither.
    repscope::random_stream random(3, 9);
    struct spread {
        double of_blocks, of_items;
    };
    for (const spread& one : {spread{.3, .1}, spread{.05, 2}, spread{0, 0}}) {
        int held = 0;
        constexpr int studies = 600;
        for (int study = 0; study < studies; ++study) {
            std::vector<double> item(60);
            for (double& v : item) v = one.of_items * random.normal();
            std::vector<std::vector<double>> values;
            for (int block = 0; block < 4; ++block) {
                const double own = one.of_blocks * random.normal();
                values.emplace_back();
                for (const double v : item) values.back().push_back(own + v + .5 * random.normal());
            }
            const auto r = crossed_mean(values).mean.range;
            held += r.low <= 0 && 0 <= r.high ? 1 : 0;
        }
        CAPTURE(one.of_items);
        CHECK(held >= .87 * studies);
    }
}

TEST_CASE("permutations at the floor of their draws") {
    paired_block block;
    for (int i = 0; i < 12; ++i) {
        block.x.push_back(i);
        block.y.push_back(i * i);
    }
    const std::vector<paired_block> perfect{block};
    const auto floor = within_block_correlation(perfect, {.draws = 200});
    CHECK(floor.at_floor);
    CHECK(floor.p == doctest::Approx(1.0 / 201));
    block.y = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8};
    const std::vector<paired_block> loose{block};
    CHECK(!within_block_correlation(loose, {.draws = 200}).at_floor);
    const std::vector<paired_block> few{{{1, 2, 3}, {1, 2, 3}}};
    CHECK(!within_block_correlation(few).at_floor); // all arrangements: p is exact
}

TEST_CASE("permutations within blocks, all of them") {
    const std::vector<paired_block> blocks{
        {{1, 2, 3, 4}, {0.1, 0.3, 0.2, 0.4}}, {{5, 1, 2, 9}, {3, 1, 1, 4}}, {{1, 2, 3}, {7, 7, 7}}};
    const auto found = within_block_correlation(blocks);
    CHECK(found.exact);
    CHECK(found.arrangements == 24 * 24);
    REQUIRE(found.per_block.size() == 3);
    CHECK(found.per_block[0] == doctest::Approx(0.8).epsilon(1e-14));
    CHECK(found.per_block[1] == doctest::Approx(spearman(blocks[1].x, blocks[1].y)).epsilon(1e-14));
    CHECK(std::isnan(found.per_block[2]));
    CHECK(found.estimate == doctest::Approx((found.per_block[0] + found.per_block[1]) / 2).epsilon(1e-14));
    // Every pair of orders by itself.
    double as_far = 0;
    std::array<std::size_t, 4> a{0, 1, 2, 3};
    do {
        std::array<std::size_t, 4> b{0, 1, 2, 3};
        do {
            std::vector<double> first, second;
            for (std::size_t i = 0; i < 4; ++i) {
                first.push_back(blocks[0].y[a[i]]);
                second.push_back(blocks[1].y[b[i]]);
            }
            const double mean = (spearman(blocks[0].x, first) + spearman(blocks[1].x, second)) / 2;
            as_far += std::abs(mean) >= std::abs(found.estimate) - 1e-12 ? 1 : 0;
        } while (std::next_permutation(b.begin(), b.end()));
    } while (std::next_permutation(a.begin(), a.end()));
    CHECK(found.p == doctest::Approx(as_far / 576).epsilon(1e-12));

    // Random arrangements come near it, and are the same every time.
    const permutation_options few{.draws = 20'000, .enumerate = 100};
    const auto drawn = within_block_correlation(blocks, few);
    CHECK(!drawn.exact);
    CHECK(drawn.arrangements == 20'000);
    CHECK(drawn.p == doctest::Approx(found.p).epsilon(5 / std::sqrt(20'000 * found.p)));
    CHECK(drawn.p == within_block_correlation(blocks, few).p);
    CHECK(drawn.estimate == found.estimate);

    // A perfect order of 7 in 3 blocks: never reached by chance, but the observed arrangement counts.
    const paired_block perfect{{1, 2, 3, 4, 5, 6, 7}, {2, 3, 5, 7, 11, 13, 17}};
    const auto strong = within_block_correlation(std::vector<paired_block>(3, perfect));
    CHECK(strong.estimate == doctest::Approx(1).epsilon(1e-12));
    CHECK(strong.p == doctest::Approx(1 / 10'001.0).epsilon(1e-12));
    // Two blocks of two decide nothing: 4 arrangements, 2 of them at the ends.
    const auto weak = within_block_correlation(std::vector<paired_block>(2, paired_block{{1, 2}, {1, 2}}));
    CHECK(weak.p == 0.5);
    CHECK(std::isnan(within_block_correlation({}).p));
    CHECK_THROWS_AS((void)within_block_correlation(std::vector<paired_block>{{{1, 2}, {1}}}), shape_error);
}

TEST_CASE("under chance p is uniform") {
    int below = 0;
    for (std::uint32_t repetition = 0; repetition < 400; ++repetition) {
        random_stream random(2, 9, repetition);
        std::vector<paired_block> blocks(2);
        for (paired_block& block : blocks) {
            for (int i = 0; i < 4; ++i) {
                block.x.push_back(random.uniform());
                block.y.push_back(random.uniform());
            }
        }
        below += within_block_correlation(blocks).p <= 0.1 ? 1 : 0;
    }
    CHECK(below <= 60); // 40 expected at most, 6 the standard deviation
    CHECK(below >= 15);
}

TEST_CASE("the mean with Student's interval") {
    const auto found = mean_interval(std::vector<double>{0.2, 0.5, 0.1, 0.4, 0.3});
    CHECK(found.estimate == doctest::Approx(0.3).epsilon(1e-15));
    CHECK(found.error == doctest::Approx(std::sqrt(0.1 / 4 / 5)).epsilon(1e-14));
    // t of .975 with 4 degrees of freedom: 2.7764451052
    CHECK(found.range.high - 0.3 == doctest::Approx(2.7764451052 * found.error).epsilon(1e-9));
    CHECK(0.3 - found.range.low == doctest::Approx(2.7764451052 * found.error).epsilon(1e-9));
    CHECK(std::isnan(mean_interval(std::vector<double>{1}).range.low));
    CHECK(mean_interval(std::vector<double>{1}).estimate == 1);
    CHECK(std::isnan(mean_interval({}).estimate));
    CHECK_THROWS_AS((void)mean_interval(std::vector<double>{1, 2}, 1.5), value_error);
}

TEST_CASE("slopes within blocks do not depend on differences between blocks") {
    // Within each block y falls with x, over all of them it rises.
    const std::vector<paired_block> blocks{
        {{0, 1, 2}, {1, 0.5, 0}}, {{10, 11, 12}, {9, 8, 7}}, {{3, 3}, {1, 2}}};
    const auto found = within_block_slope(blocks);
    CHECK(found.per_block[0] == doctest::Approx(-0.5));
    CHECK(found.per_block[1] == doctest::Approx(-1));
    CHECK(std::isnan(found.per_block[2]));
    CHECK(found.mean.estimate == doctest::Approx(-0.75));
    CHECK(found.mean.error == doctest::Approx(0.25));
    // t of .975 with 1 degree of freedom: 12.706204736
    CHECK(found.mean.range.high == doctest::Approx(-0.75 + 12.706204736 * 0.25).epsilon(1e-8));
    // The rounded mean of three times .1 is not .1.
    CHECK(std::isnan(within_block_slope(std::vector<paired_block>{{{.1, .1, .1}, {1, 2, 4}}}).per_block[0]));
    CHECK(std::isnan(pearson(std::vector{.1, .1, .1}, std::vector{1.0, 2.0, 4.0})));
}

TEST_CASE("paired difference") {
    std::vector<bool> first(1000, true), second(1000, true);
    for (std::size_t i = 0; i < 30; ++i) first[i] = false;   // only the second right
    for (std::size_t i = 30; i < 40; ++i) second[i] = false; // only the first right
    for (std::size_t i = 900; i < 1000; ++i) first[i] = second[i] = false;
    const auto found = paired_difference(first, second);
    CHECK(found.estimate == doctest::Approx(-0.02).epsilon(1e-14));
    // The standard error of the mean of 1000 numbers -1, 0, 1.
    double squares = 0;
    for (std::size_t i = 0; i < 1000; ++i) {
        const double d = (first[i] ? 1 : 0) - (second[i] ? 1 : 0) + 0.02;
        squares += d * d;
    }
    CHECK(found.error == doctest::Approx(std::sqrt(squares / 999 / 1000)).epsilon(1e-12));
    CHECK(found.range.high == doctest::Approx(-0.02 + 1.6448536270 * found.error).epsilon(1e-9));
    CHECK(paired_difference(second, first).estimate == doctest::Approx(0.02));
    CHECK(std::isnan(paired_difference({}, {}).estimate));
    CHECK_THROWS_AS((void)paired_difference(first, {true}), shape_error);
}

} // namespace mean_interval_test
