// The measures that a layer is asked for, against those of an accumulator with all of them.

#include "repscope/analysis/layer_accumulator.hpp"

#include "repscope/bytes.hpp"
#include "repscope/dimensionality/power_law.hpp"
#include "repscope/random/random_stream.hpp"

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <doctest/doctest.h>

namespace measure_set_test {

namespace {

namespace analysis = repscope::analysis;
using analysis::layer_accumulator;
using analysis::layer_accumulator_options;
using analysis::layer_report;
using analysis::measure;
using analysis::measure_set;

constexpr std::size_t units = 40;
constexpr std::size_t samples = 300;

struct made_up_layer {
    std::vector<float> values;
    std::vector<int> labels;

    made_up_layer() {
        repscope::random_stream random(11, 3);
        for (std::size_t i = 0; i < samples; ++i) {
            labels.push_back(static_cast<int>(i * i % 3));
            for (std::size_t u = 0; u < units; ++u) {
                const double z = random.normal() + (static_cast<int>(u % 3) == labels.back() ? 1 : 0);
                values.push_back(static_cast<float>(z * z));
            }
        }
    }
    void add(layer_accumulator& layer, std::size_t first, std::size_t count) const {
        const auto rows = std::span(values).subspan(first * units, count * units);
        const auto x = repscope::as_view(rows, {count, units});
        if (layer.options().classes == 0)
            layer.update(x);
        else
            layer.update(x, std::span(labels).subspan(first, count));
    }
    [[nodiscard]] layer_report report(const layer_accumulator_options& options) const {
        layer_accumulator layer(units, options);
        do add(layer, 0, samples);
        while (layer.next_pass());
        return layer.finish();
    }
};

} // namespace

TEST_CASE("a set of measures") {
    constexpr measure_set some{measure::selectivity, measure::power_law};
    static_assert(some.contains(measure::power_law) && !some.contains(measure::components));
    static_assert(some.contains_any(analysis::spectrum_measures));
    static_assert(!measure_set{measure::participation_ratio}.contains_any(analysis::spectrum_measures));
    static_assert((some & analysis::spectrum_measures) == measure_set{measure::power_law});
    static_assert(measure_set{}.empty() && !some.empty());
    CHECK((some | measure_set{measure::components}) ==
          measure_set{measure::components, measure::power_law, measure::selectivity});
}

TEST_CASE("a measure has the same bits alone and among others") {
    const made_up_layer layer;
    const layer_report all =
        layer.report({.classes = 3, .measures = analysis::default_measures | analysis::spectrum_measures});
    const layer_report ratio = layer.report({.classes = 3, .measures = {measure::participation_ratio}});
    CHECK(ratio.dimensionality.participation_ratio == all.dimensionality.participation_ratio);
    CHECK(ratio.dimensionality.participation_ratio_unbiased ==
          all.dimensionality.participation_ratio_unbiased);
    CHECK(ratio.dimensionality.spectrum.empty()); // no eigenvalue was computed
    CHECK(std::isnan(ratio.dimensionality.stable_rank));
    CHECK(!ratio.selectivity);
    CHECK(!ratio.power_law);

    const layer_report spectrum = layer.report({.measures = {measure::power_law}});
    CHECK(spectrum.dimensionality.spectrum == all.dimensionality.spectrum);
    REQUIRE(spectrum.power_law);
    const auto expected = repscope::power_law_exponent(all.dimensionality.spectrum, samples);
    CHECK(spectrum.power_law->exponent == expected.exponent);
    CHECK(spectrum.power_law->first == 11);
    CHECK(spectrum.power_law->last == units);

    const layer_report selective = layer.report({.classes = 3, .measures = {measure::selectivity}});
    REQUIRE(selective.selectivity);
    CHECK(selective.selectivity->measured.index == all.selectivity->measured.index);
    // The variances are those of other sums.
    CHECK(selective.selectivity->null_mean == doctest::Approx(all.selectivity->null_mean).epsilon(1e-12));
    CHECK(std::isnan(selective.dimensionality.participation_ratio));
}

TEST_CASE("what no measure needs is not accumulated") {
    const made_up_layer layer;
    layer_accumulator selective(units, {.classes = 3, .measures = {measure::selectivity}});
    layer.add(selective, 0, samples);
    selective.flush();
    CHECK(selective.samples() == samples);
    CHECK(selective.covariance().samples() == 0);
    layer_accumulator ratio(units, {.classes = 3, .measures = {measure::participation_ratio}});
    layer.add(ratio, 0, samples);
    for (const auto& section : ratio.save_sections()) CHECK(section.kind == "covariance");

    const auto bytes = [](measure_set measures) {
        return layer_accumulator::bytes_needed(100'000, 5000, {.classes = 3, .measures = measures});
    };
    CHECK(bytes({measure::selectivity}) < 0.5 * bytes({measure::participation_ratio}));
    CHECK(bytes({measure::participation_ratio}) < bytes(analysis::default_measures));
}

TEST_CASE("estimates without one of the two measures that have them") {
    const made_up_layer layer;
    const layer_report all = layer.report({.classes = 3, .inference = true});
    const layer_report ratio =
        layer.report({.classes = 3, .measures = {measure::participation_ratio}, .inference = true});
    REQUIRE(ratio.inference);
    CHECK(!ratio.inference->cross_fit);
    CHECK(ratio.inference->participation_ratio.ci.low == all.inference->participation_ratio.ci.low);
    layer_accumulator once(units, {.classes = 3, .measures = {measure::selectivity}, .inference = true});
    layer.add(once, 0, samples);
    CHECK(!once.next_pass()); // the jackknife would take a second one
    const layer_report selective = once.finish();
    REQUIRE(selective.inference->cross_fit);
    CHECK(selective.inference->cross_fit->index == all.inference->cross_fit->index);
}

TEST_CASE("states of a part of the measures merge, are saved and loaded") {
    const made_up_layer layer;
    for (const measure_set measures :
         {measure_set{measure::selectivity}, measure_set{measure::participation_ratio},
          measure_set{measure::selectivity, measure::power_law}}) {
        const layer_accumulator_options options{.classes = 3, .measures = measures};
        layer_accumulator first(units, options), second(units, options);
        layer.add(first, 0, 120);
        layer.add(second, 120, samples - 120);
        repscope::byte_writer out;
        second.save(out);
        const auto bytes = out.take();
        repscope::byte_reader in(bytes, "bytes");
        first.merge(layer_accumulator::load(in, options));
        const layer_report merged = first.finish(), whole = layer.report(options);
        CHECK(merged.samples == samples);
        REQUIRE(merged.selectivity.has_value() == measures.contains(measure::selectivity));
        if (merged.selectivity) {
            for (std::size_t u = 0; u < units; ++u)
                CHECK(merged.selectivity->measured.index[u] ==
                      doctest::Approx(whole.selectivity->measured.index[u]).epsilon(1e-12));
        }
        REQUIRE(merged.power_law.has_value() == measures.contains(measure::power_law));
        if (measures.contains_any(analysis::dimensionality_measures))
            CHECK(merged.dimensionality.participation_ratio ==
                  doctest::Approx(whole.dimensionality.participation_ratio).epsilon(1e-12));
    }
    layer_accumulator ratio(units, {.measures = {measure::participation_ratio}});
    const layer_accumulator ranks(units, {.measures = {measure::stable_rank}});
    CHECK_THROWS_WITH_AS(
        ratio.merge(ranks),
        "repscope::analysis::layer_accumulator::merge: states of different measures do not merge",
        repscope::value_error);
}

TEST_CASE("an accumulator without a measure is refused") {
    CHECK_THROWS_AS(layer_accumulator(3, {.classes = 2, .measures = {}}), repscope::value_error);
    CHECK_THROWS_AS(layer_accumulator(3, {.measures = {measure::selectivity}}), repscope::value_error);
}

} // namespace measure_set_test
