#include "repscope/training/adversarial.hpp"

#include "repscope/attack/pgd.hpp"
#include "repscope/net/inference_model.hpp"
#include "repscope/net/optim/sgd.hpp"
#include "repscope/training/multi_norm.hpp"
#include "training/support.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace adversarial_test {

using namespace repscope;
using attack::norm;
using training::multi_norm_strategy;
using training_check::numbers;
using training_check::small_network;

namespace {

const std::vector<int> labels{0, 1, 2, 0, 1, 0};

std::vector<double> pixels_of(std::uint64_t seed, std::size_t samples = 6) {
    std::vector<double> pixels = training_check::normals(samples * 36, seed, .2);
    for (double& value : pixels) value = std::clamp(.5 + value, 0.0, 1.0);
    return pixels;
}
tensor_view<const double, 4> images(const std::vector<double>& pixels) {
    return {pixels.data(), {pixels.size() / 36, 1, 6, 6}};
}

using network_type = decltype(small_network());
using plain = net::sgd<double>;

const std::vector<attack::msd_ball> balls{{.kind = norm::linf, .eps = .05},
                                          {.kind = norm::l2, .eps = .3, .step_size = .1},
                                          {.kind = norm::l1, .eps = 1.5}};

/// The attack in one ball, as a step of training makes it.
attack::result<double> alone(training::training_mode_model<network_type>& model,
                             const tensor_view<const double, 4>& x, const attack::msd_ball& ball,
                             double strength, std::size_t place) {
    return attack::pgd(model, x, labels,
                       {.ball = ball.kind,
                        .eps = strength * ball.eps,
                        .steps = 4,
                        .step_size = strength * (ball.step_size > 0 ? ball.step_size : 2.5 * ball.eps / 4),
                        .seed = 3,
                        .first_sample = place,
                        .batch = 6});
}

double distance(const network_type& a, const network_type& b) {
    const auto left = numbers(a), right = numbers(b);
    double largest = 0;
    for (std::size_t i = 0; i < left.size(); ++i) largest = std::max(largest, std::abs(left[i] - right[i]));
    return largest;
}

} // namespace

TEST_CASE("the gradient that attacks see in training, through the statistics of the batch") {
    auto network = small_network();
    std::vector<double> pixels = pixels_of(1);
    for (const auto statistics : {net::mode::training, net::mode::inference}) {
        training::training_mode_model<network_type> model(network, statistics);
        CHECK(model.classes({6, 1, 6, 6}) == 3);
        std::vector<double> losses(6), gradient(pixels.size());
        std::vector<int> predicted(6);
        const auto before = numbers(network);
        model(images(pixels), labels, losses, predicted, {gradient.data(), {6, 1, 6, 6}});
        CHECK(numbers(network) == before); // running statistics among them

        decltype(network)::workspace ws;
        training_check::signs mask;
        const auto loss = [&] {
            mask.all.clear();
            const auto logits = network.forward(images(pixels), ws, mask, statistics);
            double sum = 0;
            for (std::size_t i = 0; i < 6; ++i) {
                double all = 0;
                for (std::size_t k = 0; k < 3; ++k) all += std::exp(logits(i, k));
                sum += std::log(all) - logits(i, static_cast<std::size_t>(labels[i]));
            }
            return sum;
        };
        double told = 0;
        for (const double value : losses) told += value;
        CHECK(loss() == doctest::Approx(told).epsilon(1e-12));
        const auto found =
            gradient_check::compare(std::span(pixels), gradient, loss, [&] { return mask.all; });
        CHECK(found.error <= 1e-6);
        CHECK(found.kept >= .9);
    }
}

TEST_CASE("a step descends the gradient of the cross-entropy of the adversarial samples") {
    const std::vector<double> clean = pixels_of(1), moved_pixels = pixels_of(2);
    auto network = small_network(), moved = network;
    const double rate = 1e-3;
    training::adversarial_trainer run(moved, plain({.momentum = 0}));
    const auto done = run.step(images(clean), labels, rate, [&](auto& model, const auto& x, auto own) {
        CHECK(x.data_handle() == clean.data());
        CHECK(model.statistics() == net::mode::training);
        attack::result<double> found;
        found.adversarial = array<double, 4>({6, 1, 6, 6});
        std::copy(moved_pixels.begin(), moved_pixels.end(), found.adversarial.data_handle());
        found.success = {true, false, false, true, false, false};
        found.forward_passes = own.size();
        return found;
    });
    CHECK(done.fooled == doctest::Approx(2.0 / 6));
    CHECK(done.forward_passes == 6);
    decltype(network)::workspace ws;
    training_check::signs mask;
    const auto loss = [&] {
        mask.all.clear();
        const auto logits = network.forward_training(images(moved_pixels), ws, mask);
        double sum = 0;
        for (std::size_t i = 0; i < 6; ++i) {
            double all = 0;
            for (std::size_t k = 0; k < 3; ++k) all += std::exp(logits(i, k));
            sum += (std::log(all) - logits(i, static_cast<std::size_t>(labels[i]))) / 6;
        }
        return sum;
    };
    CHECK(loss() == doctest::Approx(done.loss).epsilon(1e-12));
    training_check::check_step(network, moved, rate, loss, [&] { return mask.all; });

    CHECK_THROWS_AS(run.step(images(clean), labels, rate,
                             [](auto&, const auto&, auto) { return attack::result<double>{}; }),
                    shape_error);
}

