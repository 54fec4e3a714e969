#pragma once

#include "methods/result.hpp"
#include "study/settings.hpp"
#include "study/store.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>

// The JSON form of the results of methods: methods.json, and the files of finished networks.

namespace program {

/// Returns the text of methods.json.
std::string methods_text(const methods_result& result);

/// Returns the protocol as methods.json states it.
nlohmann::ordered_json to_json(const methods_protocol& protocol);

/// Returns a network or an arm in the form that is stored. Numbers that are not finite are written as null.
nlohmann::ordered_json to_json(const method_network& network);
nlohmann::ordered_json to_json(const method_arm& arm);

/// Reads what `to_json` writes; the measures of an arm are those of its group. Throws an exception of
/// nlohmann or `std::invalid_argument` for another object.
method_network method_network_from_json(const nlohmann::ordered_json& object);
method_arm method_arm_from_json(const nlohmann::ordered_json& object, const std::string& group);

/// The finished networks and arms of a run, by the names of their files.
class method_store {
  public:
    /// Throws as `study_store` does: `usage_error` if a network was made with other data, protocol or
    /// version.
    method_store(const study_settings& settings, const methods_data& data, const methods_protocol& protocol);

    [[nodiscard]] bool has(const std::string& cell) const;
    void keep(const std::string& cell, const std::variant<method_network, method_arm>& result) const;

    /// Reads what was kept. Throws `data_error` if it is gone or is not such a network.
    [[nodiscard]] method_network network(const std::string& cell) const;
    [[nodiscard]] method_arm arm(const std::string& cell, const std::string& group) const;

  private:
    [[nodiscard]] nlohmann::ordered_json finished(const std::string& cell) const;

    std::string out_;
    study_store store_;
};

} // namespace program
