#include "dumps/dump.hpp"

#include "dumps/argument_order.hpp"
#include "files/foreign_format.hpp"
#include "support/errors.hpp"

#include <repscope/io/npy_folder.hpp>
#ifdef REPSCOPE_WITH_HDF5
#include <repscope/io/hdf5.hpp>
#endif
#include <repscope/io/npz.hpp>
#include <repscope/io/raw.hpp>
#include <repscope/io/safetensors.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

namespace program {

namespace {

namespace fs = std::filesystem;
namespace io = repscope::io;

std::vector<std::size_t> parse_shape(const std::string& text) {
    std::vector<std::size_t> shape;
    const char* at = text.data();
    const char* const end = text.data() + text.size();
    for (;;) {
        std::size_t extent = 0;
        const auto [behind, failure] = std::from_chars(at, end, extent);
        if (failure != std::errc{} || (behind != end && *behind != ',')) {
            throw usage_error("--shape: expected extents like 240,12,5,5, got " + text);
        }
        shape.push_back(extent);
        if (behind == end) return shape;
        at = behind + 1;
    }
}

io::element_format raw_format(const array_options& options) {
    const auto format = io::element_format_named(options.dtype);
    if (!format) {
        throw usage_error("--shape: raw files need --dtype, one of f2, f4, f8, bf16, i1 to i8, u1 to u8, b1, "
                          "with > in front when they are big-endian");
    }
    return *format;
}

// The shape that --shape states for a raw file of this name, if any.
const layer_value* raw_shape(const array_options& options, const std::string& name) {
    for (const layer_value& value : options.shapes) {
        if (!value.pattern || matches(*value.pattern, name)) return &value;
    }
    return nullptr;
}

void add_folder(const std::string& folder, const array_options& options, const std::string& label_file,
                dump_listing& listing) {
    bool left_out = false;
    folder_contents contents = list_folder(folder, options.folders, label_file, &left_out);
    listing.left_labels_out = listing.left_labels_out || left_out;
    if (contents.are_batches) {
        listing.entries.push_back(
            {{}, {folder, {}, true, false}, nullptr, nullptr, std::move(contents.files)});
        return;
    }
    for (std::string& file : contents.files) {
        listing.entries.push_back({{}, {std::move(file), {}, false, false}, nullptr, nullptr});
    }
}

void add_entries(const std::string& argument, const array_options& options, std::vector<dump_entry>& found) {
    const auto [file, key] = split_key(argument);
    if (key.empty()) {
        const layer_origin raw{file, {}, false, true};
        if (const layer_value* shape = raw_shape(options, layer_names({raw}).front())) {
            found.push_back({{}, raw, nullptr, shape});
            return;
        }
    }
    refuse_foreign(file);
    const std::shared_ptr<const io::array_archive> archive = open_archive(file, options.pairs());
    if (archive == nullptr) {
        if (!key.empty()) throw data_error(file, "is not an archive, so it has no array " + key);
        found.push_back({{}, {file, {}, false, false}, nullptr, nullptr});
        return;
    }
    std::vector<std::string> keys = archive->keys();
    if (!key.empty()) {
        if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
            throw data_error(file, "holds no array '" + key + "'");
        }
        keys = {key};
    }
    for (std::string& name : keys) {
        found.push_back({{}, {file, std::move(name), false, false}, archive, nullptr});
    }
}

std::vector<io::stored_array> arrays_of(const dump_entry& from, const array_options& options) {
    const layer_origin& origin = from.origin;
    if (origin.is_folder) return io::open_batches(std::span(from.batches), options.pairs());
    std::vector<io::stored_array> one;
    if (from.shape != nullptr)
        one.push_back(
            io::open_raw(origin.file, raw_format(options), parse_shape(from.shape->value), options.offset));
    else if (from.archive != nullptr)
        one.push_back(from.archive->array(origin.key));
    else
        one.push_back(io::open_npy(origin.file, options.pairs()));
    return one;
}

} // namespace

std::vector<std::size_t> dump_layer::shape() const {
    std::vector<std::size_t> all = arrays.front().header.shape;
    for (std::size_t k = 1; k < arrays.size() && !all.empty(); ++k) {
        const auto& batch = arrays[k].header.shape;
        if (!batch.empty()) all[0] += batch[0];
    }
    return all;
}

repscope::io::block_reader dump_layer::reader(repscope::layout layout) const {
    if (!origin.is_folder) return io::block_reader(arrays.front(), layout);
    try {
        return {arrays, origin.file, layout};
    } catch (const repscope::format_error& e) {
        throw repscope::format_error(std::string(e.what()) + "; --no-batches measures each file as a layer");
    }
}

std::unique_ptr<io::array_archive> open_archive(const std::string& file, io::void2_policy pairs) {
#ifdef REPSCOPE_WITH_HDF5
    return io::open_archive<io::npz_archive, io::hdf5_file, io::safetensors_file>(file, pairs);
#else
    return io::open_archive<io::npz_archive, io::safetensors_file>(file, pairs);
#endif
}

std::pair<std::string, std::string> split_key(const std::string& argument) {
    std::error_code none;
    if (!fs::exists(argument, none)) {
        for (std::size_t at = argument.find(':'); at != std::string::npos; at = argument.find(':', at + 1)) {
            const std::string file = argument.substr(0, at);
            if (fs::is_regular_file(file, none)) return {file, argument.substr(at + 1)};
        }
    }
    return {argument, {}};
}

dump_listing list_dump(const std::vector<std::string>& arguments, const array_options& options,
                       const std::string& labels) {
    if (options.shapes.empty() &&
        (options.offset != 0 || (!options.dtype.empty() && options.dtype != "bf16"))) {
        throw usage_error("--dtype and --offset are for raw files, which need --shape");
    }
    const auto [label_file, label_key] = split_key(labels);
    const auto is_label_file = [&file = label_file](const std::string& other) {
        std::error_code none;
        return !file.empty() && fs::equivalent(other, file, none);
    };
    dump_listing listing;
    std::vector<dump_entry>& entries = listing.entries;
    for (const std::string& argument : in_natural_order(arguments)) {
        std::error_code none;
        if (fs::is_directory(argument, none))
            add_folder(argument, options, label_key.empty() ? label_file : std::string(), listing);
        else if (label_key.empty() && is_label_file(argument))
            listing.left_labels_out = true;
        else
            add_entries(argument, options, entries);
    }
    std::erase_if(entries, [&, key = label_key](const dump_entry& entry) {
        return !entry.origin.key.empty() && entry.origin.key == key && is_label_file(entry.origin.file);
    });
    std::vector<layer_origin> origins;
    for (const dump_entry& entry : entries) origins.push_back(entry.origin);
    const std::vector<std::string> names = layer_names(origins);
    for (std::size_t i = 0; i < entries.size(); ++i) entries[i].name = names[i];
    return listing;
}

dump_layer open_layer(const dump_entry& entry, const array_options& options) {
    return {entry.name, entry.origin, arrays_of(entry, options)};
}

std::vector<std::string> files_of(const dump_layer& layer) {
    if (!layer.origin.is_folder) return {layer.origin.file};
    std::vector<std::string> files;
    for (const auto& batch : layer.arrays) files.push_back(batch.name);
    return files;
}

} // namespace program
