#pragma once

#include "layers/report.hpp"

#include <string>
#include <vector>

namespace program {

/// A column of a table for people.
struct measure_column {
    std::string header;
    std::vector<std::string> cells; ///< one per layer
};

/// The columns of measures that belong together.
struct column_group {
    std::string title;      ///< "Class geometry"
    std::string row_header; ///< of the names of layers, "geometry"
    std::vector<measure_column> columns;
};

/// The groups that are not part of the default, as far as the layers have them: units, geometry, neighbors.
std::vector<column_group> column_groups(const std::vector<layer_report>& layers);

} // namespace program
