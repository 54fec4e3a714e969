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

/// Returns `text` with control characters replaced, so that a message is one line for any name of a file.
std::string on_one_line(std::string_view text);

/// An error as an exit code and its message.
struct failure {
    int code = 0;
    std::string message;
};

/// The exception that is being handled.
failure current_failure() noexcept;

/// Says it, one line on standard error; the result is its exit code.
int report(std::string_view speaker, const failure& failed) noexcept;

} // namespace program
