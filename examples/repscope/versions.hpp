#pragma once

#include <string>

namespace program {

/// "0.1.0": the version of repscope.
std::string version_text();

/// "g++ 12.2.0": what the program was compiled with.
std::string compiler_text();

} // namespace program
