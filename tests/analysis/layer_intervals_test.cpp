// Intervals from blocks of samples, against accumulators of the samples outside of each block.

#include "repscope/analysis/layer_accumulator.hpp"
#include "repscope/analysis/layer_similarity.hpp"

#include "repscope/bytes.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/statistics/block_jackknife.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <doctest/doctest.h>

namespace layer_intervals_test {

namespace {

namespace analysis = repscope::analysis;
using analysis::layer_accumulator;
using analysis::layer_accumulator_options;
using analysis::layer_report;
using analysis::layer_similarity;
using analysis::measure;
using analysis::measure_set;
using analysis::similarity_report;
using matrix = repscope::tensor_view<const double, 2>;

constexpr std::size_t classes = 4, blocks = 20;

/// Rows of classes in two layers; the second is the first with noise.
struct made_up_rows {
    std::size_t samples, units;
    std::vector<double> x, y;
    std::vector<std::int32_t> labels;
    std::vector<std::size_t> places;

    made_up_rows(std::size_t count, std::size_t width) : samples(count), units(width) {
        repscope::random_stream random(8, 31);
        for (std::size_t i = 0; i < samples; ++i) {
            labels.push_back(static_cast<std::int32_t>((i * i + i / 5) % classes));
            places.push_back(i);
            for (std::size_t u = 0; u < units; ++u) {
                const double mean = static_cast<std::int32_t>(u % classes) == labels[i] ? 1.5 : 0.2;
                x.push_back(mean * (1 + 0.3 * static_cast<double>(u)) + random.normal());
                y.push_back(x.back() + 0.8 * random.normal());
            }
        }
    }
    /// The samples outside of block `k`.
    [[nodiscard]] made_up_rows without(std::size_t k) const {
        made_up_rows rest = *this;
        rest.x.clear(), rest.y.clear(), rest.labels.clear();
        for (std::size_t i = 0; i < samples; ++i) {
            if (repscope::sample_block(i, blocks) == k) continue;
            rest.labels.push_back(labels[i]);
            for (std::size_t u = 0; u < units; ++u) {
                rest.x.push_back(x[i * units + u]);
                rest.y.push_back(y[i * units + u]);
            }
        }
        rest.samples = rest.labels.size();
        rest.places.resize(rest.samples);
        return rest;
    }
    [[nodiscard]] layer_report report(const layer_accumulator_options& options, std::size_t portion) const {
        layer_accumulator layer(units, options);
        add(layer, 0, samples, portion);
        return layer.finish();
    }
    void add(layer_accumulator& layer, std::size_t begin, std::size_t end, std::size_t portion) const {
        for (std::size_t first = begin; first < end; first += portion) {
            const std::size_t count = std::min(portion, end - first);
            layer.update(matrix(x.data() + first * units, {count, units}),
                         std::span(labels).subspan(first, count),
                         {.places = std::span(places).subspan(first, count)});
        }
    }
    [[nodiscard]] similarity_report similarity(const layer_accumulator_options& options) const {
        layer_accumulator clean(units, options), perturbed(units, options);
        const matrix rows_x(x.data(), {samples, units}), rows_y(y.data(), {samples, units});
        clean.update(rows_x, labels);
        perturbed.update(rows_y, labels);
        clean.flush();
        perturbed.flush();
        layer_similarity similarity(units, options);
        similarity.update({rows_x, rows_x}, {rows_y, rows_y}, labels, places, options.threads);
        return similarity.finish(clean, perturbed, options.threads);
    }
};

/// The standard error of a value from its replicates without each block.
double error_of(double value, const std::vector<double>& replicates,
                const std::vector<std::uint64_t>& sizes) {
    return repscope::block_jackknife(value, replicates, sizes).error;
}

layer_accumulator_options options_of_intervals() {
    return {.classes = classes,
            .measures = analysis::geometry_measures | measure_set{measure::participation_ratio},
            .inference = true,
            .trace = analysis::trace_method::blocks};
}

/// The values that have intervals, in their order.
std::vector<double> values_of(const layer_report& r) {
    const auto& g = *r.geometry;
    return {g.scatter->nc1,
            g.neural_collapse->nc1_trace,
            g.neural_collapse->nc2_equinorm,
            g.neural_collapse->nc2_equiangular,
            g.neural_collapse->nc2_simplex,
            g.distance_variance->cdnv,
            g.distance_variance->cdnv_unbiased,
            *g.lidar,
            g.separation->separation,
            g.separation->separation_corrected,
            g.scatter->within_participation_ratio,
            g.scatter->between_participation_ratio,
            g.scatter->between_participation_ratio_corrected,
            std::log(r.dimensionality.participation_ratio_unbiased)};
}

std::vector<double> errors_of(const layer_report& r) {
    std::vector<double> errors;
    for (const auto& each : r.inference->intervals) errors.push_back(each.value.error);
    errors.push_back(r.inference->participation_ratio.se_log);
    return errors;
}

} // namespace

TEST_CASE("intervals of geometry and of the participation ratio leave out blocks of samples") {
    const made_up_rows data(400, 6);
    const layer_accumulator_options options = options_of_intervals();
    layer_accumulator_options plain = options;
    plain.inference = false;
    const layer_report report = data.report(options, 400);
    const std::vector<double> values = values_of(data.report(plain, 400)), errors = errors_of(report);
    REQUIRE(errors.size() == values.size());
    std::vector<std::vector<double>> replicates(values.size());
    std::vector<std::uint64_t> sizes;
    for (std::size_t k = 0; k < blocks; ++k) {
        const made_up_rows rest = data.without(k);
        sizes.push_back(data.samples - rest.samples);
        const std::vector<double> without = values_of(rest.report(plain, 400));
        for (std::size_t m = 0; m < values.size(); ++m) replicates[m].push_back(without[m]);
    }
    for (std::size_t m = 0; m < values.size(); ++m) {
        CAPTURE(m);
        CHECK(errors[m] > 0);
        CHECK(errors[m] == doctest::Approx(error_of(values[m], replicates[m], sizes)).epsilon(1e-7));
        if (m + 1 < values.size())
            CHECK(report.inference->intervals[m].value.estimate == doctest::Approx(values[m]).epsilon(1e-10));
    }
    CHECK(report.inference->intervals[6].name == "cdnv_unbiased");
    const auto& ratio = report.inference->participation_ratio;
    CHECK(report.inference->method == analysis::trace_method::blocks);
    CHECK(ratio.unbiased == report.dimensionality.participation_ratio_unbiased);
    CHECK(ratio.ci.low * ratio.ci.high == doctest::Approx(ratio.unbiased * ratio.unbiased).epsilon(1e-9));
    // 2.093: Student's quantile for 19 degrees of freedom.
    CHECK(std::log(ratio.ci.high / ratio.unbiased) == doctest::Approx(2.093024 * ratio.se_log).epsilon(1e-6));
    // The jackknife that leaves out every sample has about the same error.
    layer_accumulator_options exact = options;
    exact.trace = analysis::trace_method::exact;
    layer_accumulator layer(data.units, exact);
    do data.add(layer, 0, data.samples, 400);
    while (layer.next_pass());
    const double single = layer.finish().inference->participation_ratio.se_log;
    CHECK(ratio.se_log > 0.5 * single);
    CHECK(ratio.se_log < 2 * single);
}

TEST_CASE("threads and calls change no bit of the intervals, shards only the last ones") {
    const made_up_rows data(700, 5); // 700 / 20 rows per block, below a portion
    const made_up_rows large(9000, 5);
    for (const made_up_rows* rows : {&data, &large}) {
        const layer_accumulator_options options = options_of_intervals();
        const std::vector<double> whole = errors_of(rows->report(options, rows->samples));
        layer_accumulator_options other = options;
        other.threads = 3;
        other.batch = 17;
        other.max_bytes /= 8;
        CHECK(errors_of(rows->report(other, 41)) == whole);

        const auto part = [&](std::size_t first, std::size_t last) {
            layer_accumulator layer(rows->units, options);
            rows->add(layer, first, last, 100);
            repscope::byte_writer bytes;
            layer.save(bytes);
            repscope::byte_reader in(bytes.bytes(), "state");
            return layer_accumulator::load(in, options);
        };
        layer_accumulator merged = part(0, 310);
        merged.merge(part(310, 311));
        merged.merge(part(311, rows->samples));
        const std::vector<double> errors = errors_of(merged.finish());
        REQUIRE(errors.size() == whole.size());
        for (std::size_t m = 0; m < whole.size(); ++m)
            CHECK(errors[m] == doctest::Approx(whole[m]).epsilon(1e-9));
    }
}

TEST_CASE("intervals are left out where the moments of blocks do not fit") {
    const made_up_rows data(400, 6);
    layer_accumulator_options options = options_of_intervals();
    options.samples = data.samples;
    const double needed = layer_accumulator::bytes_needed(data.samples, data.units, options);
    options.max_bytes = static_cast<std::size_t>(needed);
    const layer_report fits = data.report(options, 400);
    CHECK(fits.inference->left_out.empty());
    options.max_bytes -= 1;
    CHECK(layer_accumulator::bytes_needed(data.samples, data.units, options) < needed);
    const layer_report left_out = data.report(options, 400);
    CHECK(left_out.inference->intervals.empty());
    CHECK(left_out.inference->left_out.size() == 14);
    CHECK(left_out.inference->left_out.back() == "participation_ratio");
    CHECK(left_out.inference->block_bytes > 0);
    CHECK(std::isnan(left_out.inference->participation_ratio.ci.low));
    CHECK(left_out.inference->participation_ratio.unbiased == fits.inference->participation_ratio.unbiased);
    CHECK(left_out.geometry->distance_variance->cdnv == fits.geometry->distance_variance->cdnv);

    // A part without blocks leaves none for the whole.
    layer_accumulator_options large = options_of_intervals();
    layer_accumulator with(data.units, large), without(data.units, options);
    data.add(with, 0, 200, 200);
    data.add(without, 200, 400, 200);
    with.merge(without);
    CHECK(with.finish().inference->left_out.size() == 14);
}

TEST_CASE("no more samples than units: the jackknife of samples needs one pass") {
    const made_up_rows data(40, 50);
    layer_accumulator_options options = options_of_intervals();
    options.measures = {measure::participation_ratio};
    const layer_report report = data.report(options, 40);
    options.trace = analysis::trace_method::exact;
    const layer_report exact = data.report(options, 40);
    CHECK(report.inference->method == analysis::trace_method::exact);
    CHECK(report.inference->participation_ratio.ci == exact.inference->participation_ratio.ci);
    CHECK(report.inference->left_out.empty());
}

TEST_CASE("intervals of similarity leave out blocks of samples") {
    for (const std::size_t units : {std::size_t{6}, std::size_t{40}}) { // blocks of matrices and of rows
        CAPTURE(units);
        const made_up_rows data(400, units);
        layer_accumulator_options options{
            .classes = classes, .measures = analysis::similarity_measures, .inference = true};
        const similarity_report report = data.similarity(options);
        options.threads = 3;
        const similarity_report threaded = data.similarity(options);
        options.inference = false;
        const auto values = [&](const made_up_rows& rows) {
            const similarity_report r = rows.similarity(options);
            CHECK(r.intervals.empty());
            return std::vector<double>{r.cka->plain, r.cka->unbiased, *r.procrustes, *r.class_mean_rsa,
                                       r.uniformity_change};
        };
        const std::vector<double> whole = values(data);
        std::vector<std::vector<double>> replicates(whole.size());
        std::vector<std::uint64_t> sizes;
        for (std::size_t k = 0; k < blocks; ++k) {
            const made_up_rows rest = data.without(k);
            sizes.push_back(data.samples - rest.samples);
            const std::vector<double> without = values(rest);
            for (std::size_t m = 0; m < whole.size(); ++m) replicates[m].push_back(without[m]);
        }
        REQUIRE(report.intervals.size() == whole.size());
        CHECK(report.intervals[1].name == "cka_unbiased");
        for (std::size_t m = 0; m < whole.size(); ++m) {
            CAPTURE(m);
            const auto& one = report.intervals[m].value;
            CHECK(one.estimate == doctest::Approx(whole[m]).epsilon(1e-10));
            CHECK(one.error == doctest::Approx(error_of(whole[m], replicates[m], sizes)).epsilon(1e-7));
            CHECK(threaded.intervals[m].value.error == one.error);
        }
        options.inference = true;
        options.max_bytes =
            static_cast<std::size_t>(layer_similarity::bytes_needed(data.samples, units, options) - 1);
        options.samples = data.samples;
        const similarity_report left_out = [&] {
            const made_up_rows& rows = data;
            layer_accumulator_options of_layer = options;
            of_layer.max_bytes = layer_accumulator_options{}.max_bytes;
            layer_accumulator clean(units, of_layer), perturbed(units, of_layer);
            const matrix x(rows.x.data(), {rows.samples, units}), y(rows.y.data(), {rows.samples, units});
            clean.update(x, rows.labels);
            perturbed.update(y, rows.labels);
            clean.flush();
            perturbed.flush();
            layer_similarity similarity(units, options);
            similarity.update({x, x}, {y, y}, rows.labels, rows.places, 1);
            return similarity.finish(clean, perturbed, 1);
        }();
        CHECK(left_out.intervals.empty());
        CHECK(left_out.left_out.size() == 5);
        CHECK(left_out.cka->unbiased == report.cka->unbiased);
    }
}

} // namespace layer_intervals_test
