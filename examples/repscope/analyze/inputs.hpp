#pragma once

#include "analyze/settings.hpp"
#include "images/labeled_inputs.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace program {

/// The inputs and labels of an analysis.
struct analysis_inputs {
    std::unique_ptr<image_set> images; ///< null if the file has floating-point numbers
    std::unique_ptr<labeled_inputs> labeled;
    std::vector<std::size_t> extents; ///< of a sample, as the file has them
};

/// Reads --inputs and --labels. Throws `data_error` and `repscope::format_error`: also for labels that are
/// names, and if inputs and labels differ in number.
analysis_inputs read_analysis_inputs(const analysis_settings& settings);

} // namespace program
