// `net::unit_ablation` against a network that is written as loops.
#include "repscope/net/unit_ablation.hpp"

#include "graph_check.hpp"

#include "repscope/error.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace unit_ablation_test {

using namespace repscope;
using graph_check::graph;
using graph_check::numbers;
using graph_check::random_numbers;
namespace op = net::op;

namespace {

constexpr std::size_t samples = 23, inputs = 2, units = 3, pixels = 4, classes = 3;

struct weights {
    numbers a = random_numbers(units * inputs, 1), b = random_numbers(units * units, 2, -2, 2),
            v = random_numbers(classes * units * pixels, 3);
};

// logits = V flat(h + g), g = relu(B h), h = relu(A x), pixel by pixel: g is not a cut, since h is read after
// it. `last` is the layer that nothing reads.
graph network(const weights& w) {
    graph g({inputs, 2, 2});
    const auto convolution = [&](const char* name, net::graph_value from, std::size_t channels,
                                 const numbers& values) {
        const auto kernel = g.constant(name, {units, channels, 1, 1}, values);
        const auto sum = g.add(name, op::convolution{}, {from, kernel});
        return g.add(name, op::unary{op::unary_kind::relu}, {sum});
    };
    const auto h = convolution("h", g.input(), inputs, w.a);
    const auto behind = convolution("g", h, units, w.b);
    const auto sum = g.add("sum", op::binary{op::binary_kind::add}, {behind, h});
    const auto flat = g.add("flat", op::reshape{{graph_check::N, units * pixels}}, {sum});
    numbers columns;
    for (std::size_t i = 0; i < units * pixels; ++i) {
        for (std::size_t k = 0; k < classes; ++k) columns.push_back(w.v[k * units * pixels + i]);
    }
    const auto v = g.constant("v", {units * pixels, classes}, columns);
    g.set_output(g.add("logits", op::matrix_product{}, {flat, v}));
    g.tap(h, "h");
    g.tap(behind, "g");
    g.tap(g.add("last", op::unary{op::unary_kind::tanh}, {h}), "last");
    return g;
}

// The layers of a sample, and its class. `layer`, `unit`: set to `value`; layer 2: none.
struct pass {
    std::array<std::array<std::array<double, pixels>, units>, 2> layers{};
    int predicted = 0;

    pass(const weights& w, const double* x, std::size_t layer, std::size_t unit, double value) {
        std::array<double, classes> logits{};
        for (std::size_t p = 0; p < pixels; ++p) {
            for (std::size_t u = 0; u < units; ++u) {
                double sum = 0;
                for (std::size_t c = 0; c < inputs; ++c) sum += w.a[u * inputs + c] * x[c * pixels + p];
                layers[0][u][p] = layer == 0 && u == unit ? value : std::max(0.0, sum);
            }
            for (std::size_t u = 0; u < units; ++u) {
                double sum = 0;
                for (std::size_t c = 0; c < units; ++c) sum += w.b[u * units + c] * layers[0][c][p];
                layers[1][u][p] = layer == 1 && u == unit ? value : std::max(0.0, sum);
            }
            for (std::size_t k = 0; k < classes; ++k) {
                for (std::size_t u = 0; u < units; ++u)
                    logits[k] += w.v[(k * units + u) * pixels + p] * (layers[0][u][p] + layers[1][u][p]);
            }
        }
        predicted = static_cast<int>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    }
};

} // namespace

TEST_CASE("unit_ablation: accuracy and means equal those of loops, also beside a skip connection") {
    const weights w;
    const graph g = network(w);
    const numbers x = random_numbers(samples * inputs * pixels, 4);
    const tensor_view<const double, 4> view(x.data(), {samples, inputs, 2, 2});
    std::vector<int> labels;
    for (std::size_t n = 0; n < samples; ++n) {
        const pass clean(w, x.data() + n * inputs * pixels, 2, 0, 0);
        labels.push_back(n % 4 == 0 ? (clean.predicted + 1) % static_cast<int>(classes) : clean.predicted);
    }
    std::size_t changed = 0;
    for (std::size_t layer = 0; layer < 2; ++layer) {
        const auto result = net::unit_ablation(g, layer, view, labels, {.batch = 7});
        CHECK(result.samples == samples);
        CHECK(result.accuracy == 17.0 / 23);
        REQUIRE(result.mean.size() == units);
        for (std::size_t unit = 0; unit < units; ++unit) {
            double mean = 0;
            for (std::size_t n = 0; n < samples; ++n) {
                const pass clean(w, x.data() + n * inputs * pixels, 2, 0, 0);
                for (const double value : clean.layers[layer][unit]) mean += value / (samples * pixels);
            }
            CHECK(result.mean[unit] == doctest::Approx(mean).epsilon(1e-12));
            double right = 0;
            for (std::size_t n = 0; n < samples; ++n) {
                const pass without(w, x.data() + n * inputs * pixels, layer, unit, mean);
                right += without.predicted == labels[n] ? 1 : 0;
            }
            CHECK(result.accuracy_without[unit] == right / samples);
            changed += result.accuracy_without[unit] != result.accuracy ? 1U : 0U;
        }
        std::size_t passes = 0;
        const auto other = net::unit_ablation(g, layer, view, labels, {.threads = 2, .batch = 3},
                                              [&](std::size_t so_far) { passes = so_far; });
        CHECK(other.mean == result.mean);
        CHECK(other.accuracy_without == result.accuracy_without);
        CHECK(passes == samples * units);
    }
    CHECK(changed >= 3);
}

TEST_CASE("unit_ablation: refuses labels, batches and layers that do not fit") {
    const graph g = network({});
    const numbers x(2 * inputs * pixels);
    const tensor_view<const double, 4> view(x.data(), {2, inputs, 2, 2});
    const std::vector<int> labels{0, 1}, few{0}, outside{0, 3};
    CHECK_THROWS_AS((void)net::unit_ablation(g, 0, view, few), shape_error);
    CHECK_THROWS_AS((void)net::unit_ablation(g, 0, view, outside), value_error);
    CHECK_THROWS_AS((void)net::unit_ablation(g, 0, view, labels, {.batch = 0}), value_error);
    CHECK_THROWS_WITH_AS(
        (void)net::unit_ablation(g, 2, view, labels),
        "repscope::net::unit_ablation: expected a layer on which the logits depend, got last", value_error);
}

} // namespace unit_ablation_test
