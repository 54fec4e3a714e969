#include "repscope/moments/covariance.hpp"

#include "repscope/dimensionality/participation_ratio.hpp"
#include "repscope/random/random_stream.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

namespace covariance_test {

namespace {

using repscope::as_view;
using repscope::covariance;

std::vector<double> correlated(std::size_t n, std::size_t units, double offset, std::uint64_t seed) {
    repscope::random_stream random(seed, 2);
    std::vector<double> x(n * units);
    for (std::size_t i = 0; i < n; ++i) {
        const double shared = random.normal();
        for (std::size_t u = 0; u < units; ++u) {
            const double value = random.normal() * (1 + 0.1 * static_cast<double>(u % 7)) + 0.4 * shared;
            x[i * units + u] = offset + std::max(value, -0.5); // not Gaussian
        }
    }
    return x;
}

auto rows(const std::vector<double>& x, std::size_t units, std::size_t first, std::size_t count) {
    return repscope::tensor_view<const double, 2>(x.data() + first * units, {count, units});
}

/// T, R and D from the definitions, in long double.
struct invariants {
    long double t = 0;
    long double r = 0;
    long double d = 0;
};

invariants by_definition(const std::vector<double>& x, std::size_t n, std::size_t units) {
    std::vector<long double> mean(units);
    for (std::size_t k = 0; k < n * units; ++k) mean[k % units] += x[k] / static_cast<long double>(n);
    invariants result;
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
            long double g = 0;
            for (std::size_t u = 0; u < units; ++u) {
                g += (x[i * units + u] - mean[u]) * (x[j * units + u] - mean[u]);
            }
            result.r += g * g;
            if (i == j) {
                result.t += g;
                result.d += g * g;
            }
        }
    }
    return result;
}

} // namespace

TEST_CASE("trace, Frobenius norm and fourth powers by definition, thin and thick, with an offset") {
    struct shape {
        std::size_t n, units;
    };
    for (const auto [n, units] : {shape{12, 30}, shape{30, 30}, shape{31, 30}, shape{90, 7}, shape{150, 2}}) {
        for (const double offset : {0.0, 1000.0}) {
            const auto x = correlated(n, units, offset, n);
            covariance state(units);
            state.update(rows(x, units, 0, n));
            CHECK(state.is_thin() == (n <= units));
            const auto products = state.centered();
            const auto expected = by_definition(x, n, units);
            CHECK(products.trace() == doctest::Approx(static_cast<double>(expected.t)).epsilon(1e-11));
            CHECK(products.frobenius2() == doctest::Approx(static_cast<double>(expected.r)).epsilon(1e-11));
            CHECK(products.fourth == doctest::Approx(static_cast<double>(expected.d)).epsilon(1e-11));
        }
    }
}

TEST_CASE("the same bits for any number of threads and for cuts at whole blocks") {
    constexpr std::size_t n = 1300;
    constexpr std::size_t units = 300; // more than one tile of the result
    const auto x = correlated(n, units, 3, 1);
    covariance one(units);
    one.update(rows(x, units, 0, n));
    const auto expected = one.centered();
    for (const int threads : {2, 3, 8}) {
        covariance many(units);
        many.update(rows(x, units, 0, n), {.threads = threads});
        CHECK(many.centered().lower == expected.lower);
        CHECK(many.centered().fourth == expected.fourth);
    }
    covariance cut(units);
    cut.update(rows(x, units, 0, 512));
    cut.update(rows(x, units, 512, 512));
    cut.update(rows(x, units, 1024, n - 1024));
    CHECK(cut.centered().lower == expected.lower);
}

