#include "methods/irm.hpp"

#include "support/errors.hpp"
#include "support/stopwatch.hpp"

#include <repscope/data/colored_environment.hpp>
#include <repscope/net/layers/dense.hpp>
#include <repscope/net/layers/flatten.hpp>
#include <repscope/net/layers/relu.hpp>
#include <repscope/net/network.hpp>
#include <repscope/net/optim/adam.hpp>
#include <repscope/net/sequential.hpp>
#include <repscope/random/random_stream.hpp>
#include <repscope/random/streams.hpp>
#include <repscope/training/irm.hpp>

#include <array>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

namespace program {

namespace {

namespace net = repscope::net;
namespace data = repscope::data;
namespace training = repscope::training;

constexpr std::size_t environment_size = 6000;
constexpr double label_noise = .25;
constexpr std::array<double, 2> training_flips{.2, .1};
constexpr double test_flips = .9;

// Arjovsky et al.'s settings for colored MNIST: chosen there, on other images.
struct arm_settings {
    std::size_t hidden, steps, anneal;
    double rate, decay, penalty;
    bool colored;
};
arm_settings settings_of(const std::string& arm) {
    if (arm == "erm") return {256, 501, 0, .001, .001, 0, true};
    if (arm == "irm") return {390, 501, 190, .00048989, .00110794568, 91257.186, true};
    if (arm == "grey") return {83, 101, 0, .00281715, .00086029, 0, false};
    throw usage_error("--methods: expected erm, irm or grey, got '" + arm + "'");
}

// Multiplications of an arm's training on an image of so many pixels, up to a factor that all arms share: the
// penalty adds no pass.
double work_of(const arm_settings& settings, std::size_t pixels) {
    const std::size_t inputs = (settings.colored ? 2 : 1) * pixels;
    return static_cast<double>(settings.steps * settings.hidden * (inputs + settings.hidden + 1));
}

auto perceptron(std::size_t channels, std::size_t inputs, std::size_t hidden) {
    return net::network(
        "perceptron-" + std::to_string(hidden),
        net::normalization<float>(std::vector<double>(channels, 0.0), std::vector<double>(channels, 1.0)),
        net::sequential(net::flatten<float>(), net::dense<float>(inputs, hidden, "dense1"),
                        net::relu<float>("dense1"), net::dense<float>(hidden, hidden, "dense2"),
                        net::relu<float>("dense2"), net::dense<float>(hidden, 1, "dense3")));
}

data::colored_images<float> make_environment(const image_set& images, std::span<const std::uint32_t> chosen,
                                             double flips, bool colored, std::size_t seed,
                                             std::size_t index) {
    return data::colored_environment<float>(
        {images.pixels.data(), {images.images, images.rows, images.columns}}, images.labels, chosen,
        {.label_noise = label_noise,
         .color_flips = flips,
         .colored = colored,
         .seed = seed,
         .environment = index});
}

} // namespace

method_arm colored_run(const data_set& data, const std::string& arm, std::size_t seed,
                       repscope::thread_pool& pool,
                       const std::function<void(std::size_t, std::size_t)>& done) {
    const arm_settings settings = settings_of(arm);
    if (data.train.channels != 1 || data.train.images < 2 * environment_size) {
        throw usage_error("--methods irm: expected gray images, " + std::to_string(2 * environment_size) +
                          " of them or more to train on");
    }
    // Every arm of a seed has the same images in the same environments.
    std::vector<std::uint32_t> order(data.train.images);
    repscope::random_stream random(seed, repscope::streams::id(repscope::streams::purpose::environment, 64));
    repscope::permutation(order, random);
    std::vector<data::colored_images<float>> made;
    std::vector<training::environment<float>> environments;
    for (std::size_t e = 0; e < training_flips.size(); ++e) {
        made.push_back(make_environment(
            data.train, std::span<const std::uint32_t>(order).subspan(e * environment_size, environment_size),
            training_flips[e], settings.colored, seed, e));
    }
    for (const auto& each : made) environments.push_back({each.x.view(), each.labels});
    std::vector<std::uint32_t> all(data.test.images);
    std::iota(all.begin(), all.end(), 0U);
    const auto flipped = make_environment(data.test, all, test_flips, settings.colored, seed, 2);

    const std::size_t channels = settings.colored ? 2 : 1;
    const std::size_t pixels = flipped.x.extent(2) * flipped.x.extent(3);
    auto network = perceptron(channels, channels * pixels, settings.hidden);
    network.initialize(seed, net::initialization::xavier);
    training::irm_trainer run(
        network, net::adam<float>(),
        {.penalty = settings.penalty, .anneal = settings.anneal, .decay = settings.decay}, pool);
    stopwatch watch;
    for (std::size_t step = 0; step < settings.steps; ++step) {
        (void)run.step(environments, settings.rate);
        done(step + 1, settings.steps);
    }
    const double seconds = watch.lap();
    colored_measures measured;
    measured.train_images = training_flips.size() * environment_size;
    for (std::size_t e = 0; e < environments.size(); ++e) {
        const auto risk = run.evaluate(environments[e]);
        measured.train.push_back({training_flips[e], risk.accuracy, risk.risk, risk.penalty()});
    }
    measured.cost = {seconds, static_cast<double>(settings.steps * measured.train_images) / seconds,
                     work_of(settings, pixels) / work_of(settings_of("erm"), pixels)};
    const auto risk = run.evaluate({flipped.x.view(), flipped.labels});
    measured.flipped_accuracy = risk.accuracy;
    measured.flipped_risk = risk.risk;
    return {arm, seed, std::move(measured)};
}

} // namespace program
