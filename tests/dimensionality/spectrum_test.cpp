#include "repscope/dimensionality/spectrum.hpp"

#include "repscope/random/random_stream.hpp"

#include <array>
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

namespace spectrum_test {

namespace {

using repscope::as_view;

constexpr std::array<double, 4> golden{4, 2, 1, 1};
static_assert(repscope::participation_ratio_of_spectrum(golden) > 2.9090909090 &&
              repscope::participation_ratio_of_spectrum(golden) < 2.9090909092);
static_assert(repscope::component_count(golden, .90) == 4 && repscope::component_count(golden, .75) == 2);
static_assert(repscope::stable_rank(golden) == 2);

} // namespace

TEST_CASE("an exact case in rational numbers") {
    const std::vector<double> x{1, 0, 2, 0, 1, 1, 2, 1, 0, 1, 3, 1, 0, 2, 4, 3, 0, 1};
    const auto view = as_view(x, {6, 3});
    CHECK(std::abs(repscope::participation_ratio(view) - 19321.0 / 8953) <= 1e-14);
    CHECK(std::abs(repscope::participation_ratio_unbiased(view) - 1765.0 / 469) <= 1e-14);
}

TEST_CASE("the unbiased ratio is the ratio of averages over all distinct 4-tuples") {
    constexpr std::size_t n = 7;
    constexpr std::size_t units = 5;
    repscope::random_stream random(5, 5);
    std::vector<double> x(n * units);
    for (double& v : x) v = std::max(0.0, random.normal() + 0.3);
    double a = 0;
    double b = 0;
    const auto dot = [&](std::size_t i, std::size_t j, std::size_t k, std::size_t l) {
        double sum = 0;
        for (std::size_t u = 0; u < units; ++u) {
            sum += (x[i * units + u] - x[j * units + u]) * (x[k * units + u] - x[l * units + u]);
        }
        return sum;
    };
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            for (std::size_t k = 0; k < n; ++k) {
                for (std::size_t l = 0; l < n; ++l) {
                    if (i == j || i == k || i == l || j == k || j == l || k == l) continue;
                    a += dot(i, j, i, j) * dot(k, l, k, l);
                    b += dot(i, j, k, l) * dot(i, j, k, l);
                }
            }
        }
    }
    CHECK(repscope::participation_ratio_unbiased(as_view(x, {n, units})) ==
          doctest::Approx(a / b).epsilon(1e-12));
}

TEST_CASE("measures of a known spectrum") {
    CHECK(repscope::participation_ratio_of_spectrum(golden) == doctest::Approx(64.0 / 22).epsilon(1e-15));
    CHECK(repscope::component_count(golden, .95) == 4);
    CHECK(repscope::component_count(golden, .99) == 4);
    CHECK(repscope::component_count(golden, .875) == 3); // reached exactly
    CHECK(repscope::components_interpolated(golden, .95) ==
          doctest::Approx(3 + (.95 - .875) / .125).epsilon(1e-13));
    CHECK(repscope::components_interpolated(golden, .25) == doctest::Approx(.5).epsilon(1e-13));
    CHECK(repscope::effective_rank_eigenvalues(golden) == doctest::Approx(3.363585661).epsilon(1e-9));
    CHECK(repscope::effective_rank_singular_values(golden) == doctest::Approx(3.828427125).epsilon(1e-9));
    CHECK_THROWS_AS((void)repscope::component_count(golden, 0), repscope::value_error);
    CHECK_THROWS_AS((void)repscope::component_count(golden, 1.01), repscope::value_error);
}

TEST_CASE("eigenvalues of the covariance, thin and thick") {
    // Two independent directions with variances known by construction: columns (+-1 pattern) orthogonal to
    // each other.
    const std::vector<double> x{3, 1, 0, 3, -1, 0, -3, 1, 0, -3, -1, 0};
    repscope::covariance thick(3);
    thick.update(as_view(x, {4, 3}));
    const auto values = repscope::spectrum(thick);
    CHECK(values.size() == 3);
    CHECK(values[0] == doctest::Approx(12).epsilon(1e-13)); // 4 * 9 / 3
    CHECK(values[1] == doctest::Approx(4.0 / 3).epsilon(1e-13));
    CHECK(std::abs(values[2]) <= 1e-13);

    repscope::random_stream random(1, 9);
    std::vector<double> wide(25 * 25);
    for (double& v : wide) v = random.normal();
    std::vector<double> repeated; // the same rows once more: thick, and the same shares
    for (int k = 0; k < 2; ++k) repeated.insert(repeated.end(), wide.begin(), wide.end());
    repscope::covariance once(25);
    once.update(as_view(wide, {25, 25}));
    repscope::covariance twice(25);
    twice.update(as_view(repeated, {50, 25}));
    REQUIRE(once.is_thin());
    REQUIRE(!twice.is_thin());
    const auto a = repscope::dimensionality(once);
    const auto b = repscope::dimensionality(twice);
    CHECK(a.participation_ratio == doctest::Approx(b.participation_ratio).epsilon(1e-10));
    CHECK(a.components == b.components);
    CHECK(a.components_interpolated[1] == doctest::Approx(b.components_interpolated[1]).epsilon(1e-9));
    CHECK(a.stable_rank == doctest::Approx(b.stable_rank).epsilon(1e-10));
    CHECK(a.limited_by_samples);
    CHECK(a.participation_ratio ==
          doctest::Approx(repscope::participation_ratio_of_spectrum(a.spectrum)).epsilon(1e-11));
}

TEST_CASE("degenerate input") {
    const std::vector<double> constant(20, 7.25);
    repscope::covariance state(4);
    state.update(as_view(constant, {5, 4}));
    const auto d = repscope::dimensionality(state);
    CHECK(d.participation_ratio == 0);
    CHECK(std::isnan(d.participation_ratio_unbiased));
    CHECK(d.components[1] == 0);
    CHECK(d.effective_rank_eigenvalues == 0);
    CHECK(d.stable_rank == 0);
    CHECK(!d.limited_by_samples);
    const std::vector<double> three{1, 2, 0, 4, 3, 3};
    CHECK(std::isnan(repscope::participation_ratio_unbiased(as_view(three, {3, 2}))));
    CHECK_THROWS_WITH_AS(
        (void)repscope::participation_ratio(as_view(three, {1, 6})),
        "repscope::participation_ratio: expected at least 2 samples and 1 unit, got shape (1, 6)",
        repscope::shape_error);
    CHECK_THROWS_AS((void)repscope::dimensionality(repscope::covariance(3)), repscope::value_error);
}

} // namespace spectrum_test
