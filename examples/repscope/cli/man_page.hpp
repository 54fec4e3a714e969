#pragma once

#include <string>

namespace CLI {
class App;
}

namespace program {

/// Returns the man page (section 1) of the program, or of one of its commands, in the macros of man(7).
/// `app` is the program; `command` is `app` or one of its commands.
std::string man_page(const CLI::App& app, const CLI::App& command);

} // namespace program
