#include "cli/run.hpp"

#include "cli/pages.hpp"
#include "files/output_file.hpp"
#include "support/errors.hpp"
#include "support/suggestion.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <system_error>

namespace program {

namespace {

// "--alphas -2,0,1" means what "--alphas=-2,0,1" means: no option of ours begins with a minus and a digit.
std::vector<std::string> with_negative_values_joined(int argc, char** argv) {
    std::vector<std::string> arguments;
    const auto is_negative = [](const std::string& text) {
        return text.size() > 1 && text[0] == '-' &&
               (std::isdigit(static_cast<unsigned char>(text[1])) || text[1] == '.');
    };
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (!arguments.empty() && is_negative(argument) && arguments.back().starts_with("--") &&
            arguments.back().size() > 2 && arguments.back().find('=') == std::string::npos) {
            arguments.back() += "=" + argument;
        } else {
            arguments.push_back(argument);
        }
    }
    return arguments;
}

bool is_option(const std::string& argument) { return argument.starts_with("-"); }

const command* command_named(const std::string& name, const std::vector<command>& commands) {
    const auto place = std::find_if(commands.begin(), commands.end(),
                                    [&](const command& each) { return each.app->get_name() == name; });
    return place == commands.end() ? nullptr : &*place;
}

// What is there in place of a command: a name that is almost one, a file, an option.
[[noreturn]] void refuse_first(const std::string& given, const CLI::App& app,
                               const std::vector<command>& commands) {
    std::vector<std::string> names;
    std::string list;
    for (const command& each : commands) {
        names.push_back(each.app->get_name());
        list += (list.empty() ? "" : ", ") + names.back();
    }
    const std::string expected =
        names.size() == 1 ? "expected the command " + list : "expected one of " + list;
    std::error_code none;
    std::string hint = did_you_mean(nearest(given, names));
    if (hint.empty() && !is_option(given) && std::filesystem::exists(given, none)) {
        hint = "; did you mean '" + app.get_name() + " measure " + given + "'?";
    }
    throw usage_error("unknown " + std::string(is_option(given) ? "option" : "command") + " '" + given +
                      "'; " + expected + hint);
}

void print_help(const CLI::App& app, const command* of) {
    print(of == nullptr ? app.help() : of->app->help(app.get_name()));
}

// The same words in the help of every command.
void add_exit_codes(const std::vector<command>& commands) {
    for (const command& each : commands) {
        const bool judges = each.app->get_option_no_throw("--fail-if") != nullptr;
        each.app->footer(each.app->get_footer() + "\n" + exit_codes(judges) + ".");
    }
}

void run_help(const std::vector<std::string>& arguments, const CLI::App& app,
              const std::vector<command>& commands) {
    const std::string first = arguments.empty() ? "" : arguments.front();
    if (first == "--write-pages") {
        if (arguments.size() != 2) throw usage_error("--write-pages: expected one folder");
        write_pages(app, arguments[1]);
        return;
    }
    const command* const of = command_named(first, commands);
    if (!first.empty() && of == nullptr) refuse_first(first, app, commands);
    print_help(app, of);
}

} // namespace

std::string exit_codes(bool judges) {
    const std::string all = "Exit codes: 0 done, 1 a file is bad, 2 wrong usage";
    return judges ? all + ", 3 a --fail-if condition is met or undefined" : all;
}

int run_commands(int argc, char** argv, CLI::App& app, const std::vector<command>& commands,
                 std::string& speaker) {
    speaker = app.get_name();
    add_exit_codes(commands);
    const std::string first = argc > 1 ? argv[1] : "";
    if (first == "help") {
        run_help({argv + 2, argv + argc}, app, commands);
        return 0;
    }
    if (const command* const chosen = command_named(first, commands)) {
        speaker += " " + chosen->app->get_name();
    } else if (argc > 1 && (!is_option(first) || app.get_option_no_throw(first) == nullptr)) {
        refuse_first(first, app, commands);
    }
    auto arguments = with_negative_values_joined(argc, argv);
    std::reverse(arguments.begin(), arguments.end()); // the order in which CLI11 takes them
    try {
        app.parse(arguments);
    } catch (const CLI::CallForHelp&) {
        print_help(app, command_named(first, commands));
        return 0;
    } catch (const CLI::CallForVersion& e) {
        print(std::string(e.what()) + "\n");
        return 0;
    } catch (const CLI::ParseError& e) {
        throw usage_error(std::string(e.what()) + " ('" + speaker + " --help' shows the options)");
    }
    for (const auto& command : commands) {
        if (command.app->parsed()) return command.run();
    }
    return 2;
}

} // namespace program
