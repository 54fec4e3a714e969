#include "repscope/net/network.hpp"

#include "repscope/model/concepts.hpp"
#include "repscope/model/layer_tap.hpp"
#include "repscope/net/inference_model.hpp"
#include "repscope/net/layers/conv_bn_relu.hpp"
#include "repscope/net/layers/dense.hpp"
#include "repscope/net/layers/flatten.hpp"
#include "repscope/net/layers/pool.hpp"
#include "repscope/net/layers/relu.hpp"
#include "repscope/net/layers/residual.hpp"
#include "repscope/net/models.hpp"
#include "support/gradient_check.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace network_test {

using namespace repscope;

namespace {

/// Fewer than 2,000 parameters with every kind of layer that a convolutional network has.
auto convolutional() {
    return net::network(
        "c", net::normalization<double>({0.3, -0.2}, {0.5, 1.7}),
        net::sequential(net::conv_bn_relu<double>({.in = 2, .out = 6, .win = {{3, 3}, {1, 2}, {1, 1}}}),
                        net::max_pool<double>({{2, 2}, {2, 1}, {0, 0}}),
                        net::residual<double>(6, 6, 1, "block1"), net::residual<double>(6, 5, 2, "block2"),
                        net::global_average_pool<double>(), net::dense<double>(5, 4)));
}

/// The same arithmetic layer by layer, and a convolution with a bias.
auto plain() {
    return net::network(
        "p", net::normalization<double>({0.3, -0.2}, {0.5, 1.7}),
        net::sequential(
            net::conv2d<double>({.in = 2, .out = 5, .win = {{2, 3}, {2, 1}, {0, 1}}, .bias = false}),
            net::batch_norm<double>({.channels = 5}), net::relu<double>("a"),
            net::average_pool<double>({{2, 3}, {2, 2}, {0, 0}}),
            net::conv2d<double>({.in = 5, .out = 4, .win = {{2, 2}, {1, 1}, {1, 0}}}), net::relu<double>("b"),
            net::flatten<double>(), net::dense<double>(24, 12), net::relu<double>("c"),
            net::dense<double>(12, 4)));
}

struct batch {
    std::vector<double> pixels;
    std::vector<int> labels;
    std::array<std::size_t, 4> extents;

