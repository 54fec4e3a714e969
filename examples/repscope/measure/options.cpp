#include "measure/options.hpp"

#include "cli/validators.hpp"
#include "dumps/labels.hpp"
#include "layers/report.hpp"
#include "measure/choice/measure_list.hpp"
#include "measure/fail_if/condition_check.hpp"
#include "measure/result.hpp"
#include "support/errors.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace program {

namespace {

// NAME, or PATTERN=NAME.
CLI::Validator name_of_layers(const std::vector<std::string>& names) {
    const CLI::Validator check(
        [names](const std::string& text) {
            const std::string value = parse_layer_value(text).value;
            if (std::find(names.begin(), names.end(), value) != names.end()) return std::string();
            std::string list;
            for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
            return "expected one of " + list + ", got " + value;
        },
        "");
    return with_choices(check, names);
}

// What is read, and how.
void add_dump_options(CLI::App& command, measure_options& options) {
    command
        .add_option("ACT", options.files,
                    ".npy, folder of .npy, .npz, .safetensors: layers, named by their file\n"
                    "or key; FILE:KEY is one array of an archive. Files that a shell lists\n"
                    "come in natural order: block.2 before block.10. A stream: - (standard\n"
                    "input), a pipe or a .tar file, of .npy members LAYER/BATCH.npy and\n"
                    "labels/BATCH.npy, or of .npy records of one layer")
        ->required()
        ->type_name("FILE");
    command
        .add_option("--labels", options.labels,
                    "integers, names of classes or one-hot rows, one label per sample:\n"
                    ".npy, FILE.npz:KEY, IDX, .csv (FILE.csv:COLUMN)")
        ->type_name("FILE");
    CLI::Option* const batches =
        command.add_flag("--batches", options.batches,
                         "join the .npy files of a folder as batches of one layer; without the\n"
                         "option if their names differ in a trailing number only (b_0, b_1)");
    command.add_flag("--no-batches", options.no_batches, "measure each .npy file of a folder as a layer")
        ->excludes(batches);
    command
        .add_option("--layout", options.layouts,
                    "axes: nu, nchw, nhwc, ntd (tokens, features), nup; may be given once\n"
                    "for each rank that occurs, and for layers by name: 'conv*=nhwc'")
        ->check(name_of_layers({"nu", "nchw", "nhwc", "ntd", "nup"}))
        ->type_name("[PATTERN=]NAME")
        ->allow_extra_args(false);
    command.add_option("--layers", options.layers, "measure these only: 'conv*,fc', '!embed*'; repeatable")
        ->type_name("PATTERN")
        ->allow_extra_args(false);
    command
        .add_option("--unit", options.units,
                    "channel: a unit is the mean over its map or tokens; token, position:\n"
                    "every token (ntd), every position of a map is a separate unit;\n"
                    "may be given for layers by name: 'block*=token'")
        ->check(name_of_layers({"channel", "token", "position"}))
        ->type_name("[PATTERN=]WHAT")
        ->allow_extra_args(false);
    command
        .add_option("--shape", options.shapes,
                    "raw files: extents, like 240,12,5,5; for some files by name:\n'conv1=240,12,5,5'")
        ->type_name("[PATTERN=]N,...")
        ->allow_extra_args(false);
    command
        .add_option("--dtype", options.dtype,
                    "of raw files (f4, >f8, u1, bf16 ...); bf16 also for NumPy's V2")
        ->type_name("TYPE");
    command.add_option("--offset", options.offset, "bytes before the numbers of raw files")->type_name("B");
}

// Ends the program with the list of measures, as --help does with that of options.
CLI::Validator list_of_measures() {
    return CLI::Validator(
        [](const std::string& text) {
            if (text == "help") throw CLI::CallForVersion(measures_help(), 0);
            return std::string();
        },
        "");
}

// How numbers are defined, and what is compared with them.
void add_definition_options(CLI::App& command, measure_options& options) {
    command
        .add_option("--measures", options.measures,
                    "measures and groups of them, separated by commas: selectivity,spectrum;\n"
                    "without the option default; 'help' lists all with their cost; nothing\n"
                    "else is computed")
        ->check(list_of_measures())
        ->type_name("LIST")
        ->allow_extra_args(false);
    command
        .add_option("--signed", options.negatives,
                    "units with a negative class mean: undefined (no index),\n"
                    "rectify (max(a, 0) first) or shift (smallest class mean to 0)")
        ->check(one_of({"undefined", "rectify", "shift"}))
        ->type_name("POLICY")
        ->capture_default_str();
    command.add_option("--epsilon", options.epsilon, "added to the denominator of the index")
        ->check(quiet(CLI::PositiveNumber))
        ->type_name("E")
        ->capture_default_str();
    command
        .add_option("--reservoir", options.reservoir,
                    "--measures: samples of a random subset, for measures that need the\n"
                    "samples themselves")
        ->check(quiet(CLI::Range(std::size_t{1}, std::size_t{1'000'000})))
        ->type_name("N")
        ->capture_default_str();
    command
        .add_option("--ignore-label", options.ignored,
                    "leave out samples with this label, a number or a name; repeatable")
        ->type_name("V")
        ->allow_extra_args(false);
    command
        .add_option("--spatial", options.spatial, "flatten: --unit token and --unit position for all layers")
        ->check(one_of({"mean", "flatten"}))
        ->type_name("HOW")
        ->capture_default_str();
    command
        .add_option("--compare", options.compare,
                    "the same layers of the same inputs, perturbed: a file for each ACT, or a\n"
                    "folder that has them; reports changes, and the paired difference")
        ->type_name("FILE")
        ->allow_extra_args(false);
    command.add_flag("--unpaired", options.unpaired,
                     "--compare: the two dumps have other inputs; reports the drift of the\n"
                     "distribution of activations");
    command.add_flag("--similarity", options.similarity,
                     "CKA of all pairs of layers; with --compare, of each layer with each perturbed\n"
                     "one, from a random subset of at most 2048 samples (--reservoir N: fewer)");
    command
        .add_option("--fail-if", options.fail_if,
                    "exit code 3 when a layer meets 'selectivity.mean>0.4' (keys of the JSON),\n"
                    "or that number is undefined; 'conv*:selectivity.mean>0.4'; KEY==null,\n"
                    "KEY==true, any(KEY)>0.9, max(KEY), min(KEY); repeatable")
        ->type_name("CONDITION")
        ->allow_extra_args(false);
    command
        .add_option("--precision", options.precision,
                    "of the products of a covariance: double, or float (twice as fast,\n"
                    "blocks summed in double)")
        ->check(one_of({"double", "float"}))
        ->type_name("P")
        ->capture_default_str();
}

// --inference, and what belongs to it.
void add_estimate_options(CLI::App& command, measure_options& options) {
    command.add_flag("--inference", options.inference,
                     "each estimate with its interval: cross-fit selectivity, the unbiased\n"
                     "participation ratio, class geometry, similarity; reads layers of more\n"
                     "samples than units twice");
    command
        .add_option("--first-index", options.first_index,
                    "--inference, --reservoir: place of the first sample in the whole data\n"
                    "set, for parts that are measured separately")
        ->type_name("I")
        ->capture_default_str();
    command
        .add_option("--method", options.method,
                    "--inference: exact (leaves out every sample), blocks (leaves out blocks of\n"
                    "samples, in one pass; used for streams and shards), sketch (256 random probes,\n"
                    "participation ratio only), or auto: a sketch above 8192 samples and units")
        ->check(one_of({"exact", "blocks", "sketch", "auto"}))
        ->type_name("HOW")
        ->capture_default_str();
    command
        .add_option("--null", options.null,
                    "--inference: p-values of units by saddlepoint (approximates the\n"
                    "distribution under shuffled labels) or by permutation of the labels\n"
                    "(further passes over the samples)")
        ->check(one_of({"saddlepoint", "permutation"}))
        ->type_name("HOW")
        ->capture_default_str();
    command
        .add_option("--permutations", options.permutations,
                    "--null permutation: permutations per unit; more for units\nwhose p-value is the "
                    "smallest possible one")
        ->check(quiet(CLI::Range(std::size_t{1}, std::size_t{1'000'000})))
        ->type_name("N")
        ->capture_default_str();
}

// What never changes a result.
void add_resource_options(CLI::App& command, measure_options& options) {
    command.add_option("--threads", options.threads, "0: all cores; never changes a result")
        ->check(quiet(CLI::Range(0, 1024)))
        ->type_name("T")
        ->capture_default_str();
    command.add_option("--batch", options.batch, "samples held at a time; never changes a result")
        ->check(quiet(CLI::Range(std::size_t{1}, std::size_t{1} << 40U)))
        ->type_name("N");
    command
        .add_option("--memory", options.memory,
                    "maximum memory of the layers that are measured at the same time (512M, 4G)\n[4G]; never "
                    "changes a result")
        ->transform(quiet(CLI::AsSizeValue(false), "expected bytes such as 512M or 4G"))
        ->type_name("M");
}

// Of streams.
void add_stream_options(CLI::App& command, measure_options& options) {
    command.add_flag(
        "--webdataset", options.webdataset,
        "streams: members are named KEY.LAYER.npy, and KEY.labels.npy, in\nplace of LAYER/BATCH.npy");
    command
        .add_option("--snapshot", options.snapshot,
                    "streams: save the moments to this file every 10 minutes and at the end;\n"
                    "'repscope merge FILE' shows them, --resume continues")
        ->type_name("FILE");
    command
        .add_option("--snapshot-every", options.snapshot_every,
                    "streams: samples of a layer between snapshots, in place of a time")
        ->check(quiet(CLI::Range(std::size_t{1}, std::size_t{1} << 60U)))
        ->type_name("N");
    command
        .add_option("--resume", options.resume,
                    "streams: begin with the moments of a snapshot; the stream is sent again\n"
                    "from its beginning, and samples that the moments have are skipped")
        ->type_name("FILE");
}

// Where the results go.
void add_output_options(CLI::App& command, measure_options& options) {
    command
        .add_option("--json", options.json,
                    "write the numbers of layers and units to this file; - is standard output")
        ->type_name("FILE");
    command
        .add_option("--format", options.format,
                    "of standard output: table, csv (a row per layer), json (as --json -) or\nmarkdown")
        ->check(one_of(print_format_names()))
        ->type_name("F")
        ->capture_default_str();
    command.add_flag("--hash", options.hash,
                     "with --json: the SHA-256 of every input, which reads the files once more");
    command
        .add_option("--report", options.report,
                    "write report.html, with figures by gnuplot, and .csv to this folder")
        ->type_name("DIR");
    command.add_option("--require", options.require, "selectivity: fail when there are no labels")
        ->check(one_of({"selectivity"}))
        ->type_name("WHAT");
    if (options.part == nullptr) {
        command
            .add_option("--shard", options.shard,
                        "i/n, i from 1: measure only the i-th of n parts of the samples")
            ->type_name("I/N");
        command
            .add_option("--state", options.state,
                        "save the moments for 'repscope merge' instead of printing numbers")
            ->type_name("FILE");
    }
}

} // namespace

