// Classes that appear one by one, and states that are saved between rows.

#include <repscope/analysis/layer_accumulator.hpp>
#include <repscope/random/random_stream.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace classes_of_streams_test {

using repscope::analysis::layer_accumulator;
using repscope::analysis::layer_accumulator_options;
using repscope::analysis::layer_report;

namespace {

constexpr std::size_t units = 4096; // 256 rows per call of the moments
constexpr std::size_t samples = 700;
constexpr std::size_t classes = 23;

struct labeled_rows {
    std::vector<float> values = std::vector<float>(samples * units);
    std::vector<std::int32_t> labels = std::vector<std::int32_t>(samples);

    labeled_rows() {
        repscope::random_stream draws(3, 5);
        for (float& v : values) v = static_cast<float>(draws.uniform());
        for (std::size_t i = 0; i < samples; ++i)
            labels[i] = static_cast<std::int32_t>((i * 7 + i / 5) % classes);
    }
    void add(layer_accumulator& to, std::size_t first, std::size_t count,
             const std::vector<std::int32_t>& numbers) const {
        std::vector<std::int32_t> renumbered;
        for (std::size_t i = first; i < first + count; ++i)
            renumbered.push_back(numbers.empty() ? labels[i] : numbers[static_cast<std::size_t>(labels[i])]);
        to.update(repscope::tensor_view<const float, 2>(values.data() + first * units, {count, units}),
                  renumbered);
    }
};

void check_same(const layer_report& a, const layer_report& b) {
    REQUIRE(a.selectivity.has_value());
    REQUIRE(b.selectivity.has_value());
    CHECK(a.selectivity->class_counts == b.selectivity->class_counts);
    CHECK(a.selectivity->measured.index == b.selectivity->measured.index);
    CHECK(a.selectivity->measured.preferred_class == b.selectivity->measured.preferred_class);
    CHECK(a.selectivity->null_mean == b.selectivity->null_mean);
    CHECK(a.dimensionality.participation_ratio == b.dimensionality.participation_ratio);
}

// Adds two more classes per call, numbered as they appear, and sorts the classes at the end.
layer_report report_of_growing_classes(const labeled_rows& data, layer_accumulator_options options) {
    options.classes = 2;
    // Numbers in the order of appearance; two more classes per call.
    std::vector<std::int32_t> numbers(classes, -1);
    std::vector<std::size_t> label_of_number;
    layer_accumulator grown(units, options);
    for (std::size_t first = 0; first < samples; first += 35) {
        for (std::size_t i = first; i < first + 35; ++i) {
            std::int32_t& number = numbers[static_cast<std::size_t>(data.labels[i])];
            if (number >= 0) continue;
            number = static_cast<std::int32_t>(label_of_number.size());
            label_of_number.push_back(static_cast<std::size_t>(data.labels[i]));
        }
        const std::size_t before = grown.options().classes;
        if (label_of_number.size() > before) {
            std::vector<std::size_t> same(before);
            for (std::size_t c = 0; c < before; ++c) same[c] = c;
            grown.renumber_classes(same, label_of_number.size() + 2);
        }
        data.add(grown, first, 35, numbers);
    }
    REQUIRE(label_of_number.size() == classes);
    CHECK(grown.options().classes > classes);
    grown.renumber_classes(label_of_number, classes);
    return grown.finish();
}

} // namespace

TEST_CASE("classes that are added as they appear give the bits of known classes") {
    const labeled_rows data;
    layer_accumulator known(units, {.classes = classes});
    data.add(known, 0, samples, {});
    check_same(report_of_growing_classes(data, {}), known.finish());
}

TEST_CASE("measures that need more of a class than its sum have the bits of known classes too") {
    using repscope::analysis::measure;
    const labeled_rows data;
    for (const bool rectify : {false, true}) {
        layer_accumulator_options options;
        options.measures = {measure::activation_frequency,
                            measure::class_purity,
                            measure::mono_score,
                            measure::d_prime,
                            measure::auc,
                            measure::sparseness,
                            measure::nc1_trace,
                            measure::nc2,
                            measure::cdnv,
                            measure::class_separation};
        options.reservoir = 150;
        options.inference = !rectify;
        if (rectify) options.negatives = repscope::negative_policy::rectify;
        const layer_report grown = report_of_growing_classes(data, options);
        options.classes = classes;
        layer_accumulator known(units, options);
        data.add(known, 0, samples, {});
        const layer_report report = known.finish();
        const auto& of_units = *grown.unit_values;
        CHECK(of_units.activation_frequency == report.unit_values->activation_frequency);
        CHECK(of_units.class_purity == report.unit_values->class_purity);
        CHECK(of_units.mono_score == report.unit_values->mono_score);
        CHECK(of_units.d_prime == report.unit_values->d_prime);
        CHECK(of_units.auc == report.unit_values->auc);
        CHECK(of_units.sparseness == report.unit_values->sparseness);
        CHECK(grown.geometry->distance_variance->cdnv == report.geometry->distance_variance->cdnv);
        CHECK(grown.geometry->separation->separation == report.geometry->separation->separation);
        REQUIRE(grown.inference.has_value() == options.inference);
        if (!options.inference) continue;
        REQUIRE(report.inference->intervals.size() > 2);
        for (std::size_t k = 0; k < report.inference->intervals.size(); ++k) {
            const auto& expected = report.inference->intervals[k].value.range;
            const auto& range = grown.inference->intervals[k].value.range;
            if (std::isnan(expected.low))
                CHECK(std::isnan(range.low));
            else
                CHECK((range.low == expected.low && range.high == expected.high));
        }
    }
}

