// The participation ratio's error bars and corrections, against recomputation, brute force over tuples of
// samples, rational arithmetic and simulated populations.

#include "repscope/dimensionality/hutch_plus_plus.hpp"
#include "repscope/dimensionality/participation_ratio_jackknife.hpp"
#include "repscope/dimensionality/participation_ratio_sampled_units.hpp"
#include "repscope/dimensionality/participation_ratio_two_trials.hpp"
#include "repscope/dimensionality/power_law.hpp"

#include "repscope/random/random_stream.hpp"
#include "repscope/tensor/slice.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

namespace participation_ratio_jackknife_test {

namespace {

using repscope::as_view;

// Six samples of three units, and a second noisy pass, with results known as fractions.
const std::vector<double> exact_x{1, 0, 2, 0, 1, 1, 2, 1, 0, 1, 3, 1, 0, 2, 4, 3, 0, 1};
const std::vector<double> exact_y{1, 1, 2, 0, 1, 0, 2, 0, 0, 2, 3, 1, 0, 2, 5, 3, 1, 1};

/// Skewed, correlated and off the origin.
std::vector<double> sample(std::size_t n, std::size_t units, std::uint64_t seed, double offset = 0) {
    repscope::random_stream random(seed, 41);
    std::vector<double> x(n * units);
    for (std::size_t i = 0; i < n; ++i) {
        double shared = random.normal();
        for (std::size_t u = 0; u < units; ++u) {
            shared = .6 * shared + random.normal();
            x[i * units + u] = offset + std::max(0.0, shared + .2) / static_cast<double>(1 + u % 5);
        }
    }
    return x;
}

/// Every sample left out and everything computed anew.
void check_jackknife(const std::vector<double>& x, std::size_t units) {
    const std::size_t n = x.size() / units;
    const auto r = repscope::participation_ratio_interval(as_view(x, {n, units}), {.threads = 2});
    const double all = repscope::participation_ratio_unbiased(as_view(x, {n, units}));
    CHECK(r.unbiased == doctest::Approx(all).epsilon(1e-12));
    CHECK(r.naive == doctest::Approx(repscope::participation_ratio(as_view(x, {n, units}))).epsilon(1e-12));
    std::vector<double> without;
    double mean = 0;
    double mean_log = 0;
    for (std::size_t i = 0; i < n; ++i) {
        std::vector<double> rest = x;
        const auto first = rest.begin() + static_cast<std::ptrdiff_t>(i * units);
        rest.erase(first, first + static_cast<std::ptrdiff_t>(units));
        without.push_back(repscope::participation_ratio_unbiased(as_view(rest, {n - 1, units})));
        mean += without.back() / static_cast<double>(n);
        mean_log += std::log(without.back()) / static_cast<double>(n);
    }
    double squares = 0;
    for (const double w : without) squares += (std::log(w) - mean_log) * (std::log(w) - mean_log);
    const auto count = static_cast<double>(n);
    const double variance = (count - 1) / count * squares;
    // Two left out.
    double of_pairs = 0;
    for (std::size_t i = 0; i < n && n <= repscope::detail::sampled_rows::most; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            std::vector<double> rest;
            for (std::size_t k = 0; k < n; ++k) {
                if (k == i || k == j) continue;
                rest.insert(rest.end(), x.begin() + static_cast<std::ptrdiff_t>(k * units),
                            x.begin() + static_cast<std::ptrdiff_t>((k + 1) * units));
            }
            const double neither = repscope::participation_ratio_unbiased(as_view(rest, {n - 2, units}));
            of_pairs += std::pow(std::log(neither * all / without[i] / without[j]), 2);
        }
    }
    if (n > repscope::detail::sampled_rows::most) { // of some pairs only: not known here
        CHECK(r.se_log <= std::sqrt(variance) * (1 + 1e-9));
        CHECK(r.se_log >= std::sqrt(variance / 2) * (1 - 1e-9));
        return;
    }
    const double share = std::min(1.0, 2 * of_pairs / variance);
    const double se = std::sqrt(variance - std::min(of_pairs, variance / 2) * share * share);
    CHECK(r.se_log == doctest::Approx(se).epsilon(1e-9));
    CHECK(r.jackknife == doctest::Approx(count * all - (count - 1) * mean).epsilon(1e-9));
    const double t = repscope::student_quantile(.975, count - 1);
    CHECK(r.ci.low == doctest::Approx(all * std::exp(-t * se)).epsilon(1e-9));
    CHECK(r.ci.high == doctest::Approx(all * std::exp(t * se)).epsilon(1e-9));
    CHECK(r.samples == n);
}

} // namespace

