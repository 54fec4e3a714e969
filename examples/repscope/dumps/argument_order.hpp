#pragma once

#include <string>
#include <vector>

namespace program {

/// Puts files that a shell's glob has listed into natural order: `blocks.2.npy` before `blocks.10.npy`.
///
/// A glob lists files in alphabetical order. So every longest run of files in alphabetical order, by bytes or
/// regardless of case, is sorted naturally; any other order is the caller's and is kept. Arguments that are
/// not existing files (FILE:KEY) end a run.
std::vector<std::string> in_natural_order(std::vector<std::string> arguments);

} // namespace program
