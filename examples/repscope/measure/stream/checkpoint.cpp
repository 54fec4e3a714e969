// Snapshots of a stream's moments, and how a run begins with one.

#include "measure/json.hpp"
#include "measure/stream/measurement.hpp"
#include "support/errors.hpp"

#include <repscope/bytes.hpp>

#include <utility>

namespace program {

namespace analysis = repscope::analysis;

void stream_measurement::save_snapshot(bool is_last) {
    saved_samples_ = most_samples_;
    saved_at_ = std::chrono::steady_clock::now();
    if (origin_ == label_origin::undecided) return;
    if (origin_ == label_origin::stream) {
        if (table_.size() < 2) return;
        sort_classes();
    }
    const label_set of_stream = classes_of_stream();
    const label_set* known = labels_ != nullptr ? labels_ : &of_stream;
    if (known->class_labels.empty()) known = nullptr;
    const run_note note{
        options_.labels, known == nullptr ? std::vector<std::string>() : known->class_names, notes_, {}};
    shard_writer writer({}, stored_settings(options_), stored_note(note), known);
    bool is_empty = true;
    for (const auto& layer : layers_) {
        const auto samples = static_cast<std::size_t>(layer->flushed().samples);
        if (samples == 0) continue;
        is_empty = false;
        layer_report described = layer->describe();
        described.shape[0] = samples;
        std::vector<analysis::saved_section> sections =
            is_last ? layer->moments().save_sections() : layer->moments().save_flushed_sections();
        add_input_section({layer->flushed().zero_samples, {}}, sections);
        writer.add(described, {0, samples}, sections);
    }
    if (!is_empty) repscope::write_file_atomically(options_.snapshot, writer.finish());
}

void stream_measurement::resume(const analysis::state_file& state) {
    resumed_file_ = state.name;
    const auto require = [&](bool holds, const std::string& complaint) {
        if (!holds) throw data_error(state.name, complaint);
    };
    require(state.shards == 1, "a shard of a dump, expected a snapshot of a stream");
    // The state that this run would write has the options and labels that are expected.
    const std::vector<std::byte> expected_bytes =
        shard_writer({}, stored_settings(options_), "", labels_).finish();
    const analysis::state_file expected = analysis::parse_state_file(expected_bytes, "this run");
    require(state.options == expected.options,
            "a snapshot with the options " + state.options + ", expected " + expected.options);
    const run_note note = stored_run(state).second;
    if (labels_ != nullptr) {
        require(state.labels_crc == expected.labels_crc && state.class_labels == expected.class_labels,
                "a snapshot with other labels than " + options_.labels);
    } else {
        require(note.labels.empty(), "a snapshot with --labels " + note.labels);
        origin_ = state.class_labels.empty() ? label_origin::none : label_origin::stream;
        table_ = class_table(options_.ignored, state.class_labels, note.class_names);
    }
    analysis::layer_accumulator_options of_layer = options_.statistics().layer;
    of_layer.threads = pool_;
    of_layer.classes = state.class_labels.size();
    for (const analysis::stored_layer& layer : state.layers) {
        resumed_states_.emplace(layer.name, load_states(layer, of_layer, state.name));
        analysis::stored_layer head = layer;
        head.sections.clear();
        resumed_heads_.emplace(layer.name, std::move(head));
        notes_.push_back("layer " + layer.name + ": the first " + std::to_string(layer.count) +
                         " samples are those of " + state.name);
    }
}

} // namespace program
