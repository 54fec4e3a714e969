#include "measure/fail_if/condition_check.hpp"

#include "dumps/layer_pattern.hpp"
#include "layers/fields.hpp"
#include "measure/choice/measure_list.hpp"
#include "measure/fail_if/fail_condition.hpp"
#include "support/errors.hpp"
#include "support/suggestion.hpp"

#include <repscope/edit_distance.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace program {

namespace {

using repscope::analysis::measure_set;

selectivity_report made_up_selectivity() {
    selectivity_report report;
    report.class_labels = {0};
    report.class_counts = {0};
    report.measured.index = report.measured.mu_max = report.measured.mu_rest = {0.0};
    report.measured.preferred_class = {0};
    return report;
}

inference_report made_up_inference(bool has_labels, repscope::analysis::trace_method method) {
    inference_report report;
    report.method = method;
    if (!has_labels) return report;
    report.cross_fit.emplace();
    report.cross_fit->index = report.cross_fit->agreement = {0.0};
    report.cross_fit->ci = {{}};
    report.p_value = report.null_95 = {0.0};
    report.permutations = 1;
    return report;
}

repscope::analysis::unit_report made_up_units(measure_set measures) {
    using repscope::analysis::measure;
    repscope::analysis::unit_report report;
    const auto add = [&](measure one, std::initializer_list<std::vector<double>*> columns) {
        if (!measures.contains(one)) return;
        for (std::vector<double>* const column : columns) *column = {0.0};
    };
    add(measure::activation_frequency, {&report.activation_frequency});
    add(measure::class_purity, {&report.class_purity});
    add(measure::label_entropy, {&report.label_entropy});
    add(measure::mono_score, {&report.mono_score});
    add(measure::d_prime, {&report.d_prime});
    add(measure::auc, {&report.auc, &report.auc_cross_fit});
    add(measure::precision_at_k, {&report.precision_at_k});
    add(measure::mutual_information, {&report.mutual_information, &report.mutual_information_corrected});
    add(measure::gini, {&report.gini});
    add(measure::sparseness, {&report.sparseness});
    add(measure::class_sparseness, {&report.class_sparseness});
    if (measures.contains_any(repscope::analysis::sampled_unit_measures)) report.reservoir = 1;
    return report;
}

repscope::analysis::geometry_report made_up_geometry(measure_set measures) {
    using repscope::analysis::measure;
    repscope::analysis::geometry_report report;
    report.scatter.emplace();
    report.neural_collapse.emplace();
    if (measures.contains(measure::cdnv)) report.distance_variance.emplace();
    if (measures.contains(measure::lidar)) report.lidar = 0.0;
    if (measures.contains(measure::class_separation)) report.separation.emplace();
    return report;
}

repscope::analysis::neighbor_report made_up_neighbors(measure_set measures) {
    using repscope::analysis::measure;
    repscope::analysis::neighbor_report report;
    if (measures.contains(measure::two_nn)) report.two_nn.emplace();
    if (measures.contains(measure::levina_bickel)) report.levina_bickel.emplace();
    if (measures.contains(measure::correlation_dimension)) report.correlation_dimension.emplace();
    if (measures.contains(measure::local_pca)) report.local_pca.emplace();
    return report;
}

// Where values under the same keys end: behind the last that has the same keys but for the last one, or the
// last two, ...
std::vector<layer_field>::iterator place_for(const std::string& key, std::vector<layer_field>& fields) {
    for (std::size_t end = key.rfind('.'); end != std::string::npos && end != 0;
         end = key.rfind('.', end - 1)) {
        const std::string prefix = key.substr(0, end + 1);
        const auto last = std::find_if(fields.rbegin(), fields.rend(), [&](const layer_field& field) {
            return field.key.starts_with(prefix);
        });
        if (last != fields.rend()) return last.base();
    }
    return fields.end();
}

// Adds the values of `more` whose keys are not among those of `fields`; a null is replaced.
void unite(std::vector<layer_field>& fields, std::vector<layer_field> more) {
    for (layer_field& field : more) {
        if (std::holds_alternative<std::monostate>(field.value)) continue;
        const auto place = std::find_if(fields.begin(), fields.end(),
                                        [&](const layer_field& each) { return each.key == field.key; });
        if (place == fields.end())
            fields.insert(place_for(field.key, fields), std::move(field));
        else if (std::holds_alternative<std::monostate>(place->value))
            place->value = std::move(field.value);
    }
}

// The values of a layer of one unit, with every key that a layer of such a run may have.
std::vector<layer_field> possible_fields(const report_parts& parts) {
    layer_report layer;
    layer.shape = {1};
    layer.batches = 1;
    layer.zero_samples = 0;
    using repscope::analysis::measure;
    const measure_set possible =
        parts.selectivity ? parts.measures : parts.measures.without(repscope::analysis::labeled_measures);
    layer.measures = parts.measures;
    const bool has_selectivity = parts.selectivity && parts.measures.contains(measure::selectivity);
    if (has_selectivity) layer.selectivity = made_up_selectivity();
    if (possible.contains(measure::power_law)) layer.power_law.emplace();
    if (possible.contains(measure::rankme)) layer.rankme = 0.0;
    if (possible.contains_any(repscope::analysis::unit_measures)) layer.unit_values = made_up_units(possible);
    if (possible.contains_any(repscope::analysis::geometry_measures))
        layer.geometry = made_up_geometry(possible);
    if (possible.contains_any(repscope::analysis::neighbor_measures))
        layer.neighbors = made_up_neighbors(possible);
    if (parts.drift) {
        layer.drift.emplace();
        layer.drift->measured.principal_angles = {0.0};
    }
    if (parts.comparison && possible.contains_any(repscope::analysis::similarity_measures)) {
        repscope::analysis::similarity_report& similarity = layer.similarity.emplace();
        if (possible.contains(measure::cka)) similarity.cka.emplace();
        if (possible.contains(measure::procrustes)) similarity.procrustes = 0.0;
        if (possible.contains(measure::class_mean_rsa)) similarity.class_mean_rsa = 0.0;
        if (possible.contains(measure::activation_uniformity))
            similarity.uniformity = similarity.perturbed_uniformity = {0.0};
    }
    if (parts.comparison) {
        layer.comparison.emplace();
        layer.comparison->shape = {1};
        if (has_selectivity) layer.comparison->selectivity = made_up_selectivity();
        layer.comparison->power_law = layer.power_law;
        layer.comparison->rankme = layer.rankme;
        layer.comparison->geometry = layer.geometry;
    }
    std::vector<layer_field> all = fields_of(layer);
    if (!parts.inference) return all;
    using repscope::analysis::trace_method;
    for (const trace_method method : {trace_method::exact, trace_method::sketch}) {
        layer.inference = made_up_inference(has_selectivity, method);
        unite(all, fields_of(layer));
    }
    return all;
}

std::optional<field_value> value_at(const report_parts& parts, const std::string& key) {
    for (const auto& [known, value] : possible_fields(parts)) {
        if (known == key) return value;
    }
    return std::nullopt;
}

bool is_null(const field_value& value) { return std::holds_alternative<std::monostate>(value); }

bool has_number(const report_parts& parts, const std::string& key) {
    const std::optional<field_value> value = value_at(parts, key);
    return value && !is_null(*value);
}

// A number or a truth value; numbers may be undefined.
bool is_comparable(const field_value& value) {
    return std::holds_alternative<bool>(value) || std::holds_alternative<std::size_t>(value) ||
           std::holds_alternative<double>(value);
}

bool holds_numbers(const field_value& value) {
    if (std::holds_alternative<std::vector<double>>(value)) return true;
    const auto numbers = numbers_in(value);
    return is_array(value) && (numbers.empty() || numbers.front().has_value());
}

// The known key that is like `key`, or ends like it: "mean" is "selectivity.mean".
std::string nearest_key(const std::string& key, const report_parts& parts) {
    std::vector<std::string> keys;
    for (const auto& [known, value] : possible_fields(parts)) {
        if (!is_comparable(value) && !holds_numbers(value)) continue;
        if (known.ends_with("." + key)) return known;
        keys.push_back(known);
    }
    std::string best = nearest(key, keys);
    std::size_t least = best.empty() ? key.size() : repscope::edit_distance(key, best);
    for (const std::string& known : keys) {
        for (std::size_t at = known.find('.'); at != std::string::npos; at = known.find('.', at + 1)) {
            const std::size_t distance = repscope::edit_distance(key, known.substr(at + 1));
            if (distance >= least || 2 * distance > key.size()) continue;
            least = distance;
            best = known;
        }
    }
    return best;
}

// The option that gives a key; empty where none does.
std::string missing_option(const std::string& key, const report_parts& parts) {
    report_parts labeled = parts, compared = parts, inferred = parts, drifted = parts,
                 all{true, true, true, parts.measures, parts.drift};
    labeled.selectivity = compared.comparison = inferred.inference = drifted.drift = true;
    compared.drift = drifted.comparison = false;
    const std::array<std::pair<const char*, report_parts>, 5> options{
        {{"--labels", labeled},
         {parts.drift ? "--compare without --unpaired" : "--compare", compared},
         {"--inference", inferred},
         {parts.comparison ? "--unpaired" : "--compare and --unpaired", drifted},
         {"--labels and --inference", all}}};
    const auto has_key = [&](const report_parts& with) {
        for (const auto& [known, value] : possible_fields(with)) {
            if (known == key || known.starts_with(key + ".")) return true;
        }
        return false;
    };
    const std::string name = measure_of_key(key);
    const measure_set every = parse_measures({"all"}, {.labels = true, .compare = true});
    const auto has_value = [&](report_parts with) {
        with.measures = every;
        return has_number(with, key);
    };
    const bool is_left_out = parts.measures != every && !name.empty() && !has_number(parts, key);
    if (is_left_out && has_value(parts)) return "--measures " + name;
    if (has_key(parts)) return {};
    for (const auto& [option, with] : options) {
        if (has_key(with)) return option;
        if (is_left_out && has_value(with)) return std::string(option) + " and --measures " + name;
    }
    return {};
}

void check_key(const fail_condition& condition, const report_parts& parts) {
    const std::string key = condition.key();
    const std::string in = " in '" + condition.text + "'";
    const std::optional<field_value> value = value_at(parts, key);
    if (!value || is_null(*value)) {
        if (const std::string option = missing_option(key, parts); !option.empty()) {
            throw usage_error("--fail-if " + condition.text + ": " + key + " needs " + option);
        }
        throw usage_error("--fail-if: no number '" + key + "'" + in + did_you_mean(nearest_key(key, parts)));
    }
    if (condition.rule != array_rule::none) {
        if (!holds_numbers(*value))
            throw usage_error("--fail-if: '" + key + "' is not an array of numbers" + in);
        return;
    }
    if (is_array(*value)) {
        throw usage_error("--fail-if: '" + key + "' is an array" + in + ": expected any(" + key + "), max(" +
                          key + ") or min(" + key + ")");
    }
    if (!is_comparable(*value)) throw usage_error("--fail-if: '" + key + "' is not a number" + in);
    if (condition.is_boolean && !std::holds_alternative<bool>(*value))
        throw usage_error("--fail-if: '" + key + "' is a number, expected NUMBER or null" + in);
}

} // namespace

void check_condition_keys(const std::vector<std::string>& conditions, const report_parts& parts) {
    for (const std::string& text : conditions) check_key(parse_fail_condition(text), parts);
}

void check_condition_layers(const std::vector<std::string>& conditions,
                            const std::vector<std::string>& layers) {
    for (const std::string& text : conditions) {
        const fail_condition condition = parse_fail_condition(text);
        if (condition.pattern.empty()) continue;
        const bool any = std::any_of(layers.begin(), layers.end(), [&](const std::string& name) {
            return matches(condition.pattern, name);
        });
        if (any) continue;
        throw usage_error("--fail-if: no layer matches '" + condition.pattern + "' in '" + text + "'" +
                          did_you_mean(nearest(condition.pattern, layers)));
    }
}

} // namespace program
