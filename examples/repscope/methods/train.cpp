#include "methods/train.hpp"

#include "study/recipe.hpp"
#include "study/run/network_model.hpp"

#include <repscope/attack/pgd.hpp>
#include <repscope/net/models.hpp>
#include <repscope/net/optim/schedule.hpp>
#include <repscope/net/optim/sgd.hpp>
#include <repscope/net/trainer.hpp>
#include <repscope/selectivity/regularizer.hpp>
#include <repscope/statistics/summary.hpp>
#include <repscope/training/adversarial.hpp>
#include <repscope/training/ascl.hpp>
#include <repscope/training/augmix.hpp>
#include <repscope/training/layers/deep_pursuit.hpp>
#include <repscope/training/multi_norm.hpp>

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace program {

namespace {

namespace attack = repscope::attack;
namespace net = repscope::net;
namespace training = repscope::training;
using images_view = study_model::input_view;

constexpr std::size_t latent_width = 128;
constexpr double pursuit_shrinkage = .01;
// Without batch norm a larger rate than the others'; chosen on a split of the training images.
constexpr double pursuit_rate = .1;

/// A step of training on a batch at a rate.
using training_step =
    std::function<void(const images_view&, std::span<const int>, std::span<const std::uint32_t>,
                       const net::training_progress&, double)>;

struct course {
    const methods_protocol& protocol;
    const image_set& images;
    std::size_t seed;
    repscope::thread_pool& pool;
    const std::function<void(std::size_t, std::size_t)>& done;
    double peak_rate = recipe::peak_rate;

    [[nodiscard]] std::size_t steps_per_epoch() const { return images.images / recipe::batch_size; }

    void run(const training_step& step) const {
        const net::image_source<std::uint8_t> source{
            {images.pixels.data(), {images.images, images.channels, images.rows, images.columns}}, 1.0 / 255};
        const net::cosine_schedule rate{
            .peak = peak_rate, .warmup = recipe::warmup, .steps = protocol.epochs * steps_per_epoch()};
        net::for_each_batch<float>(
            source, images.labels,
            {.threads = pool, .epochs = protocol.epochs, .batch = recipe::batch_size, .seed = seed},
            [&](const images_view& x, std::span<const int> labels, std::span<const std::uint32_t> chosen,
                const net::training_progress& place) {
                step(x, labels, chosen, place, rate(place.step));
                done(place.step + 1, place.steps);
            });
    }
    [[nodiscard]] bool in_last_epoch(const net::training_progress& place) const {
        return place.epoch + 1 == protocol.epochs;
    }
};

net::sgd<float> optimizer() {
    return net::sgd<float>({.momentum = recipe::momentum, .weight_decay = recipe::weight_decay});
}

training::union_options union_of(const method& which, const course& way) {
    training::union_options options{.balls = {},
                                    .strategy = training::multi_norm_strategy::max,
                                    .steps = way.protocol.training_steps,
                                    .seed = way.seed};
    for (const auto& ball : way.protocol.balls) {
        if (!which.kind.starts_with("at-") || which.kind == "at-" + name_of(ball))
            options.balls.push_back(ball);
    }
    if (which.kind == "msd") options.strategy = training::multi_norm_strategy::msd;
    if (which.kind == "avg") options.strategy = training::multi_norm_strategy::avg;
    return options;
}

template <typename Network>
void train_on_union(Network& network, const method& which, const course& way, trained_by_method& made) {
    training::union_trainer run(network, optimizer(), union_of(which, way), way.pool);
    const training::epsilon_warmup ramp{way.steps_per_epoch()};
    repscope::running_mean fooled, loss;
    way.run([&](const images_view& x, std::span<const int> labels, std::span<const std::uint32_t>,
                const net::training_progress& place, double rate) {
        const auto now = run.step(x, labels, rate, ramp(place.step));
        if (!way.in_last_epoch(place)) return;
        fooled.add(now.fooled);
        loss.add(now.loss);
    });
    made.notes = {{"fooled", fooled.value()}, {"loss", loss.value()}};
}

template <typename Network>
void train_augmix(Network& network, const course& way, trained_by_method& made) {
    const training::augmix_options options{};
    constexpr double weight = 12;
    made.settings = {{"severity", options.severity},
                     {"chains", options.chains},
                     {"depth", options.depth},
                     {"weight", weight}};
    training::consistency_trainer run(network, optimizer(), weight, way.pool);
    std::vector<float> pixels[2];
    repscope::running_mean consistency;
    way.run([&](const images_view& x, std::span<const int> labels, std::span<const std::uint32_t> chosen,
                const net::training_progress& place, double rate) {
        for (std::size_t view = 0; view < 2; ++view) {
            pixels[view].resize(x.size());
            training::augmix<float>(x, chosen, {.seed = way.seed, .epoch = place.epoch, .view = view},
                                    options, {pixels[view].data(), x.extents()}, way.pool);
        }
        const auto now =
            run.step(x, {pixels[0].data(), x.extents()}, {pixels[1].data(), x.extents()}, labels, rate);
        if (way.in_last_epoch(place)) consistency.add(now.consistency);
    });
    made.notes = {{"consistency", consistency.value()}};
}

template <typename Network>
void train_ascl(Network& network, std::size_t units, const course& way, trained_by_method& made) {
    training::projection<float> head(units, latent_width);
    head.initialize(way.seed);
    const training::ascl_options options{};
    made.settings = {
        {"selection", std::string("leaked")},          {"distance", std::string("linf")},
        {"temperature", options.contrast.temperature}, {"latent_width", latent_width},
        {"contrast_weight", options.contrast_weight},  {"divergence_weight", options.divergence_weight}};
    training::ascl_trainer run(network, head, optimizer(), options, way.pool);
    training::training_mode_model<Network> model(network, net::mode::training, way.pool);
    const training::epsilon_warmup ramp{way.steps_per_epoch()};
    const attack::msd_ball& ball = way.protocol.balls.front();
    repscope::running_mean positives, negatives, contrast;
    way.run([&](const images_view& x, std::span<const int> labels, std::span<const std::uint32_t>,
                const net::training_progress& place, double rate) {
        const double strength = ramp(place.step);
        const auto found = attack::pgd(model, x, labels,
                                       {.threads = way.pool,
                                        .ball = ball.kind,
                                        .eps = strength * ball.eps,
                                        .steps = way.protocol.training_steps,
                                        .step_size = strength * ball.step_size,
                                        .returned = attack::iterate::largest_loss,
                                        .seed = way.seed,
                                        .first_sample = place.step * x.extent(0),
                                        .batch = x.extent(0)});
        const auto now = run.step(x, found.adversarial.view(), labels, rate);
        if (!way.in_last_epoch(place)) return;
        positives.add(now.contrast.positives);
        negatives.add(now.contrast.negatives);
        contrast.add(now.contrast.loss);
    });
    made.notes = {{"positives_kept", positives.value()},
                  {"negatives_kept", negatives.value()},
                  {"contrast", contrast.value()}};
}

template <typename Network>
void train_plain(Network& network, double alpha, const course& way) {
    net::trainer run(network, optimizer(), way.pool);
    const repscope::selectivity_regularizer penalty{.alpha = alpha, .threads = way.pool};
    way.run([&](const images_view& x, std::span<const int> labels, std::span<const std::uint32_t>,
                const net::training_progress&, double rate) {
        if (alpha == 0)
            run.step(x, labels, rate);
        else
            run.step(x, labels, rate, penalty);
    });
}

// Four dictionaries of 16 (stride 2), 32, 32 and 64 (stride 2) atoms; what the second finds is added to what
// the fourth explains.
auto pursuit_network(std::size_t channels, std::size_t classes, std::size_t iterations,
                     training::pursuit_order order) {
    const net::window halve{{3, 3}, {2, 2}, {1, 1}}, keep{{3, 3}, {1, 1}, {1, 1}};
    training::deep_pursuit<float, 4> layers({.layers = {{{channels, 16, halve, pursuit_shrinkage, "conv1"},
                                                         {16, 32, keep, pursuit_shrinkage, "conv2"},
                                                         {32, 32, keep, pursuit_shrinkage, "conv3"},
                                                         {32, 64, halve, pursuit_shrinkage, "conv4"}}},
                                             .skips = {{2, 4}},
                                             .iterations = iterations,
                                             .order = order});
    auto [mean, deviation] = recipe::pixel_statistics(channels);
    return net::network("pursuit", net::normalization<float>(std::move(mean), std::move(deviation)),
                        net::sequential(std::move(layers), net::global_average_pool<float>(),
                                        net::dense<float>(64, classes)));
}

template <typename Network>
auto make_model(Network network, const course& way) {
    auto model = std::make_unique<network_model<Network>>(std::move(network), way.pool);
    model->network().initialize(way.seed);
    return model;
}

} // namespace

trained_by_method train_by_method(const method& which, const methods_protocol& protocol,
                                  const image_set& images, std::size_t classes, std::size_t seed,
                                  repscope::thread_pool& pool,
                                  const std::function<void(std::size_t, std::size_t)>& done) {
    course way{protocol, images, seed, pool, done};
    trained_by_method made;
    if (which.kind.ends_with("-pursuit")) {
        const auto iterations = static_cast<std::size_t>(which.number);
        const auto order = which.kind == "deep-pursuit" ? training::pursuit_order::joint
                                                        : training::pursuit_order::layer_by_layer;
        way.peak_rate = pursuit_rate;
        made.settings = {
            {"iterations", iterations}, {"shrinkage", pursuit_shrinkage}, {"rate", pursuit_rate}};
        auto model = make_model(pursuit_network(images.channels, classes, iterations, order), way);
        net::trainer run(model->network(), optimizer(), pool);
        way.run([&](const images_view& x, std::span<const int> labels, std::span<const std::uint32_t>,
                    const net::training_progress&, double rate) { run.step(x, labels, rate); });
        made.model = std::move(model);
        return made;
    }
    const auto [mean, deviation] = recipe::pixel_statistics(images.channels);
    auto model = make_model(net::small_cnn<float>(images.channels, classes, mean, deviation), way);
    auto& network = model->network();
    if (which.kind == "ce" || which.kind == "selectivity")
        train_plain(network, which.number, way);
    else if (which.kind == "augmix")
        train_augmix(network, way, made);
    else if (which.kind == "ascl")
        train_ascl(network, 64, way, made);
    else
        train_on_union(network, which, way, made);
    made.model = std::move(model);
    return made;
}

} // namespace program
