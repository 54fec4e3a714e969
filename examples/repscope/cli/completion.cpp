#include "cli/completion.hpp"

#include "cli/help_text.hpp"

#include <CLI/CLI.hpp>

namespace program {

namespace {

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

std::vector<std::string> names_of_commands(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
    return names;
}

bool is_folder(const option_text& option) { return option.value == "DIR" || option.value == "FOLDER"; }

// In single quotes of a shell.
std::string shell_quoted(const std::string& text) {
    std::string shell = "'";
    for (const char c : text) shell += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return shell + "'";
}

// The first clause, in at most 60 characters.
std::string short_description(const std::string& text) {
    const std::string clause = text.substr(0, text.find("; "));
    if (clause.size() <= 60) return clause;
    return clause.substr(0, clause.rfind(' ', 60));
}

// A description in an argument of zsh's _arguments, whose delimiters are brackets and colons.
std::string zsh_description(const std::string& text) {
    std::string escaped;
    for (const char c : short_description(text)) {
        if (c == '[' || c == ']' || c == ':' || c == '\\') escaped += '\\';
        escaped += c;
    }
    return escaped;
}

std::string zsh_action(const option_text& option) {
    if (!option.choices.empty()) return "(" + joined(option.choices) + ")";
    return is_folder(option) ? "_files -/" : "_files";
}

// The name of a value in the help, without the characters that zsh reads as delimiters.
std::string zsh_value(const option_text& option) {
    std::string text;
    for (const char c : option.value) {
        if (c == ':') text += '\\';
        text += c;
    }
    return text;
}

} // namespace

std::string bash_completion(const CLI::App& app) {
    const std::string name = app.get_name();
    const std::string commands = joined(names_of_commands(app));
    std::string values;
    std::string options;
    for (const CLI::App* command : app.get_subcommands({})) {
        std::vector<std::string> names;
        for (const option_text& option : options_of(*command, false)) {
            for (const std::string& each : option.names) {
                names.push_back(each);
                const std::string pattern = "    " + command->get_name() + ":" + each + ") ";
                if (!option.choices.empty()) {
                    values += pattern + "words='" + joined(option.choices) + "' ;;\n";
                } else if (is_folder(option)) {
                    values += pattern + "mapfile -t COMPREPLY < <(compgen -d -- \"$current\") && return ;;\n";
                } else if (!option.value.empty()) {
                    values += pattern + "return ;;\n";
                }
            }
        }
        options += "        " + command->get_name() + ":-*) words='" + joined(names) + "' ;;\n";
    }
    return "# bash completion of " + name + ", written by '" + name + " help --write-pages'\n_" + name +
           "() {\n"
           "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
           "    local command=${COMP_WORDS[1]} words=\n"
           "    COMPREPLY=()\n"
           "    case $command:$previous in\n" +
           values +
           "    *)\n"
           "        case $command:$current in\n" +
           options + "        *) [ \"$COMP_CWORD\" != 1 ] || words='" + commands +
           " help --help --version' ;;\n"
           "        esac\n"
           "        [ \"$command\" != help ] || [ \"$COMP_CWORD\" != 2 ] || words='" +
           commands +
           "'\n"
           "        ;;\n"
           "    esac\n"
           "    [ -z \"$words\" ] || mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
           "}\n"
           "complete -o default -F _" +
           name + " " + name + "\n";
}

std::string zsh_completion(const CLI::App& app) {
    const std::string name = app.get_name();
    std::string script = "#compdef " + name + "\n# written by '" + name + " help --write-pages'\n_" + name +
                         "() {\n"
                         "    local -a commands=(\n";
    for (const CLI::App* command : app.get_subcommands({})) {
        script +=
            "        " +
            shell_quoted(command->get_name() + ":" + zsh_description(flowed(command->get_description()))) +
            "\n";
    }
    script += "    )\n"
              "    if (( CURRENT == 2 )) || { (( CURRENT == 3 )) && [[ $words[2] == help ]]; }; then\n"
              "        _describe command commands\n"
              "        return\n"
              "    fi\n"
              "    local command=$words[2]\n"
              "    shift words\n"
              "    (( CURRENT-- ))\n"
              "    case $command in\n";
    for (const CLI::App* command : app.get_subcommands({})) {
        script += "    " + command->get_name() + ")\n        _arguments";
        for (const bool positional : {false, true}) {
            for (const option_text& option : options_of(*command, positional)) {
                for (const std::string& each : option.names) {
                    std::string spec = option.repeatable ? "*" : "";
                    if (!positional) spec += each + "[" + zsh_description(option.description) + "]";
                    if (!option.value.empty()) spec += ":" + zsh_value(option) + ":" + zsh_action(option);
                    script += " \\\n            " + shell_quoted(spec);
                }
            }
        }
        script += "\n        ;;\n";
    }
    return script + "    esac\n}\n_" + name + " \"$@\"\n";
}

std::string fish_completion(const CLI::App& app) {
    const std::string name = app.get_name();
    const std::string complete = "complete -c " + name;
    std::string script = "# written by '" + name + " help --write-pages'\n";
    for (const CLI::App* command : app.get_subcommands({})) {
        const std::string description = short_description(flowed(command->get_description()));
        script += complete + " -n __fish_use_subcommand -f -a " + command->get_name() + " -d " +
                  shell_quoted(description) + "\n";
    }
    for (const CLI::App* command : app.get_subcommands({})) {
        const std::string chosen = complete + " -n '__fish_seen_subcommand_from " + command->get_name() + "'";
        for (const option_text& option : options_of(*command, false)) {
            script += chosen;
            for (const std::string& each : option.names) {
                const bool is_long = each.starts_with("--");
                script += (is_long ? " -l " : " -s ") + each.substr(is_long ? 2 : 1);
            }
            if (!option.choices.empty()) {
                script += " -x -a " + shell_quoted(joined(option.choices));
            } else if (is_folder(option)) {
                script += " -x -a '(__fish_complete_directories)'";
            } else if (!option.value.empty()) {
                script += " -r";
            }
            script += " -d " + shell_quoted(short_description(option.description)) + "\n";
        }
    }
    return script;
}

} // namespace program