TEST_CASE("any split and merge order to 1e-12") {
    constexpr std::size_t n = 97;
    constexpr std::size_t units = 20;
    const auto x = correlated(n, units, 50, 4);
    covariance whole(units);
    whole.update(rows(x, units, 0, n));
    const double expected = repscope::participation_ratio(whole);
    const double unbiased = repscope::participation_ratio_unbiased(whole);
    // Thin with thin, thin with thick, thick with thick, and an empty state.
    const std::vector<std::vector<std::size_t>> cuts{{5, 92},    {92, 5},      {40, 57},
                                                     {3, 4, 90}, {10, 10, 77}, {0, 97}};
    for (const auto& sizes : cuts) {
        std::vector<covariance> parts;
        std::size_t first = 0;
        for (const std::size_t size : sizes) {
            parts.emplace_back(units);
            parts.back().update(rows(x, units, first, size));
            first += size;
        }
        covariance merged(units);
        for (std::size_t k = parts.size(); k-- > 0;) merged.merge(parts[k]);
        CHECK(merged.samples() == n);
        CHECK(std::abs(repscope::participation_ratio(merged) - expected) <= 1e-12 * expected);
        CHECK(repscope::participation_ratio_unbiased(merged) == doctest::Approx(unbiased).epsilon(1e-9));
    }
}

TEST_CASE("means and variances of units") {
    for (const std::size_t n : {std::size_t{9}, std::size_t{60}}) {
        constexpr std::size_t units = 12;
        const auto x = correlated(n, units, 1000, 8);
        covariance state(units);
        state.update(rows(x, units, 0, n));
        const auto means = state.unit_means();
        const auto variances = state.unit_variances();
        for (std::size_t u = 0; u < units; ++u) {
            long double mean = 0;
            for (std::size_t i = 0; i < n; ++i) mean += x[i * units + u] / static_cast<long double>(n);
            long double squares = 0;
            for (std::size_t i = 0; i < n; ++i) squares += std::pow(x[i * units + u] - mean, 2);
            CHECK(means[u] == doctest::Approx(static_cast<double>(mean)).epsilon(1e-13));
            CHECK(variances[u] ==
                  doctest::Approx(static_cast<double>(squares) / static_cast<double>(n - 1)).epsilon(1e-11));
        }
    }
}

TEST_CASE("maps are read as their means") {
    const auto x = correlated(10, 24, 0, 5);
    std::vector<double> means;
    for (std::size_t k = 0; k < 60; ++k) {
        means.push_back((x[4 * k] + x[4 * k + 1] + x[4 * k + 2] + x[4 * k + 3]) / 4);
    }
    CHECK(repscope::participation_ratio(as_view(x, {10, 6, 2, 2})) ==
          doctest::Approx(repscope::participation_ratio(as_view(means, {10, 6}))).epsilon(1e-13));
}

TEST_CASE("saved and loaded") {
    for (const std::size_t n : {std::size_t{4}, std::size_t{40}}) {
        const auto x = correlated(n, 9, 2, 6);
        covariance state(9);
        state.update(rows(x, 9, 0, n));
        repscope::byte_writer out;
        state.save(out);
        repscope::byte_reader in(out.bytes());
        const covariance loaded = covariance::load(in);
        CHECK(in.left() == 0);
        CHECK(loaded.centered().lower == state.centered().lower);
        CHECK(loaded.centered().fourth == state.centered().fourth);
        repscope::byte_reader cut(std::span(out.bytes()).first(out.bytes().size() - 1));
        CHECK_THROWS_AS((void)covariance::load(cut), repscope::format_error);
    }
}

TEST_CASE("an error names bad input, and the state is unchanged") {
    auto x = correlated(40, 9, 2, 6);
    covariance state(9);
    state.update(rows(x, 9, 0, 20));
    const auto before = state.centered().lower;
    x[30 * 9 + 4] = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_WITH_AS(
        state.update(rows(x, 9, 20, 20)),
        "repscope::covariance::update: expected finite activations, got NaN in sample 30, unit 4",
        repscope::value_error);
    CHECK(state.centered().lower == before);
    CHECK(state.samples() == 20);
    CHECK_THROWS_AS(state.update(rows(x, 3, 0, 2)), repscope::shape_error);
    covariance small(1000, {.max_bytes = 1 << 20});
    const std::vector<double> wide(1000 * 1000);
    CHECK_THROWS_AS(small.update(rows(wide, 1000, 0, 1000)), repscope::value_error);
    CHECK(small.samples() == 0);
    CHECK_THROWS_AS(covariance(0), repscope::value_error);
    covariance other(8);
    CHECK_THROWS_AS(state.merge(other), repscope::shape_error);
}

} // namespace covariance_test
