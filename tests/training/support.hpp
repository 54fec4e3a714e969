#pragma once

#include "repscope/net/layers/conv_bn_relu.hpp"
#include "repscope/net/layers/dense.hpp"
#include "repscope/net/layers/pool.hpp"
#include "repscope/net/network.hpp"
#include "repscope/net/sequential.hpp"
#include "repscope/random/random_stream.hpp"
#include "support/gradient_check.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the tests of training steps share.
namespace training_check {

using namespace repscope;

inline std::vector<double> normals(std::size_t n, std::uint64_t seed, double scale = 1) {
    random_stream random(seed, 1);
    std::vector<double> values(n);
    for (double& value : values) value = scale * random.normal();
    return values;
}

/// A network with batch norm, small enough to check every parameter: images (n, 1, 6, 6), 3 classes.
inline auto small_network() {
    const net::window halve{{3, 3}, {2, 2}, {1, 1}};
    net::network network(
        "tiny", net::normalization<double>({.1}, {.7}),
        net::sequential(net::conv_bn_relu<double>({.in = 1, .out = 3, .win = halve, .name = "conv1"}),
                        net::conv_bn_relu<double>({.in = 3, .out = 4, .win = halve, .name = "conv2"}),
                        net::global_average_pool<double>(), net::dense<double>(4, 3)));
    network.initialize(5);
    random_stream random(23, 1);
    network.visit_parameters([&](const std::string&, std::span<double> values) {
        for (double& value : values) value += .2 * random.uniform();
    });
    return network;
}

/// All parameters, and with `state` the running statistics behind them.
template <typename Network>
std::vector<double> numbers(const Network& network, bool state = true) {
    std::vector<double> all;
    const auto add = [&](const std::string&, std::span<const double> values) {
        all.insert(all.end(), values.begin(), values.end());
    };
    network.visit_parameters(add);
    if (state) network.visit_state(add);
    return all;
}

/// Signs behind every ReLU, for `gradient_check`.
struct signs {
    std::vector<bool> all;
    void operator()(std::size_t, std::string_view, const tensor_view<const double, 4>& a) {
        for (std::size_t n = 0; n < a.extent(0); ++n) {
            for (std::size_t c = 0; c < a.extent(1); ++c) {
                for (std::size_t y = 0; y < a.extent(2); ++y) {
                    for (std::size_t x = 0; x < a.extent(3); ++x) all.push_back(a(n, c, y, x) > 0);
                }
            }
        }
    }
};

/// Checks that `moved`, which took one plain gradient step of `rate` from `network`, went down the gradient
/// of `loss()`, which reads the parameters of `network`; `mask()` as in `gradient_check`.
template <typename Network, typename Loss, typename Mask>
void check_step(Network& network, const Network& moved, double rate, Loss&& loss, Mask&& mask,
                double tolerance = 1e-6, std::size_t most = 60) {
    const std::vector<double> before = numbers(network, false), after = numbers(moved, false);
    std::vector<double> gradient(before.size());
    for (std::size_t i = 0; i < before.size(); ++i) gradient[i] = (before[i] - after[i]) / rate;
    std::size_t first = 0;
    network.visit_parameters([&](const std::string& name, std::span<double> values) {
        INFO(name);
        const auto found = gradient_check::compare(
            values, std::span<const double>(gradient).subspan(first, values.size()), loss, mask, most);
        CHECK(found.error <= tolerance);
        CHECK(found.kept >= .9);
        first += values.size();
    });
}

} // namespace training_check
