#include "render/html.hpp"

namespace program {

namespace {

constexpr const char* style = R"(
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1180px; margin: 2em auto; padding: 0 1.2em; }
h1 { font-size: 1.5em; margin-bottom: 0; }
h2 { font-size: 1.15em; margin: 2em 0 .5em; }
h3 { font-size: 1em; margin: 1.6em 0 .3em; }
p.sub { color: #666; margin-top: .2em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25em .8em; text-align: right; border-bottom: 1px solid #e4e4e4; white-space: nowrap; }
th { border-bottom: 2px solid #aaa; font-weight: 600; } th.name, td.name { text-align: left; }
tr:hover td { background: #f5f8fc; }
.figures { display: flex; flex-wrap: wrap; gap: 1em; } .figures figure { margin: 0; flex: 1 1 460px; max-width: 580px; }
.figures svg { width: 100%; height: auto; } figcaption { color: #555; font-size: .9em; }
figure.alone { margin: .3em 0 0; }
figure.alone svg { width: 100%; height: auto; display: block; }
p.caption { color: #555; font-size: .9em; max-width: 1120px; margin-top: .3em; }
p.missing { color: #7b341e; }
img.pixels { image-rendering: pixelated; display: block; }
.claims td, .claims th { padding: .25em .5em; font-size: .87em; }
.claims td, .claims th { white-space: normal; }
.claims td:nth-child(2) { min-width: 16em; }
.claims td:nth-child(5) { min-width: 6em; }
.claims td:nth-child(6) { min-width: 7em; }
.claims td:nth-child(7), .claims td:nth-child(8) { white-space: nowrap; }
.claims td:first-child { min-width: 6em; }
.claims td:nth-child(3) { min-width: 9em; }
table.pictures td { padding: .15em .6em; }
ul.notes { color: #7b341e; } code, td.hash { font-family: ui-monospace, monospace; font-size: .85em; }
)";

} // namespace

std::string escaped(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        switch (c) {
        case '&':
            safe += "&amp;";
            break;
        case '<':
            safe += "&lt;";
            break;
        case '>':
            safe += "&gt;";
            break;
        case '"':
            safe += "&quot;";
            break;
        default:
            safe += c;
        }
    }
    return safe;
}

html_table::html_table(const std::vector<std::string>& header, std::size_t names) : names_(names) {
    text_ = "<div class=\"wide\"><table><thead>" + row(header, "th") + "</thead><tbody>\n";
}

void html_table::add(const std::vector<std::string>& cells) { text_ += row(cells, "td") + "\n"; }

std::string html_table::text() const { return text_ + "</tbody></table></div>\n"; }

std::string html_table::row(const std::vector<std::string>& cells, const std::string& tag) const {
    std::string line = "<tr>";
    for (std::size_t k = 0; k < cells.size(); ++k) {
        line += "<" + tag + (k < names_ ? " class=\"name\">" : ">") + escaped(cells[k]) + "</" + tag + ">";
    }
    return line + "</tr>";
}

std::string option_table(const std::vector<std::pair<std::string, std::string>>& options) {
    html_table table({"option", "value"}, 2);
    for (const auto& [name, value] : options) table.add({name, value});
    return table.text();
}

std::string html_figure(const std::string& svg, const std::string& caption) {
    if (svg.empty()) return {};
    return "<figure>" + svg + "<figcaption>" + escaped(caption) + "</figcaption></figure>\n";
}

std::string html_page(const std::string& title, const std::string& body) {
    return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<title>" + escaped(title) +
           "</title>\n<style>" + style + "</style></head><body>\n" + body + "</body></html>\n";
}

} // namespace program
