#pragma once

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

  private:
    std::vector<std::vector<std::string>> rows_;
    std::size_t left_;
};

/// `value` with `digits` behind the point; a dash when it is NaN.
std::string fixed(double value, int digits);

/// `value` as short as it can be written and read back; a dash when it is NaN.
std::string shortest(double value);

/// Seconds as people say them: "8 s", "3 min 20 s", "1 h 5 min".
std::string duration(double seconds);

/// Bytes as people say them: "655 MB", "1.3 GB".
std::string byte_count(double bytes);

/// Columns that `text` takes on a terminal: its code points.
std::size_t display_width(std::string_view text);

} // namespace program
