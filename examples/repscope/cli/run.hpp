#pragma once

#include "cli/commands.hpp"

#include <string>
#include <vector>

namespace program {

/// Returns the line of a help text that explains the exit codes, without a point at its end. `judges`: of a
/// command with --fail-if.
std::string exit_codes(bool judges);

/// Parses the command line and runs the command that it asks for; prints help (`--help`, `help COMMAND`) and
/// version; `help --write-pages FOLDER` writes man pages and completions. The help of each command ends with
/// its exit codes.
///
/// Returns the exit code. Throws what goes wrong, `usage_error` for a wrong command line; `speaker` is then
/// who reports it: the program's name and the command, as far as they are known.
int run_commands(int argc, char** argv, CLI::App& app, const std::vector<command>& commands,
                 std::string& speaker);

} // namespace program
