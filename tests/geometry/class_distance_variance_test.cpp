#include "repscope/geometry/class_distance_variance.hpp"

#include "class_samples.hpp"
#include "repscope/error.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

namespace class_distance_variance_test {

using namespace repscope_test;
using repscope::as_view;
using repscope::class_distance_variance;
using repscope::class_moments;

TEST_CASE("the class-distance variance equals its definition over samples") {
    for (const double offset : {0.0, 1e5}) {
        const class_samples data(offset, .5);
        const by_samples expected(data, false);
        long double plain = 0, unbiased = 0;
        for (std::size_t a = 0; a < 4; ++a) {
            for (std::size_t b = 0; b < a; ++b) {
                const long double distance2 =
                    expected.product(a, a) + expected.product(b, b) - 2 * expected.product(a, b);
                const long double spread = expected.spreads[a] + expected.spreads[b];
                const long double noise = expected.spreads[a] / (expected.counts[a] - 1) +
                                          expected.spreads[b] / (expected.counts[b] - 1);
                plain += spread / (2 * distance2) / 6;
                unbiased += spread / (2 * (distance2 - noise)) / 6;
            }
        }
        const auto got = class_distance_variance(data.moments());
        check_near(got.cdnv, plain);
        check_near(got.cdnv_unbiased, unbiased);
    }
}

TEST_CASE("class-distance variance: exact cases, undefined ones, and a single class") {
    // Means 1 and 5, 2 samples each at +-1: spreads 1 and 1, squared distance 16, of which noise adds 2.
    const std::vector<double> pairs{0, 2, 4, 6};
    class_moments two(1, 2);
    two.update(as_view(pairs, {4, 1}), std::vector<int>{0, 0, 1, 1});
    CHECK(class_distance_variance(two).cdnv == 1.0 / 16);
    CHECK(class_distance_variance(two).cdnv_unbiased == 1.0 / 14);

    const std::vector<double> corners{3, 0, 0, 0, 3, 0, 0, 0, 3};
    class_moments collapsed(3, 3);
    collapsed.update(as_view(corners, {3, 3}), std::vector<int>{0, 1, 2});
    CHECK(class_distance_variance(collapsed).cdnv == 0);
    CHECK(std::isnan(class_distance_variance(collapsed).cdnv_unbiased));

    const std::vector<double> equal{1, 3, 1, 3};
    class_moments moments(1, 3);
    moments.update(as_view(equal, {4, 1}), std::vector<int>{0, 0, 1, 1});
    CHECK(std::isnan(class_distance_variance(moments).cdnv));

    // The sums of the same values in another order differ by rounding.
    const std::vector<double> reordered{0, .1, .2, .3, .3, .2, .1, 0};
    class_moments rounded(1, 2);
    rounded.update(as_view(reordered, {8, 1}), std::vector<int>{0, 0, 0, 0, 1, 1, 1, 1});
    CHECK(std::isnan(class_distance_variance(rounded).cdnv));
    CHECK(std::isnan(class_distance_variance(rounded).cdnv_unbiased));

    class_moments single(1, 3);
    single.update(as_view(equal, {4, 1}), std::vector<int>{1, 1, 1, 1});
    CHECK_THROWS_AS((void)class_distance_variance(single), repscope::value_error);
}

} // namespace class_distance_variance_test
