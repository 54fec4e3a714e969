// repscope corrupt: the corruptions of ImageNet-C, CIFAR-10-C and Tiny-ImageNet-C over images of any size.

#include "command_line.hpp"
#include "commands.hpp"
#include "contact_sheet.hpp"
#include "failure.hpp"
#include "frost_textures.hpp"
#include "image_source.hpp"
#include "output_file.hpp"
#include "output_guard.hpp"
#include "progress.hpp"

#include <repscope/bytes.hpp>
#include <repscope/corruption/catalog.hpp>
#include <repscope/io/npy.hpp>
#include <repscope/numeric/thread_pool.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace program {

namespace {

namespace fs = std::filesystem;
namespace corruption = repscope::corruption;

struct corrupt_options {
    std::vector<std::string> paths; // inputs and, last, the output
    std::string corruption;
    std::string severity;
    std::string variant = "auto";
    std::uint64_t seed = 0;
    std::string labels;
    int threads = 0;
    std::string frost_textures;
    std::string preview;
};

std::vector<std::string_view> names_of(const std::string& which) {
    std::vector<std::string_view> names;
    if (which == "common" || which == "all")
        names.assign(corruption::common.begin(), corruption::common.end());
    if (which == "extra" || which == "all")
        names.insert(names.end(), corruption::extra.begin(), corruption::extra.end());
    if (names.empty()) {
        try {
            names.push_back(corruption::name_of(corruption::find(which)));
        } catch (const repscope::value_error& e) {
            throw usage_error("--corruption: " + without_function_name(e.what()) +
                              ", and common, extra, all");
        }
    }
    return names;
}

std::vector<int> severities_of(const std::string& text) {
    if (text == "all") return {1, 2, 3, 4, 5};
    if (text.size() == 1 && text[0] >= '1' && text[0] <= '5') return {text[0] - '0'};
    throw usage_error("--severity: wanted 1 to 5 or all, got " + text);
}

corruption::variant variant_of(const std::string& name) {
    if (name == "imagenet") return corruption::variant::imagenet;
    if (name == "cifar") return corruption::variant::cifar;
    if (name == "tiny") return corruption::variant::tiny;
    return corruption::variant::nearest;
}

/// Labels as they stand in their file, to be repeated for every severity.
struct labels_file {
    repscope::io::npy_header header;
    std::vector<std::byte> bytes;
};

labels_file read_labels_file(const std::string& file, std::size_t images, const std::string& input) {
    const repscope::io::input_file contents(file);
    labels_file labels{repscope::io::read_npy_header(contents), {}};
    const auto& shape = labels.header.shape;
    if (shape.empty() || labels.header.fortran_order)
        throw data_error(file, "wanted labels, one an image, in C order, got shape " +
                                   repscope::format_shape(shape));
    if (shape[0] != images) {
        throw data_error(file, std::to_string(shape[0]) + " labels, but " + input + " holds " +
                                   std::to_string(images) + " images");
    }
    labels.bytes.resize(labels.header.size() * repscope::io::size_of(labels.header.format.type));
    contents.read(labels.header.data_offset, labels.bytes);
    return labels;
}

void write_labels(const std::string& file, const labels_file& labels, std::size_t times) {
    std::vector<std::size_t> shape = labels.header.shape;
    shape[0] *= times;
    repscope::atomic_file out(file);
    out.write(repscope::io::npy_header_bytes(labels.header.format, shape));
    for (std::size_t i = 0; i < times; ++i) out.write(labels.bytes);
    out.commit();
}

/// Everything that is settled before the first image is read.
struct corrupt_work {
    image_source images;
    std::vector<std::string_view> names;
    std::vector<int> severities;
    corruption::apply_options how;
};

repscope::array<std::uint8_t, 4> corrupt_some(const corrupt_work& work, std::string_view name, int severity,
                                              std::size_t first, std::size_t count,
                                              std::vector<std::uint8_t>& pixels) {
    const picture_size& size = work.images.size();
    pixels.resize(count * size.bytes());
    work.images.read(first, count, pixels.data());
    corruption::apply_options how = work.how;
    how.severity = severity;
    how.index = static_cast<std::uint32_t>(first);
    return corruption::apply(name,
                             repscope::tensor_view<const std::uint8_t, 4>(
                                 pixels.data(), {count, size.height, size.width, size.channels}),
                             how);
}

/// Images of about 32 MiB are held at a time, whatever there are.
std::size_t images_at_a_time(const image_source& images) {
    return std::clamp<std::size_t>((std::size_t{32} << 20U) / images.size().bytes(), 1, images.count());
}

void write_corrupted(const corrupt_work& work, std::string_view name, const std::string& file,
                     const std::function<void()>& severity_done) {
    const picture_size& size = work.images.size();
    std::vector<std::size_t> shape{work.severities.size() * work.images.count(), size.height, size.width,
                                   size.channels};
    if (work.images.single() && work.severities.size() == 1) shape.erase(shape.begin());
    repscope::io::npy_writer<std::uint8_t> out(file, shape);
    std::vector<std::uint8_t> pixels;
    const std::size_t batch = images_at_a_time(work.images);
    for (const int severity : work.severities) {
        for (std::size_t first = 0; first < work.images.count(); first += batch) {
            const std::size_t count = (std::min)(batch, work.images.count() - first);
            const auto done = corrupt_some(work, name, severity, first, count, pixels);
            out.append(std::span(done.data_handle(), done.size()));
        }
        severity_done();
    }
    out.finish();
}

/// The first image in the first column, then its severities; a corruption a row.
std::string preview_of(const corrupt_work& work) {
    const picture_size& size = work.images.size();
    contact_sheet sheet(size, work.names.size(), work.severities.size() + 1);
    std::vector<std::uint8_t> pixels;
    for (std::size_t row = 0; row < work.names.size(); ++row) {
        for (std::size_t column = 0; column < work.severities.size(); ++column) {
            const auto done = corrupt_some(work, work.names[row], work.severities[column], 0, 1, pixels);
            sheet.put(row, column + 1, std::span(done.data_handle(), done.size()));
        }
        sheet.put(row, 0, pixels);
    }
    return sheet.png();
}

int corrupt(const corrupt_options& options) {
    if (options.paths.size() < 2) throw usage_error("wanted IN and OUT");
    const std::string& out = options.paths.back();
    const auto names = names_of(options.corruption);
    const bool folder =
        options.corruption == "common" || options.corruption == "extra" || options.corruption == "all";
    if (!options.labels.empty() && !folder)
        throw usage_error("--labels: belongs to --corruption common, extra or all, which fill a folder");
    const auto textures = read_frost_textures(options.frost_textures);
    repscope::thread_pool pool(static_cast<std::size_t>(options.threads));
    const corrupt_work work{image_source({options.paths.begin(), options.paths.end() - 1}),
                            names,
                            severities_of(options.severity),
                            {.threads = pool,
                             .variant = variant_of(options.variant),
                             .seed = options.seed,
                             .frost_textures = textures}};
    const image_source& images = work.images;
    const std::size_t channels = images.size().channels;
    if (channels != 1 && channels != 3) {
        throw data_error(images.name(), "wanted images of 1 channel or 3, got " + std::to_string(channels));
    }
    std::optional<labels_file> labels;
    if (!options.labels.empty()) labels = read_labels_file(options.labels, images.count(), images.name());

    const auto file_of = [&](std::string_view name) {
        return folder ? (fs::path(out) / (std::string(name) + ".npy")).string() : out;
    };
    output_guard guard;
    for (std::size_t i = 0; i + 1 < options.paths.size(); ++i) guard.add_input(options.paths[i]);
    guard.add_input(options.labels);
    guard.add_input(options.frost_textures);
    for (const std::string_view name : names) guard.add_output("OUT", file_of(name), file_kind::npy);
    if (labels) guard.add_output("OUT", file_of("labels"), file_kind::npy);
    guard.add_output("--preview", options.preview, file_kind::png);

    std::error_code failure;
    if (folder) {
        fs::create_directories(out, failure);
        if (failure) throw data_error(out, "cannot be made a folder: " + failure.message());
    }
    for (const std::string_view name : names) require_writable(file_of(name));
    if (!options.preview.empty()) require_writable(options.preview);

    progress shown("corrupt", static_cast<double>(names.size() * work.severities.size() * images.count()),
                   "images");
    std::size_t done = 0;
    for (const std::string_view name : names) {
        write_corrupted(work, name, file_of(name), [&] {
            done += images.count();
            shown.done(static_cast<double>(done), std::string(name));
        });
    }
    if (labels) write_labels(file_of("labels"), *labels, work.severities.size());
    if (!options.preview.empty()) write_output(options.preview, preview_of(work));
    return 0;
}

} // namespace

