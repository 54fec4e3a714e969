#include "repscope/statistics/summary.hpp"

#include "repscope/random/random_stream.hpp"

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

namespace summary_test {

using namespace repscope;

TEST_CASE("median: sorted values give the same, for all lengths, with ties") {
    for (std::size_t n = 1; n <= 40; ++n) {
        random_stream random(7, 1, static_cast<std::uint32_t>(n));
        std::vector<double> values(n);
        for (double& value : values) value = n % 3 == 0 ? random.below(4) : random.normal();
        std::vector<double> sorted = values;
        std::sort(sorted.begin(), sorted.end());
        CHECK(median(values) == (sorted[(n - 1) / 2] + sorted[n / 2]) / 2);
    }
}

TEST_CASE("median and running_mean: no values") {
    CHECK(std::isnan(median({})));
    CHECK(std::isnan(running_mean().value()));
    CHECK(running_mean().count() == 0);
}

TEST_CASE("running_mean: the mean after each value") {
    running_mean mean;
    mean.add(2);
    CHECK(mean.value() == 2);
    mean.add(-1);
    CHECK(mean.value() == .5);
    mean.add(8);
    CHECK(mean.value() == 3);
    CHECK(mean.count() == 3);
}

} // namespace summary_test
