#pragma once

#include "layer_report.hpp"

#include <string>
#include <vector>

namespace program {

/// A condition on the numbers of a layer, "selectivity.mean>0.4": keys of the LAYER object joined by points,
/// a comparison, a number. A pattern in front, "conv*:selectivity.mean>0.4", keeps it to the layers whose
/// name is like it.
struct fail_condition {
    std::string text;
    std::string pattern; ///< empty: every layer
    std::vector<std::string> keys;
    std::string comparison; ///< <, <=, >, >=, == or !=
    double bound = 0.0;
};

/// Throws `usage_error` for what is no condition.
fail_condition parse_fail_condition(const std::string& text);

/// A sentence for every layer that meets the condition: its name, the number and the condition. A number that
/// is undefined (null) meets none. Throws `usage_error` when there is no such number, or no such layer.
std::vector<std::string> layers_that_meet(const fail_condition& condition,
                                          const std::vector<layer_report>& layers);

} // namespace program
