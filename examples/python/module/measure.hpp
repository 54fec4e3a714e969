#pragma once

#include "activations.hpp"
#include "layers/report.hpp"

#include <repscope/analysis/layer_options.hpp>

#include <cstdint>
#include <span>
#include <string>

namespace python_module {

/// Names of what is measured.
struct measured_names {
    std::string layer;
    std::span<const std::int64_t> labels;     ///< one per class
    std::span<const std::string> class_names; ///< of labels that are names
};

/// Returns the report of all samples of a layer; with `perturbed`, of the same inputs under a perturbation,
/// also their comparison. `classes` has the class of each sample, or is empty. Passes over the samples as
/// often as the options need. Called without the GIL.
program::layer_report measure(activations& x, activations* perturbed, std::span<const std::int32_t> classes,
                              repscope::analysis::layer_accumulator_options options,
                              const measured_names& names);

} // namespace python_module
