#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace program {

/// The name that `text` most likely means: the one of least edit distance, the first of equal ones.
/// Empty where no name shares half of its letters with `text`.
std::string nearest(std::string_view text, const std::vector<std::string>& names);

/// "; did you mean 'NAME'?", or nothing where `name` is empty.
std::string did_you_mean(const std::string& name);

} // namespace program
