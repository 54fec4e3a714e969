#pragma once

#include "study/settings.hpp"
#include "study/stage_store.hpp"

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace program {

/// The finished networks of a study: DIR/networks/NAME.json, each with the settings it was made with, so that
/// an interrupted study continues.
class study_store {
  public:
    /// Makes the folders, and checks the networks that are already there. Throws `usage_error` when one was
    /// made with other settings, which the message names, and `data_error` when the folder cannot be used.
    study_store(const study_settings& settings, nlohmann::ordered_json made_with);

    /// Returns what was kept under a name, which is that of a file; empty if nothing was.
    [[nodiscard]] std::optional<nlohmann::ordered_json> finished(const std::string& name) const;
    void keep(const std::string& name, const nlohmann::ordered_json& network) const;

    /// Returns the file of a network.
    [[nodiscard]] std::string path_of(const std::string& name) const;

    /// Returns the ONNX file of a network.
    [[nodiscard]] std::string onnx_file(const study_cell& cell) const;

    /// Returns the file of the parameters of a network, from which AutoAttack continues.
    [[nodiscard]] std::string parameter_file(const study_cell& cell) const;

    /// Returns the finished stages of AutoAttack, and the settings of one: those of the networks, and
    /// `stage`.
    [[nodiscard]] stage_store autoattack_stages() const;
    [[nodiscard]] nlohmann::ordered_json autoattack_settings(const nlohmann::ordered_json& stage) const;

    /// Where the activations of a network go.
    [[nodiscard]] std::string dump_folder(const study_cell& cell) const;

  private:
    std::optional<nlohmann::ordered_json> read(const std::string& path) const;

    std::string out_;
    std::shared_ptr<const nlohmann::ordered_json> made_with_;
};

} // namespace program
