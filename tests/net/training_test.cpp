#include "repscope/net/models.hpp"
#include "repscope/net/optim/adam.hpp"
#include "repscope/net/optim/schedule.hpp"
#include "repscope/net/optim/sgd.hpp"
#include "repscope/net/serialize.hpp"
#include "repscope/net/trainer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

namespace training_test {

using namespace repscope;

namespace {

/// The least a network needs to be optimized: two tensors.
struct two_tensors {
    std::vector<double> a{1, -2}, b{3};
    template <typename Visitor>
    void visit_parameters(Visitor&& visit) {
        visit(std::string("a"), std::span(a));
        visit(std::string("b"), std::span(b));
    }
};

/// Images whose class is the place of a bright square.
struct squares {
    std::vector<std::uint8_t> pixels;
    std::vector<int> labels;

    explicit squares(std::size_t n) : pixels(n * 100), labels(n) {
        random_stream random(8, 8);
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t label = random.below(4);
            labels[i] = static_cast<int>(label);
            for (std::size_t p = 0; p < 100; ++p) {
                const bool inside = (p / 10 >= 5) == (label >= 2) && (p % 10 >= 5) == (label % 2 == 1);
                pixels[i * 100 + p] = static_cast<std::uint8_t>(random.below(100) + (inside ? 60 : 0));
            }
        }
    }
    [[nodiscard]] net::image_source<std::uint8_t> source() const {
        return {{pixels.data(), {labels.size(), 1, 10, 10}}, 1 / 255.0};
    }
};

template <typename Network>
std::vector<float> parameters(const Network& network) {
    std::vector<float> all;
    network.visit_parameters([&](const std::string&, std::span<const float> values) {
        all.insert(all.end(), values.begin(), values.end());
    });
    network.visit_state([&](const std::string&, std::span<const float> values) {
        all.insert(all.end(), values.begin(), values.end());
    });
    return all;
}

} // namespace

TEST_CASE("momentum and weight decay by hand") {
    two_tensors t;
    net::sgd<double> optimizer({.momentum = 0.5, .weight_decay = 0.1});
    optimizer.step(t, std::vector<double>{0.3, 0.2, -1}, 0.1);
    // v = g + 0.1 p = {0.4, 0, -0.7}
    CHECK(t.a[0] == doctest::Approx(1 - 0.04));
    CHECK(t.a[1] == doctest::Approx(-2));
    CHECK(t.b[0] == doctest::Approx(3.07));
    optimizer.step(t, std::vector<double>{0, 0, 0}, 0.2);
    CHECK(t.a[0] == doctest::Approx(0.96 - 0.2 * (0.5 * 0.4 + 0.096)));
    CHECK(t.b[0] == doctest::Approx(3.07 - 0.2 * (0.5 * -0.7 + 0.307)));
}

TEST_CASE("Adam by hand") {
    two_tensors t;
    net::adam<double> optimizer({.weight_decay = 0.1});
    const std::vector<double> first{0.3, 0.2, -1}, second{-0.1, 0.4, 2};
    std::vector<double> p{1, -2, 3}, m(3), v(3);
    int step = 0;
    for (const auto& gradient : {first, second, first}) {
        ++step;
        optimizer.step(t, gradient, 0.01);
        for (std::size_t i = 0; i < 3; ++i) {
            const double g = gradient[i] + 0.1 * p[i];
            m[i] = 0.9 * m[i] + 0.1 * g;
            v[i] = 0.999 * v[i] + 0.001 * g * g;
            p[i] -= 0.01 * (m[i] / (1 - std::pow(0.9, step))) /
                    (std::sqrt(v[i] / (1 - std::pow(0.999, step))) + 1e-8);
        }
        CHECK(t.a[0] == doctest::Approx(p[0]).epsilon(1e-12));
        CHECK(t.a[1] == doctest::Approx(p[1]).epsilon(1e-12));
        CHECK(t.b[0] == doctest::Approx(p[2]).epsilon(1e-12));
    }
}

