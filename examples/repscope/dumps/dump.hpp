#pragma once

#include "dumps/folder_layers.hpp"
#include "dumps/layer_names.hpp"
#include "dumps/layer_pattern.hpp"

#include <repscope/io/array_header.hpp>
#include <repscope/io/block_reader.hpp>
#include <repscope/io/npy_header.hpp>
#include <repscope/io/open.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace program {

/// What the caller states about files, since they do not contain it.
struct array_options {
    /// --dtype: of raw files, and `bf16` for arrays that NumPy has saved as `V2`.
    std::string dtype;
    /// --shape: the layers that it names are raw files.
    std::vector<layer_value> shapes;
    /// --offset: where the numbers of raw files begin.
    std::size_t offset = 0;
    repscope::io::folder_files folders = repscope::io::folder_files::by_name;

    [[nodiscard]] repscope::io::void2_policy pairs() const {
        return dtype == "bf16" ? repscope::io::void2_policy::bfloat16 : repscope::io::void2_policy::refused;
    }
};

/// One layer of a dump: where it comes from, and its array, or arrays that follow each other.
struct dump_layer {
    std::string name;
    layer_origin origin;
    std::vector<repscope::io::stored_array> arrays;

    /// Extents of all arrays together, as far as they fit to each other.
    [[nodiscard]] std::vector<std::size_t> shape() const;
    [[nodiscard]] repscope::io::block_reader reader(repscope::layout layout) const;
};

/// Returns the archive (.npz, .safetensors, HDF5 where the program is built with it) in `file`; null if its
/// first bytes are not those of one. Throws `repscope::format_error` if it is damaged.
std::unique_ptr<repscope::io::array_archive> open_archive(const std::string& file,
                                                          repscope::io::void2_policy pairs);

/// The parts of a name FILE or FILE:KEY. If a file of the whole name exists, there is no KEY.
std::pair<std::string, std::string> split_key(const std::string& argument);

/// A layer that an argument names, not opened yet.
struct dump_entry {
    std::string name;
    layer_origin origin;
    std::shared_ptr<const repscope::io::array_archive>
        archive;                        ///< null where the file or folder is the layer
    const layer_value* shape = nullptr; ///< of raw files; in the options' `shapes`
    std::vector<std::string> batches{}; ///< files of a folder that are joined
};

struct dump_listing {
    std::vector<dump_entry> entries;
    bool left_labels_out = false; ///< the file of the labels was among the arguments, or in a folder
};

/// The layers that the arguments name: .npy files, folders of them, archives with all their members or, as
/// FILE:KEY, one, and raw files. The array of `labels` (FILE or FILE:KEY) is left out.
///
/// Throws `usage_error`, `data_error` and `repscope::format_error`.
dump_listing list_dump(const std::vector<std::string>& arguments, const array_options& options,
                       const std::string& labels);

/// Opens a layer: its headers are read and checked. Throws `usage_error` and `repscope::format_error`.
dump_layer open_layer(const dump_entry& entry, const array_options& options);

/// Files on the disk behind a layer, for the record of what was measured.
std::vector<std::string> files_of(const dump_layer& layer);

} // namespace program
