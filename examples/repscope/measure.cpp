// repscope measure: statistics of activations that stand in .npy files, a file a layer.

#include "command_line.hpp"
#include "commands.hpp"
#include "failure.hpp"
#include "file_statistics.hpp"
#include "foreign_format.hpp"
#include "labels.hpp"
#include "layer_names.hpp"
#include "layer_report.hpp"
#include "layout_choice.hpp"
#include "measure_result.hpp"
#include "output_file.hpp"
#include "progress.hpp"
#include "shard_writer.hpp"

#include <repscope/bytes.hpp>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace program {

namespace {

struct measure_options {
    std::vector<std::string> files;
    std::string labels;
    std::vector<std::string> layouts;
    std::string signed_values = "undefined";
    double epsilon = 1e-6;
    std::vector<std::int64_t> ignored;
    std::string spatial = "mean";
    int threads = 0;
    std::size_t batch = 0;
    std::size_t memory = std::size_t{4} << 30U;
    std::string json;
    std::string require;
    std::string shard;
    std::string state;
    shard_part* part = nullptr;
};

// Only the moments of a shard are wanted; numbers come of all of them together.
std::optional<shard_choice> chosen_shard(const measure_options& options) {
    if (options.part != nullptr) return shard_choice{options.part->shard, options.part->shards};
    if (options.state.empty()) {
        if (!options.shard.empty()) throw usage_error("--shard: needs --state FILE for the shard's moments");
        return std::nullopt;
    }
    if (!options.json.empty()) {
        throw usage_error("--json: not with --state; 'repscope merge' writes the numbers of all shards");
    }
    require_writable(options.state);
    return options.shard.empty() ? shard_choice{} : parse_shard(options.shard);
}

int keep(const measure_options& options, const shard_choice& shard, std::vector<std::byte> state) {
    if (options.part != nullptr) {
        options.part->json = options.json;
        options.part->state = std::move(state);
        return 0;
    }
    repscope::write_file_atomically(options.state, state);
    print(options.state + ": " + shard.text() + ", " + std::to_string(state.size()) + " bytes of moments\n");
    return 0;
}

repscope::layout layout_named(const std::string& name) {
    using repscope::layout;
    for (const layout value : {layout::nu, layout::nchw, layout::nhwc, layout::ntd, layout::nup}) {
        if (name == to_string(value)) return value;
    }
    throw usage_error("--layout: " + name + " is none of nu, nchw, nhwc, ntd, nup");
}

repscope::signed_policy policy_named(const std::string& name) {
    if (name == "rectify") return repscope::signed_policy::rectify;
    if (name == "shift") return repscope::signed_policy::shift;
    return repscope::signed_policy::undefined;
}

struct layer_file {
    std::string name;
    repscope::io::block_reader contents;

    [[nodiscard]] double bytes() const {
        return static_cast<double>(contents.samples()) * static_cast<double>(contents.sample_bytes());
    }
};

std::vector<layer_file> open_layers(const measure_options& options) {
    std::vector<repscope::layout> stated;
    for (const auto& name : options.layouts) stated.push_back(layout_named(name));
    const auto names = layer_names(options.files);
    std::vector<layer_file> layers;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::string& path = options.files[i];
        refuse_foreign(path);
        repscope::io::input_file file(path);
        repscope::io::npy_header header = repscope::io::read_npy_header(file);
        const auto layout = choose_layout(header.shape, stated, path);
        layers.push_back({names[i], repscope::io::block_reader(std::move(file), std::move(header), layout)});
    }
    return layers;
}

nlohmann::ordered_json options_json(const measure_options& options) {
    nlohmann::ordered_json json;
    json["labels"] =
        options.labels.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(options.labels);
    json["layout"] = options.layouts;
    json["signed"] = options.signed_values;
    json["epsilon"] = options.epsilon;
    json["ignore_label"] = options.ignored;
    json["spatial"] = options.spatial;
    return json;
}

