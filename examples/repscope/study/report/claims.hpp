#pragma once

#include "study/result.hpp"

#include <string>
#include <vector>

namespace program {

/// The claims of the paper, tested on the networks of a study: the claims of study.json.
///
/// A seed is a block, for its networks share initialization and order. Where a claim is a trend, the estimate
/// is the mean over seeds of Spearman's correlation with selectivity within the seed. Its p is that of
/// rearranging the outcomes within seeds, "at_floor" where no rearrangement that was drawn is as far. Claim 4
/// compares two changes of each network: the estimate is the mean over seeds of the mean over networks, p
/// that of Student's t over seeds. "yes" or "no" when p is below .05 after Holm's correction over all tests
/// and the sign is the same in every seed; else, and with fewer than 3 seeds or 3 alphas, "unclear", with the
/// reason. Claim 6 is a test of equivalence for each alpha, over seeds and images.
std::vector<study_claim> study_claims(const study_result& study);

/// Returns a p-value of a claim as text: "<= 0.0032" at the floor of the draws; "-" for NaN.
std::string p_value_text(double p_value, bool at_floor);

/// Returns the verdict of a claim, with its reason after a colon.
std::string verdict_text(const study_claim& claim);

/// Returns the table of the claims for people.
std::string claims_table(const std::vector<study_claim>& claims);

} // namespace program