array_options measure_options::arrays() const {
    return {.dtype = dtype,
            .shapes = parse_layer_values(shapes),
            .offset = offset,
            .folders = batches      ? repscope::io::folder_files::batches
                       : no_batches ? repscope::io::folder_files::layers
                                    : repscope::io::folder_files::by_name};
}

statistics_options measure_options::statistics() const {
    using repscope::analysis::null_method;
    using repscope::analysis::trace_method;
    const bool is_one_pass = is_stream || chosen_shard(*this).has_value();
    return {.labels = nullptr,
            .unpaired = unpaired,
            .gram_samples = similarity ? std::min<std::size_t>(reservoir, 2048) : 0,
            .layer = {.measures = parse_measures(measures, {.labels = is_stream || !labels.empty(),
                                                            .compare = !compare.empty() && !unpaired}),
                      .negatives = policy_named(negatives).value(),
                      .epsilon = epsilon,
                      .reservoir = reservoir,
                      .inference = inference,
                      .first_sample = first_index,
                      .trace = method == "auto"                    ? trace_method::automatic
                               : method == "sketch"                ? trace_method::sketch
                               : method == "blocks" || is_one_pass ? trace_method::blocks
                                                                   : trace_method::exact,
                      .null = null == "permutation" ? null_method::permutation : null_method::saddlepoint,
                      .permutations = permutations,
                      .products = precision == "float" ? repscope::product_precision::float32
                                                       : repscope::product_precision::float64,
                      .max_bytes = memory,
                      .max_bytes_with_blocks = memory,
                      .batch = batch}};
}

