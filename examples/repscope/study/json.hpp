#pragma once

#include "study/result.hpp"
#include "study/settings.hpp"
#include "study/store.hpp"

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// The JSON form of a study: study.json, and the settings in the files of its networks.

namespace program {

/// Returns the text of study.json.
std::string study_text(const study_result& study);

/// Returns the recipe of training as study.json states it.
nlohmann::ordered_json training_json(const study_settings& settings);

/// Returns the finished networks of a study that are made with these settings on these data. Throws as the
/// constructor of `study_store`.
study_store open_study(const study_settings& settings, const data_summary& data,
                       const condition_options& conditions);

/// Reads a finished network of a study. Empty if the network has to be trained: with `settings.dump`, a
/// network without its activations counts as not finished. Throws `data_error` for a file that has no
/// network.
std::optional<network_result> finished_network(const study_store& store, const study_settings& settings,
                                               const study_cell& cell);

/// Writes a finished network.
void keep_network(const study_store& store, const network_result& network);

/// Names and values of settings, as study.json has them; those without a value are left out.
using setting_list = std::vector<std::pair<std::string, std::string>>;
setting_list data_settings(const study_result& study);
setting_list training_settings(const study_result& study);
setting_list option_settings(const study_result& study);

} // namespace program
