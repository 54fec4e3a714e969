#include "repscope/selectivity/class_selectivity.hpp"

#include "repscope/selectivity/cross_fit.hpp"
#include "repscope/selectivity/permutation_test.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

namespace class_selectivity_test {

namespace {

using repscope::as_view;
using repscope::class_selectivity;
using repscope::class_selectivity_index;

constexpr std::array<std::array<float, 2>, 4> small{{{2, 1}, {4, 1}, {0, 3}, {2, 3}}};
constexpr std::array<int, 4> small_labels{0, 0, 1, 1};
static_assert(class_selectivity(small, small_labels, 0.0)[0].index == 0.5); // (3 - 1) / (3 + 1)
static_assert(class_selectivity(small, small_labels)[1].preferred_class == 1);

} // namespace

TEST_CASE("the rest is the unweighted mean of the other classes' means") {
    // Class means 2, 1, .1 for any class sizes: (2 - .55) / (2 + .55).
    const std::array<double, 3> means{2, 1, .1};
    CHECK(class_selectivity_index(means, 0).index == doctest::Approx(1.45 / 2.55).epsilon(1e-15));
    std::vector<double> x;
    std::vector<int> y;
    const std::array<int, 3> sizes{10, 90, 3};
    for (int c = 0; c < 3; ++c) {
        for (int k = 0; k < sizes[static_cast<std::size_t>(c)]; ++k) {
            x.push_back(means[static_cast<std::size_t>(c)]);
            y.push_back(c);
        }
    }
    const auto result = class_selectivity(as_view(x, {103, 1}), y, {.epsilon = 0});
    CHECK(result.index[0] == doctest::Approx(1.45 / 2.55).epsilon(1e-13));
    CHECK(result.preferred_class[0] == 0);
    CHECK(result.mu_max[0] == doctest::Approx(2));
    CHECK(result.mu_rest[0] == doctest::Approx(.55));
}

TEST_CASE("silent, undefined and tied units") {
    // Units: selective, silent, undefined (a negative class mean), tied; class 1 has no samples.
    const std::vector<float> x{4, 0, -1, 2, /**/ 0, 0, 5, 2};
    const std::vector<std::uint8_t> y{0, 2};
    const auto r = class_selectivity(as_view(x, {2, 4}), y);
    CHECK(r.index[0] == doctest::Approx(1).epsilon(1e-6));
    CHECK(r.index[1] == 0);
    CHECK(std::isnan(r.index[2]));
    CHECK(r.index[3] == 0);
    CHECK(r.preferred_class[0] == 0);
    CHECK(!r.preferred_class[1]);
    CHECK(!r.preferred_class[2]);
    CHECK(r.preferred_class[3] == 0);
    CHECK(r.silent_units == 1);
    CHECK(r.undefined_units == 1);
    CHECK(r.mean == doctest::Approx(1.0 / 3).epsilon(1e-6));
    CHECK(r.mean_live == doctest::Approx(1.0 / 2).epsilon(1e-6));
    CHECK(r.median == 0);
}

TEST_CASE("policies for negative activations") {
    const std::vector<double> x{-1, 3, /**/ 2, 1};
    const std::vector<int> y{0, 1};
    const auto rectified =
        class_selectivity(as_view(x, {2, 2}), y, {.negatives = repscope::negative_policy::rectify});
    CHECK(rectified.mu_max[0] == 2);
    CHECK(rectified.mu_rest[0] == 0);
    const auto shifted =
        class_selectivity(as_view(x, {2, 2}), y, {.negatives = repscope::negative_policy::shift});
    CHECK(shifted.mu_max[0] == 3);
    CHECK(shifted.index[0] == doctest::Approx(1).epsilon(1e-6));
    CHECK(shifted.undefined_units == 0);
    repscope::class_sums plain(2, 2);
    plain.update(as_view(x, {2, 2}), y);
    CHECK_THROWS_AS((void)class_selectivity(plain, {.negatives = repscope::negative_policy::rectify}),
                    repscope::value_error);
}

TEST_CASE("the shifted index of a constant unit is 0 for any value") {
    // Sums of equal values round, more so the larger they are; a real difference of 2^-30 of the value stays.
    const std::vector<double> values{.1, 1e6 + .1, -1e6 - .1, 1e9 + .1, 1e12 + .1, -1e100 / 7};
    constexpr std::size_t samples = 3000;
    const std::size_t units = values.size() + 1;
    std::vector<double> x;
    std::vector<int> y;
    for (std::size_t i = 0; i < samples; ++i) {
        y.push_back(i % 100 < 70 ? 0 : static_cast<int>(i % 7));
        x.insert(x.end(), values.begin(), values.end());
        x.push_back((1e12 + .1) * (y.back() == 3 ? 1 + std::ldexp(1.0, -30) : 1));
    }
    const auto shift = repscope::negative_policy::shift;
    const auto r = class_selectivity(as_view(x, {samples, units}), y, {.negatives = shift});
    const auto shuffled = repscope::selectivity_permutation(as_view(x, {samples, units}), y,
                                                            {.permutations = 19, .negatives = shift});
    const auto cross_fit =
        repscope::cross_fit_selectivity(as_view(x, {samples, units}), y, {.negatives = shift});
    repscope::class_moments moments(units, 7);
    moments.update(as_view(x, {samples, units}), y);
    const auto from_moments = class_selectivity(moments, {.negatives = shift});
    for (std::size_t u = 0; u < values.size(); ++u) {
        CAPTURE(values[u]);
        CHECK(r.index[u] == 0);
        CHECK(!r.preferred_class[u]);
        CHECK(from_moments.index[u] == 0);
        CHECK(shuffled.index[u] == 0);
        CHECK(shuffled.null_mean[u] == 0);
        CHECK(std::isnan(cross_fit.index[u]));
    }
    CHECK(r.index.back() == doctest::Approx(1).epsilon(1e-4));
    CHECK(from_moments.index.back() == doctest::Approx(1).epsilon(1e-4));
    CHECK(r.preferred_class.back() == 3);
    CHECK(cross_fit.index.back() == doctest::Approx(1).epsilon(1e-2));
    CHECK(r.silent_units == 0);
}

TEST_CASE("bad input is named") {
    const std::vector<float> x{1, 2, 3};
    CHECK_THROWS_WITH_AS((void)class_selectivity(as_view(x, {3, 1}), std::vector<int>{0, -4, 1}),
                         "repscope::class_selectivity: expected labels in 0 .. 1048575, got -4 at position 1",
                         repscope::value_error);
    CHECK_THROWS_AS((void)class_selectivity(as_view(x, {3, 1}), std::vector<int>{0, 0, 0}),
                    repscope::value_error);
    CHECK_THROWS_AS((void)class_selectivity(as_view(x, {3, 1}), std::vector<int>{0, 1}),
                    repscope::shape_error);
}

} // namespace class_selectivity_test
