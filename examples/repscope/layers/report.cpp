#include "layers/report.hpp"

#include "render/text_table.hpp"
#include "support/format.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace program {

std::string policy_name(repscope::negative_policy policy) {
    using repscope::negative_policy;
    if (policy == negative_policy::rectify) return "rectify";
    return policy == negative_policy::shift ? "shift" : "undefined";
}

std::optional<repscope::negative_policy> policy_named(const std::string& name) {
    using repscope::negative_policy;
    for (const auto policy : {negative_policy::undefined, negative_policy::rectify, negative_policy::shift}) {
        if (name == policy_name(policy)) return policy;
    }
    return std::nullopt;
}

void add_measures(repscope::analysis::layer_report&& measured, std::span<const std::int64_t> class_labels,
                  std::span<const std::string> class_names, layer_report& layer) {
    layer.samples = measured.samples;
    layer.units = measured.units;
    layer.measures = measured.measures;
    if (measured.selectivity) {
        layer.selectivity = selectivity_report{std::move(*measured.selectivity),
                                               {class_labels.begin(), class_labels.end()},
                                               {class_names.begin(), class_names.end()}};
    }
    layer.dimensionality = std::move(measured.dimensionality);
    layer.power_law = measured.power_law;
    layer.rankme = measured.rankme;
    layer.unit_values = std::move(measured.unit_values);
    layer.geometry = std::move(measured.geometry);
    layer.neighbors = std::move(measured.neighbors);
    layer.inference = std::move(measured.inference);
}

namespace {

// A sentence on samples that are all zero where they are more than 1 %: a dump that broke off leaves such
// rows.
void note_zero_samples(std::size_t zero, std::size_t samples, const std::string& where,
                       std::vector<std::string>& notes) {
    if (100 * zero <= samples) return;
    notes.push_back(std::to_string(zero) + " of " + std::to_string(samples) + " samples are all zero" +
                    where);
}

// A sentence on the measures whose intervals do not fit into memory.
void note_left_out(const std::vector<std::string_view>& names, double bytes,
                   std::vector<std::string>& notes) {
    if (names.empty()) return;
    std::string list;
    for (const std::string_view name : names) list += (list.empty() ? "" : ", ") + std::string(name);
    notes.push_back("no intervals of " + list + ": the moments of 20 blocks of samples take " +
                    byte_count(bytes) + ", more than --memory leaves");
}

} // namespace

std::vector<std::string> notes_on(const layer_report& layer) {
    std::vector<std::string> notes;
    if (layer.batches.value_or(1) > 1) {
        notes.push_back(std::to_string(*layer.batches) +
                        " files joined as batches of one layer (--no-batches measures each)");
    }
    note_zero_samples(layer.zero_samples.value_or(0), layer.samples, "", notes);
    if (layer.comparison) {
        note_zero_samples(layer.comparison->zero_samples, layer.samples, " in " + layer.comparison->file,
                          notes);
    }
    if (layer.selectivity) {
        const auto& report = *layer.selectivity;
        const auto& measured = report.measured;
        if (measured.mean < 1.5 * report.null_mean) {
            notes.push_back("selectivity " + fixed(measured.mean, 3) + ", where shuffled labels would give " +
                            fixed(report.null_mean, 3) + ": do the labels belong to these rows?");
        }
        if (2 * measured.undefined_units > layer.units) {
            notes.push_back(
                std::to_string(measured.undefined_units) + " of " + std::to_string(layer.units) +
                " units have a negative class mean and no index: --signed rectify or shift measures them");
        }
    }
    if (layer.inference && layer.inference->max_permutations != 0) {
        const inference_report& inference = *layer.inference;
        const double floor = 1 / static_cast<double>(inference.max_permutations + 1);
        const bool at_floor = std::any_of(inference.p_value.begin(), inference.p_value.end(),
                                          [&](double p) { return p <= floor; });
        const std::size_t needed = 20 * inference.tested_units - 1;
        if (inference.significant_units == 0 && at_floor && inference.max_permutations < needed) {
            notes.push_back("a single significant unit among " + std::to_string(inference.tested_units) +
                            " takes " + std::to_string(needed) + " permutations, there were " +
                            std::to_string(inference.max_permutations) +
                            ": --null saddlepoint has no such limit");
        }
    }
    if (layer.inference) note_left_out(layer.inference->left_out, layer.inference->block_bytes, notes);
    if (layer.similarity) note_left_out(layer.similarity->left_out, layer.similarity->block_bytes, notes);
    if (layer.dimensionality.limited_by_samples) {
        notes.push_back(
            "its 95 % count is above a quarter of the samples: more samples would give a larger one");
    }
    return notes;
}

} // namespace program
