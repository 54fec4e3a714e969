#pragma once

#include "layers/report.hpp"

#include <repscope/dimensionality/result.hpp>
#include <repscope/geometry/linear_cka.hpp>
#include <repscope/gradient/variability.hpp>
#include <repscope/statistics/claims.hpp>
#include <repscope/statistics/interval.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// The results of a study in memory; study/json.hpp reads and writes them as JSON. A number that is not
// defined is NaN.

namespace program {

/// Variability of the gradients of a layer's units with respect to the image, for two norms of a gradient.
struct gradient_result {
    repscope::gradient_variability_result l2{};
    repscope::gradient_variability_result l1{};
};

/// A layer on the clean test images.
struct layer_result {
    layer_report report{};
    std::optional<gradient_result> gradient{}; ///< empty unless measured
};

/// The differences between perturbed and clean activations of a layer.
struct change_result {
    repscope::dimensionality_result dimensionality{};
    /// sqrt(sum |perturbed - clean|^2 / sum |clean|^2) over all images and units.
    double relative_size = 0.0;
};

/// The whole maps of a layer: each position of each unit is a column.
struct maps_result {
    std::size_t samples = 0;
    repscope::dimensionality_result dimensionality{};
    std::optional<change_result> change{}; ///< empty for clean images
};

/// The classes in a layer, whose units are channel means.
struct class_result {
    double nc1_trace = 0.0;
    double cdnv = 0.0;
    double cdnv_unbiased = 0.0;
    double activation_uniformity = 0.0; ///< mean over the classes that have one
};

/// A layer on the images that all conditions share; the units of a convolution are channel means.
struct compared_layer {
    std::string name{};
    repscope::dimensionality_result dimensionality{};
    /// The share of the variance that the first components hold; empty unless it was kept.
    std::optional<std::vector<double>> cumulative_variance{};
    std::optional<change_result> change{}; ///< empty for clean images
    std::optional<maps_result> full{};     ///< empty unless the maps were kept
    std::optional<class_result> classes{}; ///< empty if fewer than two classes have images
    /// Similarity to the layer for clean images; empty for these.
    std::optional<repscope::linear_cka_result> cka{};
};

enum class condition_kind { corruption, attack, random };

/// One way of perturbing the test images, and its effect on a network.
struct condition_result {
    condition_kind kind = condition_kind::corruption;
    std::string name{};       ///< of the corruption or of the attack; empty for random signs
    int severity = 0;         ///< of a corruption
    std::string norm{"linf"}; ///< of an attack and of random signs
    double eps = 0.0;         ///< of an attack and of random signs, in that norm
    double range = 1.0;       ///< width of the range of the inputs
    std::uint64_t seed = 0;   ///< of an attack and of random signs
    std::size_t steps = 0;    ///< of an attack
    double step_size = 0.0;
    std::size_t restarts = 0;
    std::size_t images = 0;
    double accuracy = 0.0;
    std::vector<std::pair<std::string, double>> after{}; ///< accuracy after each attack of AutoAttack
    std::vector<std::string> warnings{};                 ///< of AutoAttack
    double mean_l2 = 0.0;                                ///< mean distance from the clean images
    double mean_linf = 0.0;
    std::vector<compared_layer> layers{};
    std::vector<bool> correct{}; ///< of each image, whether it is classified correctly
    // Of each image; they are not part of study.json.
    std::vector<int> predicted{}; ///< class
    std::vector<double> l2{};     ///< distance from the clean image
    std::vector<double> linf{};
    /// The pixels of the first images as bytes, of attacks and random signs; empty for corruptions.
    std::vector<std::uint8_t> pixels{};
};

/// A network on the clean test images.
struct clean_result {
    std::size_t images = 0;
    double accuracy = 0.0;
    std::vector<layer_result> layers{};
    std::vector<bool> correct{};  ///< of each image, whether it is classified correctly
    std::vector<int> predicted{}; ///< class of each image; not part of study.json
};

/// The clean images that the conditions are compared with.
struct reference_result {
    std::size_t images = 0;
    std::vector<compared_layer> layers{};
};

/// How far the nearest misclassified images are that FAB finds, and the accuracy that follows.
struct distance_result {
    std::string norm{"linf"};
    std::uint64_t seed = 0;
    std::size_t steps = 0;
    std::size_t targets = 0;        ///< classes, at most
    std::vector<double> distance{}; ///< of each image; 0 if it is misclassified, infinity if none was found
    std::vector<double> eps{};      ///< ascending from 0, in data units
    std::vector<double> accuracy{}; ///< at each of them: the share of images that are farther away
};

/// Mean accuracy over corruptions and severities.
struct corruption_means {
    double all = 0.0;
    double without_frost = 0.0;
};

/// Seconds of a stage of training or measuring.
struct stage_seconds {
    std::string stage{};
    double seconds = 0.0;
};

/// One trained network and all of its measurements.
struct network_result {
    double alpha = 0.0;
    std::size_t seed = 0;
    double selectivity_mean = 0.0;
    std::optional<corruption_means> mean_corruption_accuracy{}; ///< empty unless measured
    double train_seconds = 0.0;
    double images_per_second = 0.0;
    std::vector<stage_seconds> seconds{}; ///< in the order of the stages
    clean_result clean{};
    reference_result reference{};
    std::vector<condition_result> conditions{};
    std::optional<distance_result> distances{}; ///< empty unless measured
};

/// Accuracy under one size of attack, over all networks.
struct attack_size_result {
    double eps = 0.0;
    double correlation = 0.0; ///< of accuracy and selectivity: mean over seeds of Spearman's
    double largest_drop_by_margin_loss = 0.0;
    bool floor = false; ///< no network is above 5 %
};

/// The numbers that only claim 2 has.
struct attack_claim {
    double primary_eps = 0.0;       ///< at which the claim is tested; 0 without networks of alpha 0
    double ordering_turns_at = 0.0; ///< the eps at which the correlation becomes positive; NaN if none does
    std::vector<attack_size_result> by_eps{};
};

/// Claim 6 for one alpha.
struct alpha_equivalence {
    double alpha = 0.0;
    repscope::equivalence_claim_result result{};
};

/// The numbers that only claim 6 has.
struct equivalence_claim {
    std::vector<alpha_equivalence> alphas{};
    /// The alphas around 0 between which the claim holds.
    double lowest = 0.0;
    double highest = 0.0;
};

/// A slope of least squares; the interval is empty for fewer than 5 seeds.
struct slope_result {
    double estimate = 0.0;
    std::optional<repscope::interval> ci{};
};

/// A claim of the paper, tested on the networks of a study.
struct study_claim {
    std::string id{};
    std::string statement{};
    std::string test = "permutation within seeds";
    std::size_t networks = 0;
    std::size_t images = 0;
    repscope::claim_result result{};               ///< the blocks are the seeds
    std::optional<slope_result> slope_per_tenth{}; ///< of a trend: per .1 of selectivity
    std::optional<repscope::interval> ci{};        ///< of a contrast; empty for a single seed
    std::string reason{};                          ///< for which the claim is unclear; empty otherwise
    /// The test itself gives the reason, before the verdicts of all claims: its place in the file.
    bool reason_from_test = false;
    std::optional<double> image_error{}; ///< standard error that the choice of images gives an accuracy
    std::optional<attack_claim> attack{};
    std::optional<equivalence_claim> equivalence{};

