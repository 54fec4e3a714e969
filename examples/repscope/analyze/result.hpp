#pragma once

#include "study/result.hpp"

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace program {

/// One model and all of its measurements.
struct model_result {
    std::string name{};
    nlohmann::ordered_json json{}; ///< the MODEL object of analysis.json
    /// The numbers that figures and tables show. Its alpha, seed and time of training have no meaning, and
    /// its layers have no estimates and no geometry, which are in `json` only.
    network_result network{};
};

/// A whole analysis: the content of analysis.json.
struct analysis_result {
    nlohmann::ordered_json head{}; ///< everything before the models
    std::vector<model_result> models{};
    std::vector<std::string> notes{};
};

} // namespace program
