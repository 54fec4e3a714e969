#pragma once

#include "corrupt/work.hpp"

#include <string>

namespace program {

/// Describes in one line what was written: images, corruptions, severities, variant and how it was chosen,
/// seed, and where.
std::string corrupt_summary(const corrupt_work& work);

} // namespace program