void add_measure_options(CLI::App& command, measure_options& options) {
    add_dump_options(command, options);
    add_definition_options(command, options);
    add_estimate_options(command, options);
    add_resource_options(command, options);
    add_output_options(command, options);
    if (options.part == nullptr) add_stream_options(command, options);
    command.footer(
        "Examples:\n"
        "  repscope measure conv1.npy conv2.npy fc.npy --labels labels.npy\n"
        "  repscope measure dump.npz --labels dump.npz:labels --layout 'block*=ntd' --signed rectify\n"
        "  repscope measure clean.safetensors --compare noisy.safetensors --labels labels.csv\n"
        "  repscope measure acts.npy --json - | python3 -m json.tool\n"
        "  tar c labels conv1 fc | ssh host repscope measure -\n"
        "  repscope measure --measures help\n"
        "A layer is an array for all samples, in the order of the labels: (samples, units) or\n"
        "(samples, channels, height, width), or another with --layout. From Python: numpy.save(FILE, "
        "array).");
}

std::optional<shard_choice> chosen_shard(const measure_options& options) {
    if (options.part != nullptr) return shard_choice{options.part->shard, options.part->shards};
    if (options.state.empty()) return std::nullopt;
    return options.shard.empty() ? shard_choice{} : parse_shard(options.shard);
}

