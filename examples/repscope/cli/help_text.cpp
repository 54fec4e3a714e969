#include "cli/help_text.hpp"

#include "cli/validators.hpp"

#include <CLI/CLI.hpp>
#include <sstream>

namespace program {

namespace {

// A command line in two or more lines, which break before an option.
std::string folded(const std::string& command) {
    std::string lines;
    std::string rest = command;
    while (rest.size() > help_width) {
        const std::size_t place = rest.rfind(" --", help_width - 2);
        if (place == std::string::npos || rest.find_first_not_of(' ') > place) break;
        lines += rest.substr(0, place) + " \\\n";
        rest = "      " + rest.substr(place + 1);
    }
    return lines + rest;
}

bool ends_paragraph(const std::string& line) { return line.ends_with('.') || line.ends_with(':'); }

} // namespace

std::string flowed(std::string_view text) { return wrapped(text, std::string::npos, 0); }

std::string wrapped(std::string_view text, std::size_t width, std::size_t indent) {
    std::istringstream words{std::string(text)};
    std::string lines;
    std::size_t column = indent;
    bool begins_line = true;
    for (std::string word; words >> word;) {
        if (!begins_line && column + 1 + word.size() > width) {
            lines += "\n" + std::string(indent, ' ');
            column = indent;
            begins_line = true;
        }
        if (!begins_line) lines += " ";
        column += word.size() + (begins_line ? 0 : 1);
        lines += word;
        begins_line = false;
    }
    return lines;
}

std::vector<footer_block> footer_blocks(const std::string& footer) {
    std::vector<footer_block> blocks;
    std::istringstream lines(footer);
    bool is_complete = true;
    for (std::string line; std::getline(lines, line);) {
        if (line.empty()) continue;
        const bool verbatim = line.starts_with("  ");
        if (verbatim && !blocks.empty() && blocks.back().verbatim) {
            blocks.back().text += "\n" + folded(line);
        } else if (verbatim || is_complete || blocks.back().verbatim) {
            blocks.push_back({verbatim, verbatim ? folded(line) : line});
        } else {
            blocks.back().text += " " + line;
        }
        is_complete = ends_paragraph(line);
    }
    return blocks;
}

option_text text_of(const CLI::Option& option) {
    option_text text;
    text.description = flowed(option.get_description());
    if (option.nonpositional()) {
        for (const std::string& name : option.get_snames()) text.names.push_back("-" + name);
        for (const std::string& name : option.get_lnames()) text.names.push_back("--" + name);
    } else {
        text.names.push_back(option.get_name(true, false));
    }
    for (const CLI::Option* other : option.get_excludes()) {
        text.description += "; not with " + other->get_name();
    }
    text.required = option.get_required();
    if (option.get_type_size() == 0) return text;
    text.value = option.get_type_name();
    text.default_value = option.get_default_str();
    text.repeatable = option.get_expected_max() > 1;
    text.choices = choices_of(option);
    return text;
}

std::vector<option_text> options_of(const CLI::App& command, bool positional) {
    std::vector<option_text> all;
    for (const CLI::Option* option : command.get_options()) {
        if (!option->get_group().empty() && option->nonpositional() != positional)
            all.push_back(text_of(*option));
    }
    return all;
}

std::string usage_of(const CLI::App& command) {
    std::string usage = "[OPTIONS]";
    for (const option_text& positional : options_of(command, true)) {
        const std::string name = positional.names.front() + (positional.repeatable ? "..." : "");
        usage += positional.required ? " " + name : " [" + name + "]";
    }
    return command.get_subcommands({}).empty() ? usage : usage + " COMMAND";
}

} // namespace program
