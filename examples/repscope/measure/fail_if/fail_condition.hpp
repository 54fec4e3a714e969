#pragma once

#include "layers/report.hpp"

#include <optional>
#include <string>
#include <vector>

namespace program {

/// How a condition takes the elements of an array.
enum class array_rule { none, any, max, min };

/// A condition on the numbers of a layer, "selectivity.mean>0.4": keys of the LAYER object joined by points,
/// a comparison, and a number, `true`, `false` or `null`. A pattern in front, "conv*:selectivity.mean>0.4",
/// restricts it to the layers whose names match. `any(KEY)`, `max(KEY)` and `min(KEY)` are for arrays.
struct fail_condition {
    std::string text;
    std::string pattern; ///< empty: every layer
    array_rule rule = array_rule::none;
    std::vector<std::string> keys;
    std::string comparison;      ///< <, <=, >, >=, == or !=; only the last two with null, true and false
    std::optional<double> bound; ///< nothing for null; 1 and 0 for true and false
    bool is_boolean = false;

    /// The keys joined by points.
    [[nodiscard]] std::string key() const;
};

/// Throws `usage_error` for a text that is not a condition.
fail_condition parse_fail_condition(const std::string& text);

/// A sentence per layer that meets the condition: its name, the number and the condition. A value that is
/// undefined (null in the JSON, or absent) meets `==null` alone; with another comparison than `==null` and
/// `!=null` it gets a sentence too, which names it undefined. Undefined elements of an array are left out; an
/// array without others is undefined. The conditions are those that `check_condition_keys` accepts.
std::vector<std::string> layers_that_meet(const fail_condition& condition,
                                          const std::vector<layer_report>& layers);

} // namespace program
