#include "study_network.hpp"

#include "failure.hpp"
#include "layer_recorder.hpp"

#include <repscope/io/npy.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

namespace program {

namespace {

using json = nlohmann::ordered_json;
using clock_type = std::chrono::steady_clock;

double seconds_since(clock_type::time_point start) {
    return std::chrono::duration<double>(clock_type::now() - start).count();
}

image_set first_of(const image_set& images, std::size_t count) {
    image_set part{count, images.channels, images.rows, images.columns, {}, {}};
    part.pixels.assign(images.pixels.begin(),
                       images.pixels.begin() + static_cast<std::ptrdiff_t>(count * images.image_size()));
    part.labels.assign(images.labels.begin(), images.labels.begin() + static_cast<std::ptrdiff_t>(count));
    return part;
}

label_set labels_of(const image_set& images) {
    const std::vector<std::int64_t> labels(images.labels.begin(), images.labels.end());
    return make_label_set(labels, {}, "test labels");
}

json clean_condition(study_model& model, const image_set& images, repscope::thread_pool& pool,
                     const std::string& dump_folder) {
    const label_set labels = labels_of(images);
    layer_recorder recorder(labels, pool, dump_folder);
    json clean;
    clean["kind"] = "clean";
    clean["images"] = images.images;
    clean["accuracy"] = accuracy_on(model, images, std::ref(recorder));
    clean["layers"] = json::array();
    for (const auto& layer : recorder.finish()) clean["layers"].push_back(to_json(layer));
    return clean;
}

} // namespace

double estimated_seconds(const study_settings& settings, const data_set& data, repscope::thread_pool& pool) {
    const auto model = make_study_model(settings, data, pool);
    const std::size_t batch = training_json(settings)["batch"];
    study_settings trial = settings;
    trial.epochs = 1;
    const image_set some = first_of(data.train, std::min(data.train.images, 9 * batch));
    // The first step takes the memory.
    clock_type::time_point start;
    std::size_t steps = 0;
    model->train(some, trial, {1.0, 0}, [&](std::size_t step) {
        if (step == 1) start = clock_type::now();
        steps = step;
    });
    const double a_step =
        steps > 1 ? seconds_since(start) / static_cast<double>(steps - 1) : seconds_since(start);

    const image_set images = first_of(data.test, std::min(data.test.images, 2 * test_batch));
    const label_set labels = labels_of(data.test);
    layer_recorder recorder(labels, pool, "");
    start = clock_type::now();
    accuracy_on(*model, images, std::ref(recorder));
    const double an_image = seconds_since(start) / static_cast<double>(images.images);
    return a_step * static_cast<double>(step_count(settings, data.train.images)) +
           an_image * static_cast<double>(data.test.images);
}

json train_and_measure(const study_settings& settings, const study_cell& cell, const data_set& data,
                       repscope::thread_pool& pool, const std::string& dump_folder,
                       const std::function<void(std::size_t)>& done) {
    const auto model = make_study_model(settings, data, pool);
    const auto start = clock_type::now();
    model->train(data.train, settings, cell, done);
    const double train_seconds = seconds_since(start);
    if (!dump_folder.empty()) {
        std::error_code failure;
        std::filesystem::create_directories(dump_folder, failure);
        if (failure) throw data_error(dump_folder, "cannot be made: " + failure.message());
        repscope::io::save_npy(dump_folder + "/labels.npy", data.test.labels);
    }
    const json clean = clean_condition(*model, data.test, pool, dump_folder);
    double selectivity = 0.0;
    for (const auto& layer : clean["layers"]) {
        // No number where every unit of a layer is undefined, which activations behind a ReLU never are.
        selectivity +=
            layer["selectivity"]["mean"].get<double>() / static_cast<double>(clean["layers"].size());
    }
    json result;
    result["alpha"] = cell.alpha;
    result["seed"] = cell.seed;
    result["selectivity_mean"] = selectivity;
    result["clean_accuracy"] = clean["accuracy"];
    result["train_seconds"] = train_seconds;
    const double trained = static_cast<double>(step_count(settings, data.train.images)) *
                           training_json(settings)["batch"].get<double>();
    result["images_per_second"] = trained / train_seconds;
    result["conditions"] = json::array({clean});
    return result;
}

} // namespace program
