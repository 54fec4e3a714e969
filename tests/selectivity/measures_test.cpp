// The other measures of how a unit distinguishes the classes, against definitions written out, closed forms
// and enumeration.

#include "repscope/selectivity/auc.hpp"
#include "repscope/selectivity/d_prime.hpp"
#include "repscope/selectivity/gini.hpp"
#include "repscope/selectivity/mutual_information.hpp"
#include "repscope/selectivity/permutation_test.hpp"
#include "repscope/selectivity/precision_at_k.hpp"
#include "repscope/selectivity/sparseness.hpp"

#include "repscope/random/random_stream.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

namespace measures_test {

namespace {

using repscope::as_view;

constexpr std::size_t samples = 120, units = 9, classes = 4;

/// Rectified units with ties at 0; unit u answers class u mod 4 more the larger u is, unit 0 none.
std::vector<double> activations() {
    repscope::random_stream random(1, 71);
    std::vector<double> x;
    for (std::size_t i = 0; i < samples; ++i) {
        for (std::size_t u = 0; u < units; ++u) {
            const double gain = (5 * i + i / 7) % classes == u % classes ? .25 * static_cast<double>(u) : 0;
            x.push_back(std::max(0.0, random.normal() + gain));
        }
    }
    return x;
}

std::vector<int> labels() {
    std::vector<int> y;
    for (std::size_t i = 0; i < samples; ++i) y.push_back(static_cast<int>((5 * i + i / 7) % classes));
    return y;
}

/// Values of unit u: of class c, and of the others, in the samples for which `taken`.
template <typename Taken>
std::array<std::vector<double>, 2> split(const std::vector<double>& x, const std::vector<int>& y,
                                         std::size_t u, std::size_t c, Taken&& taken) {
    std::array<std::vector<double>, 2> result;
    for (std::size_t i = 0; i < samples; ++i) {
        if (taken(i)) result[static_cast<std::size_t>(y[i]) == c ? 0 : 1].push_back(x[i * units + u]);
    }
    return result;
}

double auc_by_pairs(const std::array<std::vector<double>, 2>& s) {
    double wins = 0;
    for (const double a : s[0])
        for (const double b : s[1]) wins += a > b ? 1 : a == b ? .5 : 0;
    return wins / static_cast<double>(s[0].size() * s[1].size());
}

double d_prime_of(const std::array<std::vector<double>, 2>& s) {
    std::array<double, 2> mean{}, variance{};
    for (std::size_t k = 0; k < 2; ++k) {
        for (const double v : s[k]) mean[k] += v / static_cast<double>(s[k].size());
        for (const double v : s[k])
            variance[k] += std::pow(v - mean[k], 2) / static_cast<double>(s[k].size() - 1);
    }
    return (mean[0] - mean[1]) / std::sqrt((variance[0] + variance[1]) / 2);
}

std::size_t fold_of(std::size_t i) { return repscope::sample_block(i, 20) % 5; }

/// The cross-fit value written out: class from the other folds, value from this one.
template <typename Score, typename Size>
double cross_fitted(std::size_t u, Score&& score, Size&& size) {
    const auto x = activations();
    const auto y = labels();
    double total = 0;
    int usable = 0;
    for (std::size_t fold = 0; fold < 5; ++fold) {
        double best = -1e300, sign = 1;
        std::size_t chosen = 0;
        for (std::size_t c = 0; c < classes; ++c) {
            const double v = score(split(x, y, u, c, [&](std::size_t i) { return fold_of(i) != fold; }));
            if (size(v) > best) {
                best = size(v);
                chosen = c;
                sign = v < 0 && size(-1.0) > 0 ? -1 : 1;
            }
        }
        const double v = score(split(x, y, u, chosen, [&](std::size_t i) { return fold_of(i) == fold; }));
        if (std::isnan(v)) continue; // the fold has too few of the class
        total += sign * v;
        ++usable;
    }
    return total / usable;
}

} // namespace

TEST_CASE("the area under the ROC curve is that of all pairs") {
    const auto x = activations();
    const auto y = labels();
    const auto r = repscope::auc_selectivity(as_view(x, {samples, units}), y, {.threads = 2});
    const auto margin = [](const auto& s) { return 2 * auc_by_pairs(s) - 1; };
    for (std::size_t u = 0; u < units; ++u) {
        double best = -1;
        for (std::size_t c = 0; c < classes; ++c) {
            const auto s = split(x, y, u, c, [](std::size_t) { return true; });
            best = std::max(best, std::abs(margin(s)));
            CHECK(repscope::auc(s[0], s[1]) == doctest::Approx(auc_by_pairs(s)).epsilon(1e-13));
        }
        CHECK(r.largest[u] == doctest::Approx(best).epsilon(1e-12));
        CHECK(r.cross_fit[u] ==
              doctest::Approx(cross_fitted(u, margin, [](double v) { return std::abs(v); })).epsilon(1e-12));
    }
    CHECK(r.preferred_class[8] == 0);
    CHECK(r.cross_fit[8] > .5);
    CHECK(std::abs(r.cross_fit[0]) < .25);
    CHECK_THROWS_AS((void)repscope::auc({}, x), repscope::value_error);
    CHECK_THROWS_AS((void)repscope::auc_selectivity(as_view(x, {samples, units}), y, {.folds = 1}),
                    repscope::value_error);
}

TEST_CASE("d' from moments and from samples") {
    const auto x = activations();
    const auto y = labels();
    const auto view = as_view(x, {samples, units});
    repscope::class_moments state(units, classes);
    state.update(view, y);
    const auto from_moments = repscope::d_prime(state);
    const auto from_samples = repscope::d_prime(view, y);
    for (std::size_t u = 0; u < units; ++u) {
        double best = -1e300;
        for (std::size_t c = 0; c < classes; ++c)
            best = std::max(best, d_prime_of(split(x, y, u, c, [](std::size_t) { return true; })));
        CHECK(from_moments.largest[u] == doctest::Approx(best).epsilon(1e-11));
        CHECK(from_samples.largest[u] == doctest::Approx(best).epsilon(1e-11));
        CHECK(from_moments.preferred_class[u] == from_samples.preferred_class[u]);
        CHECK(from_samples.cross_fit[u] ==
              doctest::Approx(cross_fitted(u, d_prime_of, [](double v) { return v; })).epsilon(1e-10));
    }
}

TEST_CASE("sparseness over samples, classes and units") {
    CHECK(repscope::treves_rolls(std::vector<double>{3, 0, 0, 0}) == .25);
    CHECK(repscope::treves_rolls(std::vector<double>{2, -2}) == 1);
    CHECK(repscope::vinje_gallant(std::vector<double>{3, 0, 0, 0}) == 1);
    CHECK(repscope::vinje_gallant(std::vector<double>{5, 5}) == 0);
    CHECK(std::isnan(repscope::treves_rolls(std::vector<double>{0, 0})));
    CHECK(std::isnan(repscope::vinje_gallant(std::vector<double>{1})));
    // Published: exponential responses have .457 of 5, .5 of many.
    repscope::random_stream random(5, 71);
    double of_five = 0;
    for (int repeat = 0; repeat < 4000; ++repeat) {
        std::vector<double> r(5);
        for (double& v : r) v = -std::log(random.uniform());
        of_five += repscope::vinje_gallant(r) / 4000;
    }
    CHECK(of_five == doctest::Approx(.457).epsilon(.015));

    auto x = activations();
    for (std::size_t i = 0; i < samples; ++i) x[i * units + 1] = 0; // a silent unit
    for (std::size_t u = 0; u < units; ++u) x[7 * units + u] = 0;   // a sample without an answer
    const auto view = as_view(x, {samples, units});
    repscope::class_moments moments(units, classes);
    moments.update(view, labels());
    repscope::class_sums sums(units, classes);
    sums.update(view, labels());
    const auto lifetime = repscope::lifetime_sparseness(moments);
    const auto by_class = repscope::class_sparseness(sums);
    for (std::size_t u = 0; u < units; ++u) {
        std::vector<double> column, means;
        for (std::size_t i = 0; i < samples; ++i) column.push_back(x[i * units + u]);
        for (std::size_t c = 0; c < classes; ++c) means.push_back(sums.mean(c, u));
        if (u == 1) {
            CHECK(std::isnan(lifetime[u]));
            CHECK(std::isnan(by_class[u]));
            continue;
        }
        CHECK(lifetime[u] == doctest::Approx(repscope::vinje_gallant(column)).epsilon(1e-11));
        CHECK(by_class[u] == doctest::Approx(repscope::vinje_gallant(means)).epsilon(1e-12));
    }
    const auto population = repscope::population_sparseness(view);
    CHECK(population.size() == samples);
    CHECK(std::isnan(population[7]));
    CHECK(population[8] == repscope::vinje_gallant(std::span<const double>(x).subspan(8 * units, units)));
}

TEST_CASE("the Gini index is the mean difference of all pairs over twice the mean") {
    const std::vector<double> values{3, 1, 4, 1, 5};
    double differences = 0;
    for (const double a : values)
        for (const double b : values) differences += std::abs(a - b);
    CHECK(repscope::gini_index(values) == doctest::Approx(differences / (2 * 25 * 2.8)).epsilon(1e-14));
    CHECK(repscope::gini_index(std::vector<double>{0, 0, 7, 0}) == doctest::Approx(.75));
    CHECK(repscope::gini_index(std::vector<double>{0, 0}) == 0);
    CHECK(std::isnan(repscope::gini_index({})));
    CHECK(std::isnan(repscope::gini_index(std::vector<double>{-1, 2})));
    repscope::class_sums sums(1, 4);
    sums.update(as_view(values, {5, 1}), std::vector<int>{0, 1, 0, 1, 3});
    CHECK(repscope::class_gini(sums)[0] ==
          doctest::Approx(repscope::gini_index(std::vector<double>{3.5, 1, 5})).epsilon(1e-14));
    CHECK(repscope::class_gini(sums, 2)[0] ==
          doctest::Approx(repscope::gini_index(std::vector<double>{3.5, 1})).epsilon(1e-14));
}

TEST_CASE("precision at k") {
    //                             0  1  2  3  4  5  6  7
    const std::vector<double> x{9, 8, 7, 7, 7, 1, 0, 0};
    const std::vector<int> y{1, 1, 0, 2, 1, 0, 2, 2};
    const auto r = repscope::precision_at_k(as_view(x, {8, 1}), y, {.k = 4}); // 0 1 2 3: of equals the first
    CHECK(r.precision[0] == .5);
    CHECK(r.top_class[0] == 1);
    CHECK(r.k == 4);
    // By chance: of the 70 sets of four, 2 x 3 + 3 x ... enumerated here.
    double expected = 0;
    int sets = 0;
    for (unsigned set = 0; set < 256; ++set) {
        std::array<int, 3> counts{};
        int size = 0;
        for (std::size_t i = 0; i < 8; ++i) {
            if ((set >> i & 1U) == 0) continue;
            ++size;
            ++counts[static_cast<std::size_t>(y[i])];
        }
        if (size != 4) continue;
        ++sets;
        expected += *std::max_element(counts.begin(), counts.end()) / 4.0;
    }
    CHECK(sets == 70);
    CHECK(r.null_mean == doctest::Approx(expected / 70).epsilon(.02));
    CHECK(repscope::precision_at_k(as_view(x, {8, 1}), y).k == 8);
    CHECK(repscope::precision_at_k(as_view(x, {8, 1}), y).precision[0] == 3 / 8.0);
    CHECK_THROWS_AS((void)repscope::precision_at_k(as_view(x, {8, 1}), y, {.k = 0}), repscope::value_error);
}

TEST_CASE("mutual information") {
    // A unit that distinguishes four equally frequent classes: log 4; one that is constant: 0 in a single
    // bin.
    std::vector<double> x;
    std::vector<int> y;
    repscope::random_stream random(8, 71);
    for (int i = 0; i < 400; ++i) {
        y.push_back(i % 4);
        x.insert(x.end(), {static_cast<double>(i % 4), 3.0, random.normal()});
    }
    const auto r = repscope::mutual_information(as_view(x, {400, 3}), y, {.threads = 2, .bins = 8});
    CHECK(r.plain[0] == doctest::Approx(std::log(4)).epsilon(1e-12));
    CHECK(r.bins_used[0] == 4);
    CHECK(r.corrected[0] == doctest::Approx(std::log(4) - 9 / 800.0).epsilon(1e-12));
    CHECK(r.plain[1] == 0);
    CHECK(r.corrected[1] == 0);
    CHECK(r.bins_used[1] == 1);
    CHECK(r.plain[2] > 0);
    CHECK(r.bins_used[2] == 8);
    // Noise: the correction takes away what the bins add on average.
    std::vector<double> noise(400 * 100);
    for (double& v : noise) v = random.normal();
    const auto of_noise = repscope::mutual_information(as_view(noise, {400, 100}), y, {.bins = 8});
    double plain = 0, corrected = 0;
    for (std::size_t u = 0; u < 100; ++u) {
        plain += of_noise.plain[u] / 100;
        corrected += of_noise.corrected[u] / 100;
    }
    CHECK(plain == doctest::Approx(7 * 3 / 800.0).epsilon(.1));
    CHECK(std::abs(corrected) < .003);
    CHECK_THROWS_AS((void)repscope::mutual_information(as_view(x, {400, 3}), y, {.bins = 1}),
                    repscope::value_error);
}

TEST_CASE("permutations of the labels, against all of them") {
    // Six samples in two classes of three: 20 different labelings. The p-value of the first unit, whose
    // three largest are one class, is 2/20, since the index does not contain the preferred class.
    const std::vector<double> x{9, 1, 8, 1, 7, 1, 3, 1, 2, 1, 1, 1};
    const std::vector<int> y{0, 0, 0, 1, 1, 1};
    const auto r =
        repscope::selectivity_permutation(as_view(x, {6, 2}), y, {.threads = 2, .permutations = 4000});
    CHECK(r.index[0] == doctest::Approx((8 - 2) / (10 + 1e-6)).epsilon(1e-12));
    CHECK(r.p_value[0] == doctest::Approx(.1).epsilon(.15));
    CHECK(r.p_value[1] == 1);
    double expected = 0;
    for (unsigned set = 0; set < 64; ++set) {
        double in = 0, out = 0;
        int size = 0;
        for (std::size_t i = 0; i < 6; ++i) {
            const bool inside = (set >> i & 1U) != 0;
            size += inside ? 1 : 0;
            (inside ? in : out) += x[2 * i] / 3;
        }
        if (size == 3) expected += std::abs(in - out) / (in + out + 1e-6) / 20;
    }
    CHECK(r.null_mean[0] == doctest::Approx(expected).epsilon(.03));
    CHECK(r.null_95[0] == doctest::Approx(.6).epsilon(1e-6));
    const auto again = repscope::selectivity_permutation(as_view(x, {6, 2}), y, {.permutations = 4000});
    CHECK(again.p_value == r.p_value);
    CHECK(again.null_mean == r.null_mean);
    const std::vector<double> negative{-1, -2, -3, -4, -5, -6};
    const auto undefined = repscope::selectivity_permutation(as_view(negative, {6, 1}), y);
    CHECK(std::isnan(undefined.index[0]));
    CHECK(std::isnan(undefined.p_value[0]));
    CHECK(std::isnan(undefined.null_mean[0]));
    const auto shifted = repscope::selectivity_permutation(as_view(negative, {6, 1}), y,
                                                           {.negatives = repscope::negative_policy::shift});
    CHECK(shifted.index[0] == doctest::Approx(1).epsilon(1e-6));
    CHECK_THROWS_AS((void)repscope::selectivity_permutation(as_view(x, {6, 2}), y, {.permutations = 0}),
                    repscope::value_error);
}

TEST_CASE("a permutation test in portions and passes gives the bits of one, and the counts written out") {
    constexpr std::size_t n = 90, many = 600; // several tiles of units
    std::vector<double> x(n * many);
    std::vector<int> y(n);
    repscope::random_stream random(5, 1);
    for (std::size_t i = 0; i < n; ++i) {
        y[i] = i < 50 ? 0 : i < 80 ? 1 : 3; // class 2 has no samples
        for (std::size_t u = 0; u < many; ++u)
            x[i * many + u] = random.uniform() - (u == 7 ? .4 : 0) + (u % 3 == 0 && i >= 80 ? .2 : 0);
    }
    constexpr std::size_t permutations = 59;
    const repscope::selectivity_permutation_options options{.permutations = permutations, .seed = 3};
    const auto whole = repscope::selectivity_permutation(as_view(x, {n, many}), y, options);
    const double each = repscope::selectivity_permutation_test::bytes_of_permutation(n, 4, many);
    CHECK(each == 4 * many * 8 + n * 4);
    auto bounded = options;
    bounded.max_bytes = static_cast<std::size_t>(each * 17.5);
    repscope::selectivity_permutation_test test(many, y, bounded);
    CHECK(test.passes() == 0);
    std::size_t passes = 0;
    for (std::size_t portion = 31; test.needs_pass(); portion += 13, ++passes) {
        for (std::size_t first = 0; first < n; first += portion) {
            const std::size_t count = (std::min)(portion, n - first);
            test.update(as_view(x.data() + first * many, {count, many}),
                        {.threads = static_cast<int>(passes) + 1});
        }
    }
    CHECK(passes == 4);
    CHECK(test.passes() == 4);
    const auto portions = test.result();
    for (std::size_t u = 0; u < many; ++u) {
        REQUIRE(portions.index[u] == whole.index[u]);
        REQUIRE(portions.p_value[u] == whole.p_value[u]);
        REQUIRE(portions.null_mean[u] == whole.null_mean[u]);
        REQUIRE(portions.null_95[u] == whole.null_95[u]);
    }
    // One unit of each kind, from its own column and every shuffle anew.
    const auto index_of = [&](const std::vector<int>& labels, std::size_t u) {
        std::vector<double> mean(4);
        for (std::size_t i = 0; i < n; ++i) mean[static_cast<std::size_t>(labels[i])] += x[i * many + u];
        mean = {mean[0] / 50, mean[1] / 30, mean[3] / 10};
        const double largest = *std::max_element(mean.begin(), mean.end());
        const double rest = (mean[0] + mean[1] + mean[2] - largest) / 2;
        return *std::min_element(mean.begin(), mean.end()) < 0 ? std::nan("")
                                                               : (largest - rest) / (largest + rest + 1e-6);
    };
    for (const std::size_t u : {std::size_t{0}, std::size_t{7}, std::size_t{301}}) {
        CAPTURE(u);
        const double own = index_of(y, u);
        std::vector<double> drawn;
        std::size_t reached = 0;
        for (std::uint32_t r = 0; r < permutations; ++r) {
            auto shuffled = y;
            repscope::random_stream stream(
                3, repscope::streams::id(repscope::streams::purpose::permutation, 1), r);
            repscope::shuffle(std::span(shuffled), stream);
            const double index = index_of(shuffled, u);
            if (std::isnan(index)) continue;
            drawn.push_back(index);
            reached += index >= own ? 1U : 0U;
        }
        if (!std::isnan(own))
            CHECK(whole.p_value[u] == static_cast<double>(1 + reached) / (1 + permutations));
        REQUIRE(!drawn.empty());
        CHECK((drawn.size() < permutations) == (u == 7));
        std::sort(drawn.begin(), drawn.end());
        double sum = 0;
        for (const double d : drawn) sum += d;
        CHECK(whole.null_mean[u] == doctest::Approx(sum / static_cast<double>(drawn.size())).epsilon(1e-12));
        CHECK(whole.null_95[u] == doctest::Approx(drawn[(drawn.size() * 19 - 1) / 20]).epsilon(1e-12));
    }
    // After invalid input the state is unchanged.
    repscope::selectivity_permutation_test other(many, y, options);
    CHECK_THROWS_AS((void)other.result(), repscope::value_error);
    CHECK_THROWS_AS(other.update(as_view(x.data(), {std::size_t{1}, many - 1})), repscope::shape_error);
    std::vector<double> spoiled(x.begin(), x.end());
    spoiled[40 * many + 3] = std::nan("");
    CHECK_THROWS_AS(other.update(as_view(spoiled, {n, many})), repscope::value_error);
    other.update(as_view(x, {n, many}));
    CHECK(other.result().p_value[0] == whole.p_value[0]);
    CHECK_THROWS_AS(other.update(as_view(x, {n, many})), repscope::value_error);
    CHECK_THROWS_AS(repscope::selectivity_permutation_test(0, y, options), repscope::value_error);
    bounded.max_bytes = static_cast<std::size_t>(each) - 1;
    CHECK_THROWS_AS(repscope::selectivity_permutation_test(many, y, bounded), repscope::value_error);
}

TEST_CASE("degenerate input") {
    const std::vector<double> x{2, 2, 2, 2, 2, 5};
    const std::vector<int> y{0, 1, 0, 1, 2, 2};
    // A constant unit of four samples and two classes; one class; a class of one sample; 1, 2 samples.
    const auto view = as_view(x.data(), {std::size_t{4}, std::size_t{1}});
    const std::vector<int> two(y.begin(), y.begin() + 4);
    CHECK(repscope::auc_selectivity(view, two).largest[0] == 0);
    CHECK(repscope::d_prime(view, two).largest[0] == 0);
    CHECK(repscope::mutual_information(view, two).plain[0] == 0);
    CHECK(repscope::precision_at_k(view, two).precision[0] == .5);
    const std::vector<int> one(4, 0);
    CHECK(std::isnan(repscope::auc_selectivity(view, one).largest[0]));
    CHECK(std::isnan(repscope::auc_selectivity(view, one).cross_fit[0]));
    CHECK(!repscope::auc_selectivity(view, one).preferred_class[0]);
    CHECK(std::isnan(repscope::d_prime(view, one).largest[0]));
    CHECK(repscope::mutual_information(view, one).corrected[0] == 0);
    CHECK(repscope::precision_at_k(view, one).precision[0] == 1);
    CHECK_THROWS_AS((void)repscope::selectivity_permutation(view, one), repscope::value_error);
    for (const std::size_t n : {std::size_t{1}, std::size_t{2}, std::size_t{3}}) {
        const auto few = as_view(x.data(), {n, std::size_t{1}});
        const std::vector<int> labels_of_few(y.begin() + 3, y.begin() + 3 + static_cast<std::ptrdiff_t>(n));
        CHECK(std::isnan(repscope::auc_selectivity(few, labels_of_few).largest[0]));
        CHECK(std::isnan(repscope::d_prime(few, labels_of_few).largest[0]));
        CHECK(repscope::mutual_information(few, labels_of_few).plain[0] >= 0);
        CHECK(std::isnan(repscope::population_sparseness(few)[0])); // a single unit
    }
    repscope::class_moments empty(1, 2);
    CHECK(std::isnan(repscope::d_prime(empty).largest[0]));
    CHECK(std::isnan(repscope::lifetime_sparseness(empty)[0]));
    CHECK(std::isnan(repscope::class_gini(repscope::class_sums(1, 2))[0]));
    // A class that differs while nothing varies.
    const std::vector<double> apart{1, 1, 3, 3};
    CHECK(std::isinf(repscope::d_prime(as_view(apart, {4, 1}), std::vector<int>{0, 0, 1, 1}).largest[0]));
}

} // namespace measures_test
