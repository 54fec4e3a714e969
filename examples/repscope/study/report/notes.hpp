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
/// A network of which less than twice the share of chance, 1 / `classes`, of the clean images is right has
/// learned next to nothing. One note counts such networks; if there is no other, no claim holds.
void add_study_notes(study_result& study, std::size_t classes);

/// The notes as lines of text; empty without any.
std::string study_notes_text(const study_result& study);

} // namespace program
