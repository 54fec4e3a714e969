#pragma once

#include "repscope/net/graph.hpp"
#include "repscope/random/random_stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

// Checks of one operation of a graph: its values against an independent formula, its derivatives against
// central differences and against each other, and the bits for other threads and numbers of samples.
namespace graph_check {

using namespace repscope;

using graph = net::graph<double>;
using net::graph_extent;
using net::graph_value;
namespace op = net::op;
using numbers = std::vector<double>;

constexpr graph_extent N{1, true};

inline numbers random_numbers(std::size_t count, std::uint32_t seed, double low = -1, double high = 1) {
    random_stream random(11, seed);
    numbers values(count);
    for (double& value : values) value = low + (high - low) * random.uniform();
    return values;
}

/// An operation on an input of these extents, and what it computes for one sample.
struct operation_case {
    std::string name;
    std::vector<std::size_t> extents;
    std::function<graph_value(graph&)> build;
    std::function<numbers(const numbers&)> expected{};
    double low = -1, high = 1; // of the input
};

inline double sum_of_products(const numbers& a, const numbers& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

/// A graph whose only layer is the result of an operation.
struct layer_under_test {
    graph g;
    std::array<std::size_t, 4> x{}, y{};

    layer_under_test(const operation_case& test, std::size_t samples) : g(test.extents) {
        const graph_value value = test.build(g);
        const auto& shape = g.extents(value);
        std::size_t sample = 0;
        while (shape[sample] != N) ++sample;
        g.tap(value, "y", {.unit = sample == 1 ? 0 : 1});
        x = {samples, 1, 1, 1};
        std::copy(test.extents.begin(), test.extents.end(), x.begin() + 1);
        y = g.extents(0, x);
    }
    [[nodiscard]] static std::size_t size(const std::array<std::size_t, 4>& extents) {
        return extents[0] * extents[1] * extents[2] * extents[3];
    }
    [[nodiscard]] numbers forward(const numbers& values, int threads = 1) const {
        // The derivative of any direction comes with the values of the layer through a linear function.
        graph with = g;
        const graph_value flat = with.add("flat", op::reshape{{N, size(x) / x[0]}}, {with.input()});
        with.set_output(flat);
        graph::workspace ws(threads);
        numbers result;
        with.forward({values.data(), x}, ws, [&](std::size_t, auto, const tensor_view<const double, 4>& a) {
            result.assign(a.data_handle(), a.data_handle() + a.size());
        });
        return result;
    }
    [[nodiscard]] numbers vjp(const numbers& at, const numbers& upstream, int threads = 1) const {
        numbers gradient(at.size());
        graph::workspace ws(threads);
        g.vjp(0, {at.data(), x}, {upstream.data(), y}, {gradient.data(), x}, ws);
        return gradient;
    }
    [[nodiscard]] numbers jvp(const numbers& at, const numbers& tangent) const {
        numbers change(size(y));
        g.jvp(0, {at.data(), x}, {tangent.data(), x}, {change.data(), y});
        return change;
    }
};

inline void check(const operation_case& test) {
    INFO(test.name);
    constexpr std::size_t samples = 5;
    const layer_under_test layer(test, samples);
    const std::size_t in = layer_under_test::size(layer.x), out = layer_under_test::size(layer.y);
    const numbers x = random_numbers(in, 1, test.low, test.high);
    const numbers tangent = random_numbers(in, 2), upstream = random_numbers(out, 3);

    const numbers y = layer.forward(x);
    if (test.expected) {
        const std::size_t each = in / samples, per_sample = out / samples;
        for (std::size_t n = 0; n < samples; ++n) {
            const auto first = x.begin() + static_cast<std::ptrdiff_t>(n * each);
            const numbers expected = test.expected({first, first + static_cast<std::ptrdiff_t>(each)});
            REQUIRE(expected.size() == per_sample);
            for (std::size_t i = 0; i < per_sample; ++i) {
                CHECK(y[n * per_sample + i] == doctest::Approx(expected[i]).epsilon(1e-12));
            }
        }
    }

    const numbers gradient = layer.vjp(x, upstream), change = layer.jvp(x, tangent);
    const double forward = sum_of_products(upstream, change), backward = sum_of_products(gradient, tangent);
    CHECK(forward == doctest::Approx(backward).epsilon(1e-10));

    constexpr double step = 1e-6;
    numbers above = x, below = x;
    for (std::size_t i = 0; i < in; ++i) {
        above[i] += step * tangent[i];
        below[i] -= step * tangent[i];
    }
    const numbers high = layer.forward(above), low = layer.forward(below);
    double largest = 1;
    for (const double value : change) largest = std::max(largest, std::abs(value));
    for (std::size_t i = 0; i < out; ++i) {
        CHECK(std::abs((high[i] - low[i]) / (2 * step) - change[i]) <= 1e-6 * largest);
    }

    // Each sample alone, and other threads, give the same bits.
    const layer_under_test single(test, 1);
    const numbers threaded = layer.vjp(x, upstream, 3);
    CHECK(threaded == gradient);
    CHECK(layer.forward(x, 2) == y);
    for (std::size_t n = 0; n < samples; ++n) {
        const auto part = [&](const numbers& all) {
            const auto size = static_cast<std::ptrdiff_t>(all.size() / samples);
            const auto first = all.begin() + static_cast<std::ptrdiff_t>(n) * size;
            return numbers(first, first + size);
        };
        CHECK(single.forward(part(x)) == part(y));
        CHECK(single.vjp(part(x), part(upstream)) == part(gradient));
    }
}

} // namespace graph_check
