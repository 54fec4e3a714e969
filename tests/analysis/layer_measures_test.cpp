// Measures of units, geometry and neighbors from an accumulator, against the separate functions.

#include "repscope/analysis/layer_accumulator.hpp"

#include "repscope/bytes.hpp"
#include "repscope/dimensionality/rank_me.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/selectivity/auc.hpp"
#include "repscope/selectivity/precision_at_k.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <doctest/doctest.h>

namespace layer_measures_test {

namespace {

namespace analysis = repscope::analysis;
using analysis::layer_accumulator;
using analysis::layer_accumulator_options;
using analysis::layer_report;
using analysis::measure;
using analysis::measure_set;
using repscope::negative_policy;

constexpr std::size_t classes = 3;
constexpr measure_set every_measure = analysis::default_measures | analysis::dimensionality_measures |
                                      analysis::unit_measures | analysis::geometry_measures |
                                      analysis::neighbor_measures;

/// (samples, units, 2): maps of two positions, some negative.
struct made_up_maps {
    std::size_t samples, units;
    std::vector<double> values;
    std::vector<int> labels;

    made_up_maps(std::size_t count, std::size_t width) : samples(count), units(width) {
        repscope::random_stream random(3, 17);
        for (std::size_t i = 0; i < samples; ++i) {
            labels.push_back(static_cast<int>((i * i + i / 4) % classes));
            for (std::size_t u = 0; u < units; ++u) {
                const double mean = static_cast<int>(u % classes) == labels.back() ? 1.2 : 0.3;
                for (int p = 0; p < 2; ++p) values.push_back(mean + random.normal());
            }
        }
    }
    /// The values of the units, (samples, units).
    [[nodiscard]] std::vector<double> rows(bool rectify) const {
        std::vector<double> result;
        for (std::size_t k = 0; k < values.size(); k += 2) {
            const auto value = [&](std::size_t p) {
                return rectify && values[k + p] < 0 ? 0.0 : values[k + p];
            };
            result.push_back((value(0) + value(1)) / 2);
        }
        return result;
    }
    void add(layer_accumulator& to, std::size_t first, std::size_t count) const {
        const auto part = std::span(values).subspan(first * units * 2, count * units * 2);
        const auto x = repscope::as_view(part, {count, units, 2});
        const analysis::layer_update_options options{.axes = repscope::layout::nup};
        if (to.options().classes == 0)
            to.update(x, options);
        else
            to.update(x, std::span(labels).subspan(first, count), options);
    }
    [[nodiscard]] layer_report report(const layer_accumulator_options& options, std::size_t portion) const {
        layer_accumulator layer(units, options);
        for (std::size_t first = 0; first < samples; first += portion)
            add(layer, first, std::min(portion, samples - first));
        return layer.finish();
    }
};

/// NaN equals NaN.
void check_equal(const std::vector<double>& a, const std::vector<double>& b) {
    REQUIRE(a.size() == b.size());
    for (std::size_t k = 0; k < a.size(); ++k)
        CHECK((a[k] == b[k] || (std::isnan(a[k]) && std::isnan(b[k]))));
}
void check_close(const std::vector<double>& a, const std::vector<double>& b) {
    REQUIRE(a.size() == b.size());
    for (std::size_t k = 0; k < a.size(); ++k) CHECK(a[k] == doctest::Approx(b[k]).epsilon(1e-10));
}

/// All numbers of a report.
std::vector<double> numbers_of(const layer_report& r) {
    std::vector<double> all;
    const auto& u = *r.unit_values;
    for (const auto* column :
         {&u.activation_frequency, &u.class_purity, &u.label_entropy, &u.mono_score, &u.d_prime, &u.auc,
          &u.auc_cross_fit, &u.precision_at_k, &u.mutual_information, &u.mutual_information_corrected,
          &u.gini, &u.sparseness, &u.class_sparseness}) {
        all.insert(all.end(), column->begin(), column->end());
    }
    const auto& g = *r.geometry;
    all.insert(all.end(),
               {g.scatter->nc1, g.neural_collapse->nc1_trace, g.neural_collapse->nc2_equinorm,
                g.neural_collapse->nc2_equiangular, g.neural_collapse->nc2_simplex, g.distance_variance->cdnv,
                g.distance_variance->cdnv_unbiased, g.separation->separation,
                g.separation->separation_corrected, *g.lidar, g.scatter->within_participation_ratio,
                g.scatter->between_participation_ratio, g.scatter->between_participation_ratio_corrected});
    const auto& n = *r.neighbors;
    all.insert(all.end(),
               {n.two_nn->likelihood, n.two_nn->fit, n.levina_bickel->mean,
                n.levina_bickel->harmonic_unbiased, n.correlation_dimension->dimension, n.local_pca->mean});
    all.insert(all.end(), {*r.rankme, r.power_law->exponent, r.dimensionality.participation_ratio});
    return all;
}

} // namespace

TEST_CASE("measures of units, geometry and neighbors are those of the separate functions") {
    for (const bool rectify : {false, true}) {
        for (const std::size_t units : {std::size_t{9}, std::size_t{400}}) { // scatter and Gram matrix
            CAPTURE(units);
            const made_up_maps data(330, units);
            const layer_report report =
                data.report({.classes = classes,
                             .measures = every_measure,
                             .negatives = rectify ? negative_policy::rectify : negative_policy::undefined,
                             .reservoir = 1000},
                            330);
            const std::vector<double> plain = data.rows(false), selective = data.rows(rectify);
            const auto x = repscope::as_view(plain, {data.samples, units});
            const auto s = repscope::as_view(selective, {data.samples, units});

            const auto& u = *report.unit_values;
            repscope::class_moments moments(units, classes), of_values(units, classes);
            moments.update(s, data.labels);
            of_values.update(x, data.labels);
            repscope::activation_counts active(units, classes);
            active.update(s, data.labels);
            repscope::class_sums sums(units, classes);
            sums.update(s, data.labels);
            check_equal(u.class_purity, repscope::class_purity(active));
            check_equal(u.label_entropy, repscope::label_entropy(sums));
            check_equal(u.gini, repscope::class_gini(sums));
            check_equal(u.class_sparseness, repscope::class_sparseness(sums));
            check_close(u.d_prime, repscope::d_prime(moments).largest);
            check_close(u.sparseness, repscope::lifetime_sparseness(moments));
            for (std::size_t k = 0; k < units; ++k) {
                CHECK(u.activation_frequency[k] == active.frequency(k));
                const double score = repscope::mono_score(moments)[k];
                CHECK((u.mono_score[k] == doctest::Approx(score).epsilon(1e-10) ||
                       (std::isnan(score) && std::isnan(u.mono_score[k]))));
            }
            // All samples fit into the reservoir.
            CHECK(u.reservoir == data.samples);
            const auto areas = repscope::auc_selectivity(s, data.labels);
            for (std::size_t k = 0; k < units; ++k) {
                CHECK(u.auc[k] == (1 + areas.largest[k]) / 2);
                CHECK(u.auc_cross_fit[k] == (1 + areas.cross_fit[k]) / 2);
            }
            const auto precision = repscope::precision_at_k(s, data.labels);
            check_equal(u.precision_at_k, precision.precision);
            CHECK(u.precision_null == precision.null_mean);
            CHECK(u.k == 60);
            check_equal(u.mutual_information, repscope::mutual_information(s, data.labels).plain);

            const auto& g = *report.geometry;
            repscope::covariance state(units);
            state.update(x);
            const auto scatter = repscope::class_scatter(state, of_values);
            CHECK(g.scatter->nc1 == doctest::Approx(scatter.nc1).epsilon(1e-9));
            CHECK(g.scatter->within_participation_ratio ==
                  doctest::Approx(scatter.within_participation_ratio).epsilon(1e-9));
            CHECK(g.scatter->between_participation_ratio_corrected ==
                  doctest::Approx(scatter.between_participation_ratio_corrected).epsilon(1e-9));
            CHECK(*g.lidar == doctest::Approx(repscope::lidar(state, of_values)).epsilon(1e-9));
            CHECK(g.neural_collapse->nc2_simplex ==
                  doctest::Approx(repscope::neural_collapse(of_values).nc2_simplex).epsilon(1e-9));
            CHECK(g.distance_variance->cdnv_unbiased ==
                  doctest::Approx(repscope::class_distance_variance(of_values).cdnv_unbiased).epsilon(1e-9));
            repscope::normalized_class_moments directions(units, classes);
            directions.update(x, data.labels);
            CHECK(g.separation->separation ==
                  doctest::Approx(repscope::class_separation(directions).separation).epsilon(1e-9));
            CHECK(*report.rankme ==
                  doctest::Approx(repscope::rank_me(repscope::uncentered_spectrum(state))).epsilon(1e-9));

            const auto& n = *report.neighbors;
            CHECK(n.samples == data.samples);
            CHECK(n.two_nn->likelihood == repscope::two_nn(x).likelihood);
            CHECK(n.levina_bickel->mean == repscope::levina_bickel(x).mean);
            CHECK(n.correlation_dimension->dimension == repscope::correlation_dimension(x).dimension);
            CHECK(n.local_pca->mean == repscope::local_pca(x).mean);
        }
    }
}

TEST_CASE("threads and calls do not change a bit of any measure, shards only the last ones") {
    const made_up_maps data(900, 12);
    for (const negative_policy policy : {negative_policy::undefined, negative_policy::rectify}) {
        layer_accumulator_options options{
            .classes = classes, .measures = every_measure, .negatives = policy, .reservoir = 200};
        const layer_report expected = data.report(options, 900);
        CHECK(expected.neighbors->samples == 200);
        CHECK(expected.unit_values->reservoir == 200);
        for (const int threads : {2, 3}) {
            options.threads = threads;
            check_equal(numbers_of(data.report(options, threads == 2 ? 77 : 450)), numbers_of(expected));
        }
        layer_accumulator_options of_second = options;
        of_second.first_sample = 500;
        layer_accumulator first(12, options), second(12, of_second);
        data.add(first, 0, 500);
        data.add(second, 500, 400);
        repscope::byte_writer out;
        second.save(out);
        const auto bytes = out.take();
        repscope::byte_reader in(bytes);
        first.merge(layer_accumulator::load(in, of_second));
        const layer_report merged = first.finish();
        const std::vector<double> a = numbers_of(merged), b = numbers_of(expected);
        REQUIRE(a.size() == b.size());
        for (std::size_t k = 0; k < a.size(); ++k) CHECK(a[k] == doctest::Approx(b[k]).epsilon(1e-11));
        // The same samples: the same bits.
        CHECK(merged.neighbors->two_nn->likelihood == expected.neighbors->two_nn->likelihood);
        CHECK(merged.unit_values->auc == expected.unit_values->auc);
    }
}

TEST_CASE("without labels a layer has the measures that need none") {
    const made_up_maps data(60, 5);
    const layer_report report = data.report({.measures = every_measure}, 60);
    CHECK(!report.selectivity);
    CHECK(!report.geometry);
    REQUIRE(report.unit_values);
    CHECK(report.unit_values->class_purity.empty());
    CHECK(report.unit_values->auc.empty());
    REQUIRE(report.unit_values->activation_frequency.size() == 5);
    const std::vector<double> rows = data.rows(false);
    std::vector<double> counts(5);
    for (std::size_t k = 0; k < rows.size(); ++k) counts[k % 5] += rows[k] > 0 ? 1 : 0;
    for (std::size_t u = 0; u < 5; ++u) CHECK(report.unit_values->activation_frequency[u] == counts[u] / 60);
    CHECK(report.unit_values->sparseness.size() == 5);
    CHECK(report.neighbors->samples == 60);
}

TEST_CASE("the geometry of a sketched layer has what class moments give") {
    const made_up_maps data(80, 30);
    const layer_report report = data.report({.classes = classes,
                                             .measures = every_measure,
                                             .inference = true,
                                             .trace = analysis::trace_method::sketch},
                                            80);
    CHECK(std::isnan(report.geometry->scatter->nc1));
    CHECK(std::isnan(*report.geometry->lidar));
    CHECK(std::isnan(*report.rankme));
    CHECK(report.geometry->neural_collapse->nc1_trace > 0);
}

} // namespace layer_measures_test
