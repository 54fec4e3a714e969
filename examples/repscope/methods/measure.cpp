#include "methods/measure.hpp"

#include "dumps/labels.hpp"
#include "layers/json.hpp"
#include "layers/tap_recorder.hpp"
#include "study/per_image.hpp"

#include <repscope/attack/pgd.hpp>
#include <repscope/attack/worst_case.hpp>
#include <repscope/corruption/kind.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace program {

namespace {

namespace attack = repscope::attack;
using json = nlohmann::ordered_json;

// PGD in a ball with one loss of the model.
struct pgd_with_loss {
    study_model& model;
    study_model::loss loss;
    const attack::msd_ball& ball;
    const methods_protocol& protocol;
    repscope::thread_pool& pool;

    attack::result<float> operator()(const study_model::input_view& x, std::span<const int> labels) const {
        model.attack_with(loss);
        auto attacked = attack::pgd(model, x, labels,
                                    {.threads = pool,
                                     .ball = ball.kind,
                                     .eps = ball.eps,
                                     .steps = protocol.attack_steps,
                                     .restarts = protocol.restarts,
                                     .early_stop = true,
                                     .seed = 0});
        model.attack_with(study_model::loss::cross_entropy);
        return attacked;
    }
};

} // namespace

void measure_layers(study_model& model, const image_set& test, repscope::thread_pool& pool, json& network) {
    const std::vector<std::int64_t> labels(test.labels.begin(), test.labels.end());
    const label_set classes = make_label_set(labels, {}, "test labels");
    layer_recorder recorder(classes, pool, "");
    const auto right = classify_all(model, test, std::ref(recorder));
    network["clean_accuracy"] = share_of(right);
    network["right"]["clean"] = packed(right);
    json layers = json::array();
    double selectivity = 0.0;
    for (const auto& layer : recorder.finish()) {
        layers.push_back(to_json(layer));
        selectivity += layers.back()["selectivity"]["mean"].get<double>();
    }
    network["selectivity_mean"] = selectivity / static_cast<double>(layers.size());
    network["layers"] = std::move(layers);
}

void measure_robustness(study_model& model, const methods_protocol& protocol, const data_set& data,
                        corrupted_images& corrupted, repscope::thread_pool& pool, json& network,
                        const std::function<void(double)>& done) {
    double sum = 0.0, count = 0.0;
    json by_corruption;
    for (const std::string_view name : repscope::corruption::common) {
        double own = 0.0;
        for (int severity = 1; severity <= 5; ++severity) {
            own += share_of(classify_all(model, corrupted.under(name, severity), {})) / 5;
        }
        by_corruption[std::string(name)] = own;
        sum += own;
        done(.2 * ++count / static_cast<double>(repscope::corruption::common.size()));
    }
    network["corruption_accuracy"] = sum / count;
    network["corruptions"] = std::move(by_corruption);

    const std::size_t images = std::min(protocol.attack_images, data.test.images);
    std::vector<float> pixels;
    const auto x = unit_interval(data.test, 0, images, pixels);
    const auto labels = std::span(data.test.labels).first(images);
    std::vector<bool> all(images, true);
    json robust;
    robust["images"] = images;
    for (const auto& ball : protocol.balls) {
        const std::array attacks{pgd_with_loss{model, study_model::loss::cross_entropy, ball, protocol, pool},
                                 pgd_with_loss{model, study_model::loss::margin, ball, protocol, pool}};
        const auto attacked = attack::worst_case(x, labels, attacks);
        std::vector<bool> kept = attacked.worst.success;
        kept.flip();
        robust[name_of(ball)] = {{"eps", ball.eps},
                                 {"cross_entropy", attacked.robust_accuracy.front()},
                                 {"accuracy", attacked.robust_accuracy.back()}};
        network["right"][name_of(ball)] = packed(kept);
        for (std::size_t i = 0; i < images; ++i) all[i] = all[i] && kept[i];
        done(.2 + .8 * static_cast<double>(&ball - protocol.balls.data() + 1) /
                      static_cast<double>(protocol.balls.size()));
    }
    robust["all"] = {{"accuracy", share_of(all)}};
    network["right"]["all"] = packed(all);
    network["robust"] = std::move(robust);
}

} // namespace program
