#include "repscope/selectivity/null_model.hpp"

#include "repscope/moments/class_moments.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace null_model_test {

using repscope::as_view;
using repscope::negative_policy;

namespace {

/// Values of units, their classes, and the states that `selectivity_null_mean` takes.
struct layer {
    std::size_t samples, units;
    std::vector<double> values;
    std::vector<int> labels;
    std::vector<std::size_t> sizes;

    layer(const std::vector<std::size_t>& class_sizes, std::size_t unit_count, double (*draw)(double, double),
          double parameter)
        : samples(0), units(unit_count), sizes(class_sizes) {
        for (std::size_t c = 0; c < sizes.size(); ++c) {
            labels.insert(labels.end(), sizes[c], static_cast<int>(c));
            samples += sizes[c];
        }
        values.resize(samples * units);
        repscope::random_stream random(17, 1);
        for (double& v : values) v = draw(random.normal(), parameter);
    }

    [[nodiscard]] double null_mean(negative_policy policy, int threads = 1) const {
        const auto x = as_view(values, {samples, units});
        const bool rectify = policy == negative_policy::rectify;
        repscope::class_sums sums(units, sizes.size(), {.rectify = rectify});
        sums.update(x, labels);
        repscope::class_moments moments(units, 1, {.rectify = rectify});
        moments.update(x, std::vector<int>(samples));
        repscope::value_histogram histogram(units, {.rectify = rectify});
        histogram.update(x);
        std::vector<double> variances;
        for (std::size_t u = 0; u < units; ++u) variances.push_back(moments.unit_variance(u));
        const auto selectivity = repscope::class_selectivity(sums, {.negatives = policy});
        return repscope::selectivity_null_mean(
            selectivity.index, sums, variances, histogram,
            {.threads = threads, .shift = policy == negative_policy::shift});
    }

    /// The index of unit `u` under `order`, written out; NaN with a negative class mean.
    [[nodiscard]] double index(const std::vector<int>& order, std::size_t u, negative_policy policy) const {
        std::vector<double> means(sizes.size());
        for (std::size_t i = 0; i < samples; ++i) {
            const double v = values[i * units + u];
            means[static_cast<std::size_t>(order[i])] +=
                policy == negative_policy::rectify ? std::max(v, 0.0) : v;
        }
        double largest = -1e300, smallest = 1e300, total = 0;
        for (std::size_t c = 0; c < means.size(); ++c) {
            means[c] /= static_cast<double>(sizes[c]);
            largest = std::max(largest, means[c]);
            smallest = std::min(smallest, means[c]);
            total += means[c];
        }
        if (policy == negative_policy::shift) {
            largest -= smallest;
            total -= smallest * static_cast<double>(means.size());
        } else if (smallest < 0) {
            return std::numeric_limits<double>::quiet_NaN();
        }
        const double rest = (total - largest) / static_cast<double>(means.size() - 1);
        return (largest - rest) / (largest + rest + 1e-6);
    }

    /// The same expectation as `null_mean` by shuffling the labels of the samples.
    [[nodiscard]] double by_permutations(negative_policy policy, std::size_t permutations) const {
        std::vector<double> sum(units);
        std::vector<std::size_t> defined(units);
        auto order = labels;
        repscope::random_stream random(23, 2);
        for (std::size_t p = 0; p < permutations; ++p) {
            repscope::shuffle(std::span(order), random);
            for (std::size_t u = 0; u < units; ++u) {
                const double drawn = index(order, u, policy);
                if (std::isnan(drawn)) continue;
                sum[u] += drawn;
                ++defined[u];
            }
        }
        double total = 0;
        std::size_t counted = 0;
        for (std::size_t u = 0; u < units; ++u) {
            if (std::isnan(index(labels, u, policy)) || defined[u] == 0) continue;
            total += sum[u] / static_cast<double>(defined[u]);
            ++counted;
        }
        return total / static_cast<double>(counted);
    }
};

double normal(double z, double offset) { return z + offset; }
double rectified(double z, double offset) { return std::max(0.0, z + offset); }
double lognormal(double z, double sigma) { return std::exp(sigma * z); }

} // namespace

