#pragma once

#include "study/result.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace program {

/// Returns a line per warning of AutoAttack: its text, the first condition that has it, and the number of
/// others. `names`: of the networks.
std::vector<std::string> autoattack_notes(const std::vector<const network_result*>& networks,
                                          const std::vector<std::string>& names);

/// Adds the notes to a study whose claims are tested, and turns verdicts that mean nothing into "unclear".
///
/// A network whose clean accuracy is below 2 / `classes`, twice that of chance, has learned almost nothing.
/// One note counts such networks; if all networks are of this kind, no claim holds.
void add_study_notes(study_result& study, std::size_t classes);

/// The notes as lines of text; empty without any.
std::string study_notes_text(const study_result& study);

} // namespace program
