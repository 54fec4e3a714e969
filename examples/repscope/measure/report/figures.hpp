#pragma once

#include "measure/result.hpp"

#include <optional>
#include <string>
#include <vector>

namespace program {

/// The figures of a report, SVG elements. All are empty where gnuplot is missing.
struct measure_figures {
    bool drawn = false;
    std::string selectivity_by_depth; ///< empty without labels
    std::string dimensionality_by_depth;
    std::string similarity; ///< heat map of --similarity
    struct of_layer {
        std::string selectivity; ///< histogram over the units; empty without labels
        std::string spectrum;
    };
    std::vector<of_layer> layers;
};

measure_figures draw_figures(const measure_result& result);

} // namespace program
