#include "repscope/selectivity/p_values.hpp"

#include "repscope/selectivity/permutation_test.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace p_values_test {

using repscope::as_view;

namespace {

double rectified(repscope::random_stream& random, double offset) {
    return std::max(0.0, random.normal() + offset);
}
double lognormal(repscope::random_stream& random, double sigma) { return std::exp(sigma * random.normal()); }
double sparse(repscope::random_stream& random, double share) {
    const double size = -std::log(random.uniform());
    return random.uniform() < share ? size : 0;
}

std::vector<int> labels_of(const std::vector<std::size_t>& sizes) {
    std::vector<int> labels;
    for (std::size_t c = 0; c < sizes.size(); ++c) labels.insert(labels.end(), sizes[c], static_cast<int>(c));
    return labels;
}

/// How many of the units Benjamini and Hochberg's procedure at .05 rejects, as a mask.
std::vector<bool> rejected(const std::vector<double>& p) {
    const double largest = repscope::detail::largest_rejected(p, .05);
    std::vector<bool> result;
    for (const double value : p) result.push_back(value <= largest);
    return result;
}

} // namespace

TEST_CASE("units that do not depend on the classes have p-values that are calibrated in the tail") {
    struct noise_case {
        const char* name;
        double (*draw)(repscope::random_stream&, double);
        double parameter;
        std::vector<std::size_t> sizes;
    };
    const std::vector<noise_case> cases{
        {"relu N(-1,1), 10 x 10", rectified, -1, std::vector<std::size_t>(10, 10)},
        {"relu N(-2,1), 10 x 10", rectified, -2, std::vector<std::size_t>(10, 10)},
        {"relu N(-1,1), 2 x 50", rectified, -1, {50, 50}},
        {"lognormal(1.5), 2 x 50", lognormal, 1.5, {50, 50}},
        {"5 % firing, 10 x 10", sparse, .05, std::vector<std::size_t>(10, 10)},
        {"lognormal(2), unequal", lognormal, 2, {60, 20, 10, 5, 5}},
    };
    constexpr std::size_t units = 3000;
    for (const noise_case& each : cases) {
        CAPTURE(std::string(each.name));
        const auto y = labels_of(each.sizes);
        repscope::random_stream random(31, 1);
        std::vector<double> x(y.size() * units);
        for (double& v : x) v = each.draw(random, each.parameter);
        const auto p = repscope::selectivity_p_values(as_view(x, {y.size(), units}), y, {.threads = 2});
        const auto below = [&](double level) {
            return static_cast<double>(
                std::count_if(p.begin(), p.end(), [&](double v) { return v <= level; }));
        };
        // Four standard deviations above what a uniform p-value gives.
        for (const double level : {.05, .01, .001}) {
            CAPTURE(level);
            const double expected = level * units;
            CHECK(below(level) <= expected + 4 * std::sqrt(expected));
        }
        CHECK(below(1e-5) <= 1);
    }
}

TEST_CASE("thirty selective units of 2,048 with 200 samples are found, and few others") {
    // Ten classes of twenty; rectified normal units, of which thirty answer one class only.
    constexpr std::size_t n = 200, units = 2048, selective = 30, layers = 6;
    std::vector<int> y(n);
    for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<int>(i % 10);
    std::size_t all = 0, noise = 0;
    for (std::size_t layer = 0; layer < layers; ++layer) {
        repscope::random_stream random(40 + layer, 1);
        std::vector<double> x(n * units);
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t u = 0; u < units; ++u) {
                const double v = rectified(random, 0);
                x[i * units + u] = u < selective && y[i] != static_cast<int>(u % 10) ? 0 : v;
            }
        }
        const auto found =
            rejected(repscope::selectivity_p_values(as_view(x, {n, units}), y, {.threads = 2}));
        for (std::size_t u = 0; u < units; ++u) {
            all += found[u] ? 1U : 0U;
            noise += found[u] && u >= selective ? 1U : 0U;
        }
    }
    // Of the 180 selective units a few fire four times or less; at .05 there are some 9.5 others on average.
    CHECK(noise <= 9 + 4 * 4);
    CHECK(all - noise >= selective * layers - 4);
}

TEST_CASE("with classes of one size p-values are those of permutations of the labels") {
    constexpr std::size_t n = 60, units = 200;
    const auto y = labels_of({20, 20, 20});
    repscope::random_stream random(50, 1);
    std::vector<double> x(n * units);
    for (double& v : x) v = rectified(random, -.5);
    const auto p = repscope::selectivity_p_values(as_view(x, {n, units}), y);
    const auto permuted =
        repscope::selectivity_permutation(as_view(x, {n, units}), y, {.threads = 2, .permutations = 4000});
    for (std::size_t u = 0; u < units; ++u) {
        const double expected = permuted.p_value[u];
        if (expected > .3) continue; // there the sum over classes counts what two of them reach twice
        const double spread = std::sqrt(expected / 4000);
        REQUIRE(p[u] > expected * .9 - 4 * spread);
        REQUIRE(p[u] < expected * 1.25 + 4 * spread);
    }
}

TEST_CASE("p-values of constant, silent and signed units, and errors") {
    const std::vector<double> x{0, 7, -1, 0, 7, -2, 0, 7, 3, 0, 7, 4};
    const std::vector<int> y{0, 0, 1, 1};
    const auto view = as_view(x, {4, 3});
    const auto p = repscope::selectivity_p_values(view, y);
    CHECK(p[0] == 1);
    CHECK(p[1] == 1);
    CHECK(std::abs(p[2] - 2 / 6.0) < .06); // one of six choices of two, and two classes
    const auto threaded = repscope::selectivity_p_values(view, y, {.threads = 3});
    CHECK(threaded == p);
    // Rectified, two of four samples are 0.
    CHECK(std::abs(repscope::selectivity_p_values(view, y, {.rectify = true})[2] - 2 / 6.0) < 1e-9);
    CHECK_THROWS_WITH_AS((void)repscope::selectivity_p_values(view, y, {.min_class_samples = 3}),
                         "repscope::selectivity_p_values: expected at least 2 classes of 3 samples or more, "
                         "got 0",
                         repscope::value_error);
    CHECK_THROWS_AS((void)repscope::selectivity_p_values(view, std::vector<int>(4, 0)),
                    repscope::value_error);
}

} // namespace p_values_test
