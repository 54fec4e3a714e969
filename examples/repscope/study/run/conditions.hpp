#pragma once

#include "images/corrupted_images.hpp"
#include "images/datasets.hpp"
#include "images/labeled_inputs.hpp"
#include "study/report/pictures.hpp"
#include "study/result.hpp"
#include "study/run/layer_capture.hpp"
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
    double eps = 0.0;      ///< of an attack and of random signs, for inputs from 0 to 1
    std::size_t place = 0; ///< of `eps` among those of the settings
};

/// All conditions but the clean one, in the order in which they are measured and written.
std::vector<condition> conditions_of(const condition_settings& settings);

/// How many of `samples` test images a condition has; how many of them, the first ones, have their layers
/// measured and compared; and of how many the input-unit gradients are measured.
std::size_t images_of(const condition& what, const condition_settings& settings, std::size_t samples);
std::size_t compared_images(const condition_settings& settings, std::size_t samples);
std::size_t gradient_images(const condition_settings& settings, std::size_t samples);

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

/// Measures a network under conditions, one at a time. The arguments must outlive it.
class condition_runner {
  public:
    /// Measures the layers on the clean inputs, with which the conditions are compared. `corrupted` is null
    /// without corruptions.
    condition_runner(study_model& model, const condition_settings& settings, const labeled_inputs& inputs,
                     corrupted_images* corrupted, repscope::thread_pool& pool);

    [[nodiscard]] reference_result reference() const {
        return {compared_, compared_layers(clean_, inputs_.labels(), pool_)};
    }
    condition_result measure(const condition& what);
    /// The inputs of the last condition if that was an attack or random signs: (images, channels, rows,
    /// columns); empty otherwise.
    [[nodiscard]] const std::vector<float>& perturbed() const noexcept { return perturbed_; }

  private:
    using input_view = study_model::input_view;
    /// The images [first, first + count) of a condition.
    using image_provider = std::function<input_view(std::size_t, std::size_t)>;

    void classify(const image_provider& images, std::size_t count, layer_capture& seen,
                  condition_result* result);
    [[nodiscard]] std::vector<float> attacked(condition_result& result);
    [[nodiscard]] std::vector<float> with_random_signs(const condition_result& result, std::size_t place);
    [[nodiscard]] std::vector<std::uint8_t> pictures(std::size_t images) const;

    study_model& model_;
    const condition_settings& settings_;
    const labeled_inputs& inputs_;
    corrupted_images* corrupted_;
    repscope::thread_pool& pool_;
    std::size_t compared_;
    std::size_t mapped_layers_;
    layer_capture clean_;
    std::vector<float> clean_pixels_;
    std::vector<float> pixels_;
    std::vector<float> perturbed_;
};

/// Measures a trained network under every condition. `done(share)` is called with the share of the work that
/// is finished.
condition_results measure_conditions(study_model& model, const condition_settings& settings,
                                     const labeled_inputs& inputs, corrupted_images& corrupted,
                                     repscope::thread_pool& pool, const std::function<void(double)>& done);

/// Returns the mean accuracy over the corruptions and severities among `conditions`; empty without
/// corruptions.
std::optional<corruption_means> mean_corruption_accuracy(const std::vector<condition_result>& conditions);

/// Multiplies of a pass of one image through the network that measuring a condition, or all of them, takes
/// about: a pass with the gradient of the image counts as `backward`.
double passes_of(const condition& what, const condition_settings& settings, std::size_t samples,
                 double backward);
double passes_of_conditions(const condition_settings& settings, std::size_t samples, double backward);
double autoattack_passes(std::size_t images, double backward);

} // namespace program
