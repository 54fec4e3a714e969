#include "study/report/page.hpp"

#include "files/output_file.hpp"
#include "render/html.hpp"
#include "render/text_table.hpp"
#include "study/json.hpp"
#include "study/report/claims.hpp"
#include "study/report/figure_parts.hpp"
#include "study/report/figures/figures.hpp"
#include "study/report/figures/plots.hpp"
#include "study/report/outcomes.hpp"
#include "study/report/tables.hpp"
#include "study/times.hpp"
#include "support/versions.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <vector>

namespace program {

namespace {

namespace fs = std::filesystem;

// All values of a few seeds, the ends of those of many.
std::string per_seed_text(const std::vector<double>& values) {
    if (values.empty()) return "-";
    if (values.size() > 3) {
        const auto [low, high] = std::minmax_element(values.begin(), values.end());
        return fixed(*low, 3) + " to " + fixed(*high, 3);
    }
    std::string text;
    for (const double value : values) text += (text.empty() ? "" : " ") + fixed(value, 3);
    return text;
}

std::string interval_text(const repscope::interval& range) {
    return "[" + fixed(range.low, 4) + ", " + fixed(range.high, 4) + "]";
}

std::string slope_text(const std::optional<slope_result>& slope) {
    if (!slope) return "-";
    return fixed(slope->estimate, 4) + (slope->ci ? " " + interval_text(*slope->ci) : "");
}

std::string image_error_text(const study_claim& claim) {
    if (!std::isfinite(claim.image_error.value_or(no_value))) return {};
    const double turn = claim.attack ? claim.attack->ordering_turns_at : no_value;
    return "<p class=\"caption\">Claim " + escaped(claim.id) +
           ": the choice of images alone gives the accuracy of a network a standard error of " +
           fixed(*claim.image_error, 4) +
           (std::isfinite(turn) ? "; the ordering of networks turns at eps " + eps_text(turn) : "") +
           ".</p>\n";
}

std::string attack_sizes_part(const attack_claim& attack) {
    html_table table({"PGD eps", "correlation with selectivity", "largest drop by the margin loss", "floor"});
    for (const attack_size_result& row : attack.by_eps) {
        table.add({eps_text(row.eps), fixed(row.correlation, 2), fixed(row.largest_drop_by_margin_loss, 3),
                   row.floor ? "no network above 5 %" : ""});
    }
    return "<h3>Claim 2 at every size of attack</h3>\n" + table.text();
}

std::string equivalence_part(const equivalence_claim& equivalence) {
    html_table table({"alpha", "clean accuracy less that of alpha 0", "90 % interval", "within 1 point"});
    for (const alpha_equivalence& row : equivalence.alphas) {
        const repscope::estimate_interval& mean = row.result.difference.mean;
        table.add({shortest(row.alpha), fixed(mean.estimate, 4), interval_text(mean.range),
                   std::string(to_string(row.result.holds))});
    }
    return "<h3>Claim 6, alpha by alpha</h3>\n" + table.text();
}

std::string claims_part(const std::vector<study_claim>& claims) {
    html_table table({"claim", "statement", "holds", "estimate", "per seed", "slope per .1", "p", "p (Holm)",
                      "networks", "images"},
                     3);
    for (const study_claim& claim : claims) {
        const repscope::claim_result& result = claim.result;
        table.add({claim.id, claim.statement, verdict_text(claim), fixed(result.estimate, 3),
                   per_seed_text(result.per_block), slope_text(claim.slope_per_tenth),
                   p_value_text(result.p_value, result.at_floor),
                   p_value_text(result.adjusted_p_value, result.at_floor), std::to_string(claim.networks),
                   with_commas(claim.images)});
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
    for (const study_claim& claim : claims) text += image_error_text(claim);
    for (const study_claim& claim : claims) {
        if (claim.id == "2a" && claim.attack && !claim.attack->by_eps.empty())
            text += attack_sizes_part(*claim.attack);
        if (claim.equivalence) text += equivalence_part(*claim.equivalence);
    }
    return text;
}

std::string summary_part(const study_result& study) {
    std::string text = "<h2 id=\"summary\">Summary</h2>\n" + notes_part(study.notes);
    for (const summary_table& summary : summary_tables(study)) {
        html_table table(summary.header, 0);
        for (const auto& row : summary.rows) table.add(row);
        text += table.text() + "<p class=\"caption\">" + escaped(summary.caption) + "</p>\n";
    }
    return text;
}

std::string times_table(const study_result& study) {
    html_table table({"stage", "time", "share", "a network"});
    const auto networks = static_cast<double>(study.networks.size());
    for (const stage_time& time : stage_times(study))
        table.add({time.stage, duration(time.seconds), fixed(100 * time.share, 1) + " %",
                   duration(time.seconds / networks)});
    return table.text();
}

std::string settings_part(const study_result& study, const std::string& figures_by) {
    setting_list versions{
        {"repscope", study.version}, {"commit", commit_text()}, {"compiler", compiler_text()}};
    if (!figures_by.empty()) versions.emplace_back("figures", figures_by);
    return "<h2 id=\"settings\">Settings, versions, times</h2>\n<h3>Data</h3>\n" +
           option_table(data_settings(study)) + "<h3>Training of " + escaped(study.network) + "</h3>\n" +
           option_table(training_settings(study)) + "<h3>Options</h3>\n" +
           option_table(option_settings(study)) + "<h3>Versions</h3>\n" + option_table(versions) +
           "<h3>Times</h3>\n" + times_table(study) +
           "<p class=\"sub\">Definitions of all numbers: docs/reference of repscope, the protocol: "
           "docs/guide/study.md. Beside this page: study.json (everything), study.csv (a row per number), "
           "per_image.npz (the images that a network classifies correctly under each condition).</p>\n";
}

} // namespace

void write_study_page(const std::string& folder, const study_result& study, const study_pictures& pictures) {
    const figure_parts figures = write_figures(folder, study_figures(study));
    const ordered_networks networks(study);
    std::string body = "<h1>Class selectivity and robustness: " + escaped(study.network) + " on " +
                       escaped(study.data.name) + "</h1>\n<p class=\"sub\">" + networks.counted() +
                       " &middot; repscope " + version_text() + "</p>\n";
    if (!figures.is_drawn) body += "<p><b>Figures are left out:</b> gnuplot was not found, or failed.</p>\n";
    body += summary_part(study) + figures.html + write_pictures(folder, pictures) +
            claims_part(study.claims) + settings_part(study, figures.drawn_by);
    write_output((fs::path(folder) / "report.html").string(),
                 html_page("repscope study: " + study.network + " on " + study.data.name, body));
}

} // namespace program
