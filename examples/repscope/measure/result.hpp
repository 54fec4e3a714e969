#pragma once

#include "layers/report.hpp"
#include "measure/settings.hpp"
#include "measure/similarity_matrix.hpp"

#include <optional>
#include <string>
#include <vector>

namespace program {

/// What a dump was found to be, by one run or from the states of many.
struct measure_result {
    std::vector<layer_report> layers;
    measure_settings settings;
    std::vector<std::string> notes{};                  ///< on how the dump was read
    std::optional<std::vector<input_record>> inputs{}; ///< none where a state file lacks them
    std::optional<similarity_matrix> similarity{};     ///< with --similarity
};

/// Judges the numbers by conditions (--fail-if) once they are published. Writes a line per layer that meets
/// one, or whose number is undefined, to standard error. Returns the exit code: 3, or 0 without such a layer.
int judge(const measure_result& result, const std::vector<std::string>& conditions,
          const std::string& speaker);

/// What is written to standard output: tables for people, layers.csv, the JSON object, or tables in Markdown.
enum class print_format { table, csv, json, markdown };

/// The format of that name; `print_format_names` has all.
print_format print_format_named(const std::string& name);
std::vector<std::string> print_format_names();

/// Writes the results to standard output, and all of them as a `repscope.measure/1` object to the file `json`
/// unless that is empty; if it is "-", it replaces what `format` states. Notes go to standard error if
/// standard output is for a program. Throws `data_error` and `repscope::format_error` when it cannot be
/// written.
void publish(const measure_result& result, const std::string& json, print_format format);

} // namespace program
