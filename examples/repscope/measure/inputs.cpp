#include "measure/inputs.hpp"

#include "dumps/layout_choice.hpp"
#include "files/input_files.hpp"
#include "measure/json.hpp"
#include "measure/pass/measure_file.hpp"
#include "measure/schedule.hpp"
#include "support/errors.hpp"
#include "support/format.hpp"
#include "support/progress.hpp"

#include <repscope/error.hpp>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <optional>

namespace program {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_of(const std::vector<dump_entry>& entries) {
    std::vector<std::string> names;
    for (const dump_entry& entry : entries) names.push_back(entry.name);
    return names;
}

// Whether --unit WHAT applies to a layer of these axes.
bool has_unit(repscope::layout axes, const std::string& what) {
    using repscope::layout;
    if (what == "token") return axes == layout::ntd;
    if (what == "position") return axes != layout::ntd && axes != layout::nu;
    return true;
}

} // namespace

bool positions_are_units(const measure_options& options, const std::string& name, repscope::layout axes) {
    if (options.spatial == "flatten") return true;
    bool flatten = false;
    for (const layer_value& value : parse_layer_values(options.units)) {
        if (value.pattern && !matches(*value.pattern, name)) continue;
        const bool fits = has_unit(axes, value.value);
        if (!fits && value.pattern) {
            throw usage_error("--unit: layer " + name + " of layout " + std::string(to_string(axes)) +
                              " has no " + value.value + "s");
        }
        if (fits) flatten = value.value != "channel";
    }
    return flatten;
}

void require_units(const measure_options& options, const std::vector<repscope::layout>& layouts) {
    for (const layer_value& value : parse_layer_values(options.units)) {
        const auto fits = [&](repscope::layout axes) { return has_unit(axes, value.value); };
        if (std::none_of(layouts.begin(), layouts.end(), fits)) {
            throw usage_error("--unit: no layer has " + value.value + "s");
        }
    }
}

namespace {

// The layers of --compare: a folder that has what each argument names, or arguments of its own.
std::vector<dump_entry> list_perturbed(const measure_options& options, const array_options& arrays) {
    std::vector<std::string> arguments = options.compare;
    std::error_code none;
    if (arguments.size() == 1 && fs::is_directory(arguments[0], none)) {
        std::vector<std::string> inside;
        for (const std::string& file : options.files) {
            const auto [path, key] = split_key(file);
            const fs::path plain =
                fs::path(path).has_filename() ? fs::path(path) : fs::path(path).parent_path();
            const std::string there = (fs::path(arguments[0]) / plain.filename()).string();
            if (!fs::exists(there, none)) break;
            inside.push_back(key.empty() ? there : there + ":" + key);
        }
        if (inside.size() == options.files.size()) arguments = inside;
    }
    return list_dump(arguments, arrays, options.labels).entries;
}

// Opens a layer; errors of an array in an archive state how to leave it out.
dump_layer open_array(const dump_entry& entry, const array_options& arrays) {
    if (entry.archive == nullptr) return open_layer(entry, arrays);
    try {
        return open_layer(entry, arrays);
    } catch (const repscope::format_error& e) {
        throw repscope::format_error(std::string(e.what()) + leave_out_hint(entry.name));
    }
}

const dump_entry& partner_of(const std::string& name, bool is_only_one,
                             const std::vector<dump_entry>& entries) {
    const auto place = std::find_if(entries.begin(), entries.end(),
                                    [&](const dump_entry& entry) { return entry.name == name; });
    if (place != entries.end()) return *place;
    if (is_only_one && entries.size() == 1) return entries.front();
    throw usage_error("--compare: the second dump has no layer '" + name + "'");
}

void check_partner(const repscope::io::block_reader& file, const repscope::io::block_reader& perturbed,
                   bool unpaired) {
    const std::ptrdiff_t first = unpaired ? 1 : 0; // the number of samples may differ
    if (std::equal(file.shape().begin() + first, file.shape().end(), perturbed.shape().begin() + first,
                   perturbed.shape().end())) {
        return;
    }
    throw data_error(perturbed.path(), "has shape " + repscope::format_shape(perturbed.shape()) + ", but " +
                                           file.path() + ", with which it is compared, " +
                                           repscope::format_shape(file.shape()));
}

} // namespace

double measured_layer::bytes() const {
    const auto of = [](const repscope::io::block_reader& reader) {
        return static_cast<double>(reader.samples()) * static_cast<double>(reader.sample_bytes());
    };
    return of(file) + (perturbed ? of(*perturbed) : 0.0);
}

