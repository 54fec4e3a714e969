#include "repscope/selectivity/cross_fit.hpp"

#include "repscope/random/random_stream.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

namespace cross_fit_test {

namespace {

using repscope::as_view;

struct layer {
    std::size_t samples, units, classes;
    std::vector<double> x;
    std::vector<int> y;
};

/// Exponential units; each prefers one class `gain` times over the others.
layer exponential(std::size_t units, std::size_t classes, std::size_t a_class, double gain,
                  std::uint64_t seed) {
    repscope::random_stream random(seed, 61);
    layer made{classes * a_class, units, classes, {}, {}};
    for (std::size_t i = 0; i < made.samples; ++i) {
        const std::size_t c = i % classes;
        made.y.push_back(static_cast<int>(c));
        for (std::size_t u = 0; u < units; ++u)
            made.x.push_back(-std::log(random.uniform()) * (u % classes == c ? gain : 1));
    }
    return made;
}

/// The definition, written out for one unit, without the samples of one block.
double written_out(const layer& l, std::size_t unit, std::size_t folds, std::size_t blocks,
                   std::size_t without) {
    double total = 0, weights = 0;
    for (std::size_t fold = 0; fold < folds; ++fold) {
        // A fold weighs what is left of its blocks that have samples.
        std::vector<unsigned char> has(blocks);
        for (std::size_t i = 0; i < l.samples; ++i) has[repscope::sample_block(i, blocks)] = 1;
        double all = 0, left = 0;
        for (std::size_t b = fold; b < blocks; b += folds) {
            all += has[b];
            left += b == without ? 0 : has[b];
        }
        std::vector<double> training(l.classes), held(l.classes), n_training(l.classes), n_held(l.classes);
        for (std::size_t i = 0; i < l.samples; ++i) {
            const std::size_t block = repscope::sample_block(i, blocks);
            if (block == without) continue;
            const auto c = static_cast<std::size_t>(l.y[i]);
            const bool is_held = block % folds == fold;
            (is_held ? held : training)[c] += l.x[i * l.units + unit];
            (is_held ? n_held : n_training)[c] += 1;
        }
        const auto difference = [&](std::vector<double> sums, const std::vector<double>& n, std::size_t k,
                                    double sign) {
            double rest = 0, others = 0;
            for (std::size_t c = 0; c < l.classes; ++c) {
                if (c == k || n[c] == 0) continue;
                rest += sums[c] / n[c];
                others += 1;
            }
            return sums[k] / n[k] + sign * rest / others;
        };
        std::size_t k = 0;
        for (std::size_t c = 1; c < l.classes; ++c)
            if (training[c] / n_training[c] > training[k] / n_training[k]) k = c;
        const auto present = std::count_if(n_held.begin(), n_held.end(), [](double n) { return n > 0; });
        if (n_held[k] == 0 || present < 2) continue;
        total +=
            left / all * difference(held, n_held, k, -1) / (difference(training, n_training, k, 1) + 1e-6);
        weights += left / all;
    }
    return total / weights;
}

} // namespace

TEST_CASE("index and interval are the definition written out") {
    for (const std::size_t a_class : {7U, 40U}) { // folds without some class, and full ones
        const layer l = exponential(11, 4, a_class, 2, a_class);
        const auto r =
            repscope::cross_fit_selectivity(as_view(l.x, {l.samples, l.units}), l.y, {.threads = 2});
        std::vector<std::size_t> blocks; // those with samples
        for (std::size_t block = 0; block < 20; ++block) {
            for (std::size_t i = 0; i < l.samples; ++i) {
                if (repscope::sample_block(i, 20) != block) continue;
                blocks.push_back(block);
                break;
            }
        }
        CHECK((blocks.size() < 20) == (a_class == 7));
        const auto n = static_cast<double>(blocks.size());
        const double t = repscope::student_quantile(.975, n - 1);
        const auto error_of = [&](const std::vector<double>& without, double center) {
            double squares = 0;
            for (const double w : without) squares += (w - center) * (w - center);
            return std::sqrt(squares);
        };
        double mean = 0;
        // The change of the mean if a block is left out, over the units that have an index without the block.
        std::vector<double> change(blocks.size()), with(blocks.size());
        for (std::size_t u = 0; u < l.units; ++u) {
            const double index = written_out(l, u, 5, 20, 99);
            CHECK(r.index[u] == doctest::Approx(index).epsilon(1e-12));
            mean += index / 11;
            std::vector<double> without;
            for (std::size_t j = 0; j < blocks.size(); ++j) {
                without.push_back(written_out(l, u, 5, 20, blocks[j]));
                if (std::isnan(without.back())) continue;
                change[j] += without.back() - index;
                with[j] += 1;
            }
            const double se = error_of(without, index);
            CHECK(std::isnan(r.standard_error[u]) == std::isnan(se));
            if (std::isnan(se)) continue;
            CHECK(r.standard_error[u] == doctest::Approx(se).epsilon(1e-10));
            CHECK(r.ci[u].low == doctest::Approx(index - t * se).epsilon(1e-10));
            CHECK(r.ci[u].high == doctest::Approx(index + t * se).epsilon(1e-10));
            // The p-value is the probability whose quantile is index / se.
            CHECK(repscope::student_quantile(1 - r.p_value[u], n - 1) ==
                  doctest::Approx(index / se).epsilon(1e-6));
        }
        for (std::size_t j = 0; j < blocks.size(); ++j) change[j] /= with[j];
        CHECK(r.mean == doctest::Approx(mean).epsilon(1e-12));
        CHECK(r.mean_standard_error == doctest::Approx(error_of(change, 0)).epsilon(1e-9));
        CHECK(r.mean_ci.high - r.mean == doctest::Approx(t * r.mean_standard_error).epsilon(1e-9));
        CHECK(r.samples == l.samples);
        CHECK(r.classes_used == 4);
        const auto alone = repscope::cross_fit_selectivity(as_view(l.x, {l.samples, l.units}), l.y);
        CHECK(alone.index == r.index);
        CHECK(alone.standard_error == r.standard_error);
        CHECK(alone.mean_standard_error == r.mean_standard_error);
    }
}

TEST_CASE("noise has an index of 0 on average, selective units have theirs") {
    const layer noise = exponential(400, 10, 20, 1, 3);
    const auto of_noise =
        repscope::cross_fit_selectivity(as_view(noise.x, {noise.samples, noise.units}), noise.y);
    const auto plain = repscope::class_selectivity(as_view(noise.x, {noise.samples, noise.units}), noise.y);
    CHECK(plain.mean > .12);
    CHECK(std::abs(of_noise.mean) < .015);
    CHECK(of_noise.mean_ci.contains(0));
    std::size_t covered = 0;
    for (const auto& ci : of_noise.ci) covered += ci.contains(0) ? 1U : 0U;
    CHECK(covered >= 370);
    CHECK(std::count_if(of_noise.p_value.begin(), of_noise.p_value.end(), [](double p) { return p < .05; }) <
          35);
    const layer selective = exponential(200, 10, 100, 2, 4);
    const auto r = repscope::cross_fit_selectivity(as_view(selective.x, {selective.samples, selective.units}),
                                                   selective.y);
    CHECK(r.mean == doctest::Approx(1 / 3.0).epsilon(.05));
    for (std::size_t u = 0; u < 200; ++u) {
        REQUIRE(r.preferred_class[u] == u % 10);
        REQUIRE(r.agreement[u] == 1);
    }
}

TEST_CASE("silent, undefined, sparse, signed and shifted units") {
    const std::size_t samples = 400;
    std::vector<double> x;
    std::vector<int> y;
    repscope::random_stream random(9, 61);
    for (std::size_t i = 0; i < samples; ++i) {
        y.push_back(static_cast<int>(i % 2));
        const double a = 1 + random.uniform() + (i % 2 == 0 ? 1 : 0);
        // a unit, a silent one, one that answers a single sample, a negative one, the first below 0.
        x.insert(x.end(), {a, 0, i == 17 ? 5.0 : 0.0, -1 - random.uniform(), a - 10});
    }
    const auto view = as_view(x, {samples, 5});
    const auto r = repscope::cross_fit_selectivity(view, y);
    CHECK(r.index[0] == doctest::Approx(.25).epsilon(.05)); // (2.5 - 1.5) / 4
    CHECK(r.index[1] == 0);
    CHECK(r.ci[1] == repscope::interval{0, 0});
    CHECK(r.p_value[1] == 1);
    CHECK(std::isnan(r.p_value[2]));
    CHECK(!r.preferred_class[1]);
    for (const std::size_t u : {2U, 3U, 4U}) {
        CHECK(std::isnan(r.index[u]));
        CHECK(std::isnan(r.ci[u].low));
        CHECK(!r.preferred_class[u]);
    }
    CHECK(r.silent_units == 1);
    CHECK(r.undefined_units == 3);
    CHECK(r.mean == doctest::Approx(r.index[0] / 2).epsilon(1e-12));
    CHECK(r.mean_standard_error == doctest::Approx(r.standard_error[0] / 2).epsilon(1e-9));
    const auto shifted =
        repscope::cross_fit_selectivity(view, y, {.negatives = repscope::negative_policy::shift});
    CHECK(shifted.index[4] == doctest::Approx(1).epsilon(.1));
    CHECK(shifted.index[0] == doctest::Approx(shifted.index[4]).epsilon(1e-9));
    const auto rectified =
        repscope::cross_fit_selectivity(view, y, {.negatives = repscope::negative_policy::rectify});
    CHECK(rectified.silent_units == 3);
    CHECK(rectified.index[0] == r.index[0]);
}

TEST_CASE("few samples, classes of one sample, one class") {
    const std::vector<double> x{1, 2, 3, 1, 5, 2, 4, 3};
    // A class of one sample is left out by default, and does no harm when it is not.
    const std::vector<int> y{0, 1, 0, 1, 0, 1, 0, 2};
    const auto r = repscope::cross_fit_selectivity(as_view(x, {8, 1}), y);
    CHECK(r.classes_used == 2);
    CHECK(r.samples == 7);
    const auto all = repscope::cross_fit_selectivity(as_view(x, {8, 1}), y, {.min_class_samples = 1});
    CHECK(all.classes_used == 3);
    CHECK(all.samples == 8);
    for (const auto& one : {r, all}) {
        // Defined or counted as undefined, and never a NaN in the mean.
        CHECK(std::isnan(one.index[0]) == (one.undefined_units == 1));
        CHECK(std::isnan(one.mean) == (one.undefined_units == 1));
    }
    for (const std::size_t n : {2U, 3U}) { // a sample or two a class
        const auto few = repscope::cross_fit_selectivity(
            as_view(x.data(), {std::size_t{n}, std::size_t{1}}),
            std::vector<int>(y.begin(), y.begin() + static_cast<std::ptrdiff_t>(n)),
            {.min_class_samples = 1});
        CHECK(std::isnan(few.index[0]) == (few.undefined_units == 1));
        CHECK(std::isnan(few.ci[0].low));
    }
    const std::vector<double> constant(40, 2.0);
    std::vector<int> halves(40);
    for (std::size_t i = 0; i < 40; ++i) halves[i] = static_cast<int>(i % 2);
    const auto same = repscope::cross_fit_selectivity(as_view(constant, {40, 1}), halves);
    CHECK(same.index[0] == 0);
    CHECK(same.ci[0] == repscope::interval{0, 0});
    CHECK_THROWS_WITH_AS(
        (void)repscope::cross_fit_selectivity(as_view(x.data(), {std::size_t{1}, std::size_t{1}}),
                                              std::vector<int>{0}),
        "repscope::cross_fit_selectivity: expected at least 2 classes of 2 samples or more, got 0",
        repscope::value_error);
    CHECK_THROWS_AS((void)repscope::cross_fit_selectivity(as_view(x, {8, 1}), std::vector<int>(8)),
                    repscope::value_error);
    CHECK_THROWS_WITH_AS(
        (void)repscope::cross_fit_selectivity(as_view(x, {8, 1}), y, {.folds = 3}),
        "repscope::cross_fit_selectivity: expected at least 2 folds that divide the 20 blocks, got 3",
        repscope::value_error);
    CHECK_THROWS_AS((void)repscope::cross_fit_selectivity(as_view(x, {8, 1}), y, {.confidence = 1}),
                    repscope::value_error);
    repscope::blocked_class_sums plain(1, 2);
    CHECK_THROWS_AS(
        (void)repscope::cross_fit_selectivity(plain, {.negatives = repscope::negative_policy::rectify}),
        repscope::value_error);
}

TEST_CASE("a rare class may be left out of the plain index as well") {
    const std::vector<double> x{1, 1, 2, 2, 9};
    const std::vector<int> y{0, 0, 1, 1, 2};
    repscope::class_sums sums(1, 3);
    sums.update(as_view(x, {5, 1}), y);
    CHECK(repscope::class_selectivity(sums).preferred_class[0] == 2);
    const auto without = repscope::class_selectivity(sums, {.epsilon = 0, .min_class_samples = 2});
    CHECK(without.preferred_class[0] == 1);
    CHECK(without.index[0] == doctest::Approx(1 / 3.0).epsilon(1e-15));
}

} // namespace cross_fit_test
