#include "merge/state_merger.hpp"

#include "measure/choice/measure_list.hpp"
#include "measure/json.hpp"
#include "support/errors.hpp"

#include <repscope/analysis/shards.hpp>
#include <repscope/error.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <tuple>
#include <utility>

namespace program {

namespace analysis = repscope::analysis;

// The paths are those of the first shard.
state_merger::run_options state_merger::options_of(const analysis::state_file& head) {
    run_options options;
    std::tie(options.settings, options.note) = stored_run(head);
    options.moments.epsilon = options.settings.epsilon;
    options.moments.negatives = policy_named(options.settings.negatives).value();
    options.moments.reservoir = options.settings.reservoir;
    options.moments.inference = options.settings.inference;
    options.moments.first_sample = options.settings.first_index;
    options.moments.trace =
        options.settings.method == "sketch" ? analysis::trace_method::sketch : analysis::trace_method::blocks;
    options.moments.classes = head.class_labels.size();
    try {
        options.moments.measures =
            parse_measures(options.settings.measures, {.labels = !head.class_labels.empty()});
    } catch (const usage_error& e) {
        throw data_error(head.name, "its options cannot be read: " + std::string(e.what()));
    }
    options.moments.max_bytes = std::numeric_limits<std::size_t>::max();
    if (!options.note.class_names.empty() && options.note.class_names.size() != head.class_labels.size()) {
        throw data_error(head.name, std::to_string(options.note.class_names.size()) +
                                        " names of classes, but " + std::to_string(head.class_labels.size()) +
                                        " classes");
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
    measure_result result{{}, options_.settings, options_.note.notes, options_.note.inputs};
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
            add_measures(states_[k].moments.finish(), head.class_labels, options_.note.class_names, report);
        } catch (const repscope::error& e) {
            throw data_error(layer.file, without_function_name(e.what()));
        }
        report.zero_samples = states_[k].input.zero_samples;
        report.batches = states_[k].input.batches;
    }
    return result;
}

} // namespace program
