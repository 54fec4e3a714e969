#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace program {

/// A subcommand as main sees it: its part of the command line, and what it does.
struct command {
    CLI::App* app = nullptr;
    std::function<int()> run;
};

/// Adds `repscope measure` to the command line.
command add_measure(CLI::App& app);

/// Adds `repscope corrupt` to the command line.
command add_corrupt(CLI::App& app);

/// Adds `repscope study` to the command line.
command add_study(CLI::App& app);

} // namespace program
