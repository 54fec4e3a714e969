#include "repscope/selectivity/permutation_test.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

namespace permutation_test {

using repscope::as_view;

TEST_CASE("a permutation test finds thirty selective units of 2,048") {
    // 999 permutations give no p-value below .001, and one unit of 2,048 is rejected from 2.4e-5 on.
    constexpr std::size_t n = 200, units = 2048, selective = 30;
    std::vector<int> y(n);
    for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<int>(i % 10);
    repscope::random_stream random(61, 1);
    std::vector<double> x(n * units);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t u = 0; u < units; ++u) {
            const double v = std::max(0.0, random.normal());
            x[i * units + u] = u < selective && y[i] != static_cast<int>(u % 10) ? 0 : v;
        }
    }
    const auto view = as_view(x, {n, units});
    const auto fixed = repscope::selectivity_permutation(view, y, {.threads = 2, .permutations = 199});
    CHECK(repscope::detail::largest_rejected(fixed.p_value, .05) < 0);
    const auto r = repscope::selectivity_permutation(
        view, y, {.threads = 2, .permutations = 199, .max_permutations = 20 * units});
    const double largest = repscope::detail::largest_rejected(r.p_value, .05);
    std::size_t found = 0, noise = 0;
    for (std::size_t u = 0; u < units; ++u) {
        const bool rejected = r.p_value[u] <= largest;
        found += rejected && u < selective ? 1U : 0U;
        noise += rejected && u >= selective ? 1U : 0U;
        // A unit that stopped at first has the p-value that it has without further permutations.
        if (r.permutations[u] == 199) {
            REQUIRE(r.p_value[u] == fixed.p_value[u]);
            REQUIRE(r.p_value[u] > 10 / 200.0);
        }
        REQUIRE(r.null_mean[u] == fixed.null_mean[u]);
        REQUIRE(r.null_95[u] == fixed.null_95[u]);
    }
    CHECK(found == selective);
    CHECK(noise <= 6);
    CHECK(*std::max_element(r.permutations.begin(), r.permutations.end()) <= 20 * units);
    // In several passes the same bits.
    repscope::selectivity_permutation_test test(
        units, y, {.permutations = 199, .max_permutations = 20 * units, .max_bytes = std::size_t{12} << 20U});
    std::size_t passes = 0;
    for (; test.needs_pass(); ++passes) {
        test.update(as_view(x.data(), {std::size_t{150}, units}), {.threads = 2});
        test.update(as_view(x.data() + 150 * units, {std::size_t{50}, units}), {.threads = 3});
    }
    CHECK(passes > 5);
    CHECK(test.passes() == passes);
    const auto again = test.result();
    CHECK(again.p_value == r.p_value);
    CHECK(again.permutations == r.permutations);
}

TEST_CASE("adaptive p-values are valid under the null hypothesis") {
    // Small samples, whose permutation p-values are discrete; each unit a test of its own.
    constexpr std::size_t n = 24, units = 1500;
    std::vector<int> y(n);
    for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<int>(i % 3);
    repscope::random_stream random(62, 1);
    std::vector<double> x(n * units);
    for (double& v : x) v = std::max(0.0, random.normal());
    const auto r = repscope::selectivity_permutation(
        as_view(x, {n, units}), y, {.threads = 2, .permutations = 49, .max_permutations = 3200, .q = 1e-6});
    for (const double level : {.3, .1, .03, .01, .003}) {
        CAPTURE(level);
        const auto below =
            std::count_if(r.p_value.begin(), r.p_value.end(), [&](double p) { return p <= level; });
        const double expected = level * static_cast<double>(units);
        CHECK(static_cast<double>(below) <= expected + 4 * std::sqrt(expected));
        CHECK(static_cast<double>(below) >= expected / 2 - 4 * std::sqrt(expected));
    }
    CHECK(repscope::detail::largest_rejected({.01, .02, .9, std::nan("")}, .05) == .02);
    CHECK(repscope::detail::largest_rejected({.9, .8}, .05) == -1);
    CHECK_THROWS_AS(repscope::selectivity_permutation_test(1, y, {.max_permutations = 10'000'001}),
                    repscope::value_error);
    CHECK_THROWS_AS(repscope::selectivity_permutation_test(1, y, {.q = 0}), repscope::value_error);
}

} // namespace permutation_test