TEST_CASE("the schedule rises linearly and falls as a cosine") {
    const net::cosine_schedule rate{.peak = 0.05, .warmup = 100, .steps = 1000};
    CHECK(rate(0) == doctest::Approx(0.05 / 100));
    CHECK(rate(49) == doctest::Approx(0.025 * (1 + std::cos(3.14159265358979 * 0.049)) / 2));
    CHECK(rate(500) == doctest::Approx(0.025));
    CHECK(rate(1000) == doctest::Approx(0));
    CHECK(net::cosine_schedule{.peak = 1, .warmup = 0, .steps = 4}(0) == 1);
}

TEST_CASE("cross-entropy of each sample") {
    const std::vector<double> logits{1, 2, 3, 1000, 1000, -1000};
    const std::vector<int> labels{0, 1};
    std::vector<double> losses(2), gradient(6);
    std::vector<int> predicted(2);
    net::softmax_cross_entropy<double>({logits.data(), {2, 3}}, labels, losses, predicted,
                                       {gradient.data(), {2, 3}}, 0.5);
    const double sum = std::exp(1) + std::exp(2) + std::exp(3);
    CHECK(losses[0] == doctest::Approx(std::log(sum) - 1));
    CHECK(losses[1] == doctest::Approx(std::log(2)));
    CHECK(predicted == std::vector{2, 0});
    CHECK(gradient[0] == doctest::Approx(0.5 * (std::exp(1) / sum - 1)));
    CHECK(gradient[2] == doctest::Approx(0.5 * std::exp(3) / sum));
    CHECK(gradient[4] == doctest::Approx(-0.25));
    CHECK(gradient[5] == 0);
    CHECK_THROWS_AS(
        net::softmax_cross_entropy<double>({logits.data(), {2, 3}}, std::vector{0, 3}, losses, {}),
        value_error);
    CHECK_THROWS_AS(net::softmax_cross_entropy<double>({logits.data(), {2, 3}}, std::vector{0}, losses, {}),
                    shape_error);
}

TEST_CASE("training learns, and is the same run for any number of threads") {
    const squares data(330);
    const auto run = [&](int threads, std::uint64_t seed, double* last_loss = nullptr) {
        auto network = net::small_cnn<float>(1, 4, {0.3}, {0.2});
        network.initialize(seed);
        std::size_t steps = 0, epochs = 0;
        net::train(network, data.source(), data.labels, net::sgd<float>({.weight_decay = 1e-4}),
                   net::cosine_schedule{.peak = 0.05, .warmup = 5, .steps = 40},
                   {.threads = threads, .epochs = 4, .batch = 32, .seed = seed}, net::no_penalty{},
                   [&](const net::training_progress& done) {
                       CHECK(done.step == steps++);
                       CHECK(done.steps == 40); // 330 / 32 = 10 batches, 10 samples left out
                       if (done.end_of_epoch) CHECK(done.epoch == epochs++);
                       if (last_loss != nullptr) *last_loss = done.loss;
                   });
        CHECK(steps == 40);
        CHECK(epochs == 4);
        std::vector<float> x(data.pixels.begin(), data.pixels.end());
        for (float& value : x) value /= 255;
        std::vector<int> predicted(data.labels.size());
        std::vector<double> losses(data.labels.size());
        network(tensor_view<const float, 4>(x.data(), {330, 1, 10, 10}), data.labels, losses, predicted, {});
        std::size_t right = 0;
        for (std::size_t i = 0; i < predicted.size(); ++i) right += predicted[i] == data.labels[i] ? 1U : 0U;
        CHECK(right > 300);
        return parameters(network);
    };
    double loss = 10;
    const auto one = run(1, 3, &loss);
    CHECK(loss < 0.3);
    CHECK(one == run(2, 3));
    CHECK(one == run(3, 3));
    CHECK(one != run(1, 4));
}

