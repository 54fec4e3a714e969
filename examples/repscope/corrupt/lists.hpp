#pragma once

#include "images/codec.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace program {

/// Returns the corruptions of a list, "fog,snow", without repetition and in its order; common, extra and all
/// are names of groups. Throws `usage_error` for an unknown name.
std::vector<std::string_view> corruptions_of(std::string_view list);

/// Returns the severities of a list, "1,3", without repetition and in its order; "all" is 1 to 5. Throws
/// `usage_error` for what is not one.
std::vector<int> severities_of(std::string_view list);

/// Returns the color of "white", "black", "gray" or "#rrggbb". Throws `usage_error` for anything else.
rgb_color color_of(std::string_view text);

} // namespace program
