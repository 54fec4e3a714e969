#pragma once

#include "methods/catalog.hpp"
#include "methods/protocol.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace program {

/// The method that trains the network of this one plainly, which its time is compared with.
std::string plain_method(const std::string& method);

/// How many times as long as a step of plain training one of this method should take: its passes through the
/// network over those of a plain step, a backward pass to parameters or to inputs counting as one forward
/// pass.
double predicted_factor(const method& which, const methods_protocol& protocol);

/// Says in a NETWORK, or an arm, how long its training took: train_seconds, images_per_second, and how many
/// times as long as that of its baseline it should have.
void tell_cost(nlohmann::ordered_json& network, double seconds, double images, double predicted);

/// What each method and arm cost beside its baseline, for those that tell: an array of `{"group", "method",
/// "images_per_second", "baseline", "times_as_long", "predicted_factor"}`, medians over seeds. times_as_long
/// is null where the baseline was not run.
nlohmann::ordered_json method_costs(const nlohmann::ordered_json& study);

/// The same for people.
std::string costs_table(const nlohmann::ordered_json& costs);

} // namespace program
