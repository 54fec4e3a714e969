#pragma once

#include "repscope/error.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace io {

namespace detail {

/// Comma-separated fields by the grammar of RFC 4180; lines may end in LF as well.
class csv_reader {
  public:
    csv_reader(std::string_view text, const std::string& name) : text_(text), name_(name) {
        if (text_.starts_with("\xef\xbb\xbf"))
            text_.remove_prefix(3); // the byte order mark that some editors write
    }

    /// The fields of the next line; no value at the end. Empty lines are skipped.
    [[nodiscard]] std::optional<std::vector<std::string>> next() {
        while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) end_line();
        if (at_ == text_.size()) return std::nullopt;
        line_of_record_ = line_;
        std::vector<std::string> fields;
        for (;;) {
            fields.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted() : plain());
            if (at_ < text_.size() && text_[at_] == ',') {
                ++at_;
                continue;
            }
            if (at_ < text_.size()) end_line();
            return fields;
        }
    }
    /// Line number of the last record, from 1.
    [[nodiscard]] std::size_t line() const noexcept { return line_of_record_; }

    [[noreturn]] void fail(const std::string& complaint) const {
        throw format_error(name_ + ": line " + errors::text_of(line_of_record_) + ": " + complaint);
    }

  private:
    void end_line() {
        if (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') ++at_;
        ++at_;
        ++line_;
    }
    [[nodiscard]] std::string plain() {
        const std::size_t end = (std::min)(text_.find_first_of(",\r\n", at_), text_.size());
        std::string field(text_.substr(at_, end - at_));
        at_ = end;
        return field;
    }
    [[nodiscard]] std::string quoted() {
        std::string field;
        for (++at_;;) {
            const std::size_t end = text_.find('"', at_);
            if (end == std::string_view::npos) fail("a quoted field has no end");
            for (const char c : text_.substr(at_, end - at_)) {
                field += c;
                if (c == '\n') ++line_;
            }
            at_ = end + 1;
            if (at_ == text_.size() || text_[at_] != '"') break;
            field += '"';
            ++at_;
        }
        if (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\r' && text_[at_] != '\n') {
            fail("something follows a quoted field");
        }
        return field;
    }

    std::string_view text_;
    const std::string& name_;
    std::size_t at_ = 0;
    std::size_t line_ = 1;
    std::size_t line_of_record_ = 1;
};

[[nodiscard]] inline std::optional<std::int64_t> csv_integer(std::string_view field) noexcept {
    while (!field.empty() && (field.front() == ' ' || field.front() == '\t')) field.remove_prefix(1);
    while (!field.empty() && (field.back() == ' ' || field.back() == '\t')) field.remove_suffix(1);
    if (field.starts_with('+')) field.remove_prefix(1);
    std::int64_t value = 0;
    const auto [end, failure] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (failure == std::errc{} && end == field.data() + field.size()) return value;
    // Accepts integers with a decimal point, as tables with missing values often have.
    double number = 0.0;
    const auto [behind, error] = std::from_chars(field.data(), field.data() + field.size(), number);
    if (error != std::errc{} || behind != field.data() + field.size()) return std::nullopt;
    if (!(number >= -0x1p53 && number <= 0x1p53)) return std::nullopt;
    value = static_cast<std::int64_t>(number);
    const double back = static_cast<double>(value);
    if (back < number || back > number) return std::nullopt;
    return value;
}

/// The fields of one column, with the line number of each.
struct csv_column {
    std::vector<std::string> fields;
    std::vector<std::size_t> lines;

    [[nodiscard]] bool holds_integer(std::size_t row) const {
        return row < fields.size() && csv_integer(fields[row]).has_value();
    }
    void drop_first() {
        fields.erase(fields.begin());
        lines.erase(lines.begin());
    }
};

