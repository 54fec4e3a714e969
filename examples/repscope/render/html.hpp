#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace program {

/// `text`, escaped for use between tags and in attributes.
std::string escaped(std::string_view text);

/// A table whose first `names` columns are text, the others numbers.
class html_table {
  public:
    explicit html_table(const std::vector<std::string>& header, std::size_t names = 1);
    /// A row; its cells are escaped.
    void add(const std::vector<std::string>& cells);
    [[nodiscard]] std::string text() const;

  private:
    [[nodiscard]] std::string row(const std::vector<std::string>& cells, const std::string& tag) const;

    std::string text_;
    std::size_t names_;
};

/// A table of options: names and values.
std::string option_table(const std::vector<std::pair<std::string, std::string>>& options);

/// A figure with its caption; empty without an SVG element.
std::string html_figure(const std::string& svg, const std::string& caption);

/// A page that needs no other file: `body` in the style of all reports. The title is escaped.
std::string html_page(const std::string& title, const std::string& body);

} // namespace program
