#include "study/report/page.hpp"

#include "files/output_file.hpp"
#include "render/gnuplot.hpp"
#include "render/html.hpp"
#include "render/text_table.hpp"
#include "study/report/claims.hpp"
#include "study/report/figures/figures.hpp"
#include "study/report/figures/plots.hpp"
#include "study/report/notes.hpp"
#include "study/report/outcomes.hpp"
#include "study/report/tables.hpp"
#include "study/times.hpp"
#include "support/errors.hpp"
#include "support/versions.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <vector>

namespace program {

namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

// Figures in full width, but none larger than it was drawn.
std::string figure_element(const study_figure& figure, const std::string& svg) {
    return "<figure class=\"alone\" style=\"max-width:" + std::to_string(figure.drawing.width) + "px\">" +
           svg + "</figure>\n<p class=\"caption\">" + escaped(figure.caption) + " <a href=\"figures/" +
           figure.name + ".svg\">SVG</a> <a href=\"figures/" + figure.name + ".csv\">CSV</a></p>\n";
}

std::string figure_part(const study_figure& figure, const std::string& svg) {
    std::string text = "<h2 id=\"" + figure.name + "\">" + escaped(figure.heading) + "</h2>\n";
    if (!figure.left_out.empty())
        return text + "<p class=\"missing\">This figure is left out: " + escaped(figure.left_out) + ".</p>\n";
    if (svg.empty())
        return text + "<p class=\"caption\">" + escaped(figure.caption) + " <a href=\"figures/" +
               figure.name + ".csv\">CSV</a></p>\n";
    return text + figure_element(figure, svg);
}

std::string claim_number(const json& claim, const char* key, int digits) {
    return claim.contains(key) && claim[key].is_number() ? fixed(claim[key].get<double>(), digits) : "-";
}

// All values of a few seeds, the ends of those of many.
std::string per_seed_text(const json& per_seed) {
    std::vector<double> values;
    std::string text;
    for (const auto& value : per_seed) {
        if (!value.is_number()) continue;
        values.push_back(value.get<double>());
        text += (text.empty() ? "" : " ") + fixed(values.back(), 3);
    }
    if (values.empty()) return "-";
    if (values.size() <= 3) return text;
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    return fixed(*low, 3) + " to " + fixed(*high, 3);
}

std::string claims_part(const json& claims) {
    html_table table({"claim", "statement", "holds", "estimate", "per seed", "slope per .1", "p", "p (Holm)",
                      "networks", "images"},
                     3);
    for (const auto& claim : claims) {
        std::string holds = claim["holds"].get<std::string>();
        if (claim.contains("reason")) holds += ": " + claim["reason"].get<std::string>();
        const json slope = claim.value("slope_per_tenth", json::object());
        std::string slope_text = claim_number(slope, "estimate", 4);
        if (slope.contains("ci")) {
            slope_text += " [" + fixed(slope["ci"][0].get<double>(), 4) + ", " +
                          fixed(slope["ci"][1].get<double>(), 4) + "]";
        }
        table.add({claim["id"].get<std::string>(), claim["statement"].get<std::string>(), holds,
                   claim_number(claim, "estimate", 3), per_seed_text(claim["per_seed"]), slope_text,
                   p_value_text(claim, "p"), p_value_text(claim, "p_holm"), claim["networks"].dump(),
                   claim["images"].is_number() ? with_commas(claim["images"].get<std::size_t>()) : "-"});
    }
    std::string text =
        "<h2 id=\"claims\">The claims</h2>\n<p class=\"sub\">Trends: mean over seeds of Spearman's "
        "correlation "
        "with selectivity within the seed, p from rearranging outcomes within seeds; &lt;= at the smallest p "
        "that the draws can give. Claim 4: a difference of two changes of one network, mean over the "
        "networks "
        "of a seed, p from Student's t over seeds. Claim 6: 90 % interval over seeds and images. Yes or no "
        "takes p below .05 after Holm's correction and one sign in all "
        "seeds; fewer than 3 seeds or 3 alphas leave it unclear.</p>\n<div class=\"claims\">" +
        table.text() + "</div>\n";
    for (const auto& claim : claims) {
        if (claim_number(claim, "image_error", 4) == "-") continue;
        text += "<p class=\"caption\">Claim " + escaped(claim["id"].get<std::string>()) +
                ": the choice of images alone gives the accuracy of a network a standard error of " +
                claim_number(claim, "image_error", 4) +
                (claim_number(claim, "ordering_turns_at", 4) == "-"
                     ? std::string()
                     : "; the ordering of networks turns at eps " +
                           eps_text(claim["ordering_turns_at"].get<double>())) +
                ".</p>\n";
    }
    for (const auto& claim : claims) {
        if (claim["id"] == "2a" && claim.contains("by_eps") && !claim["by_eps"].empty()) {
            html_table by_eps(
                {"PGD eps", "correlation with selectivity", "largest drop by the margin loss", "floor"});
            for (const auto& row : claim["by_eps"]) {
                by_eps.add({eps_text(row["eps"].get<double>()), claim_number(row, "correlation", 2),
                            claim_number(row, "largest_drop_by_margin_loss", 3),
                            row["floor"].get<bool>() ? "no network above 5 %" : ""});
            }
            text += "<h3>Claim 2 at every size of attack</h3>\n" + by_eps.text();
        }
        if (claim.contains("alphas")) {
            html_table equivalence(
                {"alpha", "clean accuracy less that of alpha 0", "90 % interval", "within 1 point"});
            for (const auto& row : claim["alphas"]) {
                equivalence.add({shortest(row["alpha"].get<double>()), claim_number(row, "estimate", 4),
                                 "[" + claim_number({{"v", row["ci"][0]}}, "v", 4) + ", " +
                                     claim_number({{"v", row["ci"][1]}}, "v", 4) + "]",
                                 row["holds"].get<std::string>()});
            }
            text += "<h3>Claim 6, alpha by alpha</h3>\n" + equivalence.text();
        }
    }
    return text;
}

// Numbers in rows and words around them, as the program prints them.
std::string preformatted(const std::string& text) {
    return "<pre class=\"wide\">" + escaped(text) + "</pre>\n";
}

std::string pictures_part(const study_pictures& pictures) {
    if (pictures.rows.empty() || pictures.images == 0) return {};
    return "<h2 id=\"images\">Images</h2>\n" + picture_table(pictures) + "<p class=\"caption\">The first " +
           std::to_string(pictures.images) +
           " test images. An orange frame: wrongly classified, by the network of the row or, where it names "
           "none, by "
           "that of the alpha nearest to 0; first seed. Pixels under attack are rounded to bytes. <a "
           "href=\"figures/images.png\">PNG</a> <a href=\"figures/images.csv\">CSV</a></p>\n";
}

std::string times_table(const json& study) {
    html_table table({"stage", "time", "share", "a network"});
    const auto networks = static_cast<double>(study["networks"].size());
    for (const stage_time& time : stage_times(study))
        table.add({time.stage, duration(time.seconds), fixed(100 * time.share, 1) + " %",
                   duration(time.seconds / networks)});
    return table.text();
}

// "gnuplot 5.4 patchlevel 4", which the figures say themselves; empty without any.
std::string drawn_by(const std::vector<std::string>& drawn) {
    if (drawn.empty()) return {};
    constexpr std::string_view before = "Produced by GNUPLOT ";
    const std::size_t at = drawn[0].find(before);
    if (at == std::string::npos) return "gnuplot";
    const std::size_t from = at + before.size();
    std::string version = drawn[0].substr(from, drawn[0].find_first_of("<\n", from) - from);
    version.erase(version.find_last_not_of(' ') + 1);
    return "gnuplot " + version;
}

// The values in an object by their names; empty ones are left out.
std::string option_table_of(const json& options) {
    std::vector<std::pair<std::string, std::string>> texts;
    for (const auto& [key, value] : options.items()) {
        if (value.is_null() || (value.is_array() && value.empty())) continue;
        texts.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
    }
    return option_table(texts);
}

std::string settings_part(const json& study, const std::string& figures_by) {
    json versions{{"repscope", study["repscope"]},
                  {"commit", commit_text()},
                  {"compiler", compiler_text()},
                  {"figures", figures_by}};
    if (figures_by.empty()) versions["figures"] = nullptr;
    return "<h2 id=\"settings\">Settings, versions, times</h2>\n<h3>Data</h3>\n" +
           option_table_of(study["data"]) + "<h3>Training of " +
           escaped(study["network"].get<std::string>()) + "</h3>\n" + option_table_of(study["training"]) +
           "<h3>Options</h3>\n" + option_table_of(study["options"]) + "<h3>Versions</h3>\n" +
           option_table_of(versions) + "<h3>Times</h3>\n" + times_table(study) +
           "<p class=\"sub\">Definitions of all numbers: docs/definitions.md of repscope, the protocol: "
           "docs/study.md. Beside this page: study.json (everything), study.csv (a row a number), "
           "per_image.npz "
           "(which image was right under which condition).</p>\n";
}

} // namespace

