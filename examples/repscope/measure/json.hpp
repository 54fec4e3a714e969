#pragma once

#include "measure/result.hpp"
#include "measure/settings.hpp"

#include <repscope/analysis/state_file.hpp>

#include <string>
#include <utility>
#include <vector>

namespace program {

/// Returns the `repscope.measure/1` object as text that ends in a line feed. Names of files and classes are
/// any bytes; those that are not UTF-8 become U+FFFD.
std::string measure_json(const measure_result& result);

/// Returns the names and values of the `options` object as text, without those that are null or empty.
std::vector<std::pair<std::string, std::string>> option_texts(const measure_settings& settings);

/// Returns what must agree between the shards of a run, as a state file holds it: all settings but the path
/// of the labels.
std::string stored_settings(const measure_settings& settings);

/// Returns the note of a state file.
std::string stored_note(const run_note& note);

/// Reads what the shard's state file holds of its run; the path of the labels is that of the note. Throws
/// `data_error` for texts that `stored_settings` and `stored_note` do not write. Settings that are missing
/// have their defaults, except for `epsilon` and `signed`. Settings that this version does not have are left
/// out, which a note states.
std::pair<measure_settings, run_note> stored_run(const repscope::analysis::state_file& shard);

/// Throws `data_error` that names the first option in which the settings of a shard differ from `first`.
void require_same_options(const repscope::analysis::state_file& first,
                          const repscope::analysis::state_file& shard);

} // namespace program
