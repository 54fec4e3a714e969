#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace program {

/// The finished stages of the measurement of networks: one file per stage, with the settings that determine
/// its result.
class stage_store {
  public:
    /// Makes the folder. Throws `data_error`.
    explicit stage_store(std::string folder);

    /// Returns the result of a stage that is finished with these settings; nothing if it is not, or is
    /// finished with others. Throws `data_error` for a file that has no stage.
    [[nodiscard]] std::optional<nlohmann::ordered_json>
    finished(const std::string& stage, const nlohmann::ordered_json& settings) const;
    /// Writes the result of a stage. Throws `data_error`.
    void keep(const std::string& stage, const nlohmann::ordered_json& settings,
              const nlohmann::ordered_json& result) const;

    [[nodiscard]] std::string path_of(const std::string& stage) const;

  private:
    std::string folder_;
};

} // namespace program
