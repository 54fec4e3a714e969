#include "measure_report.hpp"

#include "failure.hpp"
#include "html.hpp"
#include "measure_csv.hpp"
#include "measure_figures.hpp"
#include "output_file.hpp"
#include "sha256.hpp"
#include "text_table.hpp"
#include "versions.hpp"

#include <repscope/io/file.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <system_error>
#include <unistd.h>

namespace program {

namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

std::string selectivity_table(const std::vector<layer_report>& reports) {
    html_table table(
        {"layer", "unit", "samples", "units", "mean", "live", "median", "if shuffled", "silent", "undefined"},
        2);
    for (const auto& layer : reports) {
        const auto& measured = layer.selectivity->measured;
        table.add({layer.name, layer.unit == "channel_mean" ? "channel mean" : layer.unit,
                   std::to_string(layer.samples), std::to_string(layer.units), fixed(measured.mean, 3),
                   fixed(measured.mean_live, 3), fixed(measured.median, 3),
                   fixed(layer.selectivity->null_mean, 3), std::to_string(measured.silent_units),
                   std::to_string(measured.undefined_units)});
    }
    return table.text();
}

std::string dimensionality_table(const std::vector<layer_report>& reports) {
    html_table table({"layer", "shape", "layout", "samples", "units", "participation ratio", "unbiased",
                      "90 %", "95 %", "99 %", "95 % of units", "stable rank"},
                     3);
    for (const auto& layer : reports) {
        const auto& d = layer.dimensionality;
        table.add({layer.name, repscope::format_shape(layer.shape), layer.layout,
                   std::to_string(layer.samples), std::to_string(layer.units),
                   fixed(d.participation_ratio, 2), fixed(d.participation_ratio_unbiased, 2),
                   std::to_string(d.components[0]), std::to_string(d.components[1]),
                   std::to_string(d.components[2]), fixed(d.components_fraction[1], 3),
                   fixed(d.stable_rank, 2)});
    }
    return table.text();
}

std::string comparison_table(const std::vector<layer_report>& reports) {
    const bool has_selectivity = reports.front().selectivity.has_value();
    std::vector<std::string> header{"layer"};
    if (has_selectivity) header.insert(header.end(), {"selectivity", "perturbed", "change"});
    header.insert(header.end(),
                  {"PR", "perturbed", "95 %", "perturbed", "size of difference", "its PR", "its 95 %"});
    html_table table(header);
    for (const auto& layer : reports) {
        const comparison_report& other = *layer.comparison;
        std::vector<std::string> row{layer.name};
        if (has_selectivity) {
            const double before = layer.selectivity->measured.mean;
            const double after = other.selectivity->measured.mean;
            row.insert(row.end(), {fixed(before, 3), fixed(after, 3), fixed(after - before, 3)});
        }
        row.insert(row.end(), {fixed(layer.dimensionality.participation_ratio, 2),
                               fixed(other.dimensionality.participation_ratio, 2),
                               std::to_string(layer.dimensionality.components[1]),
                               std::to_string(other.dimensionality.components[1]),
                               fixed(other.relative_size, 3), fixed(other.difference.participation_ratio, 2),
                               std::to_string(other.difference.components[1])});
        table.add(row);
    }
    return table.text();
}

struct hashed_file {
    std::string path;
    std::size_t bytes = 0;
    std::string sha256;
};

std::string hash_of(const std::string& path, std::size_t& size) {
    const repscope::io::input_file file(path);
    size = file.size();
    sha256 digest;
    std::vector<std::byte> bytes(std::min(size, std::size_t{4} << 20U));
    for (std::size_t done = 0; done < size;) {
        const auto now = std::span(bytes).first(std::min(bytes.size(), size - done));
        file.read(done, now);
        digest.update(now);
        done += now.size();
    }
    return digest.hex_digest();
}

// Every file on the disk once, in the order of the layers.
std::string file_table(const std::vector<measured_layer>& layers, const json& options,
                       repscope::thread_pool& pool) {
    std::vector<hashed_file> files;
    const auto add = [&](const std::string& path) {
        const auto is_it = [&](const hashed_file& file) { return file.path == path; };
        if (std::none_of(files.begin(), files.end(), is_it)) files.push_back({path, 0, {}});
    };
    for (const measured_layer& layer : layers) {
        for (const std::string& path : files_of(layer.dump)) add(path);
        if (!layer.perturbed_dump) continue;
        for (const std::string& path : files_of(*layer.perturbed_dump)) add(path);
    }
    if (options["labels"].is_string()) add(split_key(options["labels"].get<std::string>()).first);
    pool.for_each(files.size(),
                  [&](std::size_t k) { files[k].sha256 = hash_of(files[k].path, files[k].bytes); });
    html_table table({"file", "bytes", "SHA-256"});
    for (const hashed_file& file : files) table.add({file.path, std::to_string(file.bytes), file.sha256});
    return table.text();
}

std::string page(const std::vector<layer_report>& reports, const std::vector<measured_layer>& layers,
                 const json& options, const std::string& heading, const measure_figures& figures,
                 repscope::thread_pool& pool) {
    const bool has_selectivity = reports.front().selectivity.has_value();
    std::string text = "<h1>Representations of " + std::to_string(reports.size()) +
                       (reports.size() == 1 ? " layer" : " layers") + "</h1>\n<p class=\"sub\">" +
                       escaped(heading) + " &middot; repscope " + version_text() + "</p>\n";
    if (!figures.drawn) text += "<p><b>Figures are left out:</b> gnuplot was not found, or failed.</p>\n";
    text += "<div class=\"figures\">" +
            html_figure(figures.selectivity_by_depth,
                        "Mean class selectivity of the layers, in the order given") +
            html_figure(figures.dimensionality_by_depth,
                        "Dimensions that the layers use (PR: participation ratio), and their units") +
            "</div>\n";
    if (has_selectivity) text += "<h2>Class selectivity</h2>\n" + selectivity_table(reports);
    text += "<h2>Dimensionality</h2>\n" + dimensionality_table(reports);
    if (reports.front().comparison) text += "<h2>Under the perturbation</h2>\n" + comparison_table(reports);
    std::string notes;
    for (const auto& report : reports) {
        for (const auto& note : notes_on(report)) {
            notes += "<li>" + escaped(report.name + ": " + note) + "</li>\n";
        }
    }
    if (!notes.empty()) text += "<h2>Notes</h2>\n<ul class=\"notes\">" + notes + "</ul>\n";
    if (figures.drawn) {
        text += "<h2>Layers</h2>\n";
        for (std::size_t k = 0; k < reports.size(); ++k) {
            text += "<h3>" + escaped(reports[k].name) + "</h3>\n<div class=\"figures\">" +
                    html_figure(figures.layers[k].selectivity, "Class selectivity of its units") +
                    html_figure(figures.layers[k].spectrum,
                                "Spectrum of its covariance, and the components that hold "
                                "90, 95 and 99 % of the variance") +
                    "</div>\n";
        }
    }
    text +=
        "<h2>What was measured</h2>\n" + file_table(layers, options, pool) + "<h3>Options</h3>\n" +
        option_table(options) +
        "<p class=\"sub\">Definitions of all numbers: docs/definitions.md of repscope. The same numbers as "
        "text: layers.csv" +
        std::string(has_selectivity ? ", units.csv" : "") + ", spectra.csv beside this page.</p>\n";
    return html_page("repscope: " + std::to_string(reports.size()) + " layers", text);
}

} // namespace