int measure(const measure_options& options) {
    std::vector<layer_file> layers = open_layers(options);
    std::optional<label_set> labels;
    if (!options.labels.empty()) {
        refuse_foreign(options.labels);
        labels = read_labels(options.labels, options.ignored);
        for (const auto& layer : layers) {
            const std::size_t samples = layer.contents.samples();
            if (labels->rows != samples) {
                throw data_error(options.labels, std::to_string(labels->rows) + " labels, but " +
                                                     layer.contents.path() + " holds " +
                                                     std::to_string(samples) + " samples");
            }
        }
    } else {
        if (options.require == "selectivity") {
            throw usage_error("--require selectivity: selectivity needs --labels");
        }
        if (!options.ignored.empty()) throw usage_error("--ignore-label: needs --labels");
    }
    if (!options.json.empty()) require_writable(options.json);
    const auto shard = chosen_shard(options);
    std::optional<shard_writer> states;
    if (shard) states.emplace(*shard, options_json(options), labels ? &*labels : nullptr);

    repscope::thread_pool pool(static_cast<std::size_t>(options.threads));
    double bytes = 0.0;
    for (const auto& layer : layers) bytes += shard ? layer.bytes() / shard->shards : layer.bytes();
    std::vector<layer_report> reports;
    {
        progress shown("measure", bytes, "B");
        double before = 0.0;
        for (auto& layer : layers) {
            statistics_options how{.labels = labels ? &*labels : nullptr,
                                   .signed_values = policy_named(options.signed_values),
                                   .epsilon = options.epsilon,
                                   .memory = options.memory,
                                   .batch = options.batch};
            const bool flatten = options.spatial == "flatten";
            const auto read = [&](double bytes_read) { shown.done(before + bytes_read, layer.name); };
            layer_report report;
            if (states) {
                report = describe_file(layer.contents, flatten);
                report.name = layer.name;
                const auto samples = shard->samples_of(layer.contents.samples());
                states->add(report, samples, gather_file(layer.contents, samples, flatten, how, pool, read));
            } else {
                report = measure_file(layer.contents, flatten, how, pool, read);
                report.name = layer.name;
            }
            reports.push_back(std::move(report));
            before += shard ? layer.bytes() / shard->shards : layer.bytes();
        }
    }
    if (states) return keep(options, *shard, states->finish());
    publish({std::move(reports), options_json(options)}, options.json);
    return 0;
}

} // namespace

command add_measure(CLI::App& app, shard_part* part) {
    auto options = std::make_shared<measure_options>();
    options->part = part;
    CLI::App* sub = app.add_subcommand(
        "measure", "Class selectivity and dimensionality of activations in .npy files, a file a layer");
    sub->add_option("ACT", options->files, ".npy files of activations, a layer each, named by their stem")
        ->required()
        ->type_name("FILE");
    sub->add_option("--labels", options->labels, ".npy of integers (or one-hot rows), a label a sample")
        ->type_name("FILE");
    sub->add_option("--layout", options->layouts,
                    "axes: nu, nchw, nhwc, ntd (tokens, features), nup; may be\n"
                    "given once for each rank that occurs")
        ->check(quiet(CLI::IsMember({"nu", "nchw", "nhwc", "ntd", "nup"})))
        ->type_name("NAME")
        ->allow_extra_args(false);
    sub->add_option("--signed", options->signed_values,
                    "units with a negative class mean: undefined (no index),\n"
                    "rectify (max(a, 0) first) or shift (smallest class mean to 0)")
        ->check(quiet(CLI::IsMember({"undefined", "rectify", "shift"})))
        ->type_name("POLICY")
        ->capture_default_str();
    sub->add_option("--epsilon", options->epsilon, "added to the denominator of the index")
        ->check(quiet(CLI::PositiveNumber))
        ->type_name("E")
        ->capture_default_str();
    sub->add_option("--ignore-label", options->ignored, "leave out samples with this label; repeatable")
        ->type_name("V")
        ->allow_extra_args(false);
    sub->add_option("--spatial", options->spatial,
                    "a unit is a channel's mean over its map (mean), or every\nposition is one (flatten)")
        ->check(quiet(CLI::IsMember({"mean", "flatten"})))
        ->type_name("HOW")
        ->capture_default_str();
    sub->add_option("--threads", options->threads, "0: all cores; never changes a result")
        ->check(quiet(CLI::Range(0, 1024)))
        ->type_name("T")
        ->capture_default_str();
    sub->add_option("--batch", options->batch, "samples held at a time; never changes a result")
        ->check(quiet(CLI::Range(std::size_t{1}, std::size_t{1} << 40U)))
        ->type_name("N");
    sub->add_option("--memory", options->memory,
                    "most memory for a layer (512M, 4G) [4G]; never changes a result")
        ->transform(quiet(CLI::AsSizeValue(false)))
        ->type_name("M");
    sub->add_option("--json", options->json, "write every number to this file; - is standard output")
        ->type_name("FILE");
    sub->add_option("--require", options->require, "selectivity: fail when there are no labels")
        ->check(quiet(CLI::IsMember({"selectivity"})))
        ->type_name("WHAT");
    if (part == nullptr) {
        sub->add_option("--shard", options->shard,
                        "i/n, i from 1: measure only the i-th of n parts of the samples")
            ->type_name("I/N");
        sub->add_option("--state", options->state,
                        "save the moments for 'repscope merge' instead of printing\nnumbers")
            ->type_name("FILE");
    }
    sub->footer("Examples:\n"
                "  repscope measure conv1.npy conv2.npy fc.npy --labels labels.npy\n"
                "  repscope measure vit_block*.npy --layout ntd --labels labels.npy --signed rectify\n"
                "  repscope measure acts.npy --json - | python3 -m json.tool\n"
                "A file holds one layer for all samples, in the order of the labels: (samples, units) or\n"
                "(samples, channels, height, width), or another with --layout. From Python: numpy.save(FILE, "
                "array).");
    return {sub, [options] { return measure(*options); }};
}

} // namespace program
