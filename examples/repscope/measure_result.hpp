#pragma once

#include "layer_report.hpp"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace program {

/// What a dump was found to be, by one run or from the states of many.
struct measure_result {
    std::vector<layer_report> layers;
    nlohmann::ordered_json options; ///< the object of that name in the JSON file
};

/// Says the results: tables on standard output, and all of it as a `repscope.measure/1` object in the file
/// `json` unless that is empty; where it is "-", it has standard output and the notes go to standard error.
/// Throws `data_error` and `repscope::format_error` when it cannot be written.
void publish(const measure_result& result, const std::string& json);

} // namespace program
