#include "merge/state_merger.hpp"

#include "support/errors.hpp"

#include <repscope/analysis/shards.hpp>
#include <repscope/error.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

namespace program {

namespace analysis = repscope::analysis;

// The paths are those of the first shard.
state_merger::run_options state_merger::options_of(const analysis::state_file& head) {
    run_options options;
    try {
        options.json = nlohmann::ordered_json::parse(head.options);
        const auto note = nlohmann::ordered_json::parse(head.note);
        options.json["labels"] = note.at("labels");
        options.class_names = note.value("class_names", std::vector<std::string>());
        options.notes = note.value("notes", std::vector<std::string>());
        if (note.contains("inputs")) options.inputs = input_records_of(note["inputs"]);
        options.moments.epsilon = options.json.at("epsilon").get<double>();
        const auto policy = options.json.at("signed").get<std::string>();
        using repscope::negative_policy;
        options.moments.negatives = policy == "rectify" ? negative_policy::rectify
                                    : policy == "shift" ? negative_policy::shift
                                                        : negative_policy::undefined;
    } catch (const nlohmann::json::exception& e) {
        throw data_error(head.name, std::string("its options cannot be read: ") + e.what());
    }
    options.moments.classes = head.class_labels.size();
    options.moments.max_bytes = std::numeric_limits<std::size_t>::max();
    if (!options.class_names.empty() && options.class_names.size() != head.class_labels.size()) {
        throw data_error(head.name, std::to_string(options.class_names.size()) + " names of classes, but " +
                                        std::to_string(head.class_labels.size()) + " classes");
    }
    return options;
}

analysis::state_file without_states(analysis::state_file file) {
    for (auto& layer : file.layers) layer.sections.clear();
    return file;
}

void state_merger::add(const analysis::state_file& file) {
    if (heads_.empty())
        options_ = options_of(file);
    else
        analysis::require_same_run(heads_.front(), file);
    for (std::size_t k = 0; k < file.layers.size(); ++k) {
        const analysis::stored_layer& layer = file.layers[k];
        stored_states states = load_states(layer, options_.moments, file.name);
        if (heads_.empty()) {
            states_.push_back(std::move(states));
            continue;
        }
        try {
            states_[k].merge(states);
        } catch (const repscope::error& e) {
            throw data_error(file.name, "layer '" + layer.name + "': " + without_function_name(e.what()));
        }
    }
    heads_.push_back(without_states(file));
}

measure_result state_merger::finish() {
    const std::vector<std::size_t> order = analysis::shard_order(heads_);
    if (!std::is_sorted(order.begin(), order.end())) {
        throw repscope::format_error("shards were merged out of order");
    }
    const analysis::state_file& head = heads_.front();
    measure_result result{{}, options_.json, options_.notes, options_.inputs};
    for (std::size_t k = 0; k < states_.size(); ++k) {
        const analysis::stored_layer& layer = head.layers[k];
        layer_report& report = result.layers.emplace_back();
        report.name = layer.name;
        if (!layer.file.empty()) report.file = layer.file;
        report.dtype = layer.dtype;
        report.shape = layer.shape;
        report.layout = layer.layout;
        report.unit = layer.unit;
        try {
            add_measures(states_[k].moments.finish(), head.class_labels, options_.class_names, report);
        } catch (const repscope::error& e) {
            throw data_error(layer.file, without_function_name(e.what()));
        }
        report.zero_samples = states_[k].input.zero_samples;
        report.batches = states_[k].input.batches;
    }
    return result;
}

} // namespace program
