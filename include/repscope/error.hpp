#pragma once

#include "repscope/version.hpp"

#include <charconv>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace repscope {
// The exceptions have the same name for every instruction set, so that a unit can catch the exceptions of
// another one.
inline namespace v0 {

/// Base class of all exceptions that the library throws for bad input. `what()` is one line: the function,
/// the expected input, and the actual one.
class error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Extents that do not fit: wrong rank, sizes that disagree, too few samples.
class shape_error : public error {
  public:
    using error::error;
};

/// A value outside its range: a label, an option, a number that is not finite.
class value_error : public error {
  public:
    using error::error;
};

/// A file or byte sequence that does not have the stated format, or cannot be read or written.
class format_error : public error {
  public:
    using error::error;
};

} // namespace v0
inline namespace REPSCOPE_NAMESPACE {

/// "(2, 3, 4)", and "(2,)" for one axis, as NumPy prints shapes.
inline std::string format_shape(std::span<const std::size_t> extents) {
    std::string text = "(";
    for (std::size_t axis = 0; axis < extents.size(); ++axis) {
        if (axis != 0) text += ", ";
        text += std::to_string(extents[axis]);
    }
    if (extents.size() == 1) text += ",";
    return text + ")";
}

/// Functions that throw the library's errors; public, so that adaptors and layers of users report errors in
/// the same form.
namespace errors {

/// Returns the text of a number for a message. A floating-point number has the shortest form that reads back
/// as the same value: 1e-9 is "1e-09", and 0.5 is "0.5".
template <typename Number>
    requires std::is_arithmetic_v<Number>
[[nodiscard]] inline std::string text_of(Number value) {
    if constexpr (std::is_floating_point_v<Number>) {
        char text[64];
        return {text, std::to_chars(text, text + sizeof text, value).ptr};
    } else {
        return std::to_string(value);
    }
}

// Out of line and cold: a check costs its caller a compare and a branch, and the message is built only if the
// check fails.
/// Throws `shape_error` with "repscope::FUNCTION: COMPLAINT".
[[noreturn]] inline void throw_shape_error(std::string_view function, std::string_view complaint) {
    throw shape_error("repscope::" + std::string(function) + ": " + std::string(complaint));
}

/// Throws `shape_error` with "repscope::FUNCTION: EXPECTED, got shape GOT".
[[noreturn]] inline void throw_shape_error(std::string_view function, std::string_view expected,
                                           std::span<const std::size_t> got) {
    throw_shape_error(function, std::string(expected) + ", got shape " + format_shape(got));
}

/// Throws `value_error` with "repscope::FUNCTION: COMPLAINT".
[[noreturn]] inline void throw_value_error(std::string_view function, std::string_view complaint) {
    throw value_error("repscope::" + std::string(function) + ": " + std::string(complaint));
}

} // namespace errors
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
