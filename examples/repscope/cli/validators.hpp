#pragma once

#include <CLI/CLI.hpp>
#include <string>

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

} // namespace program
