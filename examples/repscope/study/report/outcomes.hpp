#pragma once

#include "study/result.hpp"

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace program {

// Numbers of one network of a study that the claims are about. Early layers are the first half of the layers,
// rounded down.

/// A number that the study did not measure.
inline constexpr double no_value = std::numeric_limits<double>::quiet_NaN();

/// Accuracy at and below which an attack has reached the floor: a comparison of networks there has no
/// verdict.
inline constexpr double floor_accuracy = 0.05;

/// "clean", "corruption/fog/3", "attack/pgd/8" (eps in 255ths), "attack/pgd/l2/0.5", "random/8": the name of
/// a condition outside of JSON.
std::string condition_label(const condition_result& condition);
inline constexpr std::string_view clean_label = "clean";

/// Whether a condition is PGD with the cross-entropy loss; with an eps, of that size.
bool is_pgd(const condition_result& condition);
bool is_pgd(const condition_result& condition, double eps);

/// Accuracy over the corruptions and severities; without those that mainly shift intensities (snow, frost,
/// fog, brightness, contrast) when `intensity` is false.
double corruption_accuracy(const network_result& network, bool intensity);

/// Accuracy under an attack at an eps (in data units); without a name, under random signs of that size.
double attack_accuracy(const network_result& network, std::string_view attack, double eps);

/// The eps of the PGD attacks of a network, in data units and ascending; and one in 255ths.
std::vector<double> attack_sizes(const network_result& network);

/// The eps of claim 2: that at which networks of alpha 0 are nearest to half their clean accuracy under PGD;
/// 0 without such networks, and without PGD.
double primary_eps(const std::vector<network_result>& networks);

/// The accuracy under a condition on its first `images` images; NaN if it has fewer.
double accuracy_on_first(const condition_result& condition, std::size_t images);

/// By how much PGD overestimates robust accuracy: its accuracy minus that of AutoAttack on the images of the
/// latter; NaN unless both were measured.
double excess_of_pgd(const network_result& network, double eps);
double in_255ths(double eps);

/// Returns an eps as --eps takes it, for inputs in a range of this width: in 255ths of the range in linf,
/// else in units of it.
double stated_eps(double eps, std::string_view norm, double range);

/// The number of early layers.
std::size_t early_layers(const network_result& network);

/// A measure of how many dimensions a layer uses; the first is that of 95 % of the variance.
enum class dimension_measure { components_interpolated, participation_ratio, participation_ratio_unbiased };
inline constexpr dimension_measure dimension_measures[]{dimension_measure::components_interpolated,
                                                        dimension_measure::participation_ratio,
                                                        dimension_measure::participation_ratio_unbiased};
const char* name_of(dimension_measure measure);
double measure_of(const repscope::dimensionality_result& dimensionality, dimension_measure measure);

/// A measure as a share of the units of a layer. Mean over layers [first, last), and over the early layers of
/// the clean network.
double mean_dimensionality(std::span<const layer_result> layers, dimension_measure measure, std::size_t first,
                           std::size_t last);
double early_dimensionality(const network_result& network, dimension_measure measure);

/// Which numbers of a condition are compared with the clean ones: of channel means or of full maps, of the
/// representation or of its difference to the clean one.
struct change_choice {
    bool full = false;
    bool difference = false;
    dimension_measure measure = dimension_measure::components_interpolated;
};

/// Which conditions a mean is over.
enum class condition_group { attack, corruptions, noise_corruptions, other_corruptions, random };

/// Returns whether a condition is part of a group. Attacks (PGD) and random signs have the size `eps`.
bool belongs(const condition_result& condition, condition_group group, double eps);

/// Returns a mean over the conditions of a group and over the early layers, as a share of the columns. The
/// measure is the dimensionality less that of the same clean images, or the dimensionality of the
/// differences. Each condition is measured separately. Attacks (PGD) and random signs have the size `eps`.
double dimensionality_change(const network_result& network, condition_group group, double eps,
                             const change_choice& choice);

/// A number of the gradients' norms, as `&repscope::gradient_variability_result::cv_samples`.
using gradient_quantity = double repscope::gradient_variability_result::*;

/// Mean over the layers of a number of the gradients' l2 norms.
double gradient_number(const network_result& network, gradient_quantity quantity);

} // namespace program
