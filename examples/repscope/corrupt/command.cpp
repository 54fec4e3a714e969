// repscope corrupt: the corruptions of ImageNet-C, CIFAR-10-C and Tiny-ImageNet-C over images of any size.

#include "cli/commands.hpp"
#include "cli/validators.hpp"
#include "corrupt/arrays.hpp"
#include "corrupt/finished.hpp"
#include "corrupt/lists.hpp"
#include "corrupt/output.hpp"
#include "corrupt/pictures.hpp"
#include "corrupt/preview.hpp"
#include "corrupt/summary.hpp"
#include "corrupt/work.hpp"
#include "files/output_file.hpp"
#include "files/output_guard.hpp"
#include "images/frost_textures.hpp"
#include "support/errors.hpp"
#include "support/progress.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace program {

namespace {

namespace fs = std::filesystem;
namespace corruption = repscope::corruption;

struct corrupt_options {
    std::vector<std::string> paths; // inputs and, last, the output
    std::string corruption;
    std::string severity;
    std::string format = "auto";
    int quality = 95;
    std::string flatten;
    bool skip_bad = false;
    bool overwrite = false;
    bool resume = false;
    std::string variant = "auto";
    std::uint64_t seed = 0;
    std::string labels;
    int threads = 0;
    std::string frost_textures;
    std::string preview;
};

corruption::variant variant_of(const std::string& name) {
    if (name == "imagenet") return corruption::variant::imagenet;
    if (name == "cifar") return corruption::variant::cifar;
    if (name == "tiny") return corruption::variant::tiny;
    return corruption::variant::nearest;
}

image_source source_of(const corrupt_options& options) {
    image_source_options how;
    if (!options.flatten.empty()) how.decode.flatten = color_of(options.flatten);
    how.skip_bad = options.skip_bad;
    return {{options.paths.begin(), options.paths.end() - 1}, how};
}

int corrupt(const corrupt_options& options) {
    if (options.paths.size() < 2) throw usage_error("expected IN and OUT, got only " + options.paths.front());
    const std::string& out = options.paths.back();
    const auto names = corruptions_of(options.corruption);
    const auto severities = severities_of(options.severity);
    const output_choice choice = output_named(out, options.format);
    const auto textures = read_frost_textures(options.frost_textures);
    repscope::thread_pool pool(static_cast<std::size_t>(options.threads));
    corrupt_work work{source_of(options),
                      names,
                      severities,
                      {.threads = pool,
                       .variant = variant_of(options.variant),
                       .seed = options.seed,
                       .frost_textures = textures},
                      out,
                      corrupt_output::array,
                      choice.format,
                      options.quality,
                      pool.size(),
                      options.resume};
    work.output = output_of(choice, work, !options.labels.empty());
    std::optional<labels_file> labels;
    if (!options.labels.empty())
        labels = read_labels_file(options.labels, work.images.count(), work.images.name());

    const std::string labels_out = labels ? (fs::path(out) / "labels.npy").string() : std::string();
    output_guard guard;
    for (std::size_t i = 0; i + 1 < options.paths.size(); ++i) guard.add_input(options.paths[i]);
    guard.add_input(options.labels);
    guard.add_input(options.frost_textures);
    guard_outputs(work, options.overwrite, !options.preview.empty(), guard);
    guard.add_output("OUT", labels_out, file_kind::npy);
    guard.add_output("--preview", options.preview, file_kind::png);

    require_outputs(work);
    if (!options.preview.empty()) require_writable(options.preview);
    const std::size_t finished = count_finished(work);
    {
        progress shown("corrupt", static_cast<double>(work.conditions() * work.images.count()), "images");
        if (work.writes_arrays())
            write_arrays(work, shown);
        else
            write_pictures(work, shown);
    }
    if (labels) write_labels(labels_out, *labels, severities.size());
    if (!options.preview.empty()) write_output(options.preview, corrupt_preview(work));
    for (const std::string& note : work.images.notes())
        std::fputs(("note: " + on_one_line(note) + "\n").c_str(), stderr);
    std::fputs((on_one_line(corrupt_summary(work, finished)) + "\n").c_str(), stderr);
    return 0;
}

} // namespace

