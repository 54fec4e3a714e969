#include "repscope/selectivity/null.hpp"

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

namespace {

/// Mean and variance (n - 1) of a unit, and what its index is on average over permutations of the labels.
struct unit_under_permutation {
    double mean = 0;
    double variance = 0;
    double index = 0;
};

unit_under_permutation permute(std::vector<double> x, const std::vector<std::uint64_t>& counts,
                               std::uint64_t seed) {
    unit_under_permutation result;
    const auto n = static_cast<double>(x.size());
    for (const double v : x) result.mean += v / n;
    for (const double v : x) result.variance += (v - result.mean) * (v - result.mean) / (n - 1);
    repscope::random_stream random(seed, 77);
    constexpr int repeats = 400;
    for (int repeat = 0; repeat < repeats; ++repeat) {
        repscope::shuffle(std::span<double>(x), random);
        std::size_t next = 0;
        double largest = -1e300;
        double total = 0;
        for (const std::uint64_t count : counts) {
            double sum = 0;
            for (std::uint64_t k = 0; k < count; ++k) sum += x[next++];
            const double mean = sum / static_cast<double>(count);
            largest = std::max(largest, mean);
            total += mean;
        }
        const double rest = (total - largest) / static_cast<double>(counts.size() - 1);
        result.index += (largest - rest) / (largest + rest + 1e-6) / repeats;
    }
    return result;
}

std::vector<double> noise(std::size_t n, double offset, bool rectified, std::uint64_t seed) {
    repscope::random_stream random(seed, 78);
    std::vector<double> x(n);
    for (double& v : x) {
        v = offset + random.normal();
        if (rectified) v = std::max(v, 0.0);
    }
    return x;
}

} // namespace

TEST_CASE("the approximation is near a permutation of the labels") {
    struct unit_kind {
        double offset;
        bool rectified;
        std::vector<std::uint64_t> counts;
        double within; // relative
    };
    const std::vector<unit_kind> kinds{
        {3, false, std::vector<std::uint64_t>(10, 50), .04},
        {0, true, std::vector<std::uint64_t>(20, 40), .06},
        {0, true, std::vector<std::uint64_t>(2, 200), .10},
        {3, false, {400, 30, 120, 60}, .05}, // unequal classes
    };
    for (const unit_kind& kind : kinds) {
        std::uint64_t n = 0;
        for (const std::uint64_t c : kind.counts) n += c;
        std::vector<double> means;
        std::vector<double> variances;
        double expected = 0;
        constexpr std::uint64_t units = 20;
        for (std::uint64_t u = 0; u < units; ++u) {
            const auto unit = permute(noise(n, kind.offset, kind.rectified, u), kind.counts, u);
            means.push_back(unit.mean);
            variances.push_back(unit.variance);
            expected += unit.index / units;
        }
        const double approximated = repscope::selectivity_null_mean(means, variances, kind.counts);
        CAPTURE(kind.counts.size());
        CHECK(approximated == doctest::Approx(expected).epsilon(kind.within));
    }
}

TEST_CASE("a published figure: noise units behind a ReLU, 100 classes of 10") {
    // Mean and variance of max(0, z), z standard normal: 1/sqrt(2 pi) and 1/2 - 1/(2 pi). The mean index of
    // such units is .405 by simulation; the normal approximation of class means of 10 samples stays below it.
    const std::vector<double> mean{0.3989422804014327};
    const std::vector<double> variance{0.5 - 0.15915494309189535};
    const std::vector<std::uint64_t> counts(100, 10);
    const double null = repscope::selectivity_null_mean(mean, variance, counts);
    CHECK(null > .36);
    CHECK(null < .41);
}

