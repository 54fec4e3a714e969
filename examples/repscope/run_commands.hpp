#pragma once

#include "commands.hpp"

#include <string>
#include <vector>

namespace program {

/// Parses the command line and runs the command that it asks for; help and version are printed.
///
/// The result is the exit code. What goes wrong is thrown, `usage_error` for a wrong command line, and
/// `speaker` is then who reports it: the program's name and the command, as far as they are known.
int run_commands(int argc, char** argv, CLI::App& app, const std::vector<command>& commands,
                 std::string& speaker);

} // namespace program
