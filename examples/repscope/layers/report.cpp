#include "layers/report.hpp"

#include "render/text_table.hpp"

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
    if (measured.selectivity) {
        layer.selectivity = selectivity_report{std::move(*measured.selectivity),
                                               {class_labels.begin(), class_labels.end()},
                                               {class_names.begin(), class_names.end()}};
    }
    layer.dimensionality = std::move(measured.dimensionality);
    layer.inference = std::move(measured.inference);
}

namespace {

std::string comparison_table(const std::vector<layer_report>& layers) {
    const bool has_selectivity = layers.front().selectivity.has_value();
    std::vector<std::string> header{"perturbed"};
    if (has_selectivity) header.insert(header.end(), {"selectivity", "change"});
    header.insert(header.end(), {"PR", "95 %", "difference: size", "PR", "95 %"});
    text_table table(header, 1);
    for (const auto& layer : layers) {
        const comparison_report& report = *layer.comparison;
        std::vector<std::string> row{layer.name};
        if (has_selectivity) {
            const double after = report.selectivity->measured.mean;
            const double change = after - layer.selectivity->measured.mean;
            row.push_back(fixed(after, 3));
            row.push_back((change > 0.0005 ? "+" : "") + fixed(change, 3));
        }
        row.insert(row.end(),
                   {fixed(report.dimensionality.participation_ratio, 2),
                    std::to_string(report.dimensionality.components[1]), fixed(report.relative_size, 3),
                    fixed(report.difference.participation_ratio, 2),
                    std::to_string(report.difference.components[1])});
        table.add_row(std::move(row));
    }
    return table.text();
}

} // namespace

std::string layer_table(const std::vector<layer_report>& layers) {
    const bool has_selectivity = !layers.empty() && layers.front().selectivity.has_value();
    const std::vector<std::string> what{"layer", "layout", "unit", "samples", "units"};
    const auto what_of = [](const layer_report& layer) {
        return std::vector<std::string>{layer.name, layer.layout,
                                        layer.unit == "channel_mean" ? "channel mean" : layer.unit,
                                        std::to_string(layer.samples), std::to_string(layer.units)};
    };
    const auto joined = [](std::vector<std::string> first, const std::vector<std::string>& second) {
        first.insert(first.end(), second.begin(), second.end());
        return first;
    };
    // Two tables where both measures are there: one line of both would be wider than a terminal.
    std::string text;
    if (has_selectivity) {
        const bool shifted = layers.front().selectivity->negatives == repscope::negative_policy::shift;
        text_table table(joined(what, {shifted ? "shifted selectivity" : "selectivity", "live", "median",
                                       "if shuffled", "silent", "undefined"}),
                         3);
        for (const auto& layer : layers) {
            const auto& measured = layer.selectivity->measured;
            table.add_row(
                joined(what_of(layer),
                       {fixed(measured.mean, 3), fixed(measured.mean_live, 3), fixed(measured.median, 3),
                        fixed(layer.selectivity->null_mean, 3), std::to_string(measured.silent_units),
                        std::to_string(measured.undefined_units)}));
        }
        text = table.text() + "\n";
    }
    const std::vector<std::string> sizes{"PR",   "PR unbiased",   "90 %",       "95 %",
                                         "99 %", "95 % of units", "stable rank"};
    text_table table(has_selectivity ? joined({"layer", "units"}, sizes) : joined(what, sizes),
                     has_selectivity ? 1 : 3);
    for (const auto& layer : layers) {
        const auto& d = layer.dimensionality;
        const bool sketched =
            layer.inference && layer.inference->method == repscope::analysis::trace_method::sketch;
        const auto count = [&](std::size_t k) { return sketched ? "-" : std::to_string(d.components[k]); };
        const std::vector<std::string> row{fixed(d.participation_ratio, 2),
                                           fixed(d.participation_ratio_unbiased, 2),
                                           count(0),
                                           count(1),
                                           count(2),
                                           fixed(d.components_fraction[1], 3),
                                           fixed(d.stable_rank, 2)};
        table.add_row(has_selectivity ? joined({layer.name, std::to_string(layer.units)}, row)
                                      : joined(what_of(layer), row));
    }
    text += table.text();
    if (!layers.empty() && layers.front().comparison) text += "\n" + comparison_table(layers);
    if (!layers.empty() && layers.front().inference) text += "\n" + inference_table(layers);
    return text;
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
    if (layer.dimensionality.limited_by_samples) {
        notes.push_back(
            "its 95 % count is above a quarter of the samples: more samples would give a larger one");
    }
    return notes;
}

} // namespace program