void require_report_folder(const std::string& folder) {
    std::error_code none;
    fs::path existing = fs::absolute(folder, none).lexically_normal();
    while (!fs::exists(fs::symlink_status(existing, none)) && existing.has_relative_path())
        existing = existing.parent_path();
    if (!fs::is_directory(existing, none)) {
        throw data_error(folder, "cannot be written: " + existing.string() + " is not a folder");
    }
    errno = 0;
    if (::access(existing.c_str(), W_OK | X_OK) != 0) {
        throw data_error(folder, std::string("cannot be written: ") + std::strerror(errno));
    }
    for (const auto& [name, kind] : report_files) {
        if (fs::is_directory(folder, none)) require_writable((fs::path(folder) / name).string());
    }
}

void write_report(const std::string& folder, const std::vector<layer_report>& reports,
                  const std::vector<measured_layer>& layers, const nlohmann::ordered_json& options,
                  const std::string& heading, repscope::thread_pool& pool) {
    std::error_code failure;
    fs::create_directories(folder, failure);
    if (!fs::is_directory(folder))
        throw data_error(folder, "cannot be written: " + (failure ? failure.message() : "is not a folder"));
    const auto write = [&](const char* name, const std::string& text) {
        if (!text.empty()) write_output((fs::path(folder) / name).string(), text);
    };
    try {
        write("layers.csv", layers_csv(reports));
        write("units.csv", units_csv(reports));
        write("spectra.csv", spectra_csv(reports));
        write("report.html", page(reports, layers, options, heading, draw_figures(reports), pool));
    } catch (...) {
        ::rmdir(folder.c_str()); // only when it is empty
        throw;
    }
}

} // namespace program
