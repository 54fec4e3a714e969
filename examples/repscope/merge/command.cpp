// repscope merge: the numbers of a dump that was measured in shards, from their state files.

#include "cli/commands.hpp"
#include "cli/validators.hpp"
#include "files/output_file.hpp"
#include "files/output_guard.hpp"
#include "measure/choice/measure_list.hpp"
#include "measure/fail_if/condition_check.hpp"
#include "measure/fail_if/fail_condition.hpp"
#include "measure/json.hpp"
#include "measure/result.hpp"
#include "merge/state_merger.hpp"
#include "support/errors.hpp"

#include <repscope/analysis/shards.hpp>
#include <repscope/analysis/state_file.hpp>
#include <repscope/io/file.hpp>

#include <CLI/CLI.hpp>
#include <memory>

namespace program {

namespace {

namespace analysis = repscope::analysis;
namespace io = repscope::io;

struct merge_options {
    std::vector<std::string> files;
    std::string json;
    std::string format = "table";
    std::vector<std::string> fail_if;
};

std::vector<std::byte> bytes_of(const std::string& path) {
    const io::input_file file(path);
    return file.beginning(file.size());
}

int merge(const merge_options& options) {
    output_guard guard;
    for (const std::string& file : options.files) guard.add_input(file);
    guard.add_output("--json", options.json, file_kind::json);
    if (!options.json.empty()) require_writable(options.json);
    if (options.json == "-" && options.format != "table")
        throw usage_error("--format: standard output has --json -");
    for (const std::string& text : options.fail_if) (void)parse_fail_condition(text);
    // First the descriptions of the files, which determine the order; the states are read in that order, one
    // file at a time, for together they may be larger than memory.
    std::vector<analysis::state_file> heads;
    for (const auto& path : options.files) {
        const std::vector<std::byte> bytes = bytes_of(path);
        heads.push_back(without_states(analysis::parse_state_file(bytes, path)));
    }
    if (!heads.empty()) {
        const bool has_labels = !heads.front().class_labels.empty();
        const measure_settings settings = stored_run(heads.front()).first;
        check_condition_keys(options.fail_if,
                             {.selectivity = has_labels,
                              .inference = settings.inference,
                              .measures = parse_measures(settings.measures, {.labels = has_labels})});
        std::vector<std::string> names;
        for (const auto& layer : heads.front().layers) names.push_back(layer.name);
        check_condition_layers(options.fail_if, names);
    }
    for (const analysis::state_file& head : heads) {
        if (head.shards == heads.front().shards) require_same_options(heads.front(), head);
    }
    state_merger merger;
    for (const std::size_t i : analysis::shard_order(heads)) {
        const std::vector<std::byte> bytes = bytes_of(heads[i].name);
        merger.add(analysis::parse_state_file(bytes, heads[i].name));
    }
    const measure_result result = merger.finish();
    publish(result, options.json, print_format_named(options.format));
    return judge(result, options.fail_if, "repscope merge");
}

} // namespace

command add_merge(CLI::App& app) {
    auto options = std::make_shared<merge_options>();
    CLI::App* sub = app.add_subcommand("merge", "The numbers of a dump that was measured in shards");
    sub->add_option("STATE", options->files, "state files of all shards, in any order")
        ->required()
        ->type_name("FILE");
    sub->add_option("--json", options->json, "write every number to this file; - is standard output")
        ->type_name("FILE");
    sub->add_option("--format", options->format, "of standard output: table, csv, json or markdown")
        ->check(one_of(print_format_names()))
        ->type_name("F")
        ->capture_default_str();
    sub->add_option("--fail-if", options->fail_if,
                    "exit code 3 when a layer meets the condition, as in measure; repeatable")
        ->type_name("CONDITION")
        ->allow_extra_args(false);
    sub->footer("Example, on three machines that see the same files, or copies of them:\n"
                "  repscope measure fc.npy --labels labels.npy --shard 1/3 --state 1.rsm    (and 2/3, 3/3)\n"
                "  repscope merge 1.rsm 2.rsm 3.rsm --json fc.json\n"
                "A shard that is missing, damaged, duplicated or of another run is an error that names it.");
    return {sub, [options] { return merge(*options); }};
}

} // namespace program
