#pragma once

#include "dump/network_choice.hpp"

namespace CLI {
class App;
}

namespace program {

/// Adds `--input-range`, `--mean`, `--std`, `--input` and `--logits` to a command.
void add_network_choice_options(CLI::App& command, network_choice& choice);

} // namespace program
