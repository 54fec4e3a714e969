#include "methods/measure.hpp"

#include "dumps/labels.hpp"
#include "layers/tap_recorder.hpp"

#include <repscope/attack/autoattack.hpp>
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

// AutoAttack in each ball, after the PGD attacks.
void measure_autoattack(study_model& model, const study_model::input_view& x, std::span<const int> labels,
                        const methods_protocol& protocol, repscope::thread_pool& pool,
                        robustness_measures& robust, const std::function<void(double)>& done) {
    robust.autoattack_images = x.extent(0);
    std::vector<bool> survives(x.extent(0), true);
    for (std::size_t b = 0; b < protocol.balls.size(); ++b) {
        ball_measures& ball = robust.balls[b];
        const auto attacked = attack::autoattack(
            model, x, labels,
            {.threads = pool, .ball = protocol.balls[b].kind, .eps = protocol.balls[b].eps, .seed = 0});
        ball.autoattack = attacked.robust_accuracy();
        ball.autoattack_correct = attacked.success;
        ball.autoattack_correct.flip();
        for (std::size_t i = 0; i < survives.size(); ++i)
            survives[i] = survives[i] && ball.autoattack_correct[i];
        done(static_cast<double>(b + 1) / static_cast<double>(protocol.balls.size()));
    }
    robust.autoattack = share_of(survives);
}

} // namespace

robustness_measures measure_robustness(study_model& model, const methods_protocol& protocol,
                                       const data_set& data, corrupted_images& corrupted,
                                       repscope::thread_pool& pool, const std::function<void(double)>& done) {
    robustness_measures robust;
    // AutoAttack takes longer than all else.
    const double before = protocol.autoattack_images > 0 ? .1 : 1;
    const auto first = [&](double share) { done(before * share); };
    measure_corruptions(model, corrupted, robust, first);
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
        first(.2 + .8 * static_cast<double>(&ball - protocol.balls.data() + 1) /
                       static_cast<double>(protocol.balls.size()));
    }
    robust.accuracy = share_of(robust.correct);
    if (protocol.autoattack_images > 0) {
        const std::size_t images = std::min(protocol.autoattack_images, robust.images);
        const study_model::input_view attacked(x.data_handle(),
                                               {images, x.extent(1), x.extent(2), x.extent(3)});
        measure_autoattack(model, attacked, labels.first(images), protocol, pool, robust,
                           [&](double share) { done(before + (1 - before) * share); });
    }
    return robust;
}

} // namespace program
