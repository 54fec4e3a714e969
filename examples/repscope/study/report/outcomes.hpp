#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace program {

/// Numbers of one NETWORK object of a study that the claims are about. Early layers are the first half of the
/// layers, rounded down; NaN where the study did not measure what is asked for.

/// Accuracy over the corruptions and severities; without those that mainly shift intensities (snow, frost,
/// fog, brightness, contrast) when `intensity` is false.
double corruption_accuracy(const nlohmann::ordered_json& network, bool intensity);

/// Accuracy under an attack at an eps (in data units); without a name, under random signs of that size.
double attack_accuracy(const nlohmann::ordered_json& network, std::string_view attack, double eps);

/// The eps of the PGD attacks of a network, in data units and ascending; and one in 255ths.
std::vector<double> attack_sizes(const nlohmann::ordered_json& network);
double in_255ths(double eps);

/// How many layers are early ones.
std::size_t early_layers(const nlohmann::ordered_json& network);

/// A measure in a "dimensionality" object, that of 95 % of the variance where there are several.
double measure_of(const nlohmann::ordered_json& dimensionality, const std::string& measure);

/// A measure of how many dimensions a layer uses, as a share of its units: "components_interpolated" is that
/// of 95 % of the variance. Mean over layers [first, last), and over the early layers of the clean network.
double mean_dimensionality(const nlohmann::ordered_json& layers, const std::string& measure,
                           std::size_t first, std::size_t last);
double early_dimensionality(const nlohmann::ordered_json& network, const std::string& measure);

/// Which numbers of a condition are compared with the clean ones: of channel means or of full maps, of the
/// representation or of its difference to the clean one.
struct change_choice {
    bool full = false;
    bool difference = false;
    std::string measure = "components_interpolated";
};

/// Which conditions a mean is over.
enum class condition_group { attack, corruptions, noise_corruptions, other_corruptions, random };

/// Mean over a group of conditions, each measured by itself, and over the early layers, as a share of the
/// columns: the dimensionality less that of the same clean images, or the dimensionality of the differences.
/// Attacks (PGD) and random signs at `eps`.
double dimensionality_change(const nlohmann::ordered_json& network, condition_group group, double eps,
                             const change_choice& choice);

/// Mean over the layers of a number of the gradients' l2 norms: cv_samples, cv_units, cv_samples_nonzero,
/// zero_fraction.
double gradient_number(const nlohmann::ordered_json& network, const char* quantity);

} // namespace program
