// What rounding must not decide: a denominator that is exactly 0, and singular values that are.

#include "repscope/bytes.hpp"
#include "repscope/dimensionality/hutch_plus_plus.hpp"
#include "repscope/dimensionality/participation_ratio_jackknife.hpp"
#include "repscope/dimensionality/participation_ratio_sampled_units.hpp"
#include "repscope/dimensionality/participation_ratio_two_trials.hpp"
#include "repscope/dimensionality/power_law.hpp"
#include "repscope/dimensionality/spectrum.hpp"

#include "repscope/random/random_stream.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace rounding_test {

namespace {

using repscope::as_view;
using repscope::product_precision;

struct rows {
    std::string name;
    std::size_t samples = 0;
    std::size_t units = 0;
    std::vector<double> x;
};

std::vector<double> normal(std::size_t count, std::uint64_t seed) {
    repscope::random_stream random(seed, 77);
    std::vector<double> x(count);
    for (double& v : x) v = random.normal();
    return x;
}

/// Samples of which the differences of any two disjoint pairs are orthogonal.
std::vector<rows> orthogonal_rows() {
    std::vector<rows> cases;
    for (const std::size_t n : {4U, 5U, 7U, 10U, 20U, 100U}) {
        for (const double scale : {1.0, .1, .3, 7e-5}) {
            for (const double offset : {0.0, 100.1}) {
                rows one{"one-hot " + std::to_string(n), n, n, std::vector<double>(n * n, offset)};
                for (std::size_t i = 0; i < n; ++i) one.x[i * n + i] += scale;
                cases.push_back(one);
            }
        }
        rows uneven{"uneven " + std::to_string(n), n, n, std::vector<double>(n * n, 1000.1)};
        for (std::size_t i = 0; i < n; ++i) uneven.x[i * n + i] += .1 * static_cast<double>(i + 1);
        cases.push_back(uneven);
    }
    // Orthonormal rows, by Gram and Schmidt in extended precision.
    rows dense{"orthonormal", 8, 400, normal(3200, 1)};
    for (std::size_t i = 0; i < 8; ++i) {
        std::vector<long double> row(dense.x.begin() + static_cast<std::ptrdiff_t>(i * 400),
                                     dense.x.begin() + static_cast<std::ptrdiff_t>((i + 1) * 400));
        for (int pass = 0; pass < 2; ++pass) {
            for (std::size_t j = 0; j < i; ++j) {
                long double along = 0;
                for (std::size_t u = 0; u < 400; ++u) along += row[u] * dense.x[j * 400 + u];
                for (std::size_t u = 0; u < 400; ++u) row[u] -= along * dense.x[j * 400 + u];
            }
        }
        long double length = 0;
        for (const long double v : row) length += v * v;
        for (std::size_t u = 0; u < 400; ++u)
            dense.x[i * 400 + u] = static_cast<double>(row[u] / std::sqrt(length));
    }
    cases.push_back(dense);
    // More samples than units: all but one of each unit silent.
    for (const std::size_t units : {1U, 5U, 50U}) {
        rows sparse{"sparse " + std::to_string(units), 700, units, std::vector<double>(700 * units)};
        for (std::size_t u = 0; u < units; ++u)
            sparse.x[(13 * u + 5) * units + u] = .1 + .01 * static_cast<double>(u);
        cases.push_back(sparse);
    }
    return cases;
}

double of_parts(const rows& one, product_precision products, bool saved) {
    repscope::covariance whole(one.units, {.products = products});
    for (std::size_t first = 0; first < one.samples; first += one.samples / 2) {
        const std::size_t count = std::min(one.samples / 2, one.samples - first);
        repscope::covariance part(one.units, {.products = products});
        part.update(as_view(one.x.data() + first * one.units, {count, one.units}));
        whole.merge(part);
    }
    if (!saved) return repscope::participation_ratio_unbiased(whole);
    repscope::byte_writer out;
    whole.save(out);
    repscope::byte_reader in(out.bytes());
    return repscope::participation_ratio_unbiased(repscope::covariance::load(in));
}

/// (samples, units) of rank `rank`.
std::vector<double> of_rank(std::size_t samples, std::size_t units, std::size_t rank, std::uint64_t seed) {
    const auto left = normal(samples * rank, seed);
    const auto right = normal(rank * units, seed + 1);
    std::vector<double> x(samples * units);
    for (std::size_t i = 0; i < samples; ++i) {
        for (std::size_t k = 0; k < rank; ++k) {
            for (std::size_t u = 0; u < units; ++u)
                x[i * units + u] += left[i * rank + k] * right[k * units + u];
        }
    }
    return x;
}

repscope::dimensionality_result measured(const std::vector<double>& x, std::size_t samples, std::size_t units,
                                         product_precision products) {
    repscope::covariance state(units, {.products = products});
    state.update(as_view(x, {samples, units}));
    return repscope::dimensionality(state);
}

/// Turns pairs of units, so that every unit has a share of every direction.
void rotate_units(std::vector<double>& x, std::size_t units) {
    for (const std::size_t step : {1U, 7U, 41U}) {
        for (std::size_t a = 0; a < units; ++a) {
            const std::size_t b = (a + step) % units;
            for (std::size_t row = 0; row < x.size(); row += units) {
                const double p = x[row + a], q = x[row + b];
                x[row + a] = std::cos(.7) * p - std::sin(.7) * q;
                x[row + b] = std::sin(.7) * p + std::cos(.7) * q;
            }
        }
    }
}

} // namespace