TEST_CASE("intervals whose blocks are released are left out by name, and the numbers remain") {
    using repscope::analysis::measure;
    const labeled_rows data;
    layer_accumulator layer(units, {.classes = classes, .measures = {measure::cdnv}, .inference = true});
    data.add(layer, 0, 300, {});
    CHECK(layer.has_blocks());
    layer.release_blocks();
    CHECK_FALSE(layer.has_blocks());
    data.add(layer, 300, samples - 300, {});
    const layer_report report = layer.finish();
    CHECK(report.geometry->distance_variance->cdnv > 0);
    CHECK(report.inference->intervals.empty());
    REQUIRE(report.inference->left_out.size() > 0);
    CHECK(report.inference->left_out.front() == "cdnv");
    CHECK(report.inference->block_bytes > 0);
}

TEST_CASE("the states before the buffer continue with the bits of one pass") {
    const labeled_rows data;
    layer_accumulator whole(units, {.classes = classes});
    data.add(whole, 0, samples, {});
    layer_accumulator part(units, {.classes = classes});
    data.add(part, 0, 600, {});
    const std::uint64_t saved = part.flushed_samples();
    CHECK(saved == 512);
    const auto sections = part.save_flushed_sections();
    CHECK(part.samples() == 600); // the buffer is unchanged
    std::vector<repscope::analysis::state_section> stored;
    for (const auto& section : sections) stored.push_back({section.kind, section.payload});
    layer_accumulator resumed = layer_accumulator::load_sections(stored, {.classes = classes}, "s");
    data.add(resumed, static_cast<std::size_t>(saved), samples - static_cast<std::size_t>(saved), {});
    data.add(part, 600, samples - 600, {});
    const layer_report report = whole.finish();
    check_same(resumed.finish(), report);
    check_same(part.finish(), report);
}

TEST_CASE("the states before the buffer continue with the bits of one pass, estimates and reservoirs too") {
    using repscope::analysis::measure;
    constexpr std::size_t width = 6, count = 20'000, cut = 10'000;
    layer_accumulator_options options{.classes = 5,
                                      .measures = {measure::selectivity, measure::participation_ratio,
                                                   measure::cdnv, measure::nc1, measure::two_nn},
                                      .inference = true};
    options.trace = repscope::analysis::trace_method::blocks;
    options.reservoir = 100;
    options.batch = 8192; // rows leave the buffer in this number
    repscope::random_stream draws(4, 1);
    std::vector<float> values(count * width);
    std::vector<std::int32_t> labels(count);
    for (std::size_t i = 0; i < count; ++i) {
        labels[i] = static_cast<std::int32_t>(draws.uniform() * 5);
        for (std::size_t u = 0; u < width; ++u)
            values[i * width + u] = static_cast<float>(draws.uniform() + (labels[i] == int(u) ? 0.5 : 0.0));
    }
    const auto add = [&](layer_accumulator& to, std::size_t first, std::size_t rows) {
        to.update(repscope::tensor_view<const float, 2>(values.data() + first * width, {rows, width}),
                  std::span(labels).subspan(first, rows));
    };
    const auto loaded = [&](const std::vector<repscope::analysis::saved_section>& sections) {
        std::vector<repscope::analysis::state_section> stored;
        for (const auto& section : sections) stored.push_back({section.kind, section.payload});
        return layer_accumulator::load_sections(stored, options, "s");
    };
    layer_accumulator whole(width, options), part(width, options);
    REQUIRE(whole.has_blocks());
    add(whole, 0, count);
    add(part, 0, cut);
    const auto saved = static_cast<std::size_t>(part.flushed_samples());
    REQUIRE(saved > 0);
    REQUIRE(saved < cut);
    auto sections = part.save_flushed_sections();
    layer_accumulator resumed = loaded(sections);
    add(resumed, saved, count - saved);
    add(part, cut, count - cut);
    const auto expected = whole.save_sections();
    for (layer_accumulator* each : {&resumed, &part}) {
        const auto states = each->save_sections();
        REQUIRE(states.size() == expected.size());
        for (std::size_t k = 0; k < states.size(); ++k) {
            CAPTURE(states[k].kind);
            CHECK(states[k].payload == expected[k].payload);
        }
    }
    const layer_report report = resumed.finish(), of_whole = whole.finish();
    REQUIRE(report.inference->intervals.size() == of_whole.inference->intervals.size());
    REQUIRE(!report.inference->intervals.empty());
    for (std::size_t k = 0; k < report.inference->intervals.size(); ++k)
        CHECK(report.inference->intervals[k].value.range.low ==
              of_whole.inference->intervals[k].value.range.low);
    CHECK(report.inference->participation_ratio.se_log == of_whole.inference->participation_ratio.se_log);

    // Rows of a class that does not exist.
    for (auto& section : sections) {
        if (section.kind == "block_rows") section.payload[4] = std::byte{9}; // after the number of rows
    }
    CHECK_THROWS_AS((void)loaded(sections), repscope::format_error);
}

TEST_CASE("an accumulator refuses numbers of classes and states that do not fit") {
    layer_accumulator two(2, {.classes = 3});
    const std::vector<float> row{1, 2};
    two.update(repscope::tensor_view<const float, 2>(row.data(), {1, 2}), std::vector<int>{2});
    const std::vector<std::size_t> first_two{1, 0};
    CHECK_THROWS_AS(two.renumber_classes(first_two, 2), repscope::value_error); // a buffered row of class 2
    CHECK_THROWS_AS(two.renumber_classes(first_two, 1), repscope::value_error);
    layer_accumulator none(2);
    CHECK_THROWS_AS(none.renumber_classes({}, 2), repscope::value_error);
}

} // namespace classes_of_streams_test
