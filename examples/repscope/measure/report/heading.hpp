#pragma once

#include "measure/result.hpp"

#include <string>

namespace program {

/// One line on what was measured, without a line feed.
std::string heading(const measure_result& result);

} // namespace program