TEST_CASE("the unbiased ratio is undefined where its denominator is 0 up to rounding") {
    for (const rows& one : orthogonal_rows()) {
        CAPTURE(one.name);
        CAPTURE(one.x[0]);
        const auto view = as_view(one.x, {one.samples, one.units});
        for (const auto products : {product_precision::float64, product_precision::float32}) {
            repscope::covariance state(one.units, {.products = products});
            state.update(view);
            CHECK(std::isnan(repscope::participation_ratio_unbiased(state)));
            CHECK(std::isnan(repscope::dimensionality(state).participation_ratio_unbiased));
            repscope::participation_ratio_jackknife jackknife(state);
            if (jackknife.needs_second_pass()) jackknife.update(view);
            CHECK(std::isnan(jackknife.estimate().unbiased));
            CHECK(std::isnan(jackknife.estimate().ci.high));
            CHECK(std::isnan(of_parts(one, products, false)));
            CHECK(std::isnan(of_parts(one, products, true)));
        }
        CHECK(std::isnan(repscope::participation_ratio_two_trials(view, view)));
        CHECK(std::isnan(repscope::participation_ratio_sampled_units(view)));
    }
}

TEST_CASE("leaving out the one sample that is not orthogonal leaves no interval") {
    std::vector<double> x(81);
    for (std::size_t i = 0; i < 9; ++i) x[i * 9 + i] = .1;
    x[1] = .1;
    const auto r = repscope::participation_ratio_interval(as_view(x, {9, 9}));
    CHECK(r.unbiased > 9);
    CHECK(std::isfinite(r.unbiased));
    CHECK(std::isnan(r.se_log));
}

TEST_CASE("few samples of many dimensions keep their unbiased ratio") {
    constexpr std::size_t n = 40, units = 40'000;
    const auto x = normal(n * units, 3);
    for (const auto products : {product_precision::float64, product_precision::float32}) {
        repscope::covariance state(units, {.products = products});
        state.update(as_view(x, {n, units}));
        CHECK(repscope::participation_ratio_unbiased(state) == doctest::Approx(units).epsilon(.15));
        CHECK(std::isfinite(repscope::participation_ratio_jackknife(state).estimate().se_log));
    }
}

