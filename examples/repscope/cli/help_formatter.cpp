#include "cli/help_formatter.hpp"

#include "cli/help_text.hpp"

#include <sstream>

namespace program {

namespace {

constexpr std::size_t left_width = 26;

// A name that leaves no space behind it in its column has a line of its own.
std::string row(const std::string& name, const std::string& description) {
    const std::string head = "  " + name;
    const bool fits = head.size() + 2 <= left_width;
    return head + (fits ? std::string(left_width - head.size(), ' ') : "\n" + std::string(left_width, ' ')) +
           wrapped(description, help_width, left_width) + "\n";
}

} // namespace

std::string help_formatter::make_option(const CLI::Option* option, bool) const {
    const option_text text = text_of(*option);
    std::string name;
    for (const std::string& each : text.names) name += (name.empty() ? "" : ",") + each;
    if (!text.value.empty() && text.value != text.names.front()) name += " " + text.value;
    if (!text.default_value.empty()) name += "=" + text.default_value;
    if (text.repeatable) name += " ...";
    if (text.required) name += " REQUIRED";
    return row(name, text.description);
}

std::string help_formatter::make_subcommand(const CLI::App* command) const {
    return row(command->get_name(), command->get_description());
}

std::string help_formatter::make_description(const CLI::App* command) const {
    return wrapped(command->get_description(), help_width, 0) + "\n";
}

std::string help_formatter::make_usage(const CLI::App* command, std::string name) const {
    return "Usage: " + name + " " + usage_of(*command) + "\n";
}

std::string help_formatter::make_footer(const CLI::App* command) const {
    std::string text;
    for (const footer_block& block : footer_blocks(command->get_footer())) {
        text += (block.verbatim ? block.text : wrapped(block.text, help_width, 0)) + "\n";
    }
    return text;
}

} // namespace program
