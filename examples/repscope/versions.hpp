#pragma once

#include <string>

namespace program {

/// "0.1.0": the version of repscope.
std::string version_text();

} // namespace program
