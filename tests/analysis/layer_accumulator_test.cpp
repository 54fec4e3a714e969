// All measures of a layer from one accumulator, against the separate functions of the library.

#include "repscope/analysis/layer_accumulator.hpp"

#include "repscope/random/random_stream.hpp"
#include "repscope/tensor/slice.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include <doctest/doctest.h>

namespace layer_accumulator_test {

namespace {

namespace analysis = repscope::analysis;
using analysis::layer_accumulator;
using analysis::layer_accumulator_options;
using analysis::layer_report;
using repscope::as_view;
using repscope::negative_policy;

constexpr std::size_t classes = 4;

std::vector<int> labels_of(std::size_t samples) {
    std::vector<int> y(samples);
    for (std::size_t i = 0; i < samples; ++i) y[i] = static_cast<int>((i * i + i / 3) % classes);
    return y;
}

/// (samples, units x positions), skewed, with unit u raised for class u mod 4; unit 2 is silent.
std::vector<float> draws(std::size_t samples, std::size_t units, std::size_t positions = 1,
                         double offset = 0) {
    const std::vector<int> y = labels_of(samples);
    repscope::random_stream random(5, 23);
    std::vector<float> x;
    for (std::size_t i = 0; i < samples; ++i) {
        for (std::size_t u = 0; u < units; ++u) {
            const double gain = static_cast<int>(u % classes) == y[i] ? 1.5 : 1;
            for (std::size_t p = 0; p < positions; ++p) {
                const double z = random.normal();
                x.push_back(u == 2 ? 0.0F : static_cast<float>(gain * z * z - offset));
            }
        }
    }
    return x;
}

/// Feeds samples in portions of `portion` until no pass is needed.
template <typename T>
layer_report report_of(const repscope::tensor_view<T, 4>& x, const std::vector<int>& y, std::size_t portion,
                       const layer_accumulator_options& options) {
    layer_accumulator layer(x.extent(1), options);
    do {
        for (std::size_t first = 0; first < x.extent(0); first += portion) {
            const std::size_t count = std::min(portion, x.extent(0) - first);
            const auto part = repscope::samples(x, first, count);
            if (options.classes == 0)
                layer.update(part);
            else
                layer.update(part, std::span(y).subspan(first, count));
        }
    } while (layer.next_pass());
    return layer.finish();
}

/// NaN equals NaN.
void check_equal(const std::vector<double>& a, const std::vector<double>& b) {
    REQUIRE(a.size() == b.size());
    for (std::size_t k = 0; k < a.size(); ++k)
        CHECK((a[k] == b[k] || (std::isnan(a[k]) && std::isnan(b[k]))));
}

void check_same_bits(const layer_report& a, const layer_report& b) {
    CHECK(a.samples == b.samples);
    CHECK(a.dimensionality.spectrum == b.dimensionality.spectrum);
    check_equal({a.dimensionality.participation_ratio, a.dimensionality.participation_ratio_unbiased},
                {b.dimensionality.participation_ratio, b.dimensionality.participation_ratio_unbiased});
    REQUIRE(a.selectivity.has_value() == b.selectivity.has_value());
    if (a.selectivity) {
        CHECK(a.selectivity->class_counts == b.selectivity->class_counts);
        check_equal(a.selectivity->measured.index, b.selectivity->measured.index);
        check_equal(a.selectivity->p_values, b.selectivity->p_values);
        check_equal({a.selectivity->null_mean}, {b.selectivity->null_mean});
    }
    REQUIRE(a.inference.has_value() == b.inference.has_value());
    if (!a.inference) return;
    const auto& p = a.inference->participation_ratio;
    const auto& q = b.inference->participation_ratio;
    check_equal({p.naive, p.unbiased, p.jackknife, p.se_log, p.ci.low, p.ci.high},
                {q.naive, q.unbiased, q.jackknife, q.se_log, q.ci.low, q.ci.high});
    check_equal(a.inference->p_value, b.inference->p_value);
    check_equal(a.inference->null_95, b.inference->null_95);
    if (a.inference->cross_fit) check_equal(a.inference->cross_fit->index, b.inference->cross_fit->index);
    CHECK(a.inference->significant_units == b.inference->significant_units);
}

/// The first half of the samples in one accumulator and the rest in another.
struct halves {
    layer_accumulator first;
    layer_accumulator second;