    explicit batch(std::array<std::size_t, 4> shape, std::uint32_t classes = 4) : extents(shape) {
        random_stream random(17, 3);
        pixels.resize(shape[0] * shape[1] * shape[2] * shape[3]);
        for (double& value : pixels) value = 0.5 + random.normal();
        for (std::size_t n = 0; n < shape[0]; ++n) labels.push_back(static_cast<int>(random.below(classes)));
    }
    [[nodiscard]] tensor_view<const double, 4> x() const { return {pixels.data(), extents}; }
};

/// Parameters and running statistics as they are after some training, not as they start.
template <typename Network>
void disturb(Network& network) {
    network.initialize(5);
    random_stream random(23, 1);
    const auto each = [&](const std::string&, std::span<double> values) {
        for (double& value : values) value += 0.2 * random.uniform();
    };
    network.visit_parameters(each);
    network.visit_state(each);
}

/// A smooth function of all activations, which treats layers, samples and units differently.
double penalty(std::span<const layer_tap<double>> layers, std::span<const int> labels) {
    double sum = 0;
    for (std::size_t l = 0; l < layers.size(); ++l) {
        const auto& a = layers[l].activation;
        for (std::size_t n = 0; n < a.extent(0); ++n) {
            for (std::size_t c = 0; c < a.extent(1); ++c) {
                for (std::size_t y = 0; y < a.extent(2); ++y) {
                    for (std::size_t x = 0; x < a.extent(3); ++x) {
                        const double weight = 0.01 * static_cast<double>(1 + l + c) * (labels[n] - 1.3);
                        const double value = a(n, c, y, x) + 0.1 * static_cast<double>(y);
                        sum += weight * value * value;
                        layers[l].gradient(n, c, y, x) += 2 * weight * value;
                    }
                }
            }
        }
    }
    return sum;
}

template <typename Network>
void check_network(Network network, batch data, net::mode how, bool penalized) {
    disturb(network);
    REQUIRE(network.parameter_count() <= 2000);
    typename Network::workspace ws;
    std::vector<double> losses(data.labels.size());
    const double share = 1 / static_cast<double>(data.labels.size());
    const auto loss = [&] {
        const auto logits = network.forward(data.x(), ws, net::no_tap{}, how);
        net::softmax_cross_entropy<double>(logits, data.labels, losses, {}, ws.logit_gradient(), share);
        double sum = 0;
        for (const double value : losses) sum += value * share;
        return penalized ? sum + penalty(network.taps(ws), data.labels) : sum;
    };
    const auto mask = [&] {
        std::vector<bool> signs;
        network.forward(
            data.x(), ws,
            [&](std::size_t, std::string_view, const tensor_view<const double, 4>& a) {
                for (std::size_t n = 0; n < a.extent(0); ++n) {
                    for (std::size_t c = 0; c < a.extent(1); ++c) {
                        for (std::size_t y = 0; y < a.extent(2); ++y) {
                            for (std::size_t x = 0; x < a.extent(3); ++x) {
                                signs.push_back(a(n, c, y, x) > 0);
                                if (y % 2 == 0 || x + 1 == a.extent(3)) continue;
                                // The winner of the 2 x 2 maximum with its lower left corner here.
                                const double values[] = {a(n, c, y - 1, x), a(n, c, y - 1, x + 1),
                                                         a(n, c, y, x), a(n, c, y, x + 1)};
                                const auto winner = std::max_element(values, values + 4) - values;
                                signs.push_back(winner > 1);
                                signs.push_back(winner % 2 == 1);
                            }
                        }
                    }
                }
            },
            how);
        return signs;
    };
    (void)loss();
    std::vector<double> input(data.pixels.size());
    network.backward(ws, penalized, tensor_view<double, 4>(input.data(), data.extents));
    const std::vector<double> gradient(ws.parameter_gradient().begin(), ws.parameter_gradient().end());
    std::size_t first = 0;
    network.visit_parameters([&](const std::string& name, std::span<double> values) {
        INFO(name);
        const auto found = gradient_check::compare(
            values, std::span<const double>(gradient).subspan(first, values.size()), loss, mask, 60);
        CHECK(found.error <= 1e-6);
        CHECK(found.kept >= 0.95);
        first += values.size();
    });
    CHECK(first == network.parameter_count());
    INFO("input");
    const auto found =
        gradient_check::compare(std::span(data.pixels), std::span<const double>(input), loss, mask, 100);
    CHECK(found.error <= 1e-6);
    CHECK(found.kept >= 0.95);
}

/// The bits of a float, for sums that must be the same.
template <typename T>
bool same_bits(std::span<const T> a, std::span<const T> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

} // namespace

TEST_CASE("gradients of whole networks, with and without a penalty on the taps") {
    for (const auto how : {net::mode::training, net::mode::inference}) {
        for (const bool penalized : {false, true}) {
            CAPTURE(penalized);
            check_network(convolutional(), batch({5, 2, 9, 8}), how, penalized);
            check_network(plain(), batch({6, 2, 9, 7}), how, penalized);
        }
    }
}

TEST_CASE("the results of a network for a sample do not depend on other samples") {
    auto network = convolutional();
    disturb(network);
    const batch data({9, 2, 9, 8});
    const std::size_t size = 2 * 9 * 8;
    std::vector<double> losses(9), gradient(9 * size);
    std::vector<int> predicted(9);
    net::inference_model model(network, 2);
    model(data.x(), data.labels, losses, predicted, {gradient.data(), data.extents});
    for (std::size_t n = 0; n < 9; ++n) {
        double loss = 0;
        int guess = -1;
        std::vector<double> own(size);
        network(samples(data.x(), n, 1), std::span(data.labels).subspan(n, 1), std::span(&loss, 1),
                std::span(&guess, 1), {own.data(), {1, 2, 9, 8}});
        CHECK(loss == losses[n]);
        CHECK(guess == predicted[n]);
        CHECK(same_bits<double>(own, std::span(gradient).subspan(n * size, size)));
    }
    // Without a place for the gradient none is computed; the rest is the same.
    std::vector<double> again(9);
    model(data.x(), data.labels, again, {}, {});
    CHECK(again == losses);
}

TEST_CASE("vjp and jvp are transposes of each other at every tap") {
    static_assert(differentiable<const decltype(convolutional()), double>);
    static_assert(layered<net::inference_model<decltype(convolutional())>, double>);
    auto network = convolutional();
    disturb(network);
    const batch data({3, 2, 9, 8});
    net::inference_model model(network);
    std::vector<std::array<std::size_t, 4>> shapes;
    std::vector<std::string> names;
    decltype(network)::workspace ws;
    network.forward(data.x(), ws, [&](std::size_t index, std::string_view name, const auto& a) {
        CHECK(index == names.size());
        names.emplace_back(name);
        shapes.push_back(a.extents());
    });
    CHECK(names == std::vector<std::string>{"conv", "block1.inner", "block1", "block2.inner", "block2"});
    REQUIRE(model.layers() == 5);
    random_stream random(31, 4);
    std::vector<double> direction(data.pixels.size()), gradient(data.pixels.size());
    for (double& value : direction) value = random.normal();
    for (std::size_t layer = 0; layer < 5; ++layer) {
        const auto& e = shapes[layer];
        std::vector<double> upstream(e[0] * e[1] * e[2] * e[3]), out(upstream.size());
        for (double& value : upstream) value = random.normal();
        model.vjp(layer, data.x(), tensor_view<const double, 4>(upstream.data(), e),
                  {gradient.data(), data.extents});
        model.jvp(layer, data.x(), tensor_view<const double, 4>(direction.data(), data.extents),
                  {out.data(), e});
        double left = 0, right = 0;
        for (std::size_t i = 0; i < out.size(); ++i) left += upstream[i] * out[i];
        for (std::size_t i = 0; i < direction.size(); ++i) right += direction[i] * gradient[i];
        CHECK(left == doctest::Approx(right).epsilon(1e-10));

        // And the derivative is that of the activation.
        const double h = 1e-6;
        std::vector<double> sums;
        for (const double sign : {1.0, -1.0}) {
            batch moved = data;
            for (std::size_t i = 0; i < direction.size(); ++i) moved.pixels[i] += sign * h * direction[i];
            network.forward(moved.x(), ws, [&](std::size_t index, std::string_view, const auto& a) {
                if (index != layer) return;
                double sum = 0;
                std::size_t i = 0;
                for (std::size_t n = 0; n < e[0]; ++n) {
                    for (std::size_t c = 0; c < e[1]; ++c) {
                        for (std::size_t y = 0; y < e[2]; ++y) {
                            for (std::size_t x = 0; x < e[3]; ++x) sum += upstream[i++] * a(n, c, y, x);
                        }
                    }
                }
                sums.push_back(sum);
            });
        }
        CHECK(left == doctest::Approx((sums[0] - sums[1]) / (2 * h)).epsilon(1e-4));
    }
    CHECK_THROWS_AS(model.vjp(5, data.x(), data.x(), {gradient.data(), data.extents}), value_error);
    CHECK_THROWS_AS(model.jvp(0, data.x(), data.x(), {gradient.data(), data.extents}), shape_error);
}

TEST_CASE("a workspace fits any batch, and threads do not change results") {
    auto network = net::small_cnn<float>(3, 10, {0.4, 0.5, 0.6}, {0.2, 0.3, 0.4});
    network.initialize(2);
    random_stream random(1, 1);
    std::vector<float> pixels(37 * 3 * 12 * 10);
    for (float& value : pixels) value = static_cast<float>(random.uniform());
    std::vector<int> labels(37);
    for (int& label : labels) label = static_cast<int>(random.below(10));
    const auto pass = [&](auto& ws, std::size_t n) {
        const auto logits =
            network.forward_training(tensor_view<const float, 4>(pixels.data(), {n, 3, 12, 10}), ws);
        net::softmax_cross_entropy<float>(logits, std::span(labels).first(n), {}, {}, ws.logit_gradient(),
                                          0.1F);
        (void)network.taps(ws);
        network.backward(ws, true);
        return std::vector<float>(ws.parameter_gradient().begin(), ws.parameter_gradient().end());
    };
    decltype(network)::workspace one(1), two(2), three(3);
    const auto expected = pass(one, 37);
    CHECK(same_bits<float>(expected, pass(two, 37)));
    CHECK(same_bits<float>(expected, pass(three, 37)));
    const auto few = pass(two, 5);
    decltype(network)::workspace fresh(1);
    CHECK(same_bits<float>(few, pass(fresh, 5)));
    CHECK(same_bits<float>(expected, pass(fresh, 37)));
    CHECK(same_bits<float>(expected, pass(two, 37)));
}

TEST_CASE("the ready networks take both kinds of images") {
    const auto check = [](auto network, std::array<std::size_t, 4> shape, std::size_t layers) {
        network.initialize(1);
        std::vector<float> pixels(shape[0] * shape[1] * shape[2] * shape[3], 0.5F);
        typename decltype(network)::workspace ws;
        std::size_t seen = 0;
        const auto logits = network.forward(tensor_view<const float, 4>(pixels.data(), shape), ws,
                                            [&](std::size_t, std::string_view, const auto&) { ++seen; });
        CHECK(logits.extents() == std::array<std::size_t, 2>{shape[0], 10});
        CHECK(seen == layers);
        bool finite = true;
        for (std::size_t j = 0; j < 10; ++j)
            finite = finite && std::isfinite(logits(0, j)) && logits(0, j) != 0;
        CHECK(finite);
    };
    const std::vector<double> gray{0.286}, gray_deviation{0.353}, rgb{0.49, 0.48, 0.45},
        rgb_deviation{0.2, 0.2, 0.2};
    check(net::small_cnn(1, 10, gray, gray_deviation), {2, 1, 28, 28}, 4);
    check(net::small_cnn(3, 10, rgb, rgb_deviation), {2, 3, 32, 32}, 4);
    check(net::resnet(1, 10, gray, gray_deviation), {2, 1, 28, 28}, 7);
    check(net::resnet(3, 10, rgb, rgb_deviation), {2, 3, 32, 32}, 7);
    check(net::mlp(784, 10, gray, gray_deviation), {2, 1, 28, 28}, 2);
    check(net::mlp(3072, 10, rgb, rgb_deviation), {2, 3, 32, 32}, 2);
    // conv 9*16, 144*32, 288*32, 288*64; norms 2*(16+32+32+64); dense 650
    CHECK(net::small_cnn(1, 10, gray, gray_deviation).parameter_count() == 33338);
}

TEST_CASE("invalid arguments of a network throw") {
    auto network = net::small_cnn(1, 10, {0.286}, {0.353});
    decltype(network)::workspace ws;
    const std::vector<float> pixels(2 * 3 * 28 * 28);
    CHECK_THROWS_WITH_AS(
        (void)network.forward(tensor_view<const float, 4>(pixels.data(), {2, 3, 28, 28}), ws),
        "repscope::net::network: expected (n, 1, h, w), got shape (2, 3, 28, 28)", shape_error);
    CHECK_THROWS_AS((void)network.forward(tensor_view<const float, 4>(pixels.data(), {0, 1, 28, 28}), ws),
                    shape_error);
    std::vector<double> losses(2);
    const tensor_view<const float, 4> x(pixels.data(), {2, 1, 28, 28});
    CHECK_THROWS_AS(network(x, std::vector{1}, losses, {}, {}), shape_error);
    CHECK_THROWS_WITH_AS(network(x, std::vector{1, 10}, losses, {}, {}),
                         doctest::Contains("got 10 at position 1"), value_error);
    CHECK_THROWS_AS(network(x, std::vector{-1, 1}, losses, {}, {}), value_error);
    CHECK_THROWS_AS(net::normalization<float>({0.0}, {0.0}), value_error);
    CHECK_THROWS_AS(net::normalization<float>({0.0, 1.0}, {1.0}), shape_error);
}

} // namespace network_test
