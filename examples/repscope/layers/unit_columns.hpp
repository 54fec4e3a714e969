#pragma once

#include <repscope/analysis/layer_report.hpp>

#include <span>
#include <string>
#include <vector>

namespace program {

/// A measure of every unit.
struct unit_column {
    std::string key;    ///< in the JSON and in units.csv
    std::string header; ///< of tables for people
    std::span<const double> values;

    /// Mean over the units with a value; NaN without any.
    [[nodiscard]] double mean() const;
};

/// The measures that the report has, in the order in which they are written. They refer to the report.
std::vector<unit_column> unit_columns(const repscope::analysis::unit_report& report);

} // namespace program
