#pragma once

#include "dumps/labels.hpp"
#include "layers/inference_options.hpp"

#include <repscope/moments/scatter_matrix.hpp>
#include <repscope/selectivity/class_selectivity.hpp>

#include <cstddef>

namespace program {

/// How a layer is measured.
struct statistics_options {
    const label_set* labels = nullptr; ///< none: dimensionality only
    repscope::negative_policy negatives = repscope::negative_policy::undefined;
    double epsilon = 1e-6;
    std::size_t memory = std::size_t{4} << 30U; ///< most bytes for one layer
    std::size_t batch = 0;                      ///< rows held at a time; 0: as seems good
    repscope::product_precision products = repscope::product_precision::float64;
    inference_options inference{};
};

} // namespace program
