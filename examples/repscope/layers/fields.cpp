#include "layers/fields.hpp"

#include "layers/unit_columns.hpp"

#include <array>
#include <cmath>
#include <initializer_list>
#include <span>
#include <type_traits>
#include <utility>

namespace program {

namespace {

using repscope::analysis::measure;
using repscope::analysis::measure_set;
using repscope::analysis::null_method;
using repscope::analysis::trace_method;

// Adds values under a prefix.
struct field_writer {
    std::vector<layer_field>& fields;
    std::string prefix{};

    void operator()(const std::string& key, field_value value) const {
        fields.push_back({prefix + key, std::move(value)});
    }
    [[nodiscard]] field_writer inside(const std::string& key) const { return {fields, prefix + key + "."}; }
};

template <typename T>
field_value or_null(const std::optional<T>& value) {
    return value ? field_value(*value) : field_value();
}

field_value bounds_of(const repscope::interval& ci) { return std::vector<double>{ci.low, ci.high}; }

label_value label_of(const selectivity_report& report, std::size_t k) {
    if (report.class_names.empty()) return report.class_labels[k];
    return report.class_names[k];
}

void add_selectivity(const field_writer& put, const selectivity_report& report) {
    const auto& measured = report.measured;
    std::vector<label_value> labels, preferred;
    for (std::size_t k = 0; k < report.class_labels.size(); ++k) labels.push_back(label_of(report, k));
    for (const auto& place : measured.preferred_class) {
        preferred.push_back(place ? label_of(report, *place) : label_value());
    }
    put("epsilon", report.epsilon);
    put("signed", policy_name(report.negatives));
    put("classes", report.class_labels.size());
    put("class_labels", std::move(labels));
    put("class_counts", std::vector<std::size_t>(report.class_counts.begin(), report.class_counts.end()));
    put("mean", measured.mean);
    put("mean_live", measured.mean_live);
    put("median", measured.median);
    put("null_mean", report.null_mean);
    put("silent_units", measured.silent_units);
    put("undefined_units", measured.undefined_units);
    put("index", measured.index);
    put("preferred_class", std::move(preferred));
    put("mu_max", measured.mu_max);
    put("mu_rest", measured.mu_rest);
}

template <typename T>
void add_by_threshold(const field_writer& put, const std::array<T, 3>& values) {
    put("90", values[0]);
    put("95", values[1]);
    put("99", values[2]);
}

void add_nulls(const field_writer& put, std::initializer_list<const char*> keys) {
    for (const char* key : keys) put(key, {});
}

// Null for measures that were not asked for.
void add_dimensionality(const field_writer& put, const repscope::dimensionality_result& measured,
                        measure_set measures) {
    if (measures.contains(measure::participation_ratio)) {
        put("participation_ratio", measured.participation_ratio);
        put("participation_ratio_unbiased", measured.participation_ratio_unbiased);
    } else {
        add_nulls(put, {"participation_ratio", "participation_ratio_unbiased"});
    }
    const bool has_components = measures.contains(measure::components);
    if (has_components) {
        add_by_threshold(put.inside("components"), measured.components);
        add_by_threshold(put.inside("components_interpolated"), measured.components_interpolated);
        add_by_threshold(put.inside("components_fraction"), measured.components_fraction);
    } else {
        add_nulls(put, {"components", "components_interpolated", "components_fraction"});
    }
    if (measures.contains(measure::effective_rank)) {
        put("effective_rank_eigenvalues", measured.effective_rank_eigenvalues);
        put("effective_rank_singular_values", measured.effective_rank_singular_values);
    } else {
        add_nulls(put, {"effective_rank_eigenvalues", "effective_rank_singular_values"});
    }
    put("stable_rank",
        measures.contains(measure::stable_rank) ? field_value(measured.stable_rank) : field_value());
    put("limited_by_samples", has_components ? field_value(measured.limited_by_samples) : field_value());
}

// The measures of the spectrum beyond the default, if they were asked for.
void add_spectral(const field_writer& put, const std::optional<repscope::power_law_result>& law,
                  const std::optional<double>& rankme) {
    if (law) {
        put("power_law.exponent", law->exponent);
        put("power_law.first", law->first);
        put("power_law.last", law->last);
    }
    if (rankme) put("rankme", *rankme);
}

void add_units(const field_writer& put, const repscope::analysis::unit_report& report) {
    const std::vector<unit_column> columns = unit_columns(report);
    for (const unit_column& column : columns) {
        put(column.key, std::vector<double>(column.values.begin(), column.values.end()));
        if (column.key != "precision_at_k") continue;
        put("precision_at_k_null", report.precision_null);
        put("k", report.k);
    }
    if (report.reservoir != 0) put("samples", report.reservoir);
    for (const unit_column& column : columns) put.inside("mean")(column.key, column.mean());
}

repscope::interval interval_of(const std::vector<repscope::analysis::measure_interval>& intervals,
                               std::string_view name) {
    for (const auto& each : intervals) {
        if (each.name == name) return each.value.range;
    }
    return {};
}

// `estimates` is null without intervals.
void add_geometry(const field_writer& put, const repscope::analysis::geometry_report& report,
                  measure_set measures, const inference_report* estimates) {
    const auto add = [&](const std::string& key, double value) {
        put(key, value);
        if (estimates != nullptr) put(key + "_ci", bounds_of(interval_of(estimates->intervals, key)));
    };
    if (measures.contains(measure::nc1)) add("nc1", report.scatter->nc1);
    if (measures.contains(measure::nc1_trace)) add("nc1_trace", report.neural_collapse->nc1_trace);
    if (measures.contains(measure::nc2)) {
        add("nc2_equinorm", report.neural_collapse->nc2_equinorm);
        add("nc2_equiangular", report.neural_collapse->nc2_equiangular);
        add("nc2_simplex", report.neural_collapse->nc2_simplex);
    }
    if (report.distance_variance) {
        add("cdnv", report.distance_variance->cdnv);
        add("cdnv_unbiased", report.distance_variance->cdnv_unbiased);
    }
    if (report.lidar) add("lidar", *report.lidar);
    if (report.separation) {
        add("class_separation", report.separation->separation);
        add("class_separation_corrected", report.separation->separation_corrected);
    }
    if (measures.contains(measure::within_participation_ratio))
        add("within_participation_ratio", report.scatter->within_participation_ratio);
    if (measures.contains(measure::between_participation_ratio)) {
        add("between_participation_ratio", report.scatter->between_participation_ratio);
        add("between_participation_ratio_corrected", report.scatter->between_participation_ratio_corrected);
    }
}

void add_similarity(const field_writer& put, const repscope::analysis::similarity_report& report,
                    bool has_intervals) {
    const auto add = [&](const std::string& key, double value) {
        put(key, value);
        if (has_intervals) put(key + "_ci", bounds_of(interval_of(report.intervals, key)));
    };
    if (report.cka) {
        add("cka", report.cka->plain);
        add("cka_unbiased", report.cka->unbiased);
    }
    if (report.procrustes) add("procrustes", *report.procrustes);
    if (report.class_mean_rsa) add("class_mean_rsa", *report.class_mean_rsa);
    if (report.uniformity.empty()) return;
    put("activation_uniformity", report.uniformity);
    put("activation_uniformity_perturbed", report.perturbed_uniformity);
    add("activation_uniformity_change", report.uniformity_change);
}

void add_drift(const field_writer& put, const drift_report& report) {
    put("file", report.file);
    put("samples", report.samples);
    put("mean_distance", report.measured.mean_distance);
    put("mean_cosine", report.measured.mean_cosine);
    put("frechet", report.measured.frechet);
    put("principal_angles", report.measured.principal_angles);
    put("participation_ratio_quotient", report.measured.participation_ratio_quotient);
}

void add_neighbors(const field_writer& put, const repscope::analysis::neighbor_report& report) {
    if (report.two_nn) {
        put("two_nn", report.two_nn->likelihood);
        put("two_nn_ci", bounds_of(report.two_nn->ci));
        put("two_nn_fit", report.two_nn->fit);
    }
    if (report.levina_bickel) {
        put("levina_bickel", report.levina_bickel->mean);
        put("levina_bickel_harmonic", report.levina_bickel->harmonic_unbiased);
    }
    if (report.correlation_dimension) put("correlation_dimension", report.correlation_dimension->dimension);
    if (report.local_pca) put("local_pca", report.local_pca->mean);
    put("samples", report.samples);
}

// A sketch measures the participation ratios only.
void add_sketched(const field_writer& put, const inference_report& report) {
    put("participation_ratio", report.participation_ratio.naive);
    put("participation_ratio_unbiased", report.participation_ratio.unbiased);
    add_nulls(put,
              {"components", "components_interpolated", "components_fraction", "effective_rank_eigenvalues",
               "effective_rank_singular_values", "stable_rank", "limited_by_samples"});
    put("probes", report.probes);
}

void add_cross_fit(const field_writer& put, const inference_report& report) {
    const auto& fitted = *report.cross_fit;
    put("mean", fitted.mean);
    put("ci", bounds_of(fitted.mean_ci));
    put("standard_error", fitted.mean_standard_error);
    put("null", std::string(report.null == null_method::permutation ? "permutation" : "saddlepoint"));
    if (report.permutations != 0) {
        put("permutations", report.permutations);
        put("max_permutations", report.max_permutations);
    }
    put("significant_units", report.significant_units);
    put("tested_units", report.tested_units);
    put("samples", static_cast<std::size_t>(fitted.samples));
    put("classes", fitted.classes_used);
    put("folds", std::size_t{5});
    put("blocks", report.blocks);
    put("state_bytes", report.state_bytes);
    put("silent_units", fitted.silent_units);
    put("undefined_units", fitted.undefined_units);
    put("index", fitted.index);
    put("index_ci", fitted.ci);
    put("p_value", report.p_value);
    if (!report.null_95.empty()) put("null_95", report.null_95);
    put("agreement", fitted.agreement);
}

void add_estimates(const field_writer& put, const inference_report& report) {
    const auto& ratio = report.participation_ratio;
    const bool is_sketch = report.method == trace_method::sketch;
    if (!is_sketch) put("participation_ratio_jackknife", ratio.jackknife);
    const bool is_of_blocks = report.method == trace_method::blocks;
    put("method", std::string(is_sketch ? "sketch" : is_of_blocks ? "blocks" : "exact"));
    put("se_log", ratio.se_log);
    put("ci", bounds_of(ratio.ci));
    put("samples", static_cast<std::size_t>(ratio.samples));
}

void add_change(const field_writer& put, const repscope::selectivity_result& before,
                const repscope::selectivity_result& after) {
    put("mean", after.mean - before.mean);
    put("mean_live", after.mean_live - before.mean_live);
    put("median", after.median - before.median);
    std::vector<double> index(before.index.size());
    for (std::size_t u = 0; u < index.size(); ++u) index[u] = after.index[u] - before.index[u];
    put("index", std::move(index));
}

void add_comparison(const field_writer& put, const layer_report& layer) {
    const comparison_report& report = *layer.comparison;
    put("file", report.file);
    put("dtype", report.dtype);
    put("shape", report.shape);
    put("zero_samples", report.zero_samples);
    if (report.selectivity) {
        add_selectivity(put.inside("selectivity"), *report.selectivity);
        add_change(put.inside("selectivity_change"), layer.selectivity->measured,
                   report.selectivity->measured);
    } else {
        add_nulls(put, {"selectivity", "selectivity_change"});
    }
    add_dimensionality(put.inside("dimensionality"), report.dimensionality, layer.measures);
    add_spectral(put.inside("dimensionality"), report.power_law, report.rankme);
    if (report.geometry) add_geometry(put.inside("geometry"), *report.geometry, layer.measures, nullptr);
    add_dimensionality(put.inside("difference"), report.difference, layer.measures);
    put.inside("difference")("relative_size", report.relative_size);
}

std::optional<double> number_of(double value) {
    return std::isfinite(value) ? std::optional(value) : std::nullopt;
}
std::optional<double> number_of(bool value) { return value ? 1.0 : 0.0; }
std::optional<double> number_of(std::size_t value) { return static_cast<double>(value); }
std::optional<double> number_of(const std::string&) { return std::nullopt; }
std::optional<double> number_of(std::monostate) { return std::nullopt; }
std::optional<double> number_of(const repscope::interval&) { return std::nullopt; }
std::optional<double> number_of(const label_value& label) {
    const auto* const integer = std::get_if<std::int64_t>(&label);
    return integer == nullptr ? std::nullopt : std::optional(static_cast<double>(*integer));
}

template <typename T>
std::vector<std::optional<double>> numbers_of_elements(const std::vector<T>& elements) {
    std::vector<std::optional<double>> numbers;
    for (const T& element : elements) numbers.push_back(number_of(element));
    return numbers;
}
template <typename T>
std::vector<std::optional<double>> numbers_of_elements(const T& value) {
    return {number_of(value)};
}

} // namespace

std::vector<layer_field> fields_of(const repscope::dimensionality_result& measured) {
    std::vector<layer_field> fields;
    add_dimensionality({fields}, measured, repscope::analysis::default_measures);
    return fields;
}

std::vector<layer_field> fields_of(const layer_report& layer) {
    std::vector<layer_field> fields;
    const field_writer put{fields};
    put("name", layer.name);
    put("file", or_null(layer.file));
    put("dtype", layer.dtype);
    put("shape", layer.shape);
    put("layout", layer.layout);
    put("unit", layer.unit);
    put("samples", layer.samples);
    put("units", layer.units);
    put("batches", or_null(layer.batches));
    put("zero_samples", or_null(layer.zero_samples));
    if (!layer.selectivity) put("selectivity", {});
    if (layer.selectivity) add_selectivity(put.inside("selectivity"), *layer.selectivity);
    if (layer.inference && layer.inference->cross_fit) {
        add_cross_fit(put.inside("selectivity.cross_fit"), *layer.inference);
    }
    const field_writer put_size = put.inside("dimensionality");
    if (layer.inference && layer.inference->method == trace_method::sketch)
        add_sketched(put_size, *layer.inference);
    else
        add_dimensionality(put_size, layer.dimensionality, layer.measures);
    add_spectral(put_size, layer.power_law, layer.rankme);
    if (layer.inference && layer.measures.contains(measure::participation_ratio))
        add_estimates(put_size, *layer.inference);
    if (layer.unit_values) add_units(put.inside("unit_measures"), *layer.unit_values);
    if (layer.geometry) {
        add_geometry(put.inside("geometry"), *layer.geometry, layer.measures,
                     layer.inference ? &*layer.inference : nullptr);
    }
    if (layer.neighbors) add_neighbors(put.inside("neighbors"), *layer.neighbors);
    if (layer.comparison) add_comparison(put.inside("comparison"), layer);
    if (layer.similarity)
        add_similarity(put.inside("similarity"), *layer.similarity, layer.inference.has_value());
    if (layer.drift) add_drift(put.inside("drift"), *layer.drift);
    return fields;
}

bool is_array(const field_value& value) {
    return std::visit(
        [](const auto& held) {
            using held_type = std::decay_t<decltype(held)>;
            return !std::is_arithmetic_v<held_type> && !std::is_same_v<held_type, std::string> &&
                   !std::is_same_v<held_type, std::monostate>;
        },
        value);
}

std::vector<std::optional<double>> numbers_in(const field_value& value) {
    return std::visit([](const auto& held) { return numbers_of_elements(held); }, value);
}

} // namespace program
