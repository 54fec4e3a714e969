#include "text_table.hpp"

#include "failure.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
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

namespace {

std::string printed(double value, std::chars_format format, int digits) {
    std::array<char, 400> buffer{};
    const auto end = digits < 0
                         ? std::to_chars(buffer.data(), buffer.data() + buffer.size(), value)
                         : std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format, digits);
    return {buffer.data(), end.ptr};
}

} // namespace

std::string fixed(double value, int digits) {
    if (std::isnan(value)) return "-";
    std::string text = printed(value, std::chars_format::fixed, digits);
    // A small negative number rounds to zero, which has no sign for a reader.
    if (text.starts_with('-') && text.find_first_not_of("-0.") == std::string::npos) text.erase(0, 1);
    return text;
}

std::string shortest(double value) {
    return std::isnan(value) ? "-" : printed(value, std::chars_format::general, -1);
}

std::string duration(double seconds) {
    if (!(seconds >= 0.0)) return "-";
    if (seconds < 9.95) return fixed(seconds, 1) + " s";
    const auto whole = static_cast<long long>(std::llround(seconds));
    if (whole < 60) return std::to_string(whole) + " s";
    if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
    return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

std::string byte_count(double bytes) {
    if (bytes < 1e3) return fixed(bytes, 0) + " B";
    if (bytes < 1e6) return fixed(bytes / 1e3, 0) + " kB";
    if (bytes < 1e9) return fixed(bytes / 1e6, 0) + " MB";
    return fixed(bytes / 1e9, 1) + " GB";
}

} // namespace program
