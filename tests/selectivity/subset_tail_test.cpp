#include "repscope/detail/selectivity/subset_tail.hpp"

#include "repscope/random/random_stream.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

namespace subset_tail_test {

using repscope::value_distribution;
using repscope::detail::log_choose;
using repscope::detail::subset_sum;

namespace {

value_distribution exact(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    value_distribution d;
    for (const double v : values) {
        if (d.value.empty() || d.value.back() != v) {
            d.value.push_back(v);
            d.count.push_back(0);
        }
        ++d.count.back();
    }
    d.width.assign(d.value.size(), 0);
    return d;
}

/// The sums of all choices of `m` of the values, in ascending order.
std::vector<double> all_sums(const std::vector<double>& values, int m) {
    std::vector<double> sums;
    for (std::uint32_t set = 0; set < 1U << values.size(); ++set) {
        if (std::popcount(set) != m) continue;
        double sum = 0;
        for (std::size_t i = 0; i < values.size(); ++i) sum += (set >> i & 1U) != 0 ? values[i] : 0;
        sums.push_back(sum);
    }
    std::sort(sums.begin(), sums.end());
    return sums;
}

/// P(sum >= x) from the sums of all choices.
double share_from(const std::vector<double>& sums, double x) {
    const auto first = std::lower_bound(sums.begin(), sums.end(), x - 1e-9);
    return static_cast<double>(sums.end() - first) / static_cast<double>(sums.size());
}

} // namespace

TEST_CASE("tails of sums of random subsets, against all subsets") {
    repscope::random_stream random(8, 1);
    struct kind {
        double sigma;  // of the logarithm
        double within; // the few sums in the tail are discrete
    };
    for (const kind each : {kind{.5, .25}, kind{1, .25}, kind{2.5, .25}}) {
        CAPTURE(each.sigma);
        std::vector<double> values(20);
        for (double& v : values) v = std::exp(each.sigma * random.normal());
        const subset_sum subset(exact(values));
        for (const int m : {4, 9}) {
            CAPTURE(m);
            const auto sums = all_sums(values, m);
            for (const double p : {.3, .03, .003, .0005}) {
                CAPTURE(p);
                const double sum = sums[static_cast<std::size_t>((1 - p) * static_cast<double>(sums.size()))];
                const double expected = share_from(sums, sum);
                const double tail = subset.upper_tail(m, sum);
                CHECK(std::abs(tail / expected - 1) < each.within);
            }
            // The largest sum is exact, and what is above it impossible.
            CHECK(std::abs(subset.upper_tail(m, sums.back()) * static_cast<double>(sums.size()) - 1) < 1e-6);
            CHECK(subset.upper_tail(m, sums.back() + 1) == 0);
            CHECK(subset.upper_tail(m, sums.front() - 1) == 1);
        }
    }
}

TEST_CASE("sums of a few values among zeros are counted") {
    // 300 samples, 6 of them other than 0, 30 chosen.
    std::vector<double> values(300);
    const std::vector<double> few{1, 1.7, 2.2, .3, 5, .9};
    std::copy(few.begin(), few.end(), values.begin());
    const subset_sum subset(exact(values));
    for (const double sum : {5.0, 5.3, 6.7, 7.2, 8.9, 9.8, 11.1}) {
        CAPTURE(sum);
        double expected = 0;
        for (std::uint32_t set = 0; set < 64; ++set) {
            double total = 0;
            for (std::size_t i = 0; i < 6; ++i) total += (set >> i & 1U) != 0 ? few[i] : 0;
            const int size = std::popcount(set);
            if (total >= sum - 1e-9) expected += std::exp(log_choose(294, 30 - size) - log_choose(300, 30));
        }
        CHECK(std::abs(subset.upper_tail(30, sum) / expected - 1) < 1e-6);
    }
}

TEST_CASE("units that fire or do not: the hypergeometric distribution") {
    // A lattice: the approximation takes the last point half, so it is between the strict and the other tail.
    std::vector<double> values(500);
    std::fill(values.begin(), values.begin() + 100, 1.0);
    const subset_sum subset(exact(values));
    for (const int reached : {14, 18, 22, 28}) {
        CAPTURE(reached);
        double strict = 0, point = 0;
        for (int k = reached; k <= 50; ++k) {
            const double p = std::exp(log_choose(100, k) + log_choose(400, 50 - k) - log_choose(500, 50));
            (k == reached ? point : strict) += p;
        }
        const double tail = subset.upper_tail(50, reached);
        CHECK(tail > strict);
        CHECK(tail < (strict + point) * 1.01);
    }
    // All 50 chosen fire: exact.
    CHECK(std::abs(std::log(subset.upper_tail(50, 50)) - (log_choose(100, 50) - log_choose(500, 50))) < 1e-6);
}

} // namespace subset_tail_test
