#pragma once

#include "layers/report.hpp"

#include <repscope/dimensionality/result.hpp>

#include <nlohmann/json_fwd.hpp>

namespace program {

/// Returns the "dimensionality" of a LAYER object.
nlohmann::ordered_json to_json(const repscope::dimensionality_result& measured);

/// Returns the LAYER object: the values of `fields_of`. Numbers that are not finite become null when it is
/// written.
nlohmann::ordered_json to_json(const layer_report& layer);

/// Reads a "dimensionality"; the spectrum is not part of it. A number that is null becomes NaN. Throws
/// `nlohmann::json::exception` for another object.
repscope::dimensionality_result dimensionality_from_json(const nlohmann::ordered_json& object);

/// Reads a LAYER object of a run without --compare and --inference: `to_json` of the result is the same
/// object. Keys that are not part of a LAYER object are ignored. Throws `nlohmann::json::exception` for
/// another object, `std::invalid_argument` for one with a comparison or estimates, another policy for
/// negative activations, or a preferred class that is not among the labels.
layer_report layer_from_json(const nlohmann::ordered_json& object);

} // namespace program
