#pragma once

#include "layers/report.hpp"

#include <optional>
#include <string>
#include <vector>

namespace program {

/// The figures of a report, SVG elements. All are empty where gnuplot is missing.
struct measure_figures {
    bool drawn = false;
    std::string selectivity_by_depth; ///< empty without labels
    std::string dimensionality_by_depth;
    struct of_layer {
        std::string selectivity; ///< histogram over the units; empty without labels
        std::string spectrum;
    };
    std::vector<of_layer> layers;
};

measure_figures draw_figures(const std::vector<layer_report>& layers);

} // namespace program
