#pragma once

#include "layers/report.hpp"

#include <string>
#include <vector>

namespace program {

/// One row per layer: every number of the LAYER object that is not a list; keys are joined by points.
std::string layers_csv(const std::vector<layer_report>& layers);

/// A row per unit: layer, unit, index, preferred class, the two means, under --compare the perturbed index,
/// and the other measures of units that were asked for. Empty without a measure of units.
std::string units_csv(const std::vector<layer_report>& layers);

/// One row per eigenvalue of the covariance: layer, component, eigenvalue, cumulated share of the variance.
/// Empty without eigenvalues.
std::string spectra_csv(const std::vector<layer_report>& layers);

} // namespace program
