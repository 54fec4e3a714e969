#pragma once

#include <string>

namespace CLI {
class App;
}

namespace program {

/// Returns the script that completes the commands, options and values of the program in bash.
std::string bash_completion(const CLI::App& app);

/// Returns the same for zsh.
std::string zsh_completion(const CLI::App& app);

/// Returns the same for fish.
std::string fish_completion(const CLI::App& app);

} // namespace program
