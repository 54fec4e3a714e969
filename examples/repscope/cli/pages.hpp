#pragma once

#include <string>

namespace CLI {
class App;
}

namespace program {

/// Writes the man pages of the program and of its commands, and completions for bash, zsh and fish, below
/// `folder`, at the places that a folder `share` has for them. Throws `data_error` if a file cannot be
/// written.
void write_pages(const CLI::App& app, const std::string& folder);

} // namespace program
