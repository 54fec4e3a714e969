#pragma once

#include "image_verdicts.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace program {

/// The claims of the paper, tested on the networks of a study: the array "claims" of study.json.
///
/// A seed is a block, for its networks share initialisation and order. Where a claim is a trend, the estimate
/// is the mean over seeds of Spearman's correlation with selectivity within the seed, p that of rearranging
/// the outcomes within seeds; claim 4 compares two changes of each network, p that of swapping them. "yes" or
/// "no" when p is below .05 after Holm's correction over all tests and the sign is the same in every seed;
/// else, and with fewer than 3 seeds or 3 alphas, "unclear", with the reason. Claim 6 is a test of
/// equivalence for each alpha.
nlohmann::ordered_json study_claims(const nlohmann::ordered_json& study, const image_verdicts& verdicts);

/// The table for people.
std::string claims_table(const nlohmann::ordered_json& claims);

} // namespace program
