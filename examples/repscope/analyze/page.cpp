#include "analyze/page.hpp"

#include "analyze/figures.hpp"
#include "analyze/tables.hpp"
#include "files/output_file.hpp"
#include "render/html.hpp"
#include "study/report/figure_parts.hpp"
#include "support/versions.hpp"

#include <cstddef>
#include <utility>
#include <vector>

namespace program {

namespace {

std::string html_of(const table_rows& rows) {
    html_table html(rows[0], 1);
    for (std::size_t r = 1; r < rows.size(); ++r) html.add(rows[r]);
    return html.text();
}

std::string plain_text(const nlohmann::ordered_json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_array()) return value.dump();
    std::string text;
    for (const auto& each : value) text += (text.empty() ? "" : ", ") + plain_text(each);
    return text.empty() ? "-" : text;
}

std::string options_part(const analysis_result& analysis, const std::string& figures_by) {
    std::vector<std::pair<std::string, std::string>> files, options;
    for (const model_result& model : analysis.models) {
        files.emplace_back(model.name, model.json["file"].get<std::string>() + ", sha256 " +
                                           model.json["sha256"].get<std::string>());
    }
    for (const char* key : {"inputs", "labels"})
        files.emplace_back(key, analysis.head[key]["file"].get<std::string>() + ", sha256 " +
                                    analysis.head[key]["sha256"].get<std::string>());
    for (const auto& [key, value] : analysis.head["options"].items())
        options.emplace_back(key, plain_text(value));
    std::vector<std::pair<std::string, std::string>> versions{{"repscope", version_text()},
                                                              {"commit", commit_text()}};
    if (!figures_by.empty()) versions.emplace_back("figures", figures_by);
    return "<h2 id=\"settings\">Settings</h2>\n<h3>Files</h3>\n" + option_table(files) +
           "<h3>Options</h3>\n" + option_table(options) + "<h3>Versions</h3>\n" + option_table(versions) +
           "<p class=\"sub\">Beside this page: analysis.json (everything), analysis.csv (one row per "
           "number), "
           "per_image.csv (the outcome of each image).</p>\n";
}

} // namespace

void write_analysis_page(const std::string& folder, const analysis_result& analysis,
                         const study_pictures& pictures) {
    const figure_parts figures = write_figures(folder, analysis_figures(analysis));
    std::string names;
    for (const model_result& model : analysis.models) names += (names.empty() ? "" : " and ") + model.name;
    std::string body = "<h1>Layers and robustness of " + escaped(names) +
                       "</h1>\n<p class=\"sub\">repscope " + version_text() + "</p>\n";
    if (!figures.is_drawn) body += "<p><b>Figures are left out:</b> gnuplot was not found, or failed.</p>\n";
    body += "<h2 id=\"accuracy\">Accuracy</h2>\n" + notes_part(analysis.notes) +
            html_of(conditions_rows(analysis.models)) +
            "<p class=\"caption\">A corruption: mean over its severities. Each condition "
            "is measured on its own number of inputs.</p>\n";
    for (const model_result& model : analysis.models) {
        body += "<h2>Layers of " + escaped(model.name) + "</h2>\n<div class=\"claims\">" +
                html_of(layer_rows(model)) + "</div>\n<p class=\"caption\">" + escaped(columns_text()) +
                "</p>\n";
    }
    body += figures.html + write_pictures(folder, pictures) + options_part(analysis, figures.drawn_by);
    write_output(folder + "/report.html", html_page("repscope analyze: " + names, body));
}

} // namespace program
