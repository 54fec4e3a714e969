#pragma once

#include "layers/report.hpp"
#include "methods/catalog.hpp"
#include "methods/protocol.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// The results of methods in memory; methods/json.hpp reads and writes them as JSON. A number that is not
// defined is NaN.

namespace program {

inline constexpr double undefined_number = std::numeric_limits<double>::quiet_NaN();

/// Numbers by their names, in order.
using named_numbers = std::vector<std::pair<std::string, double>>;

/// Settings that only one method has, by their names, in order.
using setting_value = std::variant<std::size_t, double, std::string>;
using method_settings = std::vector<std::pair<std::string, setting_value>>;

/// What the training of a network took.
struct training_cost {
    double seconds = undefined_number;
    double images_per_second = undefined_number;
    /// How many times as long as that of its baseline it should take.
    double predicted_factor = undefined_number;
};

/// A network on the clean test images.
struct clean_measures {
    double accuracy = undefined_number;
    std::vector<bool> correct; ///< of each image, whether it is classified correctly
    double selectivity_mean = undefined_number;
    std::vector<layer_report> layers;
};

/// A network under attack in a ball.
struct ball_measures {
    std::string norm; ///< linf, l2 or l1
    double eps = 0.0;
    double cross_entropy = undefined_number; ///< accuracy against the first attack alone
    double accuracy = undefined_number;
    std::vector<bool> correct;              ///< of each image, whether it holds in the ball
    double autoattack = undefined_number;   ///< accuracy against AutoAttack; NaN if it was not run
    std::vector<bool> autoattack_correct{}; ///< of each of its images, whether it survives
};

/// A network under corruptions and under attack.
struct robustness_measures {
    double corruption_accuracy = undefined_number;
    named_numbers corruptions; ///< accuracy under each
    std::size_t images = 0;    ///< under attack
    std::vector<ball_measures> balls;
    double accuracy = undefined_number;   ///< under attack in all balls
    std::vector<bool> correct;            ///< of each image, whether it holds in all balls
    std::size_t autoattack_images = 0;    ///< 0: AutoAttack was not run
    double autoattack = undefined_number; ///< accuracy against AutoAttack in all balls
};

/// A network that a method has trained, and its measurements.
struct method_network {
    std::string method;
    std::size_t seed = 0;
    method_settings settings;
    named_numbers notes; ///< of training, over the last epoch
    clean_measures clean;
    robustness_measures robust;
    training_cost cost;
};

/// An arm of semi-supervised training.
struct semi_supervised_measures {
    std::size_t train_images = 0;
    training_cost cost;
    double unlabeled_kept = undefined_number; ///< share of the unlabeled images that pass the threshold
    double student_accuracy = undefined_number;
    clean_measures clean;
};

/// Colored images of one environment of training.
struct colored_environment_measures {
    double color_flips = 0.0;
    double accuracy = undefined_number;
    double risk = undefined_number;
    double penalty = undefined_number;
};

/// An arm of training on colored images.
struct colored_measures {
    std::size_t train_images = 0;
    std::vector<colored_environment_measures> train;
    training_cost cost;
    double flipped_accuracy = undefined_number; ///< where color misleads
    double flipped_risk = undefined_number;
};

/// Accuracy and gaps between the samples with and without an attribute.
struct gap_measures {
    double accuracy = undefined_number;
    double equalized_odds = undefined_number;
    double demographic_parity = undefined_number;
};

/// An arm of training where an attribute misleads.
struct attribute_measures {
    gap_measures like_training;
    gap_measures misleading;
};

/// One arm of a method that has baselines of its own.
struct method_arm {
    std::string arm;
    std::size_t seed = 0;
    std::variant<semi_supervised_measures, colored_measures, attribute_measures> measured;
};

/// The name of a network among those of its group: the method, or the arm.
inline const std::string& name_of(const method_network& network) { return network.method; }
inline const std::string& name_of(const method_arm& arm) { return arm.arm; }

/// The names of networks, each once, in their order.
template <typename Result>
std::vector<std::string> names_in(const std::vector<Result>& results) {
    std::vector<std::string> names;
    for (const Result& result : results) {
        if (std::find(names.begin(), names.end(), name_of(result)) == names.end())
            names.push_back(name_of(result));
    }
    return names;
}

/// The arms of a method: "eman", "eman:600", "irm" or "fairness".
struct arm_group {
    std::string name;
    std::vector<method_arm> arms;
};

/// What a method or an arm takes beside its baseline; medians over seeds.
struct method_cost {
    std::string group; ///< "networks", or that of the arm
    std::string method;
    double images_per_second = undefined_number;
    std::string baseline;
    double times_as_long = undefined_number; ///< NaN if the baseline was not run
    double predicted_factor = undefined_number;
};

/// Differences between two methods, or two arms of one, seed by seed. The interval is Student's over seeds,
/// 95 %; NaN for a single one.
struct method_comparison {
    std::string group;
    std::string first;
    std::string second;
    std::string quantity;
    std::vector<double> per_seed;
    double mean = undefined_number;
    double low = undefined_number;
    double high = undefined_number;
};

/// Spearman's correlation, over the means of the methods, of two quantities; NaN below three methods.
struct method_correlation {
    std::string x;
    std::string y;
    std::size_t methods = 0;
    double spearman = undefined_number;
};

/// The data that methods are trained and tested on.
struct methods_data {
    std::string name;
    std::size_t train = 0; ///< images
    std::size_t test = 0;
    std::string sha256;
};

/// A whole run: the content of methods.json.
struct methods_result {
    methods_data data;
    methods_protocol protocol;
    std::vector<method> methods;
    std::vector<method_network> networks;
    std::vector<arm_group> groups;
    std::vector<method_cost> costs;
    std::vector<method_comparison> comparisons;
    std::vector<method_correlation> correlations;
};

} // namespace program
