#pragma once

#include "study/result.hpp"

#include <nlohmann/json_fwd.hpp>
#include <vector>

// The NETWORK object of study.json and of the files in DIR/networks.

namespace program {

/// Whether a NETWORK object has the results of single images: "right" and "pictures".
enum class image_results { written, omitted };

/// Returns the NETWORK object. Numbers that are not finite become null when it is written.
nlohmann::ordered_json network_json(const network_result& network, image_results images);

/// Reads a NETWORK object with the results of single images. Throws an exception of nlohmann or
/// `std::invalid_argument` for another object.
network_result network_from_json(const nlohmann::ordered_json& object);

// The parts of it. Results of single images are not among them.
nlohmann::ordered_json clean_json(const clean_result& clean);
clean_result clean_from_json(const nlohmann::ordered_json& object);
nlohmann::ordered_json condition_json(const condition_result& condition);
condition_result condition_from_json(const nlohmann::ordered_json& object);
nlohmann::ordered_json compared_json(const std::vector<compared_layer>& layers);
std::vector<compared_layer> compared_from_json(const nlohmann::ordered_json& list);
nlohmann::ordered_json distances_json(const distance_result& distances);
distance_result distances_from_json(const nlohmann::ordered_json& object);
nlohmann::ordered_json gradient_json(const gradient_result& gradient);
gradient_result gradient_from_json(const nlohmann::ordered_json& object);

// A condition with the results of single images: the file of a network under AutoAttack.
nlohmann::ordered_json attack_stage_json(const condition_result& condition);
condition_result attack_stage_from_json(const nlohmann::ordered_json& object);

} // namespace program
