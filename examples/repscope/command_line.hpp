#pragma once

#include <CLI/CLI.hpp>

namespace program {

/// A check that leaves the help to the words of the option, where CLI11 would spell out all it accepts.
inline CLI::Validator quiet(CLI::Validator check) {
    check.description("");
    return check;
}

} // namespace program
