#pragma once

#include "methods/catalog.hpp"
#include "methods/protocol.hpp"
#include "methods/result.hpp"

#include <string>
#include <vector>

namespace program {

/// The method that trains the network of this one plainly, which its time is compared with.
std::string plain_method(const std::string& method);

/// How many times as long as a step of plain training one of this method should take: its passes through the
/// network over those of a plain step, a backward pass to parameters or to inputs counting as one forward
/// pass.
double predicted_factor(const method& which, const methods_protocol& protocol);

/// Returns what each method and arm took beside its baseline, for those that have a cost.
std::vector<method_cost> method_costs(const methods_result& result);

/// The same for people.
std::string costs_table(const std::vector<method_cost>& costs);

} // namespace program
