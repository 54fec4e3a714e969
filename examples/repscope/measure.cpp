// repscope measure: statistics of activations that stand in files, as they lie on the disk.

#include "commands.hpp"
#include "fail_condition.hpp"
#include "failure.hpp"
#include "labels.hpp"
#include "layer_report.hpp"
#include "measure_options.hpp"
#include "measure_report.hpp"
#include "measured_layers.hpp"
#include "output_file.hpp"
#include "text_table.hpp"
#include "versions.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

namespace program {

namespace {

std::string heading(const measure_options& options, const std::optional<label_set>& labels) {
    if (!labels) return "no --labels: dimensionality only, no selectivity\n";
    return "selectivity of " + std::to_string(labels->class_labels.size()) + " classes, epsilon " +
           shortest(options.epsilon) + ", signed: " + options.signed_values + "\n";
}

int measure(const measure_options& options) {
    check(options);
    const std::vector<measured_layer> layers = open_layers(options);
    std::optional<label_set> labels;
    if (!options.labels.empty()) {
        labels = read_labels(options.labels, options.ignored);
        check_samples(layers, *labels);
    }
    if (!options.json.empty()) require_writable(options.json);
    if (!options.report.empty()) require_report_folder(options.report);

    repscope::thread_pool pool(static_cast<std::size_t>(options.threads));
    const std::vector<layer_report> reports =
        measure_layers(layers, labels ? &*labels : nullptr, options, pool);

    const std::string text = heading(options, labels);
    std::string notes;
    for (const auto& report : reports) {
        for (const auto& note : notes_on(report)) notes += "note: " + report.name + ": " + note + "\n";
    }
    std::vector<std::string> met;
    for (const std::string& condition : options.fail_if) {
        for (std::string& layer : layers_that_meet(parse_fail_condition(condition), reports)) {
            met.push_back(std::move(layer));
        }
    }
    if (!options.json.empty()) {
        nlohmann::ordered_json json;
        json["schema"] = "repscope.measure/1";
        json["repscope"] = version_text();
        json["command"] = "measure";
        json["options"] = to_json(options);
        json["layers"] = nlohmann::ordered_json::array();
        for (const auto& report : reports) json["layers"].push_back(to_json(report));
        write_output(options.json, json.dump(1) + "\n");
    }
    if (!options.report.empty()) {
        const std::string line = text.substr(0, text.size() - 1);
        write_report(options.report, reports, layers, to_json(options), line, pool);
    }
    if (options.json == "-") { // standard output is the machine's, people still get the notes
        std::fputs((labels ? notes : text + notes).c_str(), stderr);
    } else {
        print(text + layer_table(reports) + notes);
    }
    for (const std::string& layer : met) std::fputs(("repscope measure: " + layer + "\n").c_str(), stderr);
    return met.empty() ? 0 : 3;
}

} // namespace

command add_measure(CLI::App& app) {
    auto options = std::make_shared<measure_options>();
    CLI::App* sub = app.add_subcommand(
        "measure", "Class selectivity and dimensionality of activations in files, of any framework");
    add_measure_options(*sub, *options);
    return {sub, [options] { return measure(*options); }};
}

} // namespace program
