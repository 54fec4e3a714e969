#include "repscope/dimensionality/rank_me.hpp"

#include "repscope/dimensionality/component_count.hpp"
#include "repscope/error.hpp"
#include "repscope/random/random_stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace rank_me_test {

using repscope::as_view;
using repscope::covariance;

TEST_CASE("the uncentered spectrum is the spectrum of the samples and their negatives") {
    for (const std::size_t samples : {12U, 90U}) {
        constexpr std::size_t units = 20;
        repscope::random_stream random(3, 1);
        std::vector<double> x(samples * units);
        for (std::size_t k = 0; k < x.size(); ++k)
            x[k] = static_cast<double>(k % units) / 7 + random.normal();
        std::vector<double> mirrored = x;
        for (const double value : x) mirrored.push_back(-value);
        covariance state(units), both(units);
        state.update(as_view(x, {samples, units}));
        both.update(as_view(mirrored, {2 * samples, units}));
        REQUIRE(state.is_thin() == (samples < units));
        const auto got = repscope::uncentered_spectrum(state);
        const auto expected = repscope::spectrum(both);
        REQUIRE(got.size() == std::min(samples, units));
        const auto n = static_cast<double>(samples);
        for (std::size_t k = 0; k < got.size(); ++k)
            CHECK(std::abs(got[k] / (expected[k] * (2 * n - 1) / (2 * n)) - 1) < 1e-11);
        if (!state.is_thin()) CHECK(repscope::uncentered_spectrum(state.centered()) == got);
        // Without epsilon it is the effective rank of the same singular values.
        CHECK(std::abs(repscope::rank_me(got, 0) / repscope::effective_rank_singular_values(expected) - 1) <
              1e-9);
        if (state.is_thin())
            CHECK_THROWS_AS((void)repscope::uncentered_spectrum(state.centered()), repscope::value_error);
    }
}

TEST_CASE("RankMe: the published formula, a single direction and no activation") {
    // Shares 2/5, 2/5, 1/5 of singular values 2, 2, 1.
    constexpr std::array values{4.0, 4.0, 1.0};
    const auto term = [](double share) { return -(share + 1e-7) * std::log(share + 1e-7); };
    CHECK(repscope::rank_me(values) == doctest::Approx(std::exp(2 * term(.4) + term(.2))).epsilon(1e-14));
    constexpr std::array one{9.0, 0.0, 0.0};
    CHECK(repscope::rank_me(one, 0) == 1);
    CHECK(std::abs(repscope::rank_me(one) - 1) < 1e-5);
    constexpr std::array silent{0.0, 0.0};
    CHECK(repscope::rank_me(silent) == 0);
    CHECK(repscope::uncentered_spectrum(covariance(3)).empty());
}

TEST_CASE("silent units have eigenvalues of exactly 0, and RankMe of merged states is that of one pass") {
    constexpr std::size_t samples = 300, units = 12;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        repscope::random_stream random(seed, 5);
        std::vector<double> x(samples * units), live;
        for (std::size_t k = 0; k < x.size(); ++k) {
            if (k % units == 4 || k % units == 9) continue;
            x[k] = std::max(0.0, 1 + random.normal());
            live.push_back(x[k]);
        }
        const auto part = [&](std::size_t first, std::size_t count) {
            covariance state(units);
            state.update(as_view(std::span(x).subspan(first * units, count * units), {count, units}));
            return state;
        };
        covariance merged = part(0, 101);
        merged.merge(part(101, 199));
        covariance without(units - 2);
        without.update(as_view(live, {samples, units - 2}));
        const auto values = repscope::uncentered_spectrum(part(0, samples));
        REQUIRE(values.size() == units);
        CHECK(values[units - 3] > 0);
        CHECK(values[units - 2] == 0);
        CHECK(values[units - 1] == 0);
        const double expected = repscope::rank_me(repscope::uncentered_spectrum(without), 0);
        CHECK(repscope::rank_me(values, 0) == doctest::Approx(expected).epsilon(1e-13));
        CHECK(repscope::rank_me(repscope::uncentered_spectrum(merged)) ==
              doctest::Approx(repscope::rank_me(values)).epsilon(1e-12));
    }
}

} // namespace rank_me_test
