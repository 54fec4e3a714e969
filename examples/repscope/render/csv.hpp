#pragma once

#include <string>
#include <vector>

namespace program {

/// A field of a CSV file: quoted when it has to be.
std::string csv_field(const std::string& text);

/// A number as a field; one that is not finite is an empty field.
std::string csv_field(double value);

/// Fields as a line, with its end.
std::string csv_line(const std::vector<std::string>& fields);

} // namespace program
