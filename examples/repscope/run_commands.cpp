#include "run_commands.hpp"

#include "failure.hpp"
#include "output_file.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>

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

} // namespace

int run_commands(int argc, char** argv, CLI::App& app, const std::vector<command>& commands,
                 std::string& speaker) {
    speaker = app.get_name();
    for (const auto& command : commands) {
        if (argc > 1 && command.app->get_name() == argv[1]) speaker += " " + command.app->get_name();
    }
    auto arguments = with_negative_values_joined(argc, argv);
    std::reverse(arguments.begin(), arguments.end()); // the order in which CLI11 takes them
    try {
        app.parse(arguments);
    } catch (const CLI::CallForHelp&) {
        std::string text;
        for (const auto& command : commands) {
            if (command.app->parsed()) text = command.app->help(app.get_name());
        }
        print(text.empty() ? app.help() : text);
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