void write_study_page(const std::string& folder, const json& study, const study_pictures& pictures) {
    const fs::path beside = fs::path(folder) / "figures";
    std::error_code failure;
    fs::create_directories(beside, failure);
    if (!fs::is_directory(beside))
        throw data_error(beside.string(),
                         "cannot be written: " + (failure ? failure.message() : "is no folder"));
    const auto write = [&](const std::string& name, const std::string& ending, const std::string& text) {
        write_output((beside / (name + ending)).string(), text);
    };

    const std::vector<study_figure> figures = study_figures(study);
    std::vector<plot> plots;
    for (const study_figure& figure : figures) {
        if (figure.left_out.empty()) plots.push_back(figure.drawing);
    }
    const std::vector<std::string> drawn = draw(plots);
    const bool is_drawn = drawn.size() == plots.size();

    const ordered_networks networks(study);
    std::string body =
        "<h1>Class selectivity and robustness: " + escaped(study["network"].get<std::string>()) + " on " +
        escaped(study["data"]["name"].get<std::string>()) + "</h1>\n<p class=\"sub\">" + networks.counted() +
        " &middot; repscope " + version_text() + "</p>\n";
    if (!is_drawn) body += "<p><b>Figures are left out:</b> gnuplot was not found, or failed.</p>\n";
    body += preformatted(study_notes_text(study) + study_table(study));
    std::size_t next = 0;
    for (const study_figure& figure : figures) {
        std::string svg;
        if (figure.left_out.empty()) {
            if (is_drawn) {
                svg = drawn[next++];
                write(figure.name, ".svg", "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" + svg + "\n");
            }
            write(figure.name, ".csv", figure.csv);
        }
        body += figure_part(figure, svg);
    }
    if (!pictures.rows.empty() && pictures.images > 0) {
        write("images", ".png", picture_sheet(pictures));
        write("images", ".csv", picture_csv(pictures));
    }
    body += pictures_part(pictures) + claims_part(study["claims"]) +
            settings_part(study, is_drawn ? drawn_by(drawn) : "");
    write_output((fs::path(folder) / "report.html").string(),
                 html_page("repscope study: " + study["network"].get<std::string>() + " on " +
                               study["data"]["name"].get<std::string>(),
                           body));
}

} // namespace program
