#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace program {

/// The command line of `repscope dump`.
struct dump_options {
    std::string model;
    std::string inputs;
    std::vector<std::string> layers; ///< patterns
    std::string labels;              ///< of --loss-gradient
    std::string out;
    bool list = false;
    std::vector<double> mean, std;
    std::vector<double> range; ///< low and high; empty: 0 and 1
    std::string input, logits; ///< names
    int threads = 0;
};

} // namespace program
