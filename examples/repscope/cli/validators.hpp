#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

namespace program {

/// A check that leaves the help to the words of the option, where CLI11 would spell out all it accepts.
inline CLI::Validator quiet(CLI::Validator check) {
    check.description("");
    return check;
}

/// A check whose complaint is `message` and what was given, in place of CLI11's list of all it accepts.
inline CLI::Validator quiet(const CLI::Validator& check, const std::string& message) {
    return CLI::Validator(
        [check, message](std::string& text) {
            const std::string given = text;
            try {
                if (check(text).empty()) return std::string();
            } catch (const CLI::ValidationError&) { // some checks return, others throw
            }
            return message + ", got " + given;
        },
        "");
}

/// Returns `check` with the values that it accepts, for completion by a shell.
inline CLI::Validator with_choices(CLI::Validator check, const std::vector<std::string>& names) {
    std::string list = "one of";
    for (const std::string& name : names) list += "|" + name;
    check.name(list);
    return check;
}

/// A check that accepts these values only.
inline CLI::Validator one_of(const std::vector<std::string>& names) {
    return with_choices(quiet(CLI::IsMember(names)), names);
}

/// Returns the values that an option accepts; nothing if they are not a list.
inline std::vector<std::string> choices_of(const CLI::Option& option) {
    std::vector<std::string> names;
    try {
        // CLI11 gives the checks of an option that could change only; this does not change it.
        std::string list = const_cast<CLI::Option&>(option).get_validator(0)->get_name();
        if (!list.starts_with("one of|")) return names;
        for (std::size_t place = list.find('|'); place != std::string::npos;) {
            const std::size_t next = list.find('|', place + 1);
            names.push_back(list.substr(place + 1, next == std::string::npos ? next : next - place - 1));
            place = next;
        }
    } catch (const CLI::OptionNotFound&) { // it has no check
    }
    return names;
}

} // namespace program
