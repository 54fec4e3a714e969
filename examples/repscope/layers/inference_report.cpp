#include "layers/inference_report.hpp"

#include "layers/report.hpp"
#include "render/text_table.hpp"
#include "support/errors.hpp"

#include <cmath>

namespace program {

namespace {

using repscope::analysis::null_method;
using repscope::analysis::trace_method;

// Where the count of significant units comes from.
std::string null_text(const inference_report& own) {
    const std::string corrected = ", Benjamini-Hochberg q <= .05\n";
    if (own.null == null_method::permutation) {
        const bool more = own.max_permutations > own.permutations;
        return "significant: of " + std::to_string(own.permutations) + " permutations of the labels" +
               (more ? ", more for units at the floor" : "") + corrected;
    }
    return "significant: of the sums of classes under shuffled labels, by saddlepoints" + corrected;
}

std::string interval_text(const repscope::interval& ci, int digits) {
    if (std::isnan(ci.low)) return "-";
    return fixed(ci.low, digits) + " .. " + fixed(ci.high, digits);
}

} // namespace

text_table inference_table(const std::vector<layer_report>& layers) {
    const bool has_selectivity = layers.front().inference->cross_fit.has_value();
    const bool has_ratio = layers.front().measures.contains(repscope::analysis::measure::participation_ratio);
    std::vector<std::string> header{"estimates", "samples"};
    if (has_selectivity) header.insert(header.end(), {"cross-fit", "95 % interval", "significant"});
    if (has_ratio) header.insert(header.end(), {"PR unbiased", "95 % interval"});
    text_table table(header, 1);
    for (const auto& layer : layers) {
        const inference_report& own = *layer.inference;
        std::vector<std::string> row{layer.name, std::to_string(layer.samples)};
        if (has_selectivity) {
            row.push_back(fixed(own.cross_fit->mean, 3));
            row.push_back(interval_text(own.cross_fit->mean_ci, 3));
            row.push_back(std::to_string(own.significant_units) + " of " + std::to_string(own.tested_units));
        }
        if (has_ratio) {
            row.push_back(fixed(own.participation_ratio.unbiased, 2));
            row.push_back(interval_text(own.participation_ratio.ci, 2) +
                          (own.method == trace_method::sketch   ? " (sketch)"
                           : own.method == trace_method::blocks ? " (blocks)"
                                                                : ""));
        }
        table.add_row(std::move(row));
    }
    return table;
}

std::string inference_notes(const std::vector<layer_report>& layers) {
    std::string text, sizes;
    bool sketched = false, is_of_blocks = false;
    for (const auto& layer : layers) {
        const inference_report& own = *layer.inference;
        sketched = sketched || own.method == trace_method::sketch;
        is_of_blocks = is_of_blocks || own.method == trace_method::blocks;
        if (!own.cross_fit) continue;
        sizes += (sizes.empty() ? "" : ", ") + on_one_line(layer.name) + " " +
                 byte_count(static_cast<double>(own.state_bytes));
    }
    if (layers.front().inference->cross_fit) text += null_text(*layers.front().inference);
    if (!sizes.empty()) text += "state of the cross-fit index, 20 blocks: " + sizes + "\n";
    if (sketched) text += "(sketch): the interval is that of the random probes alone\n";
    if (is_of_blocks) text += "(blocks): the interval leaves out one of 20 blocks of samples at a time\n";
    return text;
}

std::vector<std::vector<std::string>> interval_rows(const std::vector<layer_report>& layers) {
    std::vector<std::vector<std::string>> rows;
    const auto add = [&](const layer_report& layer, const auto& intervals) {
        for (const auto& each : intervals) {
            rows.push_back({layer.name, std::string(each.name), fixed(each.value.estimate, 4),
                            interval_text(each.value.range, 4)});
        }
    };
    for (const auto& layer : layers) {
        if (layer.inference) add(layer, layer.inference->intervals);
        if (layer.similarity) add(layer, layer.similarity->intervals);
    }
    return rows;
}

std::vector<std::string> interval_header() { return {"intervals", "measure", "estimate", "95 % interval"}; }

} // namespace program