opened_layers open_layers(const measure_options& options) {
    const array_options arrays = options.arrays();
    const std::vector<layer_value> layouts = parse_layer_values(options.layouts);
    const layer_choice chosen(options.layers);
    dump_listing listing = list_dump(options.files, arrays, options.labels);
    std::vector<dump_entry>& entries = listing.entries;
    const std::vector<std::string> names = names_of(entries);
    for (const std::string& pattern : chosen.unused(names)) {
        throw usage_error("--layers: no layer is called like " + pattern);
    }
    require_used("--layout", layouts, names);
    require_used("--unit", parse_layer_values(options.units), names);
    require_used("--shape", arrays.shapes, names);
    std::erase_if(entries, [&](const dump_entry& entry) { return !chosen.takes(entry.name); });
    if (entries.empty()) throw usage_error("no layer is left to be measured");
    std::vector<dump_entry> perturbed;
    if (!options.compare.empty()) perturbed = list_perturbed(options, arrays);

    opened_layers opened;
    if (listing.left_labels_out) {
        opened.notes.push_back(split_key(options.labels).first + " holds the labels and is not measured");
    }
    std::vector<measured_layer>& layers = opened.layers;
    for (const dump_entry& entry : entries) {
        dump_layer dump = open_array(entry, arrays);
        const std::string where = entry.origin.spelled();
        const auto shape = dump.shape();
        const auto stated = layouts_for(entry.name, shape, layouts, where);
        const auto layout = choose_layout(shape, stated, where, entry.name);
        repscope::io::block_reader file = dump.reader(layout);
        const bool flatten = positions_are_units(options, entry.name, layout);
        layers.push_back({std::move(dump), std::move(file), std::nullopt, std::nullopt, flatten});
        if (options.compare.empty()) continue;
        measured_layer& layer = layers.back();
        const dump_entry& partner = partner_of(entry.name, entries.size() == 1, perturbed);
        layer.perturbed_dump = open_layer(partner, arrays);
        if (layer.perturbed_dump->shape().size() != shape.size()) {
            throw data_error(partner.origin.spelled(),
                             "has shape " + repscope::format_shape(layer.perturbed_dump->shape()) + ", but " +
                                 where + ", with which it is compared, " + repscope::format_shape(shape));
        }
        layer.perturbed = layer.perturbed_dump->reader(layout);
        check_partner(layer.file, *layer.perturbed, options.unpaired);
    }
    std::vector<repscope::layout> axes;
    for (const measured_layer& layer : layers) axes.push_back(layer.file.axes());
    require_units(options, axes);
    return opened;
}

std::vector<std::string> input_files(const opened_layers& opened, const std::string& labels) {
    std::vector<std::string> files;
    for (const measured_layer& layer : opened.layers) {
        for (std::string& file : files_of(layer.dump)) files.push_back(std::move(file));
        if (!layer.perturbed_dump) continue;
        for (std::string& file : files_of(*layer.perturbed_dump)) files.push_back(std::move(file));
    }
    if (!labels.empty()) files.push_back(split_key(labels).first);
    return files;
}

namespace {

// What may be meant where labels and samples differ in number.
std::string count_hint(const measured_layer& layer, const label_set& labels) {
    const std::vector<repscope::io::stored_array>& files = layer.dump.arrays;
    const bool fits_each = std::all_of(files.begin(), files.end(), [&](const auto& file) {
        return !file.header.shape.empty() && file.header.shape[0] == labels.rows;
    });
    if (layer.dump.origin.is_folder && fits_each) {
        return ": " + std::to_string(files.size()) +
               " files joined as batches; --no-batches measures each as a layer";
    }
    if (!labels.class_names.empty() && labels.rows == layer.file.samples() + 1) {
        return ": if the first line of the labels is a header, name the column: FILE.csv:COLUMN";
    }
    return {};
}

} // namespace

void check_samples(const std::vector<measured_layer>& layers, const label_set& labels) {
    for (const measured_layer& layer : layers) {
        const std::size_t samples = layer.file.samples();
        if (labels.rows == samples) continue;
        throw data_error(labels.file, std::to_string(labels.rows) + " labels, but " + layer.file.path() +
                                          " holds " + std::to_string(samples) + " samples" +
                                          count_hint(layer, labels));
    }
}

