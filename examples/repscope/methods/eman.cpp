#include "methods/eman.hpp"

#include "methods/measure.hpp"
#include "study/recipe.hpp"
#include "study/run/network_model.hpp"
#include "support/errors.hpp"
#include "support/stopwatch.hpp"

#include <repscope/data/sampler.hpp>
#include <repscope/net/models.hpp>
#include <repscope/net/optim/schedule.hpp>
#include <repscope/net/optim/sgd.hpp>
#include <repscope/net/trainer.hpp>
#include <repscope/training/augmix.hpp>
#include <repscope/training/fixmatch.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace program {

namespace {

namespace net = repscope::net;
namespace data = repscope::data;
namespace training = repscope::training;
using data::transform;

constexpr std::array weak_transforms{transform::translate_x, transform::translate_y};
constexpr std::array strong_transforms{
    transform::autocontrast, transform::equalize,    transform::posterize,
    transform::rotate,       transform::solarize,    transform::shear_x,
    transform::shear_y,      transform::translate_x, transform::translate_y};
// Which version of an image a view is.
enum view : std::size_t { labeled_view, weak_view, strong_view };

/// A batch of images, transformed.
class views {
  public:
    views(const image_set& images, std::size_t seed, repscope::thread_pool& pool)
        : images_(images), seed_(seed), pool_(pool) {}

    study_model::input_view make(std::span<const std::uint32_t> chosen, view which, std::size_t step,
                                 std::span<const transform> choice, std::size_t count, double severity) {
        const std::array<std::size_t, 4> extents{chosen.size(), images_.channels, images_.rows,
                                                 images_.columns};
        plain_.resize(chosen.size() * images_.image_size());
        made_.resize(plain_.size());
        const net::image_source<std::uint8_t> source{
            {images_.pixels.data(), {images_.images, images_.channels, images_.rows, images_.columns}},
            1.0 / 255};
        source.read(chosen, repscope::tensor_view<float, 4>(plain_.data(), extents));
        training::random_transforms<float>({plain_.data(), extents}, chosen,
                                           {.seed = seed_, .epoch = step, .view = which}, choice, count,
                                           severity, {made_.data(), extents}, pool_);
        return {made_.data(), extents};
    }

  private:
    const image_set& images_;
    std::size_t seed_;
    repscope::thread_pool& pool_;
    std::vector<float> plain_, made_;
};

std::vector<std::uint32_t> all_but(std::size_t images, const std::vector<std::uint32_t>& labeled) {
    std::vector<std::uint32_t> rest;
    for (std::uint32_t i = 0; i < images; ++i) {
        if (!std::binary_search(labeled.begin(), labeled.end(), i)) rest.push_back(i);
    }
    return rest;
}

} // namespace

method_arm eman_run(const data_set& data, const std::string& arm, const eman_settings& settings,
                    std::size_t seed, repscope::thread_pool& pool,
                    const std::function<void(std::size_t, std::size_t)>& done) {
    const image_set& images = data.train;
    if (images.images < settings.labels + settings.unlabeled_batch) {
        throw usage_error("--methods eman: expected at least " +
                          std::to_string(settings.labels + settings.unlabeled_batch) +
                          " images to train on, got " + std::to_string(images.images));
    }
    const auto labeled = training::choose_labeled(images.labels, data.classes, settings.labels, seed);
    data::shuffled_sampler with_labels(labeled, seed, 1), without(all_but(images.images, labeled), seed, 2);
    views labeled_images(images, seed, pool), weak(images, seed, pool), strong(images, seed, pool);

    const auto [mean, deviation] = recipe::pixel_statistics(images.channels);
    auto student = net::small_cnn<float>(images.channels, data.classes, mean, deviation);
    using network_type = decltype(student);
    student.initialize(seed);
    network_model<network_type> teacher(student, pool);
    const net::sgd<float> optimizer({.momentum = recipe::momentum, .weight_decay = recipe::weight_decay});
    const net::cosine_schedule rate{.peak = settings.rate, .warmup = recipe::warmup, .steps = settings.steps};
    const bool alone = arm == "labels";
    training::fixmatch_options options{.unlabeled_weight = settings.unlabeled_weight,
                                       .threshold = settings.threshold,
                                       .momentum = settings.momentum};
    if (arm == "batch-norm") options.teacher = training::ema_scope::parameters;
    net::trainer supervised(student, optimizer, pool);
    training::fixmatch_trainer semi_supervised(student, teacher.network(), optimizer, options, pool);

    double kept = 0.0;
    std::vector<int> labels;
    stopwatch watch;
    for (std::size_t step = 0; step < settings.steps; ++step) {
        const auto chosen = with_labels.next(settings.labeled_batch);
        labels.clear();
        for (const std::uint32_t i : chosen) labels.push_back(images.labels[i]);
        const auto x =
            labeled_images.make(chosen, labeled_view, step, weak_transforms, 1, settings.weak_severity);
        if (alone) {
            supervised.step(x, labels, rate(step));
        } else {
            const auto others = without.next(settings.unlabeled_batch);
            const auto weakly =
                weak.make(others, weak_view, step, weak_transforms, 1, settings.weak_severity);
            const auto strongly =
                strong.make(others, strong_view, step, strong_transforms, 2, settings.strong_severity);
            kept += semi_supervised.step(x, labels, weakly, strongly, rate(step)).unlabeled.kept;
        }
        done(step + 1, settings.steps);
    }
    const double seconds = watch.lap();
    semi_supervised_measures measured;
    measured.train_images = images.images;
    // The unlabeled images pass the teacher once, forward, and the student forward and backward.
    const auto labeled_count = static_cast<double>(settings.labeled_batch);
    const double unlabeled_count = alone ? 0.0 : static_cast<double>(settings.unlabeled_batch);
    measured.cost.seconds = seconds;
    measured.cost.images_per_second =
        static_cast<double>(settings.steps) * (labeled_count + unlabeled_count) / seconds;
    measured.cost.predicted_factor = (3 * labeled_count + 4 * unlabeled_count) / (3 * labeled_count);
    if (!alone) measured.unlabeled_kept = kept / static_cast<double>(settings.steps);
    network_model<network_type> trained(student, pool);
    measured.student_accuracy = share_of(classify_all(trained, data.test, {}));
    measured.clean = measure_clean(alone ? trained : teacher, data.test, pool);
    return {arm, seed, std::move(measured)};
}

} // namespace program
