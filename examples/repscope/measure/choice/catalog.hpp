#pragma once

#include <repscope/analysis/measure_set.hpp>

#include <span>
#include <string_view>

namespace program {

/// A measure as --measures names it.
struct catalog_entry {
    repscope::analysis::measure measure;
    std::string_view name;
    std::string_view group; ///< the same as the name for a measure without a group
    bool needs_labels = false;
    std::string_view keys; ///< beginnings of its keys in the LAYER object, separated by blanks
    std::string_view cost; ///< time and memory for n samples, u units, C classes
    std::string_view definition;
    bool needs_compare = false;
};

/// All measures, those of a group together.
std::span<const catalog_entry> measure_catalog();

} // namespace program