namespace {

// Runs `work(k, task, how, read)` for every layer, several at a time where that is faster, on the part of the
// samples that is asked for.
template <typename Work>
void for_each_layer(const std::vector<measured_layer>& layers, const std::optional<shard_choice>& shard,
                    const statistics_options& how, std::size_t reserved, repscope::thread_pool& pool,
                    Work&& work) {
    std::vector<file_task> tasks;
    std::vector<layer_cost> costs;
    std::vector<double> sizes;
    for (const measured_layer& layer : layers) {
        file_task task{.file = &layer.file,
                       .perturbed = layer.perturbed ? &*layer.perturbed : nullptr,
                       .unpaired = how.unpaired,
                       .flatten = layer.flatten};
        if (shard) task.samples = shard->samples_of(layer.file.samples());
        const std::size_t samples = task.samples ? task.samples->count : layer.file.samples();
        const double part = static_cast<double>(samples) / static_cast<double>(layer.file.samples());
        sizes.push_back(part * layer.bytes());
        const std::size_t units =
            layer.flatten ? layer.file.units() * layer.file.positions() : layer.file.units();
        costs.push_back(estimate(sizes.back(), samples, units, layer.file.in_order(), how.layer.measures));
        costs.back().bytes = min_bytes(task, how);
        require_memory(task, costs.back().bytes + reserved, how.memory() + reserved);
        tasks.push_back(task);
    }
    const schedule order = plan(costs, pool.size(), how.memory());

    std::vector<double> read(layers.size(), 0.0);
    std::mutex mutex;
    double bytes = 0.0;
    for (const double size : sizes) bytes += size;
    progress shown("measure", bytes, "B");
    const auto run = [&](std::size_t k, const statistics_options& within) {
        work(k, tasks[k], within, [&, k](double done) {
            const std::lock_guard lock(mutex);
            read[k] = done;
            double all = 0.0;
            for (const double each : read) all += each;
            shown.done(all, layers[k].name());
        });
        const std::lock_guard lock(mutex);
        read[k] = sizes[k];
    };
    for (const std::size_t k : order.one_by_one) run(k, how);
    // The loops of a layer run in place here, since they are started from inside a task. What is allowed
    // beyond the least of each is shared out evenly.
    const std::size_t at_once = std::min(pool.size(), order.side_by_side.size());
    pool.for_each(order.side_by_side.size(), [&](std::size_t task) {
        const std::size_t k = order.side_by_side[task];
        statistics_options within = how;
        // Each of three states of a comparison is allowed a third, each of two dumps a half.
        const std::size_t states = tasks[k].perturbed == nullptr ? 1 : tasks[k].unpaired ? 2 : 3;
        within.layer.max_bytes =
            std::max(states * costs[k].bytes, how.memory() / std::max<std::size_t>(1, at_once));
        run(k, within);
    });
}

} // namespace

namespace {

// Reserves memory for the Gram matrices of --similarity, which are kept until all layers are measured.
void reserve_grams(const std::vector<measured_layer>& layers, statistics_options& how) {
    if (how.gram_samples == 0) return;
    const std::size_t kept = std::min(how.gram_samples, layers.front().file.samples());
    const auto samples = static_cast<double>(kept);
    const double matrices = static_cast<double>(layers.size()) * (layers.front().perturbed ? 2 : 1);
    const double bytes = matrices * samples * samples * sizeof(double);
    if (bytes > static_cast<double>(how.memory()) / 2) {
        throw usage_error("--similarity: the products of " + std::to_string(kept) +
                          " samples of all layers take " + byte_count(bytes) +
                          ", more than half of --memory; --reservoir N takes fewer samples");
    }
    for (const measured_layer& layer : layers) {
        if (layer.file.samples() == layers.front().file.samples()) continue;
        throw data_error(layer.file.path(), "holds " + std::to_string(layer.file.samples()) +
                                                " samples, expected " +
                                                std::to_string(layers.front().file.samples()) +
                                                " in all layers for --similarity");
    }
    how.layer.max_bytes -= static_cast<std::size_t>(bytes);
    how.layer.max_bytes_with_blocks = how.layer.max_bytes;
}

} // namespace

std::vector<layer_report> measure_layers(const std::vector<measured_layer>& layers, const label_set* labels,
                                         const measure_options& options, repscope::thread_pool& pool) {
    statistics_options how = options.statistics();
    how.labels = labels;
    reserve_grams(layers, how);
    std::vector<layer_report> reports(layers.size());
    for_each_layer(layers, std::nullopt, how, options.memory - how.memory(), pool,
                   [&](std::size_t k, const file_task& task, const statistics_options& within, auto&& read) {
                       reports[k] = measure_file(task, within, pool, read);
                       reports[k].name = layers[k].name();
                       reports[k].batches = layers[k].dump.arrays.size();
                   });
    return reports;
}

std::vector<std::byte> gather_layers(const opened_layers& opened, const label_set* labels,
                                     const shard_choice& shard, const measure_options& options,
                                     repscope::thread_pool& pool) {
    const std::vector<measured_layer>& layers = opened.layers;
    statistics_options how = options.statistics();
    how.labels = labels;
    std::vector<layer_report> described(layers.size());
    std::vector<repscope::analysis::sample_range> samples(layers.size());
    std::vector<std::vector<repscope::analysis::saved_section>> saved(layers.size());
    for_each_layer(layers, shard, how, 0, pool,
                   [&](std::size_t k, const file_task& task, const statistics_options& within, auto&& read) {
                       described[k] = describe(task);
                       described[k].name = layers[k].name();
                       samples[k] = *task.samples;
                       saved[k] = gather_file(task, within, pool, read, layers[k].dump.arrays.size());
                   });
    run_note note{options.labels, {}, opened.notes, {}};
    if (labels != nullptr) note.class_names = labels->class_names;
    note.inputs = input_records(input_files(opened, options.labels), false, pool);
    shard_writer writer(shard, stored_settings(options), stored_note(note), labels);
    for (std::size_t k = 0; k < layers.size(); ++k) {
        writer.add(described[k], samples[k], saved[k]);
        saved[k] = {};
    }
    return writer.finish();
}

} // namespace program
