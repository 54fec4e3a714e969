#pragma once

#include "corrupt/work.hpp"

#include <cstddef>
#include <string>

namespace program {

/// Describes in one line what was written: images, corruptions, severities, variant and how it was chosen,
/// seed, and where; `finished` of the outputs were there before.
std::string corrupt_summary(const corrupt_work& work, std::size_t finished);

} // namespace program
