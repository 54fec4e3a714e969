#pragma once

#include "images/corrupted_images.hpp"
#include "images/datasets.hpp"
#include "study/result.hpp"
#include "study/run/model.hpp"
#include "study/settings.hpp"

#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace program {

/// One way of perturbing the test images.
struct condition {
    condition_kind kind = condition_kind::corruption;
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

/// Returns the data of a study, and its options of conditions with the numbers of images that there are.
data_summary summary_of(const data_set& data);
condition_options options_of(const study_settings& settings, const data_set& data);

/// The measurements of a network under all conditions.
struct condition_results {
    std::vector<condition_result> conditions;
    reference_result reference;
    double corruption_seconds = 0.0;
    double attack_seconds = 0.0; ///< random signs, the control of attacks, included
};

/// How many images of a condition are kept to be looked at.
inline constexpr std::size_t picture_count = 8;

/// Measures a trained network under every condition. `done(share)` is called with the share of the work that
/// is finished.
condition_results measure_conditions(study_model& model, const study_settings& settings, const data_set& data,
                                     corrupted_images& corrupted, repscope::thread_pool& pool,
                                     const std::function<void(double)>& done);

/// Returns the mean accuracy over the corruptions and severities among `conditions`; empty without
/// corruptions.
std::optional<corruption_means> mean_corruption_accuracy(const std::vector<condition_result>& conditions);

/// Multiplies of a pass of one image through the network that measuring all conditions takes about: a pass
/// with the gradient of the image counts as `backward`.
double passes_of_conditions(const study_settings& settings, const data_set& data, double backward);

} // namespace program
