#pragma once

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace program {

/// A number as JSON; null when it is not finite.
inline nlohmann::ordered_json or_null(double value) {
    return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

/// The names that stand under `key` in some networks, each once, in the order of the networks.
inline std::vector<std::string> names_in(const nlohmann::ordered_json& networks, const char* key) {
    std::vector<std::string> names;
    for (const auto& network : networks) {
        const std::string name = network[key];
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    return names;
}

} // namespace program
