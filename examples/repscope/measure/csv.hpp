#pragma once

#include "layers/report.hpp"

#include <string>
#include <vector>

namespace program {

/// A row a layer: every number of the LAYER object that is not a list, its keys joined by points.
std::string layers_csv(const std::vector<layer_report>& layers);

/// A row a unit: layer, unit, index, preferred class, the two means, and under --compare the perturbed index.
/// Empty without selectivity.
std::string units_csv(const std::vector<layer_report>& layers);

/// A row an eigenvalue of the covariance: layer, component, eigenvalue, cumulated share of the variance.
/// Empty without eigenvalues.
std::string spectra_csv(const std::vector<layer_report>& layers);

} // namespace program
