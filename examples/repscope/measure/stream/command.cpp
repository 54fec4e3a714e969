#include "measure/stream/command.hpp"

#include "dumps/dump.hpp"
#include "files/output_file.hpp"
#include "files/output_guard.hpp"
#include "measure/fail_if/condition_check.hpp"
#include "measure/result.hpp"
#include "measure/stream/measurement.hpp"
#include "support/errors.hpp"

#include <repscope/analysis/state_file.hpp>
#include <repscope/io/byte_stream.hpp>
#include <repscope/io/file.hpp>
#include <repscope/io/tar_reader.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace program {

namespace {

namespace io = repscope::io;

constexpr std::size_t tar_header_bytes = 512;

// Whether a regular file is a tar archive, by its first header.
bool is_tar_file(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    std::vector<std::byte> head(tar_header_bytes);
    stream.read(reinterpret_cast<char*>(head.data()), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(stream.gcount()));
    return io::is_tar(head) || std::filesystem::path(file).extension() == ".tar";
}

bool is_stream(const std::string& argument) {
    if (argument == "-") return true;
    struct stat about {};
    if (::stat(argument.c_str(), &about) != 0 || S_ISDIR(about.st_mode)) return false;
    return !S_ISREG(about.st_mode) || is_tar_file(argument);
}

// Options that a stream cannot have, by name.
void refuse_options(const measure_options& options) {
    const auto refuse = [](bool is_given, const std::string& option, const std::string& reason) {
        if (is_given) throw usage_error(option + ": not with a stream, " + reason);
    };
    const std::string once = "which is read once";
    refuse(options.part != nullptr, "repscope-mpi", "which one process reads");
    refuse(!options.shard.empty(), "--shard", "whose number of samples is not known");
    refuse(!options.state.empty(), "--state", "which has --snapshot FILE");
    refuse(!options.compare.empty(), "--compare", "which is not paired with another one");
    refuse(options.hash, "--hash", once);
    refuse(options.similarity, "--similarity", once);
    refuse(!options.report.empty(), "--report", once + "; its page has the hashes of the inputs");
    refuse(options.null == "permutation", "--null permutation", once);
    refuse(options.method == "auto", "--method auto",
           "whose number of samples is not known (blocks, sketch)");
    refuse(!options.shapes.empty(), "--shape", "whose members are .npy arrays");
    refuse(options.offset != 0, "--offset", "whose members are .npy arrays");
    refuse(!options.dtype.empty() && options.dtype != "bf16", "--dtype", "whose members state their types");
    refuse(options.webdataset && options.no_batches, "--webdataset and --no-batches",
           "whose members have one form of names");
    if (options.snapshot_every != 0 && options.snapshot.empty())
        throw usage_error("--snapshot-every: needs --snapshot FILE");
    if (std::count(options.files.begin(), options.files.end(), "-") > 1)
        throw usage_error("-: standard input is named twice");
}

void check_stream_outputs(const measure_options& options) {
    output_guard guard;
    for (const std::string& file : options.files) {
        if (file != "-") guard.add_input(file);
    }
    // Standard input may be a file.
    if (std::count(options.files.begin(), options.files.end(), "-") > 0) guard.add_input("/dev/stdin");
    if (!options.labels.empty()) guard.add_input(split_key(options.labels).first);
    if (!options.resume.empty()) guard.add_input(options.resume);
    guard.add_output("--json", options.json, file_kind::json);
    guard.add_output("--snapshot", options.snapshot, file_kind::state);
    for (const std::string& file : {options.json, options.snapshot}) {
        if (!file.empty()) require_writable(file);
    }
}

// The name of the layer whose records an argument has.
std::string layer_of_records(const std::string& argument) {
    return argument == "-" ? "stdin" : std::filesystem::path(argument).stem().string();
}

void read_stream(const std::string& argument, stream_measurement& measurement) {
    const auto bytes = argument == "-" ? std::make_unique<io::descriptor_stream>(STDIN_FILENO, "-")
                                       : std::make_unique<io::descriptor_stream>(argument);
    const auto head = bytes->peek(tar_header_bytes);
    const auto begins_with = [&](std::initializer_list<int> magic) {
        return head.size() >= magic.size() &&
               std::equal(magic.begin(), magic.end(), head.begin(),
                          [](int a, std::byte b) { return static_cast<std::byte>(a) == b; });
    };
    if (head.empty()) throw data_error(argument, "is empty, expected a tar archive or .npy records");
    if (begins_with({0x93, 'N', 'U', 'M', 'P', 'Y'})) {
        measurement.read_records(*bytes, argument, layer_of_records(argument));
        return;
    }
    if (begins_with({0x1f, 0x8b})) throw data_error(argument, "is compressed, expected the output of zcat");
    if (begins_with({'P', 'K'}))
        throw data_error(argument,
                         "is a zip archive (.npz), which cannot be read from a stream; name the file");
    measurement.read_tar(*bytes, argument);
}

} // namespace

bool are_streams(const measure_options& options) {
    const auto count = std::count_if(options.files.begin(), options.files.end(), is_stream);
    if (count == 0) return false;
    if (static_cast<std::size_t>(count) != options.files.size()) {
        const auto file = std::find_if_not(options.files.begin(), options.files.end(), is_stream);
        throw usage_error(*file + ": not a stream; expected streams only, or files only");
    }
    return true;
}

int measure_streams(measure_options options) {
    options.is_stream = true;
    check(options);
    refuse_options(options);
    check_stream_outputs(options);
    std::optional<label_set> labels;
    if (!options.labels.empty()) labels = read_labels(options.labels, options.ignored);
    repscope::thread_pool pool(static_cast<std::size_t>(options.threads));
    stream_measurement measurement(options, labels ? &*labels : nullptr, pool);
    if (!options.resume.empty()) {
        const io::input_file file(options.resume);
        const std::vector<std::byte> bytes = file.beginning(file.size());
        measurement.resume(repscope::analysis::parse_state_file(bytes, options.resume));
    }
    for (const std::string& argument : options.files) read_stream(argument, measurement);
    const measure_result result = measurement.finish();
    std::vector<std::string> names;
    for (const layer_report& layer : result.layers) names.push_back(layer.name);
    check_condition_layers(options.fail_if, names);
    check_condition_keys(options.fail_if, {result.layers.front().selectivity.has_value(), false,
                                           options.inference, options.statistics().layer.measures});
    publish(result, options.json, print_format_named(options.format));
    return judge(result, options.fail_if, "repscope measure");
}

} // namespace program
