// repscope: how a neural network represents its classes, from the command line. Each subcommand is a file of
// its own; this one finds out which is meant and turns what goes wrong into one line and an exit code.

#include "commands.hpp"
#include "failure.hpp"
#include "output_file.hpp"
#include "versions.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

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

int main(int argc, char** argv) {
    CLI::App app(
        "Measures how a neural network represents its classes: class selectivity and dimensionality of\n"
        "every layer, from activations of any framework saved as .npy, or of networks it trains itself.",
        "repscope");
    app.set_version_flag("--version", program::version_text());
    app.require_subcommand(1, 1);
    app.footer("Examples:\n"
               "  repscope measure conv1.npy conv2.npy --labels labels.npy\n"
               "  repscope corrupt images.npy fog.npy --corruption fog --severity 3\n"
               "  repscope study --data fashion-mnist --out results\n"
               "'repscope COMMAND --help' tells more.\n"
               "Exit codes: 0 done, 1 a file is bad, 2 wrong usage.");
    const std::vector<program::command> commands{program::add_measure(app), program::add_merge(app),
                                                 program::add_corrupt(app),
                                                 program::add_study(app)};

    std::string speaker = "repscope";
    for (const auto& command : commands) {
        if (argc > 1 && command.app->get_name() == argv[1]) speaker += " " + command.app->get_name();
    }
    return program::exit_code_of(speaker, [&] {
        auto arguments = with_negative_values_joined(argc, argv);
        std::reverse(arguments.begin(), arguments.end()); // the order in which CLI11 takes them
        try {
            app.parse(arguments);
        } catch (const CLI::CallForHelp&) {
            std::string text;
            for (const auto& command : commands) {
                if (command.app->parsed()) text = command.app->help("repscope");
            }
            program::print(text.empty() ? app.help() : text);
            return 0;
        } catch (const CLI::CallForVersion& e) {
            program::print(std::string(e.what()) + "\n");
            return 0;
        } catch (const CLI::ParseError& e) {
            throw program::usage_error(std::string(e.what()) + " ('" + speaker +
                                       " --help' shows the options)");
        }
        for (const auto& command : commands) {
            if (command.app->parsed()) return command.run();
        }
        return 2;
    });
}
