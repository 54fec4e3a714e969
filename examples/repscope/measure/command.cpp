// repscope measure: statistics of activations, from files or a stream.

#include "measure/stream/command.hpp"
#include "cli/commands.hpp"
#include "dumps/labels.hpp"
#include "files/output_file.hpp"
#include "files/output_guard.hpp"
#include "measure/fail_if/condition_check.hpp"
#include "measure/inputs.hpp"
#include "measure/options.hpp"
#include "measure/report/folder.hpp"
#include "measure/result.hpp"
#include "support/errors.hpp"

#include <repscope/bytes.hpp>

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

namespace program {

namespace {

// The moments of a shard: for the process that merges them, or into a file.
int keep(const measure_options& options, const shard_choice& shard, std::vector<std::byte> state) {
    if (options.part != nullptr) {
        options.part->json = options.json;
        options.part->format = options.format;
        options.part->fail_if = options.fail_if;
        options.part->state = std::move(state);
        return 0;
    }
    repscope::write_file_atomically(options.state, state);
    print(on_one_line(options.state) + ": " + shard.text() + ", " + std::to_string(state.size()) +
          " bytes of moments\n");
    return 0;
}

// Nothing that is read is written: the files of the layers, those of arguments that --layers leaves out, and
// the labels.
void check_outputs(const measure_options& options, const opened_layers& opened) {
    output_guard guard;
    for (const auto* arguments : {&options.files, &options.compare}) {
        for (const std::string& argument : *arguments) guard.add_input(split_key(argument).first);
    }
    for (const std::string& file : input_files(opened, options.labels)) guard.add_input(file);
    guard.add_output("--json", options.json, file_kind::json);
    guard.add_output("--state", options.state, file_kind::state);
    for (const auto& [name, kind] : report_files) {
        if (!options.report.empty()) guard.add_output("--report", options.report + "/" + name, kind);
    }
}

int measure(const measure_options& options) {
    if (are_streams(options)) return measure_streams(options);
    check(options);
    const opened_layers opened = open_layers(options);
    const std::vector<measured_layer>& layers = opened.layers;
    check_outputs(options, opened);
    std::vector<std::string> names;
    for (const measured_layer& layer : layers) names.push_back(layer.name());
    check_condition_layers(options.fail_if, names);
    std::optional<label_set> labels;
    if (!options.labels.empty()) {
        labels = read_labels(options.labels, options.ignored);
        check_samples(layers, *labels);
    }
    for (const std::string& file : {options.json, options.state}) {
        if (!file.empty()) require_writable(file);
    }
    if (!options.report.empty()) require_report_folder(options.report);

    repscope::thread_pool pool(static_cast<std::size_t>(options.threads));
    const label_set* const known = labels ? &*labels : nullptr;
    if (const auto shard = chosen_shard(options)) {
        return keep(options, *shard, gather_layers(opened, known, *shard, options, pool));
    }
    const bool hash = options.hash || !options.report.empty();
    measure_result result{measure_layers(layers, known, options, pool), options, opened.notes,
                          input_records(input_files(opened, options.labels), hash, pool)};
    if (options.similarity) result.similarity = similarity_of_layers(result.layers, pool);
    if (!options.report.empty()) write_report(options.report, result);
    publish(result, options.json, print_format_named(options.format));
    return judge(result, options.fail_if, "repscope measure");
}

} // namespace

command add_measure(CLI::App& app, shard_part* part) {
    auto options = std::make_shared<measure_options>();
    options->part = part;
    CLI::App* sub = app.add_subcommand(
        "measure", "Class selectivity and dimensionality of activations in files, of any framework");
    add_measure_options(*sub, *options);
    return {sub, [options] { return measure(*options); }};
}

} // namespace program
