#include "inference.hpp"

#include "labels.hpp"
#include "layer_report.hpp"
#include "statistics_options.hpp"
#include "text_table.hpp"

#include <repscope/robustness/multiple_testing.hpp>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace program {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t block_count = 20;
constexpr std::size_t sketch_probes = 256;

json interval_json(const repscope::interval& ci) { return json::array({ci.low, ci.high}); }

std::string interval_text(const repscope::interval& ci, int digits) {
    if (std::isnan(ci.low)) return "-";
    return fixed(ci.low, digits) + " .. " + fixed(ci.high, digits);
}

} // namespace

bool is_sketched(std::size_t rows, std::size_t units, const inference_options& options) {
    constexpr std::size_t most_exact = 8192;
    if (!options.wanted || options.method == trace_method::exact) return false;
    return options.method == trace_method::sketch || std::min(rows, units) > most_exact;
}

layer_inference::layer_inference(std::size_t units, const statistics_options& options,
                                 repscope::thread_pool& pool)
    : options_(options), pool_(pool) {
    if (options.labels == nullptr) return;
    blocks_.emplace(units, options.labels->class_labels.size(),
                    repscope::class_blocks_options{
                        .blocks = block_count,
                        .rectify = options.signed_values == repscope::signed_policy::rectify,
                        .max_bytes = options.memory});
}

double layer_inference::bytes(std::size_t rows, std::size_t units, const statistics_options& options) {
    if (!options.inference.wanted) return 0.0;
    const auto u = static_cast<double>(units);
    double doubles = is_sketched(rows, units, options.inference) ? 0.0 : 64.0 * u; // rows that are turned
    if (options.labels != nullptr) {
        doubles += static_cast<double>(block_count * options.labels->class_labels.size()) * u;
    }
    return doubles * sizeof(double);
}

void layer_inference::add(const repscope::tensor_view<const double, 2>& values, std::size_t first) {
    if (!blocks_) return;
    const std::size_t rows = values.extent(0);
    const label_set& labels = *options_.labels;
    const auto classes = std::span(labels.classes).subspan(first, rows);
    if (labels.keeps_all()) {
        blocks_->update(values, classes,
                        {.threads = pool_, .first_index = options_.inference.first_index + first});
    } else {
        blocks_->update(values, classes,
                        {.threads = pool_,
                         .first_index = options_.inference.first_index,
                         .places = std::span(labels.kept).subspan(first, rows)});
    }
}

void layer_inference::start_second_pass(repscope::centred_products&& products) {
    jackknife_.emplace(std::move(products));
}

bool layer_inference::needs_second_pass() const { return jackknife_ && jackknife_->needs_second_pass(); }

void layer_inference::add_again(const repscope::tensor_view<const double, 2>& values) {
    jackknife_->update(values, {.threads = pool_});
}

void layer_inference::take_sketch(const repscope::covariance_sketch& sketch) {
    sketched_ = repscope::participation_ratio(sketch);
    probes_ = sketch.probes();
}

void layer_inference::finish(layer_report& report) const {
    inference_report& own = report.inference.emplace();
    if (blocks_) {
        own.cross_fit = repscope::cross_fit(*blocks_, {.threads = pool_,
                                                       .epsilon = options_.epsilon,
                                                       .signed_values = options_.signed_values});
        own.blocks = block_count;
        own.state_bytes = repscope::class_blocks::bytes_needed(blocks_->units(), blocks_->classes(), block_count);
        std::vector<double> tested = own.cross_fit->p_value;
        std::erase_if(tested, [](double p) { return std::isnan(p); });
        own.tested_units = tested.size();
        for (const double q : repscope::benjamini_hochberg(tested)) own.significant_units += q <= 0.05 ? 1U : 0U;
    }
    if (sketched_) {
        own.method = "sketch";
        own.probes = probes_;
        own.participation_ratio = {sketched_->naive, sketched_->unbiased,         std::nan(""),
                                   sketched_->unbiased_error_log, {}, sketched_->samples};
        const double reach = repscope::normal_quantile(0.975) * sketched_->unbiased_error_log;
        own.participation_ratio.ci = {sketched_->unbiased * std::exp(-reach),
                                      sketched_->unbiased * std::exp(reach)};
    } else {
        own.method = "exact";
        own.participation_ratio = jackknife_->estimate();
    }
}

void add_inference(nlohmann::ordered_json& layer, const layer_report& report) {
    const inference_report& own = *report.inference;
    if (own.cross_fit) {
        const auto& fitted = *own.cross_fit;
        json object;
        object["mean"] = fitted.mean;
        object["ci"] = interval_json(fitted.mean_ci);
        object["standard_error"] = fitted.mean_standard_error;
        object["significant_units"] = own.significant_units;
        object["tested_units"] = own.tested_units;
        object["samples"] = fitted.samples;
        object["classes"] = fitted.classes_used;
        object["folds"] = 5;
        object["blocks"] = own.blocks;
        object["state_bytes"] = own.state_bytes;
        object["silent_units"] = fitted.silent_units;
        object["undefined_units"] = fitted.undefined_units;
        object["index"] = fitted.index;
        object["index_ci"] = json::array();
        for (const auto& ci : fitted.ci) object["index_ci"].push_back(interval_json(ci));
        object["p_value"] = fitted.p_value;
        object["agreement"] = fitted.agreement;
        layer["selectivity"]["cross_fit"] = std::move(object);
    }
    json& object = layer["dimensionality"];
    const auto& ratio = own.participation_ratio;
    if (own.method == "sketch") {
        for (auto& item : object.items()) item.value() = nullptr;
        object["participation_ratio"] = ratio.naive;
        object["participation_ratio_unbiased"] = ratio.unbiased;
        object["probes"] = own.probes;
    } else {
        object["participation_ratio_jackknife"] = ratio.jackknife;
    }
    object["method"] = own.method;
    object["se_log"] = ratio.se_log;
    object["ci"] = interval_json(ratio.ci);
    object["samples"] = ratio.samples;
}

std::string inference_table(const std::vector<layer_report>& layers) {
    const bool has_selectivity = layers.front().inference->cross_fit.has_value();
    std::vector<std::string> header{"estimates", "samples"};
    if (has_selectivity) header.insert(header.end(), {"cross-fit", "95 % interval", "significant"});
    header.insert(header.end(), {"PR unbiased", "95 % interval"});
    text_table table(header, 1);
    std::string sizes;
    bool sketched = false;
    for (const auto& layer : layers) {
        const inference_report& own = *layer.inference;
        std::vector<std::string> row{layer.name, std::to_string(own.participation_ratio.samples)};
        if (has_selectivity) {
            row.push_back(fixed(own.cross_fit->mean, 3));
            row.push_back(interval_text(own.cross_fit->mean_ci, 3));
            row.push_back(std::to_string(own.significant_units) + " of " + std::to_string(own.tested_units));
            sizes += (sizes.empty() ? "" : ", ") + layer.name + " " +
                     byte_count(static_cast<double>(own.state_bytes));
        }
        const bool by_sketch = own.method == "sketch";
        sketched = sketched || by_sketch;
        row.push_back(fixed(own.participation_ratio.unbiased, 2));
        row.push_back(interval_text(own.participation_ratio.ci, 2) + (by_sketch ? " (sketch)" : ""));
        table.add_row(std::move(row));
    }
    std::string text = table.text();
    if (!sizes.empty()) text += "state of the cross-fit index, 20 blocks: " + sizes + "\n";
    if (sketched) text += "(sketch): the interval is that of the random probes alone\n";
    return text;
}

} // namespace program
