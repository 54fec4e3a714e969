#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace program {

/// The width of every help text, in columns.
inline constexpr std::size_t help_width = 80;

/// Returns `text` with each run of spaces and line feeds replaced by one space.
std::string flowed(std::string_view text);

/// Returns the words of `text` in lines of at most `width` columns, as far as its words allow it. Each line
/// but the first begins with `indent` spaces, which count as part of the width. No line feed at the end.
std::string wrapped(std::string_view text, std::size_t width, std::size_t indent);

/// A part of the text below the options: a paragraph, or commands that keep their lines.
struct footer_block {
    bool verbatim = false; ///< lines that begin with two spaces
    std::string text;      ///< without a line feed at the end
};

/// Returns the blocks of a footer. A paragraph ends with a line that ends a sentence, or with ':'. A command
/// above `help_width` columns is continued before an option, with a backslash.
std::vector<footer_block> footer_blocks(const std::string& footer);

/// What help, man pages and completions show of an option.
struct option_text {
    std::vector<std::string> names;   ///< "-h" and "--help", or "ACT" of a positional
    std::string value;                ///< the name of its value in the help, such as FILE; empty for a flag
    std::string default_value;        ///< empty: none
    std::string description;          ///< one paragraph, with the options that exclude it
    std::vector<std::string> choices; ///< the values that it accepts, if they are a list
    bool required = false;
    bool repeatable = false;
};

/// Returns the text of an option.
option_text text_of(const CLI::Option& option);

/// Returns the visible positional arguments of a command, or its other visible options, in the order of their
/// definition.
std::vector<option_text> options_of(const CLI::App& command, bool positional);

/// Returns the usage of a command behind its name: "[OPTIONS] ACT...".
std::string usage_of(const CLI::App& command);

} // namespace program
