#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace program {

/// A subcommand as main sees it: its part of the command line, and what it does.
struct command {
    CLI::App* app = nullptr;
    std::function<int()> run;
};

/// The part of the samples that one of several processes measures, and what it found.
struct shard_part {
    std::uint32_t shard = 1; ///< from 1
    std::uint32_t shards = 1;
    std::vector<std::byte> state;     ///< a state file; empty when nothing was to be measured (`--help`)
    std::string json;                 ///< the file for the numbers of all parts
    std::string format = "table";     ///< of standard output
    std::vector<std::string> fail_if; ///< conditions on them
};

/// Adds `repscope measure` to the command line. With `part`, which must live until the command has run, it
/// measures that part only and prints nothing.
command add_measure(CLI::App& app, shard_part* part = nullptr);

/// Adds `repscope merge` to the command line.
command add_merge(CLI::App& app);

/// Adds `repscope corrupt` to the command line.
command add_corrupt(CLI::App& app);

/// Adds `repscope dump` to the command line.
command add_dump(CLI::App& app);

/// Adds `repscope analyze` to the command line.
command add_analyze(CLI::App& app);

/// Adds `repscope study` to the command line.
command add_study(CLI::App& app);

/// Adds `repscope methods` to the command line.
command add_methods(CLI::App& app);

} // namespace program
