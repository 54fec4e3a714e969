#pragma once

#include "study/per_image.hpp"

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace program {

/// The claims of the paper, tested on the networks of a study: the array "claims" of study.json.
///
/// A seed is a block, for its networks share initialization and order. Where a claim is a trend, the estimate
/// is the mean over seeds of Spearman's correlation with selectivity within the seed. Its p is that of
/// rearranging the outcomes within seeds, "at_floor" where no rearrangement that was drawn is as far. Claim 4
/// compares two changes of each network: the estimate is the mean over seeds of the mean over networks, p
/// that of Student's t over seeds. "yes" or "no" when p is below .05 after Holm's correction over all tests
/// and the sign is the same in every seed; else, and with fewer than 3 seeds or 3 alphas, "unclear", with the
/// reason. Claim 6 is a test of equivalence for each alpha, over seeds and images.
nlohmann::ordered_json study_claims(const nlohmann::ordered_json& study, const image_verdicts& verdicts);

/// "p" or "p_holm" of a claim as text: "<= 0.0032" at the floor of the draws; "-" without a number.
std::string p_value_text(const nlohmann::ordered_json& claim, const char* key);

/// The table for people.
std::string claims_table(const nlohmann::ordered_json& claims);

} // namespace program