TEST_CASE("a sketch with a denominator within its error of 0 has no unbiased ratio") {
    constexpr std::size_t n = 100;
    std::vector<double> x(n * n);
    for (std::size_t i = 0; i < n; ++i) x[i * n + i] = .1;
    int defined = 0;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        repscope::covariance_sketch state(n, {.probes = 64, .seed = seed});
        state.update(as_view(x, {n, n}));
        const auto r = repscope::participation_ratio(state);
        CHECK(std::isnan(r.unbiased) == std::isnan(r.unbiased_error_log));
        defined += std::isnan(r.unbiased) ? 0 : 1;
    }
    CHECK(defined <= 4); // two standard errors, upward
}

TEST_CASE("ranks of data of low rank, products in double and in float") {
    struct low_rank {
        std::size_t samples, units, rank;
    };
    for (const low_rank& one : {low_rank{600, 200, 1}, low_rank{600, 200, 3}, low_rank{600, 120, 8},
                                low_rank{60, 500, 1}, low_rank{50, 300, 2}}) {
        CAPTURE(one.samples);
        CAPTURE(one.rank);
        const auto x = of_rank(one.samples, one.units, one.rank, 10 + one.rank);
        // The exact spectrum: that of the small matrix that rotates the units onto `rank` of them.
        const auto exact = measured(x, one.samples, one.units, product_precision::float64);
        std::vector<double> values(exact.spectrum.begin(),
                                   exact.spectrum.begin() + static_cast<std::ptrdiff_t>(one.rank));
        const double rank = repscope::effective_rank_singular_values(values);
        for (const auto products : {product_precision::float64, product_precision::float32}) {
            const auto d = measured(x, one.samples, one.units, products);
            const double close = products == product_precision::float64 ? 1e-6 : 2e-5;
            CHECK(d.effective_rank_singular_values == doctest::Approx(rank).epsilon(close));
            CHECK(d.effective_rank_eigenvalues ==
                  doctest::Approx(repscope::effective_rank_eigenvalues(values)).epsilon(1e-7));
            CHECK(repscope::component_count(d.spectrum, 1) <=
                  one.rank + (products == product_precision::float64 ? 1 : 0));
            CHECK(repscope::power_law_exponent(d.spectrum, 0, {.first = 1, .last = 50}).last <= one.rank + 1);
        }
    }
}

TEST_CASE("a spectrum that falls below the rounding of float keeps its variance") {
    // Eigenvalues k^-5 of units in any directions: those from 40 on are below 1e-8 of the first.
    constexpr std::size_t n = 700, units = 150;
    auto x = normal(n * units, 8);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] *= std::pow(static_cast<double>(i % units + 1), -2.5);
    rotate_units(x, units);
    const auto in_double = measured(x, n, units, product_precision::float64);
    const auto in_float = measured(x, n, units, product_precision::float32);
    CHECK(in_float.effective_rank_singular_values ==
          doctest::Approx(in_double.effective_rank_singular_values).epsilon(.03));
    double sum = 0, sum_in_float = 0;
    for (std::size_t k = 60; k < units; ++k) {
        sum += in_double.spectrum[k];
        CHECK(in_float.spectrum[k] >= 0);
    }
    for (std::size_t k = 20; k < units; ++k) sum_in_float += in_float.spectrum[k] - in_double.spectrum[k];
    CHECK(sum > 0);
    CHECK(std::abs(sum_in_float) < 1e-6 * in_double.spectrum[0]);
}

TEST_CASE("small eigenvalues of steep spectra are kept") {
    for (const double exponent : {1.0, 2.0, 3.0, 4.0}) {
        CAPTURE(exponent);
        constexpr std::size_t n = 700, units = 150;
        auto x = normal(n * units, 8);
        for (std::size_t i = 0; i < x.size(); ++i)
            x[i] *= std::pow(static_cast<double>(i % units + 1), -exponent / 2);
        const auto in_double = measured(x, n, units, product_precision::float64);
        const auto in_float = measured(x, n, units, product_precision::float32);
        CHECK(in_double.spectrum.back() > 0);
        CHECK(in_float.spectrum.back() > 0);
        CHECK(in_float.effective_rank_singular_values ==
              doctest::Approx(in_double.effective_rank_singular_values).epsilon(2e-7));
        // Units in any directions: in double the smallest, 1e-9 of the largest, is still there.
        rotate_units(x, units);
        CHECK(measured(x, n, units, product_precision::float64).effective_rank_singular_values ==
              doctest::Approx(in_double.effective_rank_singular_values).epsilon(1e-9));
    }
}