TEST_CASE("a penalty is part of the training loss") {
    const squares data(64);
    const auto mean_activation = [&](double strength) {
        auto network = net::mlp<float>(100, 4, {0.3}, {0.2});
        network.initialize(1);
        double value = 0;
        net::train(
            network, data.source(), data.labels, net::adam<float>(), [](std::size_t) { return 1e-3; },
            {.epochs = 15, .batch = 32},
            [&](std::span<const layer_tap<float>> layers, std::span<const int> labels) {
                CHECK(layers.size() == 2);
                CHECK(layers[1].name == "dense2");
                CHECK(labels.size() == 32);
                double sum = 0;
                for (std::size_t n = 0; n < 32; ++n) {
                    for (std::size_t u = 0; u < 128; ++u) {
                        sum += static_cast<double>(layers[1].activation(n, u, 0, 0)) / (32 * 128);
                        layers[1].gradient(n, u, 0, 0) += static_cast<float>(strength / (32 * 128));
                    }
                }
                value = sum;
                return strength * sum;
            },
            [&](const net::training_progress& done) {
                CHECK(done.penalty == doctest::Approx(strength * value));
            });
        return value;
    };
    CHECK(mean_activation(10) < 0.5 * mean_activation(0));
}

TEST_CASE("invalid arguments of training throw") {
    const squares data(20);
    auto network = net::small_cnn<float>(1, 4, {0.3}, {0.2});
    const auto run = [&](std::vector<int> labels, std::size_t batch) {
        net::train(network, data.source(), labels, net::sgd<float>(), net::cosine_schedule{},
                   {.batch = batch}, net::no_penalty{}, [](const net::training_progress&) {});
    };
    CHECK_THROWS_AS(run(data.labels, 32), shape_error);
    CHECK_THROWS_AS(run(data.labels, 0), shape_error);
    CHECK_THROWS_AS(run({1, 2}, 10), shape_error);
    CHECK_THROWS_AS(run(std::vector<int>(20, 4), 10), value_error);
}

TEST_CASE("parameters are read back from a file, and a foreign file throws") {
    auto network = net::small_cnn<float>(1, 4, {0.3}, {0.2});
    network.initialize(1);
    network.visit_state([](const std::string&, std::span<float> values) {
        for (float& value : values) value += 0.25F;
    });
    const std::string path = "repscope_net_parameters.tmp";
    net::save(network, path);
    auto other = net::small_cnn<float>(1, 4, {0.3}, {0.2});
    other.initialize(2);
    CHECK(parameters(other) != parameters(network));
    net::load(other, path);
    CHECK(parameters(other) == parameters(network));
    std::remove(path.c_str());

    const std::vector<std::byte> bytes = net::parameter_bytes(network);
    const auto refused = [&](auto target, std::span<const std::byte> content, const char* reason) {
        const auto before = net::parameter_bytes(target);
        CHECK_THROWS_WITH_AS(net::set_parameters(target, content, "file"), doctest::Contains(reason),
                             format_error);
        CHECK(net::parameter_bytes(target) == before);
    };
    refused(net::small_cnn<double>(1, 4, {0.3}, {0.2}), bytes, "file: scalar: expected float64, got float32");
    refused(net::resnet<float>(1, 4, {0.3}, {0.2}), bytes, "file: architecture: expected resnet, got small");
    refused(net::small_cnn<float>(1, 5, {0.3}, {0.2}), bytes,
            "file: dense.weight, numbers: expected 320, got 256");
    refused(net::small_cnn<float>(1, 4, {0.4}, {0.2}), bytes, "file: mean of the input: expected 0.4");
    refused(net::small_cnn<float>(3, 4, {0.3, 0, 0}, {0.2, 1, 1}), bytes, "channels: expected 3, got 1");
    refused(other, std::span(bytes).first(bytes.size() - 9), "checksum");
    refused(other, std::span(bytes).first(7), "not a file of network parameters");
    refused(other, std::vector<std::byte>(100, std::byte{65}), "not a file of network parameters");
    auto damaged = bytes;
    damaged[bytes.size() / 2] ^= std::byte{1};
    refused(other, damaged, "checksum");
    damaged = bytes;
    damaged[4 + 12] = std::byte{9};
    refused(other, damaged, "format: expected 1, got 9");
}

} // namespace training_test
