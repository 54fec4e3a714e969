#pragma once

#include "study/result.hpp"

#include <nlohmann/json_fwd.hpp>

// The NETWORK object of study.json and of the files in DIR/networks.

namespace program {

/// Whether a NETWORK object has the results of single images: "right" and "pictures".
enum class image_results { written, omitted };

/// Returns the NETWORK object. Numbers that are not finite become null when it is written.
nlohmann::ordered_json network_json(const network_result& network, image_results images);

/// Reads a NETWORK object with the results of single images. Throws an exception of nlohmann or
/// `std::invalid_argument` for another object.
network_result network_from_json(const nlohmann::ordered_json& object);

} // namespace program