TEST_CASE("the size of activations changes no measure of dimensionality") {
    // Powers of two: every measure keeps its bits, down to where the squares of activations end.
    for (const std::size_t n : {20U, 60U}) { // thin and thick, of 30 units
        const auto x = normal(n * 30, 4);
        const auto view = as_view(x, {n, 30});
        const auto usual = measured(x, n, 30, product_precision::float64);
        for (const int exponent : {-475, -300, -250, -100, 100, 250, 300, 500}) {
            CAPTURE(exponent);
            auto scaled = x;
            for (double& value : scaled) value = std::ldexp(value, exponent);
            const auto d = measured(scaled, n, 30, product_precision::float64);
            CHECK(d.participation_ratio == usual.participation_ratio);
            CHECK(d.effective_rank_singular_values ==
                  doctest::Approx(usual.effective_rank_singular_values).epsilon(1e-12));
            CHECK(d.stable_rank == doctest::Approx(usual.stable_rank).epsilon(1e-12));
            CHECK(d.components == usual.components);
            const bool in_range = n < 30 || std::abs(exponent) < 230;
            if (in_range)
                CHECK(d.participation_ratio_unbiased == usual.participation_ratio_unbiased);
            else
                CHECK(std::isnan(d.participation_ratio_unbiased));
            const auto scaled_view = as_view(scaled, {n, 30});
            CHECK(repscope::participation_ratio_two_trials(scaled_view, scaled_view) ==
                  repscope::participation_ratio_two_trials(view, view));
            // Fewer dimensions than units: independent ones leave this ratio undefined.
            auto mixed = x, mixed_scaled = x;
            for (std::size_t i = 0; i < mixed.size(); ++i) {
                mixed[i] = x[i] + 3 * x[i / 30 * 30 + i % 5];
                mixed_scaled[i] = std::ldexp(mixed[i], exponent);
            }
            const double sampled = repscope::participation_ratio_sampled_units(as_view(mixed, {n, 30}));
            CHECK(sampled > 1);
            CHECK(repscope::participation_ratio_sampled_units(as_view(mixed_scaled, {n, 30})) == sampled);
            const auto r = repscope::participation_ratio_interval(scaled_view);
            CHECK(r.naive == usual.participation_ratio);
            if (std::abs(exponent) < 230)
                CHECK(r.se_log ==
                      doctest::Approx(repscope::participation_ratio_interval(view).se_log).epsilon(1e-9));
            else
                CHECK(std::isnan(r.se_log));
            repscope::covariance_sketch sketch(30, {.probes = 16}), usual_sketch(30, {.probes = 16});
            sketch.update(scaled_view);
            usual_sketch.update(view);
            const double ratio = repscope::participation_ratio(sketch).naive;
            if (std::abs(exponent) < 230)
                CHECK(ratio == repscope::participation_ratio(usual_sketch).naive);
            else
                CHECK(std::isnan(ratio));
            // In float: the same, or an error.
            if (n < 30) {
                CHECK(measured(scaled, n, 30, product_precision::float32).participation_ratio ==
                      measured(x, n, 30, product_precision::float32).participation_ratio);
            } else {
                CHECK_THROWS_AS((void)measured(scaled, n, 30, product_precision::float32),
                                repscope::value_error);
            }
        }
        for (const int exponent : {-800, 800}) {
            auto scaled = x;
            for (double& value : scaled) value = std::ldexp(value, exponent);
            CHECK_THROWS_AS((void)measured(scaled, n, 30, product_precision::float64), repscope::value_error);
        }
    }
}

} // namespace rounding_test