command add_corrupt(CLI::App& app) {
    auto options = std::make_shared<corrupt_options>();
    CLI::App* sub =
        app.add_subcommand("corrupt", "The corruptions of ImageNet-C, CIFAR-10-C and Tiny-ImageNet-C");
    sub->add_option("IN_OUT", options->paths,
                    "images: a uint8 .npy of (n, h, w, c) or (h, w, c), PNG or JPEG\n"
                    "files of one size, or a folder of them; and last, where to: a\n"
                    ".npy file, or a folder for common, extra and all")
        ->required()
        ->type_name("IN OUT");
    sub->add_option("--corruption", options->corruption, "a name, or common (15), extra (4), all (19)")
        ->required()
        ->type_name("NAME");
    sub->add_option("--severity", options->severity, "1 to 5, or all: severity-major, 5 n images")
        ->required()
        ->type_name("S");
    sub->add_option("--variant", options->variant,
                    "parameters: imagenet (224), cifar (32), tiny (64), or auto, the\nnearest in size")
        ->check(quiet(CLI::IsMember({"auto", "imagenet", "cifar", "tiny"})))
        ->type_name("SET")
        ->capture_default_str();
    sub->add_option("--seed", options->seed, "of the random draws; the same bytes everywhere")
        ->type_name("K")
        ->capture_default_str();
    sub->add_option("--labels", options->labels, "a label an image; written as labels.npy, once a severity")
        ->type_name("FILE");
    sub->add_option("--threads", options->threads, "0: all cores; never changes a byte")
        ->check(quiet(CLI::Range(0, 1024)))
        ->type_name("T")
        ->capture_default_str();
    sub->add_option("--frost-textures", options->frost_textures,
                    "PNG and JPEG pictures of frost; without them a procedural ice\nstands in")
        ->type_name("FOLDER");
    sub->add_option("--preview", options->preview,
                    "the first image, a corruption a row, severities across, as PNG")
        ->type_name("FILE");
    sub->footer("Examples:\n"
                "  repscope corrupt test.npy fog.npy --corruption fog --severity 3\n"
                "  repscope corrupt test.npy cifar-c --corruption common --severity all --labels labels.npy\n"
                "  repscope corrupt photo.jpg all --corruption all --severity all --preview sheet.png\n"
                "common are the 15 of the benchmark, extra the 4 that are for tuning. The layout is that of\n"
                "CIFAR-10-C: NAME.npy, all images of severity 1, then of 2, ...");
    return {sub, [options] { return corrupt(*options); }};
}

} // namespace program
