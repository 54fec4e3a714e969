#pragma once

#include "images/corrupted_images.hpp"
#include "images/datasets.hpp"
#include "study/run/model.hpp"
#include "study/settings.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace program {

/// One way of perturbing the test images.
struct condition {
    std::string kind;      ///< corruption, attack or random
    std::string name;      ///< of the corruption, or of the attack; empty for random
    int severity = 0;      ///< of a corruption
    double eps = 0.0;      ///< of an attack and of random signs, for images from 0 to 1
    std::size_t place = 0; ///< of `eps` among those of the study
};

/// All conditions of a study but the clean one, in the order in which they are measured and written.
std::vector<condition> conditions_of(const study_settings& settings);

/// How many test images a condition has; how many of them, the first ones, have their layers measured and
/// compared; and of how many the input-unit gradients are measured.
std::size_t images_of(const condition& what, const study_settings& settings, const data_set& data);
std::size_t compared_images(const study_settings& settings, const data_set& data);
std::size_t gradient_images(const study_settings& settings, const data_set& data);

/// What was found of a network under all conditions.
struct condition_results {
    nlohmann::ordered_json conditions =
        nlohmann::ordered_json::array();  ///< their objects, without the clean one
    nlohmann::ordered_json reference;     ///< the clean images that are compared with: `{"images","layers"}`
    std::vector<std::vector<bool>> right; ///< a list a condition: which images were classified correctly
    /// A list a condition, of attacks and random signs: the pixels of the first images, rounded to bytes.
    std::vector<std::vector<std::uint8_t>> pictures;
    double corruption_seconds = 0.0;
    double attack_seconds = 0.0; ///< random signs, the control of attacks, included
};

/// How many images of a condition are kept to be looked at.
inline constexpr std::size_t picture_count = 8;

/// Measures a trained network under every condition. `done(share)` hears what part of the work is done.
condition_results measure_conditions(study_model& model, const study_settings& settings, const data_set& data,
                                     corrupted_images& corrupted, repscope::thread_pool& pool,
                                     const std::function<void(double)>& done);

/// `{"all","without_frost"}`: accuracy over the corruptions and severities among `conditions`; null without.
nlohmann::ordered_json mean_corruption_accuracy(const nlohmann::ordered_json& conditions);

/// Multiplies of a pass of one image through the network that measuring all conditions takes about: a pass
/// with the gradient of the image counts as `backward`.
double passes_of_conditions(const study_settings& settings, const data_set& data, double backward);

} // namespace program
