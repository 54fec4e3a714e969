#pragma once

#include "dump/network_choice.hpp"

#include <string>

namespace program {

/// The command line of `repscope dump`.
struct dump_options : network_choice {
    std::string model;
    std::string inputs;
    std::string labels; ///< of --loss-gradient
    std::string out;
    bool list = false;
    int threads = 0;
};

} // namespace program