    /// Leaves the claim unclear for a reason.
    void leave_unclear(std::string why) {
        result.holds = repscope::verdict::unclear;
        reason = std::move(why);
    }
};

/// The data of a study.
struct data_summary {
    std::string name{};
    std::size_t train = 0; ///< images
    std::size_t test = 0;
    std::string sha256{};
};

/// The numbers of images and the attacks of a study.
struct condition_options {
    std::size_t corruption_images = 0;
    std::size_t attack_images = 0;
    std::size_t gradient_images = 0;
    std::size_t compared_images = 0;
    std::vector<double> eps{}; ///< in 255ths
    std::size_t attack_steps = 0;
    std::string frost{};
    std::vector<std::string> attacks{};   ///< empty for the default, FGSM and PGD
    std::size_t autoattack_images = 0;    ///< 0 without AutoAttack
    std::vector<double> autoattack_eps{}; ///< in 255ths; empty if AutoAttack is measured at each of `eps`
    std::size_t distance_images = 0;      ///< 0 without distances
    std::string norm{"linf"};             ///< of the attacks
    double range = 1.0;                   ///< width of the range of the inputs
};

/// A whole study: the content of study.json.
struct study_result {
    std::string version{};
    std::string commit{};
    data_summary data{};
    std::string network{};
    std::size_t epochs = 0;
    std::vector<double> alphas{};
    std::size_t seeds = 0;
    bool dump = false;
    condition_options options{};
    std::vector<network_result> networks{};
    std::vector<study_claim> claims{};
    std::vector<std::string> notes{};
};

} // namespace program
