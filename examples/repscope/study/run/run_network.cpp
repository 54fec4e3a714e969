#include "study/run/run_network.hpp"

#include "layers/json.hpp"
#include "layers/tap_recorder.hpp"
#include "study/per_image.hpp"
#include "study/report/tables.hpp"
#include "study/run/conditions.hpp"
#include "support/errors.hpp"
#include "support/stopwatch.hpp"

#include <repscope/gradient/input_unit.hpp>
#include <repscope/gradient/variability.hpp>
#include <repscope/io/npy.hpp>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

namespace program {

namespace {

using json = nlohmann::ordered_json;

label_set labels_of(const image_set& images) {
    const std::vector<std::int64_t> labels(images.labels.begin(), images.labels.end());
    return make_label_set(labels, {}, "test labels");
}

struct clean_results {
    json condition;
    std::vector<bool> right;
};

clean_results measure_clean(study_model& model, const image_set& images, repscope::thread_pool& pool,
                            const std::string& dump_folder) {
    const label_set labels = labels_of(images);
    layer_recorder recorder(labels, pool, dump_folder);
    clean_results clean{{}, classify_all(model, images, std::ref(recorder))};
    clean.condition["kind"] = "clean";
    clean.condition["images"] = images.images;
    clean.condition["accuracy"] = share_of(clean.right);
    clean.condition["layers"] = json::array();
    for (const auto& layer : recorder.finish()) clean.condition["layers"].push_back(to_json(layer));
    return clean;
}

json gradient_json(const repscope::gradient_variability_result& found) {
    json object;
    object["cv_samples"] = found.cv_samples;
    object["cv_units"] = found.cv_units;
    object["mean"] = found.mean;
    object["sd"] = found.sd;
    object["images"] = found.images;
    object["zero_fraction"] = found.zero_fraction;
    object["dead_units"] = found.dead_units;
    object["cv_samples_nonzero"] = found.cv_samples_nonzero;
    return object;
}

// The variability of the input gradients of every layer's units, into the LAYER objects.
void measure_gradients(study_model& model, const image_set& images, std::size_t count,
                       repscope::thread_pool& pool, json& layers) {
    std::vector<float> pixels;
    const auto found =
        repscope::input_unit_gradients(model, unit_interval(images, 0, count, pixels), {.threads = pool});
    for (std::size_t l = 0; l < found.size(); ++l) {
        layers[l]["gradient"]["l2"] = gradient_json(repscope::gradient_variability(found[l].l2));
        layers[l]["gradient"]["l1"] = gradient_json(repscope::gradient_variability(found[l].l1));
    }
}

} // namespace

double estimated_seconds(const study_settings& settings, const data_set& data, repscope::thread_pool& pool) {
    const auto model = make_study_model(settings, data, pool);
    const std::size_t batch = training_json(settings)["batch"];
    study_settings trial = settings;
    trial.epochs = 1;
    const image_set some = first_images(data.train, std::min(data.train.images, 9 * batch));
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
           a_pass * passes_of_conditions(settings, data, a_gradient / a_pass) +
           // A unit's gradient goes back through half of the network, about.
           0.5 * (a_gradient - a_pass) * units * static_cast<double>(gradient_images(settings, data));
}

json train_and_measure(const study_settings& settings, const study_cell& cell, const data_set& data,
                       corrupted_images& corrupted, repscope::thread_pool& pool,
                       const std::string& dump_folder,
                       const std::function<void(const std::string&, double)>& done) {
    const auto model = make_study_model(settings, data, pool);
    const std::size_t steps = step_count(settings, data.train.images);
    stopwatch watch;
    model->train(data.train, settings, cell, [&](std::size_t step) {
        done("training", static_cast<double>(step) / static_cast<double>(steps));
    });
    const double train_seconds = watch.lap();
    if (!dump_folder.empty()) {
        std::error_code failure;
        std::filesystem::create_directories(dump_folder, failure);
        if (failure) throw data_error(dump_folder, "cannot be made: " + failure.message());
        repscope::io::save_npy(dump_folder + "/labels.npy", data.test.labels);
    }
    clean_results clean = measure_clean(*model, data.test, pool, dump_folder);
    const double clean_seconds = watch.lap();
    if (const std::size_t images = gradient_images(settings, data); images > 0) {
        measure_gradients(*model, data.test, images, pool, clean.condition["layers"]);
    }
    const double gradient_seconds = watch.lap();
    condition_results others = measure_conditions(*model, settings, data, corrupted, pool,
                                                  [&](double share) { done("conditions", share); });

    double selectivity = 0.0;
    const json& layers = clean.condition["layers"];
    for (const auto& layer : layers) {
        // No number where every unit of a layer is undefined, which activations behind a ReLU never are.
        selectivity += layer["selectivity"]["mean"].get<double>() / static_cast<double>(layers.size());
    }
    json result;
    result["alpha"] = cell.alpha;
    result["seed"] = cell.seed;
    result["selectivity_mean"] = selectivity;
    result["clean_accuracy"] = clean.condition["accuracy"];
    result["mean_corruption_accuracy"] = mean_corruption_accuracy(others.conditions);
    result["train_seconds"] = train_seconds;
    result["images_per_second"] =
        static_cast<double>(steps) * training_json(settings)["batch"].get<double>() / train_seconds;
    result["seconds"] = {{"training", train_seconds},
                         {"clean", clean_seconds},
                         {"gradients", gradient_seconds},
                         {"corruptions", others.corruption_seconds},
                         {"attacks", others.attack_seconds}};
    result["reference"] = std::move(others.reference);
    result["right"]["clean"] = packed(clean.right);
    for (std::size_t k = 0; k < others.right.size(); ++k) {
        const std::string label = condition_label(others.conditions[k]);
        result["right"][label] = packed(others.right[k]);
        if (!others.pictures[k].empty()) result["pictures"][label] = others.pictures[k];
    }
    result["conditions"] = json::array({std::move(clean.condition)});
    for (auto& condition : others.conditions) result["conditions"].push_back(std::move(condition));
    return result;
}

} // namespace program
