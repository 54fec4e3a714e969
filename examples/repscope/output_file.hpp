#pragma once

#include <string>
#include <string_view>

namespace program {

/// Throws `data_error` when `file` could not be written, so that long work need not be done to find out. "-"
/// is always accepted.
void require_writable(const std::string& file);

/// Writes all of `text`, or throws `data_error` and leaves what was there: to a temporary name that is
/// renamed. Devices and pipes are written directly; "-" is standard output.
void write_output(const std::string& file, std::string_view text);

/// Writes to standard output and throws `data_error` when that fails.
void print(std::string_view text);

} // namespace program
