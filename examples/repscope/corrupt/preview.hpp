#pragma once

#include "corrupt/work.hpp"

#include <string>

namespace program {

/// Returns a PNG sheet: the first image in the first column, then its severities; a row per corruption. Large
/// images are reduced to at most 512 pixels a side.
std::string corrupt_preview(const corrupt_work& work);

} // namespace program
