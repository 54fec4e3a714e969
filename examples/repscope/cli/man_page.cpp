#include "cli/man_page.hpp"

#include "cli/help_text.hpp"
#include "support/versions.hpp"

#include <CLI/CLI.hpp>
#include <cctype>

namespace program {

namespace {

// Text of roff: no escape and no request.
std::string escaped(const std::string& text) {
    std::string roff;
    bool begins_line = true;
    for (const char c : text) {
        if (begins_line && (c == '.' || c == '\'')) roff += "\\&";
        if (c == '\\') {
            roff += "\\e";
        } else if (c == '-') {
            roff += "\\-";
        } else if (c == '\'') {
            roff += "\\(aq";
        } else if (c == '`') {
            roff += "\\(ga";
        } else if (c == '^') {
            roff += "\\(ha";
        } else if (c == '~') {
            roff += "\\(ti";
        } else {
            roff += c;
        }
        begins_line = c == '\n';
    }
    return roff;
}

std::string upper(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

std::string bold(const std::string& text) { return "\\fB" + escaped(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + escaped(text) + "\\fR"; }
std::string section(const std::string& name) { return ".SH " + name + "\n"; }

std::string page_name(const CLI::App& app, const CLI::App& command) {
    return &app == &command ? app.get_name() : app.get_name() + "-" + command.get_name();
}

std::string option_entry(const option_text& option) {
    std::string head;
    for (const std::string& name : option.names) {
        head += (head.empty() ? "" : ", ") + (name.starts_with("-") ? bold(name) : italic(name));
    }
    if (!option.value.empty() && option.names.front().starts_with("-")) head += " " + italic(option.value);
    std::string text = option.description;
    if (!option.default_value.empty()) text += " (default: " + option.default_value + ")";
    if (option.required) text += " (required)";
    return ".TP\n" + head + "\n" + escaped(text) + "\n";
}

std::string options_section(const CLI::App& command) {
    std::string text;
    for (const bool positional : {true, false}) {
        const auto options = options_of(command, positional);
        if (!options.empty()) text += section(positional ? "ARGUMENTS" : "OPTIONS");
        for (const option_text& option : options) text += option_entry(option);
    }
    return text;
}

std::string footer_sections(const CLI::App& command) {
    const std::string codes = "Exit codes: ";
    std::string examples;
    std::string notes;
    std::string status;
    for (const footer_block& block : footer_blocks(command.get_footer())) {
        if (block.verbatim) {
            examples += ".nf\n" + escaped(block.text) + "\n.fi\n";
        } else if (block.text.starts_with(codes)) {
            status = escaped(block.text.substr(codes.size())) + "\n";
        } else if (block.text.starts_with("Example")) {
            if (block.text != "Examples:" && block.text != "Example:")
                examples += escaped(block.text) + "\n.PP\n";
        } else {
            notes += ".PP\n" + escaped(block.text) + "\n";
        }
    }
    return (examples.empty() ? "" : section("EXAMPLES") + examples) +
           (notes.empty() ? "" : section("NOTES") + notes) +
           (status.empty() ? "" : section("\"EXIT STATUS\"") + status);
}

} // namespace

std::string man_page(const CLI::App& app, const CLI::App& command) {
    const std::string name = page_name(app, command);
    std::string usage = app.get_name();
    if (&app != &command) usage += " " + command.get_name();
    std::string page = ".TH " + escaped(upper(name)) + " 1 \"\" \"" + app.get_name() + " " + version_text() +
                       "\" \"User Commands\"\n";
    page += section("NAME") + escaped(name) + " \\- " + escaped(flowed(command.get_description())) + "\n";
    page += section("SYNOPSIS") + bold(usage) + " " + escaped(usage_of(command)) + "\n";
    page += options_section(command);
    const auto commands = app.get_subcommands({});
    if (&app == &command) {
        page += section("COMMANDS");
        for (const CLI::App* each : commands) {
            page += ".TP\n" + bold(each->get_name()) + "\n" + escaped(flowed(each->get_description())) + "\n";
        }
    }
    page += footer_sections(command);
    page += section("\"SEE ALSO\"");
    std::string others;
    for (const CLI::App* each : commands) {
        if (each == &command) continue;
        others += (others.empty() ? "" : ", ") + bold(page_name(app, *each)) + "(1)";
    }
    if (&app != &command) others = bold(app.get_name()) + "(1)" + (others.empty() ? "" : ", ") + others;
    return page + others + "\n";
}

} // namespace program