    halves(const repscope::tensor_view<const float, 4>& x, const std::vector<int>& y, std::size_t at,
           const layer_accumulator_options& options)
        : first(x.extent(1), options), second(x.extent(1), moved(options, at)) {
        const std::size_t rest = x.extent(0) - at;
        first.update(repscope::samples(x, 0, at), std::span(y).first(at));
        second.update(repscope::samples(x, at, rest), std::span(y).subspan(at, rest));
    }
    static layer_accumulator_options moved(layer_accumulator_options options, std::size_t at) {
        options.first_sample += at;
        return options;
    }
};

void check_close(const layer_report& a, const layer_report& b) {
    CHECK(a.samples == b.samples);
    CHECK(a.dimensionality.participation_ratio ==
          doctest::Approx(b.dimensionality.participation_ratio).epsilon(1e-11));
    CHECK(a.selectivity->class_counts == b.selectivity->class_counts);
    for (std::size_t u = 0; u < a.units; ++u)
        CHECK(std::abs(a.selectivity->measured.index[u] - b.selectivity->measured.index[u]) < 1e-12);
    CHECK(a.selectivity->null_mean == doctest::Approx(b.selectivity->null_mean).epsilon(1e-9));
}

} // namespace

TEST_CASE("an accumulator reports the results of the separate functions") {
    for (const negative_policy policy :
         {negative_policy::undefined, negative_policy::rectify, negative_policy::shift}) {
        const std::size_t samples = 500, units = 9;
        const auto data = draws(samples, units, 4, policy == negative_policy::undefined ? 0 : .8);
        const auto y = labels_of(samples);
        const auto x = as_view(data, {samples, units, 2, 2});
        const layer_report report = report_of(repscope::as_activations(x), y, samples,
                                              {.classes = classes, .negatives = policy, .epsilon = 1e-4});
        CHECK(report.samples == samples);
        CHECK(report.units == units);
        REQUIRE(report.selectivity);
        CHECK(!report.inference);
        const auto expected = repscope::class_selectivity(x, y, {.epsilon = 1e-4, .negatives = policy});
        check_equal(report.selectivity->measured.index, expected.index);
        check_equal(report.selectivity->measured.mu_max, expected.mu_max);
        CHECK(report.selectivity->measured.preferred_class == expected.preferred_class);
        CHECK(report.selectivity->measured.silent_units == expected.silent_units);
        check_equal({report.selectivity->measured.mean, report.selectivity->measured.median},
                    {expected.mean, expected.median});
        CHECK(report.selectivity->negatives == policy);
        repscope::covariance state(units);
        state.update(x);
        const auto dimensionality = repscope::dimensionality(state);
        CHECK(report.dimensionality.spectrum == dimensionality.spectrum);
        CHECK(report.dimensionality.participation_ratio_unbiased ==
              dimensionality.participation_ratio_unbiased);
        const bool rectify = policy == negative_policy::rectify;
        repscope::class_sums sums(units, classes, {.rectify = rectify});
        repscope::value_histogram histogram(units, {.rectify = rectify});
        repscope::class_moments moments(units, 1, {.rectify = rectify});
        sums.update(x, y);
        histogram.update(x);
        moments.update(x, std::vector<int>(samples));
        std::vector<double> variances;
        for (std::size_t u = 0; u < units; ++u) variances.push_back(moments.unit_variance(u));
        CHECK(report.selectivity->null_mean ==
              doctest::Approx(repscope::selectivity_null_mean(
                                  expected.index, sums, variances, histogram,
                                  {.epsilon = 1e-4, .shift = policy == negative_policy::shift}))
                  .epsilon(1e-9));
    }
}

TEST_CASE("an accumulator without classes reports the dimensionality only") {
    const auto data = draws(30, 50);
    const auto x = as_view(data, {30, 50});
    layer_accumulator layer(50);
    layer.update(x);
    CHECK(layer.samples() == 30);
    const layer_report report = layer.finish();
    CHECK(!report.selectivity);
    repscope::covariance state(50);
    state.update(x);
    CHECK(report.dimensionality.spectrum == repscope::dimensionality(state).spectrum);
}

TEST_CASE("estimates of an accumulator are those of the separate functions") {
    for (const std::size_t units : {7U, 300U}) { // a second pass, and none
        const std::size_t samples = 260;
        const auto data = draws(samples, units);
        const auto y = labels_of(samples);
        const auto x = as_view(data, {samples, units});
        const layer_accumulator_options options{.classes = classes, .inference = true, .first_sample = 1000};
        layer_accumulator once(units, options);
        once.update(x, y);
        CHECK(once.next_pass() == (units < samples));
        const layer_report report = report_of(repscope::as_activations(x), y, samples, options);
        REQUIRE(report.inference);
        const auto fitted = repscope::cross_fit_selectivity(x, y, {.first_index = 1000});
        check_equal(report.inference->cross_fit->index, fitted.index);
        check_equal({report.inference->cross_fit->mean_ci.low, report.inference->cross_fit->mean_ci.high},
                    {fitted.mean_ci.low, fitted.mean_ci.high});
        const auto ratio = repscope::participation_ratio_interval(x);
        check_equal({report.inference->participation_ratio.se_log,
                     report.inference->participation_ratio.ci.low,
                     report.inference->participation_ratio.unbiased},
                    {ratio.se_log, ratio.ci.low, ratio.unbiased});
        repscope::covariance covariance(units);
        repscope::class_sums sums(units, classes);
        repscope::value_histogram histogram(units);
        covariance.update(x);
        sums.update(x, y);
        histogram.update(x);
        const auto p_values = repscope::selectivity_p_values(sums, covariance.unit_variances(), histogram);
        REQUIRE(report.inference->p_value.size() == units);
        std::vector<double> tested;
        for (std::size_t u = 0; u < units; ++u) {
            if (std::isnan(report.inference->p_value[u])) continue;
            CHECK(report.inference->p_value[u] == p_values[u]);
            tested.push_back(report.inference->p_value[u]);
        }
        CHECK(report.inference->tested_units == tested.size());
        const auto q = repscope::benjamini_hochberg(tested);
        const auto significant = std::count_if(q.begin(), q.end(), [](double v) { return v <= .05; });
        CHECK(report.inference->significant_units == static_cast<std::size_t>(significant));
        CHECK(significant > 0);
    }
}

TEST_CASE("p-values of permutations take further passes and are those of the test over all samples") {
    const std::size_t samples = 200, units = 6;
    const auto data = draws(samples, units, 4, .8);
    const auto y = labels_of(samples);
    const auto x = as_view(data, {samples, units, 2, 2});
    const layer_report report = report_of(repscope::as_activations(x), y, 37,
                                          {.classes = classes,
                                           .negatives = negative_policy::rectify,
                                           .inference = true,
                                           .null = analysis::null_method::permutation,
                                           .permutations = 99});
    const auto expected = repscope::selectivity_permutation(
        x, y, {.permutations = 99, .max_permutations = 20 * units, .negatives = negative_policy::rectify});
    check_equal(report.inference->p_value, expected.p_value);
    check_equal(report.inference->null_95, expected.null_95);
    CHECK(report.inference->permutations == 99);
    CHECK(report.selectivity->p_values.empty());
}

TEST_CASE("a sketched layer has the participation ratio of its sketch") {
    const std::size_t samples = 300, units = 40;
    const auto data = draws(samples, units);
    const auto y = labels_of(samples);
    const auto x = as_view(data, {samples, units});
    const layer_report report =
        report_of(repscope::as_activations(x), y, samples,
                  {.classes = classes, .inference = true, .trace = analysis::trace_method::sketch});
    repscope::covariance_sketch sketch(units);
    sketch.update(x);
    const auto expected = repscope::participation_ratio(sketch);
    REQUIRE(report.inference->method == analysis::trace_method::sketch);
    CHECK(report.inference->probes == sketch.probes());
    CHECK(report.dimensionality.participation_ratio == expected.naive);
    const auto& ratio = report.inference->participation_ratio;
    CHECK(ratio.unbiased == expected.unbiased);
    // Symmetric about the logarithm, 1.96 standard errors wide.
    CHECK(std::log(ratio.ci.high / ratio.unbiased) ==
          doctest::Approx(1.959963985 * expected.unbiased_error_log).epsilon(1e-8));
    CHECK(ratio.ci.low * ratio.ci.high == doctest::Approx(ratio.unbiased * ratio.unbiased).epsilon(1e-12));
    CHECK(std::isnan(report.dimensionality.stable_rank));
}

TEST_CASE("threads, portions, batches and memory change no bit of a report") {
    // More rows than a call of 8192 takes, and a buffer of several calls.
    const std::size_t samples = 9000, units = 3;
    const auto data = draws(samples, units, 1, .5);
    const auto y = labels_of(samples);
    const auto x = repscope::as_activations(as_view(data, {samples, units}));
    layer_accumulator_options options{.classes = classes,
                                      .negatives = negative_policy::rectify,
                                      .inference = true,
                                      .null = analysis::null_method::permutation,
                                      .permutations = 19};
    const layer_report expected = report_of(x, y, samples, options);
    for (const std::size_t portion : {1000U, 8192U, 8999U}) {
        for (const int threads : {1, 2, 3}) {
            options.threads = threads;
            options.batch = portion == 1000 ? 20000 : 0;
            options.samples = portion == 1000 ? samples : 0;
            options.max_bytes = portion == 8192 ? std::size_t{16} << 20U : std::size_t{4} << 30U;
            check_same_bits(report_of(x, y, portion, options), expected);
        }
    }
}

TEST_CASE("merged accumulators have the report of one pass over all samples") {
    for (const std::size_t units : {6U, 400U}) {
        const std::size_t samples = 330;
        const auto data = draws(samples, units, 1, .5);
        const auto y = labels_of(samples);
        const auto x = repscope::as_activations(as_view(data, {samples, units}));
        const layer_accumulator_options options{.classes = classes,
                                                .negatives = negative_policy::shift,
                                                .inference = true,
                                                .null = analysis::null_method::permutation,
                                                .permutations = 49};
        const layer_report expected = report_of(x, y, samples, options);
        halves parts(x, y, 130, options);
        parts.first.merge(parts.second);
        CHECK(parts.first.samples() == samples);
        CHECK(parts.second.samples() == 200);
        while (parts.first.next_pass()) parts.first.update(x);
        const layer_report merged = parts.first.finish();
        check_close(merged, expected);
        for (std::size_t u = 0; u < units; ++u) {
            CHECK(std::abs(merged.inference->cross_fit->index[u] - expected.inference->cross_fit->index[u]) <
                  1e-12);
        }
        check_equal(merged.inference->p_value, expected.inference->p_value);
        CHECK(merged.inference->participation_ratio.se_log ==
              doctest::Approx(expected.inference->participation_ratio.se_log).epsilon(1e-9));
    }
    // With itself: every sample twice.
    const auto data = draws(50, 80);
    const auto y = labels_of(50);
    layer_accumulator layer(80, {.classes = classes});
    layer.update(as_view(data, {50, 80}), y);
    layer.flush();
    layer.merge(layer);
    CHECK(layer.samples() == 100);
    const layer_report once =
        report_of(repscope::as_activations(as_view(data, {50, 80})), y, 50, {.classes = classes});
    check_equal(layer.finish().selectivity->measured.index, once.selectivity->measured.index);
}

TEST_CASE("a saved accumulator continues with the same bits") {
    const std::size_t samples = 240, units = 8;
    const auto data = draws(samples, units, 1, .5);
    const auto y = labels_of(samples);
    const auto x = repscope::as_activations(as_view(data, {samples, units}));
    const auto with = [](bool inference, analysis::trace_method trace, analysis::null_method null) {
        return layer_accumulator_options{.classes = classes,
                                         .negatives = negative_policy::rectify,
                                         .inference = inference,
                                         .trace = trace,
                                         .null = null,
                                         .permutations = 19};
    };
    using analysis::null_method;
    using analysis::trace_method;
    for (const auto& options : {with(false, trace_method::exact, null_method::saddlepoint),
                                with(true, trace_method::exact, null_method::permutation),
                                with(true, trace_method::sketch, null_method::saddlepoint)}) {
        halves parts(x, y, 100, options);
        repscope::byte_writer out;
        parts.first.save(out);
        const std::vector<std::byte> bytes = out.bytes();
        repscope::byte_reader in(bytes);
        layer_accumulator loaded = layer_accumulator::load(in, options);
        CHECK(in.left() == 0);
        repscope::byte_writer again;
        loaded.save(again);
        CHECK(again.bytes() == bytes);
        // Samples after the saved ones have the places behind them.
        const auto rest = repscope::samples(x, 100, 140);
        loaded.update(rest, std::span(y).subspan(100));
        parts.first.update(rest, std::span(y).subspan(100));
        while (loaded.next_pass()) loaded.update(x, y);
        while (parts.first.next_pass()) parts.first.update(x, y);
        const layer_report report = loaded.finish();
        check_same_bits(report, parts.first.finish());
        if (options.inference) {
            const auto fitted =
                repscope::cross_fit_selectivity(x, y, {.negatives = negative_policy::rectify});
            for (std::size_t u = 0; u < units; ++u)
                CHECK(std::abs(report.inference->cross_fit->index[u] - fitted.index[u]) < 1e-12);
        }
        // Cut anywhere, it is refused.
        for (std::size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 97) {
            repscope::byte_reader cut(std::span<const std::byte>(bytes).first(size));
            CHECK_THROWS_AS((void)layer_accumulator::load(cut, options), repscope::format_error);
        }
        auto other = options;
        other.classes = classes + 1;
        repscope::byte_reader more(bytes);
        CHECK_THROWS_AS((void)layer_accumulator::load(more, other), repscope::format_error);
        other = options;
        other.negatives = negative_policy::undefined;
        repscope::byte_reader plain(bytes);
        CHECK_THROWS_AS((void)layer_accumulator::load(plain, other), repscope::format_error);
    }
}

TEST_CASE("places decide the folds of samples, in any portions") {
    const std::size_t samples = 120, units = 5;
    const auto data = draws(samples, units);
    const auto y = labels_of(samples);
    std::vector<std::size_t> places(samples);
    for (std::size_t i = 0; i < samples; ++i) places[i] = 3 * i + i % 2;
    const auto x = as_view(data, {samples, units});
    layer_accumulator layer(units, {.classes = classes, .inference = true, .first_sample = 7});
    layer.update(repscope::samples(x, 0, 50), std::span(y).first(50),
                 {.places = std::span(places).first(50)});
    layer.update(repscope::samples(x, 50, 70), std::span(y).subspan(50),
                 {.places = std::span(places).subspan(50)});
    while (layer.next_pass()) layer.update(x);
    repscope::blocked_class_sums blocks(units, classes);
    blocks.update(x, y, {.first_index = 7, .places = places});
    check_equal(layer.finish().inference->cross_fit->index, repscope::cross_fit_selectivity(blocks).index);
}

TEST_CASE("bad input throws and leaves the accumulator unchanged") {
    const std::size_t samples = 20, units = 3;
    const auto data = draws(samples, units);
    const auto y = labels_of(samples);
    const auto x = as_view(data, {samples, units});
    CHECK_THROWS_AS(layer_accumulator(0), repscope::value_error);
    CHECK_THROWS_WITH_AS(layer_accumulator(3, {.classes = 1}),
                         "repscope::analysis::layer_accumulator: expected at least 2 classes, got 1",
                         repscope::value_error);
    CHECK_THROWS_AS(layer_accumulator(1000, {.samples = 5000, .max_bytes = 1000}), repscope::value_error);
    layer_accumulator layer(units, {.classes = classes, .inference = true});
    layer.update(x, y);
    auto bad = data;
    bad[4] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH_AS(
        layer.update(as_view(bad, {samples, units}), y),
        "repscope::analysis::layer_accumulator::update: expected finite activations, got NaN "
        "in sample 21, unit 1",
        repscope::value_error);
    // Of more rows than the buffer takes, with the bad one behind them.
    std::vector<float> many(9000 * units, 1.0F);
    many[8500 * units] = std::numeric_limits<float>::infinity();
    CHECK_THROWS_WITH_AS(layer.update(as_view(many, {9000, units}), std::vector<int>(9000)),
                         "repscope::analysis::layer_accumulator::update: expected finite activations, got "
                         "infinity in sample 8520, unit 0",
                         repscope::value_error);
    auto outside = y;
    outside[19] = classes;
    CHECK_THROWS_AS(layer.update(x, outside), repscope::value_error);
    CHECK_THROWS_AS(layer.update(x, std::vector<int>(19)), repscope::shape_error);
    CHECK_THROWS_AS(layer.update(as_view(data, {15, 4}), std::vector<int>(15)), repscope::shape_error);
    CHECK_THROWS_AS(layer.update(x), repscope::value_error); // no labels
    CHECK_THROWS_AS(layer.update(x, y, {.places = std::vector<std::size_t>(3)}), repscope::shape_error);
    layer_accumulator unlabeled(units);
    CHECK_THROWS_AS(unlabeled.update(x, y), repscope::value_error);
    CHECK_THROWS_AS(layer.merge(unlabeled), repscope::value_error);
    CHECK_THROWS_AS(layer.merge(layer_accumulator(units + 1, {.classes = classes, .inference = true})),
                    repscope::shape_error);
    CHECK_THROWS_AS(layer.merge(layer_accumulator(units, {.classes = classes})), repscope::value_error);
    CHECK_THROWS_AS((void)unlabeled.finish(), repscope::value_error); // without samples
    CHECK(layer.samples() == samples);
    REQUIRE(layer.next_pass());
    CHECK_THROWS_AS((void)layer.finish(), repscope::value_error);
    repscope::byte_writer out;
    CHECK_THROWS_AS(layer.save(out), repscope::value_error);
    CHECK_THROWS_AS(layer.merge(layer), repscope::value_error);
    layer.update(repscope::samples(x, 0, 15));
    CHECK_THROWS_AS((void)layer.next_pass(), repscope::value_error); // 5 samples are missing
    CHECK_THROWS_AS(layer.update(x), repscope::value_error);         // 15 too many
    layer.update(repscope::samples(x, 15, 5));
    CHECK(!layer.next_pass());
    check_same_bits(layer.finish(), report_of(repscope::as_activations(x), y, samples,
                                              {.classes = classes, .inference = true}));
}

} // namespace layer_accumulator_test