void check(const measure_options& options) {
    using repscope::analysis::measure;
    if (!options.is_stream) {
        const std::pair<const char*, bool> of_streams[] = {{"--webdataset", options.webdataset},
                                                           {"--snapshot", !options.snapshot.empty()},
                                                           {"--snapshot-every", options.snapshot_every != 0},
                                                           {"--resume", !options.resume.empty()}};
        for (const auto& [name, is_given] : of_streams) {
            if (is_given)
                throw usage_error(std::string(name) + ": expected a stream (-, a pipe, a .tar file)");
        }
    }
    const auto measures = options.statistics().layer.measures;
    const bool may_have_labels = options.is_stream || !options.labels.empty();
    const bool has_selectivity = may_have_labels && measures.contains(measure::selectivity);
    if (!may_have_labels) {
        if (options.require == "selectivity") {
            throw usage_error("--require selectivity: selectivity needs --labels");
        }
        if (!options.ignored.empty()) throw usage_error("--ignore-label: needs --labels");
    }
    if (options.require == "selectivity" && !has_selectivity) {
        throw usage_error("--require selectivity: --measures leaves it out");
    }
    using namespace repscope::analysis;
    constexpr measure_set estimated = geometry_measures | similarity_measures |
                                      measure_set{measure::selectivity, measure::participation_ratio};
    const measure_set possible = may_have_labels ? measures : measures.without(labeled_measures);
    if (options.inference && !possible.contains_any(estimated)) {
        throw usage_error("--inference: needs selectivity, participation_ratio, or measures of geometry or "
                          "similarity");
    }
    if (options.json == "-" && options.format != "table")
        throw usage_error("--format: standard output has --json -");
    if (!options.shard.empty() && options.state.empty()) {
        throw usage_error("--shard: needs --state FILE for the shard's moments");
    }
    if (const auto shard = chosen_shard(options)) {
        const std::string numbers = ": not with --state; 'repscope merge' gives the numbers of all shards";
        if (options.part == nullptr && !options.json.empty()) throw usage_error("--json" + numbers);
        if (options.part == nullptr && options.format != "table") throw usage_error("--format" + numbers);
        if (options.part == nullptr && !options.fail_if.empty()) throw usage_error("--fail-if" + numbers);
        const std::string whole = ": expected all samples in one process";
        if (!options.report.empty()) throw usage_error("--report" + whole);
        if (!options.compare.empty()) throw usage_error("--compare" + whole);
        if (options.similarity) throw usage_error("--similarity" + whole);
        if (options.null == "permutation") throw usage_error("--null permutation" + whole);
        if (options.method == "auto") throw usage_error("--method auto" + whole);
        if (options.hash) throw usage_error("--hash" + whole);
    }
    if (options.similarity && options.unpaired)
        throw usage_error("--similarity: not with --unpaired; expected the same samples in all layers");
    const bool has_reservoir =
        options.similarity || measures.contains_any(neighbor_measures | sampled_unit_measures);
    if (options.reservoir != 2048 && !has_reservoir)
        throw usage_error("--reservoir: needs a measure of samples, see '--measures help'");
    if (!options.inference && !has_reservoir && options.first_index != 0)
        throw usage_error("--first-index: needs --inference");
    if (options.unpaired && options.compare.empty()) throw usage_error("--unpaired: needs --compare");
    if (!options.compare.empty() && !options.unpaired && options.statistics().compared_measures().empty())
        throw usage_error("--compare: compares none of these measures");
    if (options.precision == "float" && !options.compare.empty() && !options.unpaired &&
        measures.contains_any({measure::cka, measure::procrustes})) {
        throw usage_error(
            "--precision float: not with cka and procrustes, whose products of both layers are in "
            "double");
    }
    if (options.method != "exact") {
        if (!options.inference) throw usage_error("--method " + options.method + ": needs --inference");
        if (!measures.contains(measure::participation_ratio))
            throw usage_error("--method " + options.method + ": needs the measure participation_ratio");
        if (!options.compare.empty() && options.method != "blocks")
            throw usage_error("--method " + options.method + ": --compare is exact");
    }
    if (options.null != "saddlepoint") {
        if (!options.inference) throw usage_error("--null " + options.null + ": needs --inference");
        if (!may_have_labels) throw usage_error("--null " + options.null + ": needs --labels");
        if (!has_selectivity) throw usage_error("--null " + options.null + ": needs the measure selectivity");
    }
    if (options.permutations != 999 && options.null != "permutation") {
        throw usage_error("--permutations: needs --null permutation");
    }
    check_condition_keys(options.fail_if, {may_have_labels, !options.compare.empty() && !options.unpaired,
                                           options.inference, measures, options.unpaired});
}

} // namespace program
