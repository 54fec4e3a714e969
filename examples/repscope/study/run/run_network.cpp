#include "study/run/run_network.hpp"

#include "files/output_file.hpp"
#include "layers/tap_recorder.hpp"
#include "onnx/file.hpp"
#include "study/recipe.hpp"
#include "study/run/autoattack.hpp"
#include "study/run/conditions.hpp"
#include "study/run/distances.hpp"
#include "study/run/measure_layers.hpp"
#include "support/stopwatch.hpp"

#include <repscope/io/npy.hpp>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <utility>
#include <vector>

namespace program {

namespace {

label_set labels_of(const image_set& images) {
    const std::vector<std::int64_t> labels(images.labels.begin(), images.labels.end());
    return make_label_set(labels, {}, "test labels");
}

// The folder, with the labels of the test images.
void begin_dump(const std::string& dump_folder, const image_set& images) {
    make_folder(dump_folder);
    repscope::io::save_npy(dump_folder + "/labels.npy", images.labels);
}

// Passes of one image through a network for all conditions, AutoAttack, and distances.
double passes_of_study(const study_settings& settings, std::size_t samples, double backward) {
    double passes = passes_of_conditions(without_autoattack(settings, samples), samples, backward) +
                    distance_passes(settings, samples, backward);
    if (uses_autoattack(settings)) {
        const auto sizes = static_cast<double>(std::max<std::size_t>(1, settings.autoattack_eps.size()));
        passes += sizes * passes_of({.kind = condition_kind::attack, .name = "autoattack"}, settings, samples,
                                    backward);
    }
    return passes;
}

} // namespace

double estimated_seconds(const study_settings& settings, const data_set& data, repscope::thread_pool& pool) {
    const auto model = make_study_model(settings, data, pool);
    study_settings trial = settings;
    trial.epochs = 1;
    const image_set some = first_images(data.train, std::min(data.train.images, 9 * recipe::batch_size));
    stopwatch watch;
    std::size_t steps = 0;
    model->train(some, trial, {1.0, 0}, [&](std::size_t step) {
        if (step == 1) watch.lap(); // the first one takes the memory
        steps = step;
    });
    const double a_step = watch.lap() / static_cast<double>(std::max<std::size_t>(1, steps - 1));

    const image_set images = first_images(data.test, std::min(data.test.images, 2 * test_batch));
    const label_set labels = labels_of(data.test);
    layer_recorder recorder(labels, pool, "");
    watch.lap();
    classify_all(*model, images, std::ref(recorder));
    const double a_measured = watch.lap() / static_cast<double>(images.images);
    std::vector<float> pixels;
    const auto x = unit_interval(images, 0, images.images, pixels);
    std::vector<int> predicted(images.images);
    (*model)(x, images.labels, {}, predicted, {});
    const double a_pass = watch.lap() / static_cast<double>(images.images);
    std::vector<float> gradient(x.size());
    (*model)(x, images.labels, {}, predicted, {gradient.data(), x.extents()});
    const double a_gradient = watch.lap() / static_cast<double>(images.images);

    double units = 0.0;
    for (std::size_t l = 0; l < model->layers(); ++l)
        units += static_cast<double>(model->extents(l, x.extents())[1]);
    return a_step * static_cast<double>(step_count(settings, data.train.images)) +
           a_measured * static_cast<double>(data.test.images) +
           a_pass * passes_of_study(settings, data.test.images, a_gradient / a_pass) +
           // A unit's gradient goes back through half of the network, about.
           0.5 * (a_gradient - a_pass) * units *
               static_cast<double>(gradient_images(settings, data.test.images));
}

network_result train_and_measure(const study_settings& settings, const study_cell& cell, const data_set& data,
                                 corrupted_images& corrupted, repscope::thread_pool& pool,
                                 const std::string& dump_folder, const std::string& onnx_file,
                                 const std::string& parameter_file,
                                 const std::function<void(const std::string&, double)>& done) {
    const auto model = make_study_model(settings, data, pool);
    const std::size_t steps = step_count(settings, data.train.images);
    stopwatch watch;
    model->train(data.train, settings, cell, [&](std::size_t step) {
        done("training", static_cast<double>(step) / static_cast<double>(steps));
    });
    network_result network{.alpha = cell.alpha, .seed = cell.seed};
    network.train_seconds = watch.lap();
    network.images_per_second =
        static_cast<double>(steps) * static_cast<double>(recipe::batch_size) / network.train_seconds;
    if (!parameter_file.empty()) model->save(parameter_file);
    if (!onnx_file.empty()) write_onnx_file(model->exported(data.test), onnx_file);
    if (!dump_folder.empty()) begin_dump(dump_folder, data.test);
    const labeled_inputs inputs(data.test);
    network.clean = measure_clean_layers(*model, inputs, pool, {.dump_folder = dump_folder});
    const double clean_seconds = watch.lap();
    if (const std::size_t images = gradient_images(settings, data.test.images); images > 0) {
        const auto gradients = measure_gradients(*model, inputs, images, 0, 128, pool);
        for (std::size_t l = 0; l < gradients.size(); ++l) network.clean.layers[l].gradient = gradients[l];
    }
    const double gradient_seconds = watch.lap();
    const condition_settings conditions = without_autoattack(settings, data.test.images);
    condition_results others = measure_conditions(*model, conditions, inputs, corrupted, pool,
                                                  [&](double share) { done("conditions", share); });
    watch.lap();
    if (distance_images(settings, data.test.images) > 0) {
        network.distances = measure_distances(*model, settings, inputs, pool,
                                              [&](double share) { done("distances", share); });
    }
    const double distance_seconds = watch.lap();
    network.selectivity_mean = mean_selectivity(network.clean.layers);
    network.mean_corruption_accuracy = mean_corruption_accuracy(others.conditions);
    network.seconds = {{"training", network.train_seconds},
                       {"clean", clean_seconds},
                       {"gradients", gradient_seconds},
                       {"corruptions", others.corruption_seconds},
                       {"attacks", others.attack_seconds}};
    if (network.distances) network.seconds.push_back({"distances", distance_seconds});
    network.reference = std::move(others.reference);
    network.conditions = std::move(others.conditions);
    return network;
}

} // namespace program