TEST_CASE("the null mean is that of permutations of the labels: skewed, sparse and signed units") {
    struct layer_case {
        const char* name;
        double (*draw)(double, double);
        double parameter;
        std::vector<std::size_t> sizes;
        std::size_t units;
        negative_policy policy;
    };
    const auto equal = [](std::size_t classes, std::size_t size) {
        return std::vector<std::size_t>(classes, size);
    };
    const std::vector<layer_case> cases{
        {"relu N(0,1), 100 x 10", rectified, 0, equal(100, 10), 24, negative_policy::undefined},
        {"relu N(-1,1), 10 x 10", rectified, -1, equal(10, 10), 100, negative_policy::undefined},
        {"relu N(-2,1), 2 x 50", rectified, -2, equal(2, 50), 100, negative_policy::undefined},
        {"relu N(-3,1), 2 x 50", rectified, -3, equal(2, 50), 200, negative_policy::undefined},
        {"lognormal(1), 100 x 10", lognormal, 1, equal(100, 10), 24, negative_policy::undefined},
        {"lognormal(2), 10 x 10", lognormal, 2, equal(10, 10), 100, negative_policy::undefined},
        {"lognormal(1.5), 10 x 200", lognormal, 1.5, equal(10, 200), 12, negative_policy::undefined},
        {"N(1,1), 2 x 50", normal, 1, equal(2, 50), 60, negative_policy::undefined},
        {"N(.1,1), 2 x 50, half undefined", normal, .1, equal(2, 50), 200, negative_policy::undefined},
        {"N(0,1), 10 x 20, shift", normal, 0, equal(10, 20), 40, negative_policy::shift},
        {"N(0,1), 10 x 20, rectify", normal, 0, equal(10, 20), 40, negative_policy::rectify},
        {"N(20,1), 10 x 20", normal, 20, equal(10, 20), 40, negative_policy::undefined},
        {"unequal classes", rectified, -1, {100, 3, 40, 17}, 60, negative_policy::undefined},
    };
#ifdef __OPTIMIZE__
    const std::size_t permutations = 10000;
#else
    const std::size_t permutations = 300;
#endif
    for (const layer_case& each : cases) {
        CAPTURE(std::string(each.name));
        const layer units(each.sizes, each.units, each.draw, each.parameter);
        const double expected = units.by_permutations(each.policy, permutations);
        CHECK(std::abs(units.null_mean(each.policy) / expected - 1) < .03);
    }
}

TEST_CASE("without a unit that has an index there is no null mean") {
    // Of N(0,1) with ten classes every unit here has a negative class mean.
    const layer units(std::vector<std::size_t>(10, 10), 40, normal, 0);
    CHECK(std::isnan(units.null_mean(negative_policy::undefined)));
    CHECK(units.null_mean(negative_policy::rectify) > .2);
}

TEST_CASE("a null mean has the same bits for any number of threads") {
    const layer units(std::vector<std::size_t>(5, 40), 90, rectified, 0);
    CHECK(units.null_mean(negative_policy::undefined, 1) == units.null_mean(negative_policy::undefined, 3));
}

TEST_CASE("two large classes have a closed form") {
    // The class means are mean +- sd |z| sqrt(1 / (2 m)), so the index is on average sd sqrt(2 / pi)
    // sqrt(1 / (2 m)) / mean.
    const layer units({10000, 10000}, 8, normal, 5);
    const double expected = std::sqrt(2 / 3.141592653589793) * std::sqrt(1 / 20000.0) / 5;
    CHECK(std::abs(units.null_mean(negative_policy::undefined) / expected - 1) < .03);
}

TEST_CASE("silent and constant units count as 0, and mismatched arguments throw") {
    const std::vector<double> x{0, 7, 0, 7, 0, 7, 0, 7};
    const auto view = as_view(x, {4, 2});
    const std::vector<int> labels{0, 0, 1, 1};
    repscope::class_sums sums(2, 2);
    sums.update(view, labels);
    repscope::value_histogram histogram(2);
    histogram.update(view);
    const std::vector<double> zero(2);
    CHECK(repscope::selectivity_null_mean(zero, sums, zero, histogram) == 0);
    CHECK_THROWS_AS((void)repscope::selectivity_null_mean(zero, sums, {}, histogram), repscope::shape_error);
    CHECK_THROWS_AS((void)repscope::selectivity_null_mean({}, sums, zero, histogram), repscope::shape_error);
    CHECK_THROWS_AS((void)repscope::selectivity_null_mean(zero, sums, zero, repscope::value_histogram(2)),
                    repscope::value_error);
    repscope::class_sums single(2, 2);
    single.update(view, std::vector<int>(4, 1));
    CHECK_THROWS_WITH_AS((void)repscope::selectivity_null_mean(zero, single, zero, histogram),
                         "repscope::selectivity_null_mean: expected at least 2 classes with samples, got 1",
                         repscope::value_error);
}

} // namespace null_model_test
