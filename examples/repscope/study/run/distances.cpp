#include "study/run/distances.hpp"

#include <repscope/attack/minimum_norm.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace program {

namespace {

constexpr std::size_t curve_intervals = 64;

repscope::attack::fab_options fab_settings(const condition_settings& settings) {
    repscope::attack::fab_options options;
    options.ball = settings.ball;
    options.batch = settings.batch;
    return options;
}

} // namespace

std::size_t distance_images(const condition_settings& settings, std::size_t samples) {
    return settings.eps.empty() ? 0 : std::min({settings.distance_images, settings.attack_images, samples});
}

distance_result measure_distances(study_model& model, const condition_settings& settings,
                                  const labeled_inputs& inputs, repscope::thread_pool& pool,
                                  const std::function<void(double)>& done) {
    namespace attack = repscope::attack;
    const std::size_t images = distance_images(settings, inputs.samples());
    const double unit = settings.ball == attack::norm::linf ? 255.0 : 1.0;
    const double largest = settings.eps.back() / unit * inputs.width();
    attack::fab_options options = fab_settings(settings);
    options.threads = pool;
    options.eps = largest;
    options.bounds = inputs.bounds();
    options.on_batch = [&](const attack::batch_progress& progress) {
        done(static_cast<double>(progress.processed) / static_cast<double>(progress.samples));
    };
    std::vector<float> pixels;
    distance_result result{.norm = std::string(to_string(settings.ball)),
                           .seed = options.seed,
                           .steps = options.steps,
                           .targets = options.targets};
    result.distance =
        attack::minimum_norm(model, inputs.read(0, images, pixels), inputs.labels().first(images), options)
            .distance;
    for (std::size_t k = 0; k <= curve_intervals; ++k) {
        result.eps.push_back(largest * static_cast<double>(k) / static_cast<double>(curve_intervals));
        result.accuracy.push_back(attack::robust_accuracy_at(result.distance, result.eps.back()));
    }
    return result;
}

double distance_passes(const condition_settings& settings, std::size_t samples, double backward) {
    const repscope::attack::fab_options options = fab_settings(settings);
    return static_cast<double>(distance_images(settings, samples) * options.steps * options.targets) *
           (1.0 + backward);
}

} // namespace program