TEST_CASE("the jackknife is every sample left out and all computed anew") {
    check_jackknife(sample(12, 30, 1), 30);    // Gram side, one pass
    check_jackknife(sample(40, 6, 2), 6);      // scatter side, two passes
    check_jackknife(sample(30, 7, 3, 500), 7); // far from the origin
    check_jackknife(sample(270, 260, 4), 260); // more than one tile
}

TEST_CASE("the second pass accepts any division into calls, several states, and any threads") {
    const auto x = sample(300, 9, 5);
    const auto view = as_view(x, {300, 9});
    repscope::covariance state(9);
    state.update(view);
    const repscope::participation_ratio_jackknife start(state);
    auto whole = start;
    whole.update(view);
    auto threaded = start;
    threaded.update(view, {.threads = 3});
    CHECK(threaded.estimate().se_log == whole.estimate().se_log);
    auto first = start;
    auto second = start;
    second.update(repscope::samples(view, 0, 100));
    first.update(repscope::samples(view, 100, 150));
    CHECK_THROWS_WITH_AS((void)first.estimate(),
                         "repscope::participation_ratio_jackknife::estimate: expected all 300 samples of the "
                         "covariance, got 150",
                         repscope::value_error);
    first.update(repscope::samples(view, 250, 50));
    first.merge(second);
    CHECK(first.estimate().se_log == doctest::Approx(whole.estimate().se_log).epsilon(1e-12));
    CHECK_THROWS_AS(first.update(repscope::samples(view, 0, 1)), repscope::value_error);
    CHECK_THROWS_AS(first.merge(second), repscope::value_error);
    CHECK_THROWS_AS(whole.update(as_view(x, {30, 90})), repscope::shape_error);
}

TEST_CASE("the last digits of the samples do not choose the pairs") {
    for (const std::size_t units : {9UL, 210UL}) { // scatter side, Gram side
        auto x = sample(200, units, 6);
        const double before = repscope::participation_ratio_interval(as_view(x, {200, units})).se_log;
        for (double& value : x) value *= 1 + 0x1p-44;
        const double after = repscope::participation_ratio_interval(as_view(x, {200, units})).se_log;
        CHECK(after == doctest::Approx(before).epsilon(1e-9));
    }
}

TEST_CASE("known fractions") {
    CHECK(repscope::participation_ratio_sampled_units(as_view(exact_x, {6, 3})) ==
          doctest::Approx(683.0 / 35).epsilon(1e-12));
    CHECK(repscope::participation_ratio_two_trials(as_view(exact_x, {6, 3}), as_view(exact_y, {6, 3})) ==
          doctest::Approx(557.0 / 138).epsilon(1e-12));
    CHECK(repscope::participation_ratio_two_trials(as_view(exact_x, {6, 3}), as_view(exact_x, {6, 3})) ==
          doctest::Approx(1765.0 / 469).epsilon(1e-12));
    // The same numbers with a unit that is constant, and three silent ones, so that the Gram side is taken.
    std::vector<double> wide_x, wide_y;
    for (std::size_t i = 0; i < 6; ++i) {
        for (std::size_t u = 0; u < 3; ++u) wide_x.push_back(exact_x[i * 3 + u]);
        for (std::size_t u = 0; u < 3; ++u) wide_y.push_back(exact_y[i * 3 + u]);
        wide_x.insert(wide_x.end(), {7, 0, 0, 0});
        wide_y.insert(wide_y.end(), {7, 0, 0, 0});
    }
    CHECK(repscope::participation_ratio_two_trials(as_view(wide_x, {6, 7}), as_view(wide_y, {6, 7})) ==
          doctest::Approx(557.0 / 138).epsilon(1e-12));
    CHECK(repscope::participation_ratio_sampled_units(as_view(wide_x, {6, 7})) ==
          doctest::Approx(683.0 / 35).epsilon(1e-12));
}

