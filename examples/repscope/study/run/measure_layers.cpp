#include "study/run/measure_layers.hpp"

#include "dumps/labels.hpp"
#include "layers/tap_recorder.hpp"

#include <repscope/gradient/input_unit.hpp>
#include <repscope/gradient/variability.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

namespace program {

clean_result measure_clean_layers(study_model& model, const labeled_inputs& inputs,
                                  repscope::thread_pool& pool, const layer_measurement& options) {
    const std::vector<std::int64_t> labels(inputs.labels().begin(), inputs.labels().end());
    const label_set classes = make_label_set(labels, {}, "test labels");
    layer_recorder recorder(classes, pool, options.dump_folder, options.layer);
    clean_result clean{.images = inputs.samples()};
    std::vector<float> pixels;
    clean.predicted.resize(clean.images);
    for (std::size_t first = 0; first < clean.images; first += options.batch) {
        const std::size_t now = std::min(options.batch, clean.images - first);
        model.classify(inputs.read(first, now, pixels), std::span(clean.predicted).subspan(first, now),
                       std::ref(recorder));
        if (options.done) options.done(first + now);
    }
    for (std::size_t i = 0; i < clean.images; ++i)
        clean.correct.push_back(clean.predicted[i] == inputs.labels()[i]);
    clean.accuracy = share_of(clean.correct);
    for (layer_report& layer : recorder.finish()) clean.layers.push_back({std::move(layer), std::nullopt});
    return clean;
}

std::vector<gradient_result> measure_gradients(study_model& model, const labeled_inputs& inputs,
                                               std::size_t images, std::size_t probes, std::size_t batch,
                                               repscope::thread_pool& pool) {
    std::vector<float> pixels;
    const auto moments = repscope::input_unit_gradients(model, inputs.read(0, images, pixels),
                                                        {.threads = pool, .probes = probes, .batch = batch});
    std::vector<gradient_result> layers;
    for (const repscope::layer_gradients& layer : moments) {
        layers.push_back(
            {repscope::gradient_variability(layer.l2), repscope::gradient_variability(layer.l1)});
    }
    return layers;
}

// Not a number if every unit of a layer is undefined, which activations after a ReLU never are.
double mean_selectivity(const std::vector<layer_result>& layers) {
    double mean = 0.0;
    for (const layer_result& layer : layers)
        mean += layer.report.selectivity->measured.mean / static_cast<double>(layers.size());
    return mean;
}

} // namespace program
