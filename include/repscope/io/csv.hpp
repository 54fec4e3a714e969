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
#include <vector>

namespace repscope {
inline namespace v0 {
namespace io {

namespace detail {

/// Comma-separated fields by the grammar of RFC 4180; lines may end in LF as well.
class csv_reader {
  public:
    csv_reader(std::string_view text, const std::string& name) : text_(text), name_(name) {
        if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3); // the byte order mark of some editors
    }

    /// The fields of the next line; none at the end. A line without any character is skipped.
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
    /// Of the record that was read last, from 1.
    [[nodiscard]] std::size_t line() const noexcept { return line_of_record_; }

    [[noreturn]] void fail(const std::string& complaint) const {
        throw format_error(name_ + ": line " + std::to_string(line_of_record_) + ": " + complaint);
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
    if (failure != std::errc{} || end != field.data() + field.size()) return std::nullopt;
    return value;
}

} // namespace detail

/// The integers in one column of comma-separated text, a row a sample, whatever the locale.
///
/// `column` is the name of a column in the first line; empty, there must be one column, and a first line that
/// is no integer is its name. `name` is what errors call the text. Throws `format_error` naming the line when
/// a row has more or fewer fields than the first or its field is no integer, when there is no such column, or
/// no row. O(bytes).
[[nodiscard]] inline std::vector<std::int64_t>
parse_csv_integers(std::string_view text, const std::string& name, std::string_view column = {}) {
    detail::csv_reader in(text, name);
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
    } else if (columns != 1) {
        throw format_error(name + ": has " + std::to_string(columns) +
                           " columns: wanted one, or the name of one");
    }
    const bool has_names = !column.empty() || !detail::csv_integer((*fields)[0]);
    if (has_names) fields = in.next();
    std::vector<std::int64_t> values;
    for (; fields; fields = in.next()) {
        if (fields->size() != columns) {
            in.fail("wanted " + std::to_string(columns) + " fields, got " + std::to_string(fields->size()));
        }
        const auto value = detail::csv_integer((*fields)[place]);
        if (!value) in.fail("wanted an integer, got '" + (*fields)[place].substr(0, 40) + "'");
        values.push_back(*value);
    }
    if (values.empty()) throw format_error(name + ": holds no rows");
    return values;
}

} // namespace io
} // namespace v0
} // namespace repscope
