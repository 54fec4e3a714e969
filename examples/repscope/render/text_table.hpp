#pragma once

#include "support/format.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace program {

/// A table for people: columns as wide as their widest cell, the first `left` ones flush left, numbers flush
/// right.
class text_table {
  public:
    text_table(std::vector<std::string> header, std::size_t left);

    /// Adds a row. Missing cells at the end are blank; control characters are replaced, as names may hold
    /// them.
    void add_row(std::vector<std::string> cells);

    /// The lines of the table, each ending in a line feed.
    [[nodiscard]] std::string text() const;

    /// The table in Markdown, with the characters that it gives a meaning escaped.
    [[nodiscard]] std::string markdown() const;

  private:
    std::vector<std::vector<std::string>> rows_;
    std::size_t left_;
};

/// Columns that `text` takes on a terminal: its code points.
std::size_t display_width(std::string_view text);

} // namespace program
