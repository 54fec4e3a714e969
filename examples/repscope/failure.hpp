#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace program {

/// The command line asks for something that cannot be: one line, exit code 2.
class usage_error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A file is not what it should be, or cannot be read or written: one line that names it, exit code 1.
class data_error : public std::runtime_error {
  public:
    data_error(std::string_view file, std::string_view reason);
};

/// What went wrong in the words of the library, without the name of the function that noticed.
std::string without_function_name(std::string_view message);

/// `text` with control characters replaced, so that one message stays one line whatever a file is called.
std::string on_one_line(std::string_view text);

/// Runs `body` and gives what it throws an exit code and one line on standard error.
template <typename Body>
int exit_code_of(std::string_view command, Body&& body);

/// Reports the exception being handled: its line on standard error, its exit code as the result.
int report_current_exception(std::string_view command) noexcept;

template <typename Body>
int exit_code_of(std::string_view command, Body&& body) {
    try {
        return body();
    } catch (...) {
        return report_current_exception(command);
    }
}

} // namespace program
