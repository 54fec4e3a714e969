#pragma once

#include <string>
#include <vector>

namespace program {

/// A name for each file's layer: its stem ("conv1" for "run/conv1.npy"); where several files share a stem,
/// those get their parent folder in front ("run/conv1"). Throws `usage_error` when that does not settle it.
std::vector<std::string> layer_names(const std::vector<std::string>& files);

} // namespace program
