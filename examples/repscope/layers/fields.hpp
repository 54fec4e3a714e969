#pragma once

#include "layers/report.hpp"

#include <repscope/statistics/interval.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace program {

/// The label of a class: an integer or a name; none where a unit prefers no class.
using label_value = std::variant<std::monostate, std::int64_t, std::string>;

/// A value of the LAYER object that is not an object; `std::monostate` is null.
using field_value =
    std::variant<std::monostate, bool, std::size_t, double, std::string, std::vector<std::size_t>,
                 std::vector<double>, std::vector<repscope::interval>, std::vector<label_value>>;

/// A value and its place: the keys of the LAYER object joined by points, "selectivity.mean".
struct layer_field {
    std::string key;
    field_value value;
};

/// The values of the LAYER object, in the order in which they are written. The JSON file, layers.csv and the
/// keys of --fail-if all come from this list.
std::vector<layer_field> fields_of(const layer_report& layer);

/// The values of the "dimensionality" of a LAYER object.
std::vector<layer_field> fields_of(const repscope::dimensionality_result& measured);

bool is_array(const field_value& value);

/// The numbers of an array, or of a single value; `true` is 1. None for an element that is not a finite
/// number.
std::vector<std::optional<double>> numbers_in(const field_value& value);

} // namespace program
