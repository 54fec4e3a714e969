#pragma once

#include "measure/options.hpp"

namespace program {

/// Whether the arguments are streams: "-", a pipe or another file that is not regular, a tar archive. Throws
/// `usage_error` if only some of them are.
bool are_streams(const measure_options& options);

/// Measures streams; returns the exit code. Throws `usage_error` for options that need a file or a second
/// pass, `data_error` and `repscope::format_error`.
int measure_streams(measure_options options);

} // namespace program
