#include "repscope/geometry/representation_drift.hpp"

#include "repscope/error.hpp"
#include "repscope/random/random_stream.hpp"
#include "symmetric_matrix.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace representation_drift_test {

using namespace repscope_test;
using repscope::as_view;
using repscope::covariance;
using repscope::representation_drift;

constexpr std::size_t units = 16;

std::vector<double> sample_rows(std::size_t samples, std::uint64_t seed, double shift) {
    repscope::random_stream random(seed, 23);
    std::vector<double> rows;
    for (std::size_t i = 0; i < samples; ++i) {
        for (std::size_t u = 0; u < units; ++u) {
            const double place = static_cast<double>(u);
            // The last unit is silent.
            rows.push_back(u + 1 == units ? 0 : shift + (1 + place / (5 + shift)) * random.normal());
        }
    }
    return rows;
}

covariance state_of(std::span<const double> rows) {
    covariance state(units);
    state.update(as_view(rows, {rows.size() / units, units}));
    return state;
}

struct by_rows {
    std::vector<real> mean = std::vector<real>(units);
    square_matrix spread{units};

    explicit by_rows(const std::vector<double>& rows) {
        const std::size_t samples = rows.size() / units;
        const auto n = static_cast<real>(samples);
        for (std::size_t k = 0; k < rows.size(); ++k) mean[k % units] += rows[k] / n;
        for (std::size_t i = 0; i < samples; ++i)
            for (std::size_t u = 0; u < units; ++u)
                for (std::size_t v = 0; v < units; ++v)
                    spread(u, v) +=
                        (rows[i * units + u] - mean[u]) * (rows[i * units + v] - mean[v]) / (n - 1);
    }
    // The projection on the first `count` principal components.
    [[nodiscard]] square_matrix projection(std::size_t count) const {
        square_matrix values = spread;
        jacobi(values);
        std::vector<real> sorted;
        for (std::size_t u = 0; u < units; ++u) sorted.push_back(values(u, u));
        std::sort(sorted.rbegin(), sorted.rend());
        const real least = (sorted[count - 1] + sorted[count]) / 2;
        return function_of(spread, [&](real value) { return value > least ? 1 : 0; });
    }
};

TEST_CASE("drift equals its definitions over samples, for few and many samples") {
    for (const std::size_t samples_a : {9U, 60U}) {
        for (const std::size_t samples_b : {12U, 45U}) {
            CAPTURE(samples_a);
            CAPTURE(samples_b);
            const std::vector<double> rows_a = sample_rows(samples_a, 1, 0),
                                      rows_b = sample_rows(samples_b, 2, 1);
            const covariance a = state_of(rows_a), b = state_of(rows_b);
            REQUIRE(a.is_thin() == (samples_a == 9));
            const by_rows of_a(rows_a), of_b(rows_b);
            real distance2 = 0, aa = 0, bb = 0, ab = 0;
            for (std::size_t u = 0; u < units; ++u) {
                distance2 += (of_a.mean[u] - of_b.mean[u]) * (of_a.mean[u] - of_b.mean[u]);
                aa += of_a.mean[u] * of_a.mean[u];
                bb += of_b.mean[u] * of_b.mean[u];
                ab += of_a.mean[u] * of_b.mean[u];
            }
            const auto positive_root = [](real value) { return value > 0 ? std::sqrt(value) : 0; };
            const square_matrix root = function_of(of_a.spread, positive_root);
            const real cross = function_of(root * of_b.spread * root, positive_root).trace();
            const auto got = representation_drift(a, b, {.components = 4});
            CHECK(std::abs(got.mean_distance / static_cast<double>(std::sqrt(distance2)) - 1) < 1e-12);
            CHECK(std::abs(got.mean_cosine - static_cast<double>(ab / std::sqrt(aa * bb))) < 1e-12);
            const real frechet = distance2 + of_a.spread.trace() + of_b.spread.trace() - 2 * cross;
            CHECK(std::abs(got.frechet / static_cast<double>(frechet) - 1) < 1e-9);
            CHECK(std::abs(got.participation_ratio_quotient / (repscope::participation_ratio_unbiased(b) /
                                                               repscope::participation_ratio_unbiased(a)) -
                           1) < 1e-12);
            // Squared cosines are the eigenvalues of P_a P_b P_a.
            const square_matrix p = of_a.projection(4);
            square_matrix squares = p * of_b.projection(4) * p;
            jacobi(squares);
            std::vector<real> cosines2;
            for (std::size_t u = 0; u < units; ++u) cosines2.push_back(squares(u, u));
            std::sort(cosines2.rbegin(), cosines2.rend());
            REQUIRE(got.principal_angles.size() == 4);
            for (std::size_t k = 0; k < 4; ++k) {
                CHECK(std::abs(std::cos(got.principal_angles[k]) -
                               static_cast<double>(std::sqrt(cosines2[k]))) < 1e-9);
            }
            const auto threaded = representation_drift(a, b, {.threads = 3, .components = 4});
            CHECK(threaded.frechet == got.frechet);
            CHECK(threaded.principal_angles == got.principal_angles);
        }
    }
}

TEST_CASE("drift: no change, a shift, a scale, and errors") {
    for (const std::size_t samples : {9U, 60U}) {
        const std::vector<double> rows = sample_rows(samples, 3, 2);
        const covariance a = state_of(rows);
        const auto none = representation_drift(a, a);
        CHECK(none.mean_distance == 0);
        CHECK(none.mean_cosine == doctest::Approx(1).epsilon(1e-14));
        CHECK(none.frechet < 1e-11);
        CHECK(none.participation_ratio_quotient == 1);
        // The rank of 9 centered samples is 8.
        REQUIRE(none.principal_angles.size() == (samples == 9 ? 8 : 10));
        CHECK(none.principal_angles.back() < 1e-12);
        CHECK(representation_drift(a, a, {.components = 0}).principal_angles.empty());

        std::vector<double> moved = rows;
        for (double& value : moved) value = 3 * value;
        for (std::size_t i = 0; i < samples; ++i) moved[i * units] += 10;
        const by_rows before(rows);
        const auto got = representation_drift(a, state_of(moved));
        // Means differ by 2 mean, and 10 more in the first unit; the roots of the covariances by a factor
        // of 3.
        real distance2 = 0;
        for (std::size_t u = 0; u < units; ++u)
            distance2 += (2 * before.mean[u] + (u == 0 ? 10 : 0)) * (2 * before.mean[u] + (u == 0 ? 10 : 0));
        CHECK(got.frechet ==
              doctest::Approx(static_cast<double>(distance2 + 4 * before.spread.trace())).epsilon(1e-11));
        CHECK(got.principal_angles.back() < 1e-7);
        CHECK(got.participation_ratio_quotient == doctest::Approx(1).epsilon(1e-10));
    }
    const std::vector<double> zero(3 * units);
    const auto silent = representation_drift(state_of(zero), state_of(zero));
    CHECK(std::isnan(silent.mean_cosine));
    CHECK(silent.frechet == 0);
    CHECK(silent.principal_angles.empty());
    CHECK(std::isnan(silent.participation_ratio_quotient));
    CHECK_THROWS_AS((void)representation_drift(covariance(3), covariance(4)), repscope::shape_error);
    CHECK_THROWS_AS((void)representation_drift(covariance(3), covariance(3)), repscope::value_error);
}

} // namespace representation_drift_test
