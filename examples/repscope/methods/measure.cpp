#include "methods/measure.hpp"

#include "dumps/labels.hpp"
#include "layers/tap_recorder.hpp"

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

clean_measures measure_clean(study_model& model, const image_set& test, repscope::thread_pool& pool) {
    const std::vector<std::int64_t> labels(test.labels.begin(), test.labels.end());
    const label_set classes = make_label_set(labels, {}, "test labels");
    layer_recorder recorder(classes, pool, "");
    clean_measures clean;
    clean.correct = classify_all(model, test, std::ref(recorder));
    clean.accuracy = share_of(clean.correct);
    clean.layers = recorder.finish();
    double sum = 0.0;
    for (const layer_report& layer : clean.layers) sum += layer.selectivity->measured.mean;
    clean.selectivity_mean = sum / static_cast<double>(clean.layers.size());
    return clean;
}

namespace {

// The first part of `measure_robustness`, which takes a fifth of its time.
void measure_corruptions(study_model& model, corrupted_images& corrupted, robustness_measures& robust,
                         const std::function<void(double)>& done) {
    double sum = 0.0, count = 0.0;
    for (const std::string_view name : repscope::corruption::common) {
        double accuracy = 0.0;
        for (int severity = 1; severity <= 5; ++severity) {
            accuracy += share_of(classify_all(model, corrupted.under(name, severity), {})) / 5;
        }
        robust.corruptions.emplace_back(name, accuracy);
        sum += accuracy;
        done(.2 * ++count / static_cast<double>(repscope::corruption::common.size()));
    }
    robust.corruption_accuracy = sum / count;
}

} // namespace

robustness_measures measure_robustness(study_model& model, const methods_protocol& protocol,
                                       const data_set& data, corrupted_images& corrupted,
                                       repscope::thread_pool& pool, const std::function<void(double)>& done) {
    robustness_measures robust;
    measure_corruptions(model, corrupted, robust, done);
    robust.images = std::min(protocol.attack_images, data.test.images);
    std::vector<float> pixels;
    const auto x = unit_interval(data.test, 0, robust.images, pixels);
    const auto labels = std::span(data.test.labels).first(robust.images);
    robust.correct.assign(robust.images, true);
    for (const auto& ball : protocol.balls) {
        const std::array attacks{pgd_with_loss{model, study_model::loss::cross_entropy, ball, protocol, pool},
                                 pgd_with_loss{model, study_model::loss::margin, ball, protocol, pool}};
        const auto attacked = attack::worst_case(x, labels, attacks);
        std::vector<bool> kept = attacked.worst.success;
        kept.flip();
        for (std::size_t i = 0; i < robust.images; ++i) robust.correct[i] = robust.correct[i] && kept[i];
        robust.balls.push_back({name_of(ball), ball.eps, attacked.robust_accuracy.front(),
                                attacked.robust_accuracy.back(), std::move(kept)});
        done(.2 + .8 * static_cast<double>(&ball - protocol.balls.data() + 1) /
                      static_cast<double>(protocol.balls.size()));
    }
    robust.accuracy = share_of(robust.correct);
    return robust;
}

} // namespace program
