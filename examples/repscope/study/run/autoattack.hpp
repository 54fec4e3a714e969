#pragma once

#include "images/datasets.hpp"
#include "study/result.hpp"
#include "study/settings.hpp"
#include "study/store.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

// AutoAttack on the finished networks of a study. Its eps is that of claim 2, which follows from all of them.

namespace program {

/// Returns the settings of the conditions before AutoAttack, which compare the same images.
condition_settings without_autoattack(const condition_settings& settings, std::size_t samples);

/// Returns the eps of AutoAttack in data units; empty if the study has none, or no primary eps.
std::vector<double> autoattack_sizes(const study_settings& settings,
                                     const std::vector<network_result>& networks);

/// Adds the conditions of AutoAttack of these eps to a network. Those that are finished are read from
/// `stages`. Parameters are read from their file, or trained again if the file does not exist.
void add_autoattack(network_result& network, const std::vector<double>& sizes, const study_settings& settings,
                    const data_set& data, const study_store& store, const stage_store& stages,
                    repscope::thread_pool& pool);

} // namespace program