TEST_CASE("two large classes have a closed form") {
    // The deviations are +-d with d = |z| sqrt(1 / (4 m)) about the mean, so the index is d / mean and its
    // mean is sd sqrt(2 / pi) sqrt(1 / (4 m)) / mean.
    const std::vector<double> mean{5};
    const std::vector<double> variance{4};
    const std::vector<std::uint64_t> counts{0, 10000, 10000};
    const double expected = 2 * std::sqrt(2 / 3.141592653589793) * std::sqrt(1 / 40000.0) / 5;
    CHECK(repscope::selectivity_null_mean(mean, variance, counts) == doctest::Approx(expected).epsilon(.05));
    // Shifted, the smaller of two class means is 0 and the index 1, whatever the labels.
    CHECK(repscope::selectivity_null_mean(mean, variance, counts, {.epsilon = 1e-9, .shift = true}) ==
          doctest::Approx(1).epsilon(1e-4));
}

TEST_CASE("degenerate input") {
    const std::vector<std::uint64_t> counts{4, 4};
    CHECK(repscope::selectivity_null_mean(std::vector<double>{0, 7}, std::vector<double>{0, 0}, counts) == 0);
    CHECK(std::isnan(repscope::selectivity_null_mean({}, {}, counts)));
    CHECK_THROWS_WITH_AS((void)repscope::selectivity_null_mean({}, {}, std::vector<std::uint64_t>{0, 4}),
                         "repscope::selectivity_null_mean: wanted at least 2 classes with samples, got 1",
                         repscope::value_error);
    CHECK_THROWS_AS((void)repscope::selectivity_null_mean(std::vector<double>{1}, {}, counts),
                    repscope::shape_error);
}

TEST_CASE("p-values from moments are near those of permutations") {
    // Noise units: p is uniform. Selective ones: p is small. Each unit's own index against its own moments.
    const std::vector<std::uint64_t> counts(10, 30);
    std::vector<double> index, means, variances;
    constexpr std::size_t units = 300;
    for (std::uint64_t u = 0; u < units; ++u) {
        auto x = noise(300, 3, false, 1000 + u);
        if (u >= 200) {
            for (std::size_t i = 30; i < 60; ++i) x[i] += 1;
        }
        double mean = 0, variance = 0, largest = 0, total = 0;
        for (const double v : x) mean += v / 300;
        for (const double v : x) variance += (v - mean) * (v - mean) / 299;
        for (std::size_t c = 0; c < 10; ++c) {
            double sum = 0;
            for (std::size_t k = 0; k < 30; ++k) sum += x[30 * c + k] / 30;
            largest = std::max(largest, sum);
            total += sum;
        }
        const double rest = (total - largest) / 9;
        index.push_back((largest - rest) / (largest + rest + 1e-6));
        means.push_back(mean);
        variances.push_back(variance);
    }
    const auto p = repscope::selectivity_null_p_values(index, means, variances, counts);
    int below_half = 0, below_twentieth = 0, found = 0;
    for (std::size_t u = 0; u < units; ++u) {
        REQUIRE(p[u] > 0);
        REQUIRE(p[u] <= 1);
        below_half += u < 200 && p[u] < .5 ? 1 : 0;
        below_twentieth += u < 200 && p[u] < .05 ? 1 : 0;
        found += u >= 200 && p[u] < .001 ? 1 : 0;
    }
    CHECK(std::abs(below_half - 100) < 28); // 4 standard deviations
    CHECK(below_twentieth < 23);
    CHECK(below_twentieth > 1);
    CHECK(found >= 85);
    // Silent and constant units, undefined ones.
    const std::vector<double> own{0, 0, std::nan("")};
    const auto edge = repscope::selectivity_null_p_values(own, std::vector<double>{0, 2, -1},
                                                          std::vector<double>{0, 0, 1}, counts);
    CHECK(edge[0] == 1);
    CHECK(edge[1] == 1);
    CHECK(std::isnan(edge[2]));
    CHECK_THROWS_AS((void)repscope::selectivity_null_p_values(own, own, {}, counts), repscope::shape_error);
    CHECK_THROWS_AS((void)repscope::selectivity_null_p_values({}, own, own, counts), repscope::shape_error);
}
