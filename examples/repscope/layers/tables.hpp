#pragma once

#include "layers/report.hpp"

#include <string>
#include <vector>

namespace program {

/// The tables for people, with a row per layer: those of the measures that the layers have.
std::string layer_table(const std::vector<layer_report>& layers);

} // namespace program