/// The column of this name; for an empty name the only column, including its first line.
[[nodiscard]] inline csv_column read_csv_column(std::string_view text, const std::string& name,
                                                std::string_view column) {
    csv_reader in(text, name);
    auto fields = in.next();
    if (!fields) throw format_error(name + ": holds no rows");
    const std::size_t columns = fields->size();
    std::size_t place = 0;
    if (!column.empty()) {
        const auto found = std::find(fields->begin(), fields->end(), column);
        if (found == fields->end())
            throw format_error(name + ": has no column '" + std::string(column) + "'");
        if (std::find(found + 1, fields->end(), column) != fields->end()) {
            throw format_error(name + ": has two columns '" + std::string(column) + "'");
        }
        place = static_cast<std::size_t>(found - fields->begin());
        fields = in.next();
    } else if (columns != 1) {
        throw format_error(name + ": has " + errors::text_of(columns) +
                           " columns: expected one, or the name of one");
    }
    csv_column values;
    for (; fields; fields = in.next()) {
        if (fields->size() != columns) {
            in.fail("expected " + errors::text_of(columns) + " fields, got " +
                    errors::text_of(fields->size()));
        }
        values.fields.push_back(std::move((*fields)[place]));
        values.lines.push_back(in.line());
    }
    return values;
}

[[nodiscard]] inline std::vector<std::int64_t> integers_of(const csv_column& column,
                                                           const std::string& name) {
    if (column.fields.empty()) throw format_error(name + ": holds no rows");
    std::vector<std::int64_t> values;
    values.reserve(column.fields.size());
    for (std::size_t row = 0; row < column.fields.size(); ++row) {
        const auto value = csv_integer(column.fields[row]);
        if (!value) {
            throw format_error(name + ": line " + errors::text_of(column.lines[row]) +
                               ": expected an integer, got '" + column.fields[row].substr(0, 40) + "'");
        }
        values.push_back(*value);
    }
    return values;
}

} // namespace detail

/// Returns the integers in one column of comma-separated text, one row per sample. The locale does not
/// matter. Integers with a decimal point, such as 3.0, are valid.
///
/// `column` is the name of a column in the first line. If it is empty, there must be one column, and a first
/// line that is not an integer is its name. Errors refer to the text by `name`. Throws `format_error` with
/// the line if a row has another number of fields than the first or its field is not an integer. Throws it
/// also if there is no such column or no row. O(bytes).
[[nodiscard]] inline std::vector<std::int64_t>
parse_csv_integers(std::string_view text, const std::string& name, std::string_view column = {}) {
    detail::csv_column values = detail::read_csv_column(text, name, column);
    if (column.empty() && !values.holds_integer(0)) values.drop_first();
    return detail::integers_of(values, name);
}

/// Labels in a column of text: integers, or names of classes. The other vector is empty.
struct csv_labels {
    std::vector<std::int64_t> integers; ///< values of a column of integers
    std::vector<std::string> names;     ///< values of a column of names
};

/// The labels in one column of comma-separated text, one per row.
///
/// `column` is the name of a column in the first line; if it is empty, there must be one column. A first line
/// before integers is then the column's name; before names it is a label like the others. If the first row is
/// an integer, all rows must be integers. Throws `format_error` as `parse_csv_integers` does, and with the
/// line if a name is empty or an integer is among names. O(bytes).
[[nodiscard]] inline csv_labels parse_csv_labels(std::string_view text, const std::string& name,
                                                 std::string_view column = {}) {
    detail::csv_column values = detail::read_csv_column(text, name, column);
    const bool has_title = column.empty() && !values.holds_integer(0) && values.holds_integer(1);
    if (has_title) values.drop_first();
    if (values.fields.empty() || values.holds_integer(0)) return {detail::integers_of(values, name), {}};
    for (std::size_t row = 0; row < values.fields.size(); ++row) {
        if (!values.fields[row].empty() && !values.holds_integer(row)) continue;
        throw format_error(name + ": line " + errors::text_of(values.lines[row]) +
                           ": expected the name of a class, as above, got '" + values.fields[row] + "'");
    }
    return {{}, std::move(values.fields)};
}

} // namespace io
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
