#include "study/report/figure_parts.hpp"

#include "files/output_file.hpp"
#include "render/gnuplot.hpp"
#include "render/html.hpp"

#include <filesystem>
#include <string_view>

namespace program {

namespace {

// Figures in full width, but none larger than it was drawn.
std::string figure_element(const study_figure& figure, const std::string& svg) {
    return "<figure class=\"alone\" style=\"max-width:" + std::to_string(figure.drawing.width) + "px\">" +
           svg + "</figure>\n<p class=\"caption\">" + escaped(figure.caption) + " <a href=\"figures/" +
           figure.name + ".svg\">SVG</a> <a href=\"figures/" + figure.name + ".csv\">CSV</a></p>\n";
}

std::string figure_part(const study_figure& figure, const std::string& svg) {
    std::string text = "<h2 id=\"" + figure.name + "\">" + escaped(figure.heading) + "</h2>\n";
    if (!figure.meaning.empty()) text += "<p>" + escaped(figure.meaning) + "</p>\n";
    if (!figure.left_out.empty())
        return text + "<p class=\"missing\">This figure is left out: " + escaped(figure.left_out) + ".</p>\n";
    if (svg.empty())
        return text + "<p class=\"caption\">" + escaped(figure.caption) + " <a href=\"figures/" +
               figure.name + ".csv\">CSV</a></p>\n";
    return text + figure_element(figure, svg);
}

// "gnuplot 5.4 patchlevel 4", which the figures contain; empty without figures.
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

} // namespace

figure_parts write_figures(const std::string& folder, const std::vector<study_figure>& figures) {
    namespace fs = std::filesystem;
    const fs::path beside = fs::path(folder) / "figures";
    make_folder(beside.string());
    const auto write = [&](const std::string& name, const std::string& ending, const std::string& text) {
        write_output((beside / (name + ending)).string(), text);
    };
    std::vector<plot> plots;
    for (const study_figure& figure : figures) {
        if (figure.left_out.empty()) plots.push_back(figure.drawing);
    }
    const std::vector<std::string> drawn = draw(plots);
    figure_parts parts{.html = {}, .is_drawn = drawn.size() == plots.size(), .drawn_by = {}};
    if (parts.is_drawn) parts.drawn_by = drawn_by(drawn);
    std::size_t next = 0;
    for (const study_figure& figure : figures) {
        std::string svg;
        if (figure.left_out.empty()) {
            if (parts.is_drawn) {
                svg = drawn[next++];
                write(figure.name, ".svg", "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" + svg + "\n");
            }
            write(figure.name, ".csv", figure.csv);
        }
        parts.html += figure_part(figure, svg);
    }
    return parts;
}

std::string notes_part(const std::vector<std::string>& notes) {
    if (notes.empty()) return {};
    std::string text = "<ul class=\"notes\">";
    for (const std::string& note : notes) text += "<li>" + escaped(note) + "</li>";
    return text + "</ul>\n";
}

} // namespace program
