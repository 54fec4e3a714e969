#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace program {

/// Returns the descriptor that a name such as `/dev/stdout` or `/dev/fd/3` means, also through symbolic
/// links. Nothing for another name.
std::optional<int> stream_named(const std::string& file);

/// Throws `data_error` when `file` could not be written, so that long work need not be done to find out. "-"
/// and open streams are always accepted.
void require_writable(const std::string& file);

/// Writes all of `text`, or throws `data_error` and leaves what was there: to a temporary name that is
/// renamed. Devices, pipes and open streams are written directly; "-" is standard output.
void write_output(const std::string& file, std::string_view text);

/// Makes a folder and those above it unless they exist, and returns whether it is new. Throws `data_error`.
bool make_folder(const std::string& folder);

/// Writes to standard output and throws `data_error` when that fails.
void print(std::string_view text);

} // namespace program
