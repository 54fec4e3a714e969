// repscope: how a neural network represents its classes, from the command line. Each subcommand is a file of
// its own; this one finds out which is meant and turns what goes wrong into one line and an exit code.

#include "cli/commands.hpp"
#include "cli/help_formatter.hpp"
#include "cli/run.hpp"
#include "support/errors.hpp"
#include "support/interruption.hpp"
#include "support/versions.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

int main(int argc, char** argv) {
    program::remove_temporary_files_on_signals();
    CLI::App app(
        "Measures how a neural network represents its classes: class selectivity and dimensionality of\n"
        "every layer, from activations of any framework saved as .npy, or of networks it trains itself.",
        "repscope");
    app.formatter(std::make_shared<program::help_formatter>()); // of the commands too
    app.set_version_flag("--version", program::version_and_commit_text());
    app.require_subcommand(1, 1);
    app.footer(
        std::string("Examples:\n"
                    "  repscope measure conv1.npy conv2.npy --labels labels.npy\n"
                    "  repscope corrupt images.npy fog.npy --corruption fog --severity 3\n"
                    "  repscope study --data fashion-mnist --out results\n"
                    "  repscope methods --data fashion-mnist --out methods --methods ce,at-linf\n"
                    "'repscope COMMAND --help' and 'repscope help COMMAND' show the options of a command.\n"
                    "'repscope help --write-pages ~/.local/share' writes man pages and completions for\n"
                    "bash, zsh and fish.\n") +
        program::exit_codes(true) + ".");
    const std::vector<program::command> commands{program::add_measure(app), program::add_merge(app),
                                                 program::add_corrupt(app), program::add_study(app),
                                                 program::add_methods(app), program::add_dump(app),
                                                 program::add_analyze(app)};

    std::string speaker = "repscope";
    try {
        if (argc == 1) {
            std::fputs(app.help().c_str(), stderr);
            return 2;
        }
        return program::run_commands(argc, argv, app, commands, speaker);
    } catch (...) {
        return program::report(speaker, program::current_failure());
    }
}