TEST_CASE("two trials are averages over all distinct 4-tuples") {
    constexpr std::size_t n = 7, units = 5;
    const auto x = sample(n, units, 6), y = sample(n, units, 7);
    double a = 0, b = 0;
    const auto cross = [&](std::size_t i, std::size_t j, std::size_t k, std::size_t l) {
        double sum = 0; // (x_i - x_j) . (y_k - y_l)
        for (std::size_t u = 0; u < units; ++u)
            sum += (x[i * units + u] - x[j * units + u]) * (y[k * units + u] - y[l * units + u]);
        return sum;
    };
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j)
            for (std::size_t k = 0; k < n; ++k)
                for (std::size_t l = 0; l < n; ++l) {
                    if (i == j || i == k || i == l || j == k || j == l || k == l) continue;
                    a += cross(i, j, i, j) * cross(k, l, k, l);
                    b += cross(i, j, k, l) * cross(k, l, i, j);
                }
    CHECK(repscope::participation_ratio_two_trials(as_view(x, {n, units}), as_view(y, {n, units})) ==
          doctest::Approx(a / b).epsilon(1e-11));
}

TEST_CASE("a sketch of every sign is exact on average and its parts merge") {
    const auto x = sample(90, 12, 8, 3);
    const auto view = as_view(x, {90, 12});
    repscope::covariance exact(12);
    exact.update(view);
    const auto products = exact.centered();
    const double t = products.trace(), r = products.frobenius2();
    double mean = 0, mean_fourth = 0, mean_error = 0, spread = 0;
    constexpr int repeats = 300;
    for (int seed = 0; seed < repeats; ++seed) {
        repscope::covariance_sketch sketch(12, {.probes = 24, .seed = static_cast<std::uint64_t>(seed)});
        sketch.update(repscope::samples(view, 0, 40));
        repscope::covariance_sketch other(12, {.probes = 24, .seed = static_cast<std::uint64_t>(seed)});
        other.update(repscope::samples(view, 40, 50));
        sketch.merge(other);
        const auto s = sketch.centered();
        CHECK(s.trace == doctest::Approx(t).epsilon(1e-12));
        CHECK(s.samples == 90);
        mean += s.frobenius2 / repeats;
        mean_fourth += s.fourth / repeats;
        mean_error += s.frobenius2_error / repeats;
        spread += (s.frobenius2 - r) * (s.frobenius2 - r) / repeats;
    }
    CHECK(std::abs(mean - r) < 4 * std::sqrt(spread / repeats));
    CHECK(mean_fourth == doctest::Approx(products.fourth).epsilon(.005));
    CHECK(mean_error == doctest::Approx(std::sqrt(spread)).epsilon(.15));

    // One state, one pass: D has no estimated part worth speaking of; threads and bytes change nothing.
    repscope::covariance_sketch one(12, {.probes = 64});
    one.update(view);
    const auto s = one.centered();
    CHECK(s.fourth == doctest::Approx(products.fourth).epsilon(1e-10));
    repscope::covariance_sketch threaded(12, {.probes = 64});
    threaded.update(view, {.threads = 3});
    CHECK(threaded.centered().frobenius2 == s.frobenius2);
    repscope::byte_writer out;
    one.save(out);
    repscope::byte_reader in(out.bytes());
    const auto loaded = repscope::covariance_sketch::load(in);
    CHECK(loaded.centered().frobenius2 == s.frobenius2);
    repscope::byte_reader cut(std::span(out.bytes()).first(out.bytes().size() - 1));
    CHECK_THROWS_AS((void)repscope::covariance_sketch::load(cut), repscope::format_error);
    const auto pr = repscope::participation_ratio(one);
    CHECK(std::abs(std::log(pr.naive / (t * t / r))) < 4 * pr.naive_error_log);
    CHECK(std::abs(std::log(pr.unbiased / repscope::participation_ratio_unbiased(exact))) <
          4 * pr.unbiased_error_log);
    CHECK_THROWS_AS(one.merge(repscope::covariance_sketch(12, {.probes = 63})), repscope::shape_error);
    CHECK_THROWS_AS(one.merge(repscope::covariance_sketch(12, {.probes = 64, .seed = 1})),
                    repscope::value_error);
    CHECK_THROWS_AS(repscope::covariance_sketch(1000, {.max_bytes = 1000}), repscope::value_error);
    auto bad = x;
    bad[50] = std::numeric_limits<double>::infinity();
    CHECK_THROWS_AS(one.update(as_view(bad, {90, 12})), repscope::value_error);
    CHECK(one.centered().frobenius2 == s.frobenius2);
}

