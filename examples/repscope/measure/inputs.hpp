#pragma once

#include "dumps/dump.hpp"
#include "dumps/labels.hpp"
#include "layers/report.hpp"
#include "layers/shard_writer.hpp"
#include "measure/options.hpp"

#include <repscope/io/block_reader.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <optional>
#include <string>
#include <vector>

namespace program {

/// A layer as it is to be measured.
struct measured_layer {
    dump_layer dump;
    repscope::io::block_reader file;
    /// --compare: the same layer of the perturbed inputs.
    std::optional<dump_layer> perturbed_dump;
    std::optional<repscope::io::block_reader> perturbed;
    /// Every position is a unit of its own.
    bool flatten = false;

    [[nodiscard]] const std::string& name() const noexcept { return dump.name; }
    /// Of both files.
    [[nodiscard]] double bytes() const;
};

/// The layers of a dump, and notes on how they were read.
struct opened_layers {
    std::vector<measured_layer> layers;
    std::vector<std::string> notes;
};

/// Whether --unit and --spatial make every position of a layer of this name and layout a unit of its own.
/// Throws `usage_error` if they name units that the layout does not have.
bool positions_are_units(const measure_options& options, const std::string& name, repscope::layout axes);

/// Throws `usage_error` if no layer of these layouts has the units that --unit names.
void require_units(const measure_options& options, const std::vector<repscope::layout>& layouts);

/// Opens the layers that are asked for, and their perturbed ones, with the layout of each. Everything that
/// can be known without reading the activations is refused: `usage_error`, `data_error`,
/// `repscope::format_error`.
opened_layers open_layers(const measure_options& options);

/// The files behind the layers and their perturbed ones, in their order, with repetitions, and the file of
/// the labels (FILE or FILE:KEY; may be empty).
std::vector<std::string> input_files(const opened_layers& opened, const std::string& labels);

/// Throws `data_error` unless every layer has as many samples as there are labels.
void check_samples(const std::vector<measured_layer>& layers, const label_set& labels);

/// Gathers the states of a part of the samples of every layer: the bytes of a state file. Otherwise as
/// `measure_layers`.
std::vector<std::byte> gather_layers(const opened_layers& opened, const label_set* labels,
                                     const shard_choice& shard, const measure_options& options,
                                     repscope::thread_pool& pool);

/// Measures the layers, several at a time where that is faster; the reports are in the order of the layers.
/// Progress is shown on a terminal.
std::vector<layer_report> measure_layers(const std::vector<measured_layer>& layers, const label_set* labels,
                                         const measure_options& options, repscope::thread_pool& pool);

} // namespace program
