#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace program {

/// "clean", "corruption/fog/3", "attack/pgd/8" (eps in 255ths), "random/8": how a condition is named outside
/// of JSON.
std::string condition_label(const nlohmann::ordered_json& condition);

/// study.csv of a study: a row per network, condition, layer and quantity. Quantities of a network as a whole
/// have no layer, numbers that are not defined no value.
std::string study_csv(const nlohmann::ordered_json& study);

/// The table for people: a row per alpha, mean and standard deviation over the seeds.
std::string study_table(const nlohmann::ordered_json& study);

} // namespace program