TEST_CASE("Hutch++ is exact in the dominant directions and unbiased in the others") {
    const auto x = sample(150, 60, 9, 1);
    const auto view = as_view(x, {150, 60});
    repscope::covariance exact(60);
    exact.update(view);
    const double r = exact.centered().frobenius2();
    double mean = 0, spread = 0;
    constexpr int repeats = 60;
    for (int seed = 0; seed < repeats; ++seed) {
        const double value =
            repscope::trace_of_square(view, {.probes = 24, .seed = static_cast<std::uint64_t>(seed)}).value;
        mean += value / repeats;
        spread += (value - r) * (value - r) / repeats;
    }
    CHECK(std::abs(mean - r) < 4 * std::sqrt(spread / repeats));
    CHECK(std::sqrt(spread) / r < .06);
    // As many directions as units: nothing is left to chance.
    const auto all = repscope::trace_of_square(view, {.threads = 2, .probes = 180});
    CHECK(all.value == doctest::Approx(r).epsilon(1e-10));
    CHECK(all.standard_error < 1e-8 * r);
    CHECK_THROWS_AS((void)repscope::trace_of_square(view, {.probes = 5}), repscope::value_error);
}

TEST_CASE("the exponent of a power law") {
    std::vector<double> values;
    for (int k = 1; k <= 1000; ++k) values.push_back(std::pow(k, -1.2) * (1 + .1 * std::cos(k)));
    CHECK(repscope::power_law_exponent(values, 0).exponent ==
          doctest::Approx(1.2033077333418811).epsilon(1e-12));
    CHECK(repscope::power_law_exponent(values, 0, {.weighted = false}).exponent ==
          doctest::Approx(1.2010644664704746).epsilon(1e-12));
    const auto few = repscope::power_law_exponent(values, 100);
    CHECK(few.first == 11);
    CHECK(few.last == 50);
    CHECK(std::isnan(repscope::power_law_exponent(std::vector<double>{3, 2, 1}, 4).exponent));
    CHECK(std::isnan(repscope::power_law_exponent(std::vector<double>(20, 0.0), 0).exponent));
    CHECK_THROWS_AS((void)repscope::power_law_exponent(values, 0, {.first = 9, .last = 5}),
                    repscope::value_error);
}

TEST_CASE("degenerate input") {
    const auto x = sample(8, 3, 10);
    for (const std::size_t n : {std::size_t{2}, std::size_t{3}, std::size_t{4}}) {
        CAPTURE(n);
        const auto r = repscope::participation_ratio_interval(as_view(x.data(), {n, 3}));
        CHECK(r.naive >= 1);
        CHECK(std::isnan(r.se_log));
        CHECK(std::isnan(r.ci.low));
        CHECK(r.samples == n);
        CHECK(std::isnan(r.unbiased) ==
              (n < 4 || std::isnan(repscope::participation_ratio_unbiased(as_view(x.data(), {n, 3})))));
        CHECK(std::isnan(repscope::participation_ratio_two_trials(as_view(x.data(), {n, 3}),
                                                                  as_view(x.data(), {n, 3}))) == (n < 4));
    }
    CHECK_THROWS_AS((void)repscope::participation_ratio_interval(as_view(x.data(), {1, 3})),
                    repscope::shape_error);
    repscope::covariance single(3);
    single.update(as_view(x.data(), {1, 3}));
    CHECK(repscope::participation_ratio_jackknife(single).estimate().naive == 0);
    CHECK(std::isnan(repscope::participation_ratio_jackknife(single).estimate().unbiased));
    const std::vector<double> constant(60, 2.5);
    const auto none = repscope::participation_ratio_interval(as_view(constant, {20, 3}));
    CHECK(none.naive == 0);
    CHECK(std::isnan(none.unbiased));
    CHECK(std::isnan(none.se_log));
    CHECK(std::isnan(repscope::participation_ratio_sampled_units(as_view(constant, {20, 3}))));
    repscope::covariance_sketch flat(3);
    flat.update(as_view(constant, {20, 3}));
    CHECK(std::isnan(repscope::participation_ratio(flat).naive));
    CHECK(std::isnan(repscope::participation_ratio(repscope::covariance_sketch(3)).naive));
    // B <= 0: four samples of which the pairs' differences are orthogonal.
    const std::vector<double> orthogonal{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
    const auto b0 = repscope::participation_ratio_interval(as_view(orthogonal, {4, 4}));
    CHECK(b0.naive == doctest::Approx(3));
    CHECK(std::isnan(b0.unbiased));
    CHECK(std::isnan(b0.ci.high));
}

} // namespace participation_ratio_jackknife_test