TEST_CASE("training against a union is its attacks and steps, made one by one") {
    const std::vector<double> pixels = pixels_of(4);
    const auto x = images(pixels);
    const double rate = .05;
    for (const auto strategy :
         {multi_norm_strategy::msd, multi_norm_strategy::max, multi_norm_strategy::avg}) {
        auto network = small_network(), by_hand = network;
        training::union_trainer run(network, plain(),
                                    {.balls = balls, .strategy = strategy, .steps = 4, .seed = 3}, 2);
        net::trainer steps(by_hand, plain());
        training::training_mode_model<network_type> model(by_hand, net::mode::training);
        for (std::size_t step = 0; step < 3; ++step) {
            const double strength = training::epsilon_warmup{2}(step);
            CHECK(strength == (step == 0 ? .5 : 1));
            const std::size_t place = 6 * step;
            const auto done = run.step(x, labels, rate, strength);
            if (strategy == multi_norm_strategy::avg) {
                for (const auto& ball : balls) {
                    const auto found = alone(model, x, ball, strength, place);
                    steps.step(found.adversarial.view(), labels, rate);
                }
                CHECK(done.forward_passes == 6 * 3 * 5);
                CHECK(done.backward_passes == 6 * 3 * 4);
            } else if (strategy == multi_norm_strategy::max) {
                // Loss by loss, pixel by pixel.
                std::vector<double> worst, losses(6, -1);
                worst.resize(pixels.size());
                for (const auto& ball : balls) {
                    const auto found = alone(model, x, ball, strength, place);
                    for (std::size_t n = 0; n < 6; ++n) {
                        double size = 0;
                        std::vector<double> delta;
                        for (std::size_t i = 0; i < 36; ++i)
                            delta.push_back(found.adversarial.data_handle()[n * 36 + i] - pixels[n * 36 + i]);
                        size = attack::norm_of(ball.kind, delta);
                        CHECK(size <= strength * ball.eps * (1 + 1e-9));
                        if (found.loss[n] <= losses[n]) continue;
                        losses[n] = found.loss[n];
                        std::copy_n(found.adversarial.data_handle() + n * 36, 36, worst.data() + n * 36);
                    }
                }
                steps.step(images(worst), labels, rate);
                CHECK(done.forward_passes == 6 * 3 * 5);
            } else {
                auto scaled = balls;
                for (auto& ball : scaled) {
                    ball.step_size = strength * (ball.step_size > 0 ? ball.step_size : 2.5 * ball.eps / 4);
                    ball.eps *= strength;
                }
                const auto found =
                    attack::msd(model, x, labels,
                                {.balls = scaled, .steps = 4, .seed = 3, .first_sample = place, .batch = 6});
                steps.step(found.adversarial.view(), labels, rate);
                CHECK(done.forward_passes == 6 * (4 * 4 + 1));
                CHECK(done.backward_passes == 6 * 4);
            }
            CHECK(distance(network, by_hand) <= 1e-12);
        }
        CHECK(distance(network, small_network()) > 1e-3);
    }
}

TEST_CASE("features within the attack's radius are not learned") {
    // Class by the sign of a wide bar, and with it a faint pattern that is never wrong but within eps; the
    // bar is wrong once in eight.
    const std::size_t samples = 64;
    std::vector<double> pixels(samples * 36);
    std::vector<int> own(samples);
    const auto fill = [&](bool flip_pattern) {
        for (std::size_t n = 0; n < samples; ++n) {
            own[n] = static_cast<int>(n % 2);
            const double sign = own[n] == 1 ? 1 : -1, bar = n % 16 < 2 ? -sign : sign;
            for (std::size_t i = 0; i < 36; ++i) {
                const double pattern = (flip_pattern ? -.05 : .05) * sign * (i % 2 == 0 ? 1 : -1);
                pixels[n * 36 + i] = i < 12 ? .5 + .3 * bar : .5 + pattern;
            }
        }
    };
    const auto right_after = [&](double eps) {
        fill(false);
        auto network = small_network();
        training::union_trainer run(network, plain(),
                                    {.balls = {{.kind = norm::linf, .eps = eps}}, .steps = 5});
        for (int step = 0; step < 60; ++step) (void)run.step(images(pixels), own, .1);
        fill(true); // the perturbation that takes the pattern to its opposite has size .1
        decltype(network)::workspace ws;
        const auto logits = network.forward(images(pixels), ws);
        double right = 0;
        for (std::size_t n = 0; n < samples; ++n)
            right += (logits(n, 1) > logits(n, 0)) == (own[n] == 1) ? 1.0 / 64 : 0;
        return right;
    };
    const double hardly = right_after(1e-6), robust = right_after(.12);
    CHECK(hardly <= .5);
    CHECK(robust >= .8);
}

TEST_CASE("a ramp, and settings that make no sense") {
    CHECK(training::epsilon_warmup{}(0) == 1);
    CHECK(training::epsilon_warmup{4}(0) == .25);
    CHECK(training::epsilon_warmup{4}(3) == 1);
    CHECK(training::epsilon_warmup{4}(400) == 1);
    auto network = small_network();
    const auto make = [&](const training::union_options& options) {
        training::union_trainer<network_type, plain> run(network, plain(), options);
    };
    CHECK_THROWS_AS(make({.balls = {}}), value_error);
    CHECK_THROWS_AS(make({.balls = balls, .steps = 0}), value_error);
    for (const double eps : {0.0, -1.0, std::numeric_limits<double>::infinity()})
        CHECK_THROWS_AS(make({.balls = {{.kind = norm::l2, .eps = eps}}}), value_error);
    training::union_trainer<network_type, plain> run(network, plain(), {.balls = balls});
    const std::vector<double> pixels = pixels_of(1);
    for (const double strength : {0.0, -.5, 1.5})
        CHECK_THROWS_AS((void)run.step(images(pixels), labels, .1, strength), value_error);
}

} // namespace adversarial_test
