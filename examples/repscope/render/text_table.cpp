#include "render/text_table.hpp"

#include "support/errors.hpp"

#include <algorithm>
#include <utility>

namespace program {

std::size_t display_width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

text_table::text_table(std::vector<std::string> header, std::size_t left) : left_(left) {
    rows_.push_back(std::move(header));
}

void text_table::add_row(std::vector<std::string> cells) {
    cells.resize(rows_.front().size());
    for (std::string& cell : cells) cell = on_one_line(cell);
    rows_.push_back(std::move(cells));
}

std::string text_table::text() const {
    std::vector<std::size_t> widths(rows_.front().size());
    for (const auto& row : rows_) {
        for (std::size_t column = 0; column < row.size(); ++column) {
            widths[column] = std::max(widths[column], display_width(row[column]));
        }
    }
    std::string out;
    for (const auto& row : rows_) {
        std::string line;
        for (std::size_t column = 0; column < row.size(); ++column) {
            const std::string padding(widths[column] - display_width(row[column]), ' ');
            if (column != 0) line += "  ";
            line += column < left_ ? row[column] + padding : padding + row[column];
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    return out;
}

std::string text_table::markdown() const {
    const auto line = [](const std::vector<std::string>& cells) {
        std::string text = "|";
        for (const std::string& cell : cells) {
            text += ' ';
            for (const char c : cell) {
                if (c == '|' || c == '\\' || c == '*' || c == '_' || c == '`' || c == '<') text += '\\';
                text += c;
            }
            text += " |";
        }
        return text + "\n";
    };
    std::string rule = "|";
    for (std::size_t column = 0; column < rows_.front().size(); ++column)
        rule += column < left_ ? " --- |" : " ---: |";
    std::string out = line(rows_.front()) + rule + "\n";
    for (std::size_t k = 1; k < rows_.size(); ++k) out += line(rows_[k]);
    return out;
}

} // namespace program
