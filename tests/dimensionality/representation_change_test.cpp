// The change of a representation, against its definition by separate functions and exact cases.

#include "repscope/dimensionality/representation_change.hpp"

#include "repscope/random/random_stream.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

namespace representation_change_test {

namespace {

using repscope::as_view;
using repscope::representation_change;

template <typename Scalar>
std::vector<Scalar> draws(std::size_t count, std::uint64_t seed, double scale = 1) {
    repscope::random_stream random(seed, 17);
    std::vector<Scalar> x(count);
    for (Scalar& v : x) v = static_cast<Scalar>(3 + scale * random.normal());
    return x;
}

/// The difference by hand, in the type of the rows.
template <typename Scalar>
void check_rows(std::size_t samples, std::size_t units) {
    const auto clean = draws<Scalar>(samples * units, 1);
    const auto perturbed = draws<Scalar>(samples * units, 2, 1.5);
    std::vector<Scalar> difference;
    double changed = 0;
    double all = 0;
    for (std::size_t k = 0; k < clean.size(); ++k) {
        difference.push_back(perturbed[k] - clean[k]);
        changed += static_cast<double>(difference[k]) * static_cast<double>(difference[k]);
        all += static_cast<double>(clean[k]) * static_cast<double>(clean[k]);
    }
    repscope::covariance state(units);
    state.update(as_view(difference, {samples, units}));
    const auto expected = repscope::dimensionality(state);
    for (const int threads : {1, 2, 3}) {
        const auto change = representation_change(as_view(clean, {samples, units}),
                                                  as_view(perturbed, {samples, units}), {.threads = threads});
        CHECK(change.relative_size == std::sqrt(changed / all));
        CHECK(change.dimensionality.spectrum == expected.spectrum);
        CHECK(change.dimensionality.components == expected.components);
        CHECK(change.dimensionality.participation_ratio == expected.participation_ratio);
    }
    repscope::covariance before(units);
    before.update(as_view(clean, {samples, units}));
    const auto from_moments = representation_change(before, state);
    CHECK(from_moments.relative_size == doctest::Approx(std::sqrt(changed / all)).epsilon(1e-12));
    CHECK(from_moments.dimensionality.spectrum == expected.spectrum);
}

} // namespace

TEST_CASE("the change of rows is that of their differences, for more samples than units and fewer") {
    check_rows<float>(700, 12);
    check_rows<double>(700, 12);
    check_rows<float>(9, 31);
    check_rows<double>(9, 31);
    check_rows<double>(3, 200000); // several blocks of rows
}

TEST_CASE("the change of maps is that of the means of their channels") {
    const std::size_t samples = 40, channels = 5, side = 3;
    const auto clean = draws<float>(samples * channels * side * side, 3);
    const auto perturbed = draws<float>(clean.size(), 4);
    std::vector<double> means(samples * channels);
    std::vector<double> perturbed_means(means.size());
    for (std::size_t k = 0; k < clean.size(); ++k) {
        means[k / 9] += static_cast<double>(clean[k]) / 9;
        perturbed_means[k / 9] += static_cast<double>(perturbed[k]) / 9;
    }
    const auto change = representation_change(as_view(clean, {samples, channels, side, side}),
                                              as_view(perturbed, {samples, channels, side, side}));
    const auto expected = representation_change(as_view(means, {samples, channels}),
                                                as_view(perturbed_means, {samples, channels}));
    CHECK(change.relative_size == doctest::Approx(expected.relative_size).epsilon(1e-12));
    REQUIRE(change.dimensionality.spectrum.size() == channels);
    for (std::size_t k = 0; k < channels; ++k) {
        CHECK(change.dimensionality.spectrum[k] ==
              doctest::Approx(expected.dimensionality.spectrum[k]).epsilon(1e-10));
    }
}

TEST_CASE("exact changes: one direction, no change, and clean values of 0") {
    const std::vector<double> clean{3, 4, 0, 0, 0, 5}; // |clean|^2 = 50
    std::vector<double> perturbed = clean;
    perturbed[0] += 2; // of the first unit only: |difference|^2 = 8
    perturbed[2] -= 2;
    const auto change = representation_change(as_view(clean, {3, 2}), as_view(perturbed, {3, 2}));
    CHECK(change.relative_size == doctest::Approx(std::sqrt(8.0 / 50)).epsilon(1e-15));
    CHECK(change.dimensionality.participation_ratio == doctest::Approx(1).epsilon(1e-12));
    CHECK(change.dimensionality.components[2] == 1);
    const auto none = representation_change(as_view(clean, {3, 2}), as_view(clean, {3, 2}));
    CHECK(none.relative_size == 0);
    CHECK(none.dimensionality.participation_ratio == 0);
    const std::vector<double> zero(6);
    CHECK(std::isnan(representation_change(as_view(zero, {3, 2}), as_view(clean, {3, 2})).relative_size));
    CHECK(std::isnan(representation_change(as_view(zero, {3, 2}), as_view(zero, {3, 2})).relative_size));
}

TEST_CASE("a change of other shapes, single samples and values that are not finite is refused") {
    const std::vector<double> x{1, 2, 3, 4, 5, 6};
    CHECK_THROWS_WITH_AS(
        (void)representation_change(as_view(x, {3, 2}), as_view(x, {2, 3})),
        "repscope::representation_change: expected perturbed activations of shape (3, 2, 1, 1), got shape "
        "(2, 3, 1, 1)",
        repscope::shape_error);
    CHECK_THROWS_AS((void)representation_change(as_view(x, {0, 2}), as_view(x, {0, 2})),
                    repscope::shape_error);
    CHECK_THROWS_AS((void)representation_change(as_view(x, {1, 6}), as_view(x, {1, 6})),
                    repscope::value_error);
    std::vector<double> bad = x;
    bad[3] = std::numeric_limits<double>::infinity();
    // Equal infinities have no difference, but they are not representations.
    CHECK_THROWS_WITH_AS(
        (void)representation_change(as_view(bad, {3, 2}), as_view(bad, {3, 2})),
        "repscope::representation_change: expected finite activations, got infinity in sample 1, unit 1",
        repscope::value_error);
    repscope::covariance of_two(2), of_three(3), fewer(2);
    of_two.update(as_view(x, {3, 2}));
    of_three.update(as_view(x, {2, 3}));
    fewer.update(as_view(x.data(), {2, 2}));
    CHECK_THROWS_AS((void)representation_change(of_two, of_three), repscope::shape_error);
    CHECK_THROWS_AS((void)representation_change(of_two, fewer), repscope::value_error);
}

} // namespace representation_change_test