command add_corrupt(CLI::App& app) {
    auto options = std::make_shared<corrupt_options>();
    CLI::App* sub =
        app.add_subcommand("corrupt", "The corruptions of ImageNet-C, CIFAR-10-C and Tiny-ImageNet-C");
    sub->add_option("IN_OUT", options->paths,
                    "images: a uint8 .npy of (n, h, w, c), (n, h, w) or (h, w, c),\n"
                    "PNG or JPEG files of any size, or a folder of them; and last,\n"
                    "where to: a folder, or a .npy, .png or .jpg file")
        ->required()
        ->type_name("IN OUT");
    sub->add_option("--corruption", options->corruption,
                    "names, or common (15), extra (4), all (19): fog,snow")
        ->required()
        ->type_name("LIST");
    sub->add_option("--severity", options->severity, "1 to 5, or all: 1,3")->required()->type_name("LIST");
    sub->add_option("--format", options->format,
                    "npy (arrays, severity-major), png, jpeg, or auto: what OUT is\n"
                    "named; in a folder, arrays for a .npy and pictures for pictures")
        ->check(one_of({"auto", "npy", "png", "jpeg"}))
        ->type_name("FORMAT")
        ->capture_default_str();
    sub->add_option("--quality", options->quality, "of JPEG files, 1 to 100; 85 as ImageNet-C")
        ->check(quiet(CLI::Range(1, 100)))
        ->type_name("Q")
        ->capture_default_str();
    sub->add_option("--flatten", options->flatten,
                    "the color under transparent pixels: white, black, gray, #rrggbb;\n"
                    "without it they are an error")
        ->type_name("COLOR");
    sub->add_flag("--skip-bad", options->skip_bad,
                  "leave out pictures that cannot be read, each with a note");
    CLI::Option* overwrite = sub->add_flag("--overwrite", options->overwrite, "replace pictures that exist");
    sub->add_flag("--resume", options->resume,
                  "leave arrays and pictures that exist: those of an interrupted run with\n"
                  "the same inputs and options, which are not compared")
        ->excludes(overwrite);
    sub->add_option("--variant", options->variant,
                    "parameters: imagenet (224), cifar (32), tiny (64), or auto, the\nnearest in size")
        ->check(one_of({"auto", "imagenet", "cifar", "tiny"}))
        ->type_name("SET")
        ->capture_default_str();
    sub->add_option("--seed", options->seed, "of the random draws; the same bytes everywhere")
        ->type_name("K")
        ->capture_default_str();
    sub->add_option("--labels", options->labels,
                    "one label per image; with arrays in a folder, written as\nlabels.npy, once per severity")
        ->type_name("FILE");
    sub->add_option("--threads", options->threads, "0: all cores; never changes a byte")
        ->check(quiet(CLI::Range(0, 1024)))
        ->type_name("T")
        ->capture_default_str();
    sub->add_option("--frost-textures", options->frost_textures,
                    "PNG and JPEG pictures of frost; without them a procedural ice\nis used")
        ->type_name("FOLDER");
    sub->add_option("--preview", options->preview,
                    "the first image, a row per corruption, severities across, as PNG")
        ->type_name("FILE");
    sub->footer("Examples:\n"
                "  repscope corrupt photo.jpg fog.jpg --corruption fog --severity 3\n"
                "  repscope corrupt photos foggy --corruption fog,snow --severity 1,3\n"
                "  repscope corrupt test.npy cifar-c --corruption common --severity all --labels labels.npy\n"
                "Pictures keep their names: OUT/NAME for one corruption and severity, else\n"
                "OUT/CORRUPTION/SEVERITY/NAME as in ImageNet-C. Arrays are those of CIFAR-10-C:\n"
                "OUT/CORRUPTION.npy, all images of severity 1, then of 2, ...");
    return {sub, [options] { return corrupt(*options); }};
}

} // namespace program
