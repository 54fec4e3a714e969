#pragma once

#include "cli/commands.hpp"
#include "dumps/dump.hpp"
#include "layers/shard_writer.hpp"
#include "layers/statistics_options.hpp"
#include "measure/settings.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace program {

/// The options of `repscope measure`, as given on the command line.
struct measure_options : measure_settings {
    std::vector<std::string> files;
    std::vector<std::string> fail_if;
    int threads = 0;
    std::size_t batch = 0;
    std::size_t memory = std::size_t{4} << 30U;
    std::string json;
    std::string format = "table";
    std::string report;
    bool hash = false;
    std::string require;
    std::string shard;
    std::string state;
    // Of streams.
    bool is_stream = false; ///< which may have labels inside
    bool webdataset = false;
    std::string snapshot;
    std::size_t snapshot_every = 0; ///< samples of a layer; 0: ten minutes
    std::string resume;
    /// One of several processes, which share the samples out among them and merge what they found.
    shard_part* part = nullptr;

    [[nodiscard]] array_options arrays() const;
    /// How a layer is measured; the caller adds the labels.
    [[nodiscard]] statistics_options statistics() const;
};

/// Adds the options to a subcommand; `options` outlives it.
void add_measure_options(CLI::App& command, measure_options& options);

/// Returns the shard of `--shard`, of which only moments are written; no value if all samples are measured.
std::optional<shard_choice> chosen_shard(const measure_options& options);

/// Contradictions that can be seen without opening a file: `usage_error`.
void check(const measure_options& options);

} // namespace program
