#pragma once

#include "files/input_files.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace program {

/// The options that decide the numbers of a run, as given on the command line: the `options` object of
/// the JSON file.
struct measure_settings {
    std::string labels;
    std::vector<std::string> measures; ///< texts of --measures; empty: the default
    std::size_t reservoir = 2048;      ///< samples of measures that need the samples themselves
    std::vector<std::string> layouts;
    std::vector<std::string> layers;
    std::vector<std::string> units;
    std::string dtype;
    std::vector<std::string> shapes;
    std::size_t offset = 0;
    bool batches = false;    ///< the files of a folder are batches of one layer, under any names
    bool no_batches = false; ///< the files of a folder are layers, under any names
    std::string negatives = "undefined";
    double epsilon = 1e-6;
    std::vector<std::string> ignored;
    std::string spatial = "mean";
    std::vector<std::string> compare;
    bool unpaired = false;   ///< `compare` has other samples
    bool similarity = false; ///< CKA of all pairs of layers
    std::string precision = "double";
    bool inference = false;
    std::uint64_t first_index = 0;
    std::string method = "exact";
    std::string null = "saddlepoint";
    std::size_t permutations = 999;
};

/// What a state file holds for `repscope merge` that may differ between shards.
struct run_note {
    std::string labels;                   ///< the file of the labels; empty without labels
    std::vector<std::string> class_names; ///< of labels that are names
    std::vector<std::string> notes;       ///< on how the dump was read
    std::optional<std::vector<input_record>> inputs;
};

} // namespace program
