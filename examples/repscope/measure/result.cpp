#include "measure/result.hpp"

#include "files/output_file.hpp"
#include "layers/tables.hpp"
#include "measure/csv.hpp"
#include "measure/fail_if/fail_condition.hpp"
#include "measure/json.hpp"
#include "measure/report/heading.hpp"
#include "render/text_table.hpp"
#include "support/errors.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace program {

int judge(const measure_result& result, const std::vector<std::string>& conditions,
          const std::string& speaker) {
    int code = 0;
    for (const std::string& condition : conditions) {
        for (const std::string& sentence : layers_that_meet(parse_fail_condition(condition), result.layers)) {
            std::fputs((on_one_line(speaker + ": " + sentence) + "\n").c_str(), stderr);
            code = 3;
        }
    }
    return code;
}

std::vector<std::string> print_format_names() { return {"table", "csv", "json", "markdown"}; }

print_format print_format_named(const std::string& name) {
    const std::vector<std::string> names = print_format_names();
    const auto place = std::find(names.begin(), names.end(), name);
    return static_cast<print_format>(place - names.begin());
}

void publish(const measure_result& result, const std::string& json, print_format format) {
    const bool has_selectivity = !result.layers.empty() && result.layers.front().selectivity.has_value();
    const std::string text = heading(result) + "\n";
    std::string notes;
    for (const auto& note : result.notes) notes += "note: " + on_one_line(note) + "\n";
    for (const auto& layer : result.layers) {
        for (const auto& note : notes_on(layer))
            notes += on_one_line("note: " + layer.name + ": " + note) + "\n";
    }
    if (!json.empty()) write_output(json, measure_json(result));
    if (format == print_format::json && json != "-") print(measure_json(result));
    if (format == print_format::csv && json != "-") {
        print(layers_csv(result.layers) +
              (result.similarity ? "\n" + similarity_csv(*result.similarity) : ""));
    }
    const bool is_for_program = json == "-" || format == print_format::json || format == print_format::csv;
    if (is_for_program) { // standard output is the program's, people still get the notes
        std::fputs((has_selectivity ? notes : text + notes).c_str(), stderr);
    } else if (format == print_format::markdown) {
        print(text + "\n" + layer_table(result.layers, table_style::markdown) +
              (result.similarity ? "\n" + similarity_tables(*result.similarity, true) : "") +
              (notes.empty() ? "" : "\n" + notes));
    } else {
        print(text + layer_table(result.layers) +
              (result.similarity ? "\n" + similarity_tables(*result.similarity, false) : "") + notes);
    }
}

} // namespace program
