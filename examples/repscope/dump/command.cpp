// repscope dump: the activations, logits and input gradients of a network in an ONNX file.

#include "cli/commands.hpp"
#include "cli/validators.hpp"
#include "dump/network_choice_options.hpp"
#include "dump/options.hpp"
#include "dump/run.hpp"
#include "files/output_guard.hpp"
#include "onnx/file.hpp"
#include "support/errors.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <unistd.h>

namespace program {

namespace {

void check_dump_options(const dump_options& options) {
    require_onnx("repscope dump");
    check_numbers(options);
    if (options.list) return;
    if (options.inputs.empty()) throw usage_error("expected --inputs X.npy, or --list");
    if (options.out.empty()) throw usage_error("expected --out DIR, or --out - for a tar archive");
    if (options.out == "-" && ::isatty(STDOUT_FILENO) == 1) {
        throw usage_error("--out -: expected a pipe or a file, got a terminal");
    }
}

int run_dump(const dump_options& options) {
    check_dump_options(options);
    output_guard guard;
    guard.add_input(options.model);
    guard.add_input(options.inputs);
    guard.add_input(options.labels);
    if (!options.out.empty() && options.out != "-") guard.add_output_folder("--out", options.out);
    const auto model = read_onnx_file(options.model);
    if (options.list)
        list_tensors(model, options);
    else
        dump_network(model, options);
    return 0;
}

void add_input_options(CLI::App& command, dump_options& options) {
    command
        .add_option("--inputs", options.inputs,
                    "uint8 (n, height, width, channels), which are divided by 255\n"
                    "and reach the model in its order of axes,\n"
                    "or floating-point (n, channels, height, width) in [0, 1]")
        ->type_name("X.npy");
    add_network_choice_options(command, options);
}

} // namespace

command add_dump(CLI::App& app) {
    auto options = std::make_shared<dump_options>();
    CLI::App* sub =
        app.add_subcommand("dump", "Activations, logits and input gradients of a network in an ONNX file");
    sub->add_option("MODEL", options->model, "a .onnx file")->required()->type_name("MODEL.onnx");
    add_input_options(*sub, *options);
    sub->add_option("--layers", options->layers,
                    "tensors to write, by name, with * and ?; ! in front leaves out\n"
                    "[outputs of ReLUs, else those of all activation functions]")
        ->type_name("PATTERN");
    sub->add_option("--loss-gradient", options->labels,
                    "labels, one per input: writes the gradient of each input's own\ncross-entropy")
        ->type_name("LABELS.npy");
    sub->add_option("--out", options->out,
                    "folder for the arrays, or - for a tar archive that 'measure -' reads")
        ->type_name("DIR");
    sub->add_flag("--list", options->list, "print the tensors and write nothing");
    sub->add_option("--threads", options->threads, "0: all cores; never changes a result")
        ->check(quiet(CLI::Range(0, 1024)))
        ->type_name("T")
        ->capture_default_str();
    sub->footer("Examples:\n"
                "  repscope dump resnet18.onnx --list\n"
                "  repscope dump resnet18.onnx --inputs images.npy --mean 0.485,0.456,0.406 \\\n"
                "    --std 0.229,0.224,0.225 --out activations\n"
                "  repscope dump model.onnx --inputs x.npy --out - | repscope measure - --labels y.npy");
    return {sub, [options] { return run_dump(*options); }};
}

} // namespace program
