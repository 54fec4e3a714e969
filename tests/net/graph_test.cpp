#include "repscope/net/graph.hpp"

#include "graph_check.hpp"
#include "repscope/model/concepts.hpp"
#include "repscope/net/inference_model.hpp"
#include "repscope/net/models.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace graph_test {

using namespace graph_check;

namespace {

static_assert(layered<net::graph<double>, double> && scored<net::graph<double>, double>);
static_assert(layered<net::inference_model<graph>, double> && scored<net::inference_model<graph>, double>);
static_assert(logit_differentiable<net::graph<double>, double>);
static_assert(logit_differentiable<net::inference_model<graph>, double>);
static_assert(net::inference_network<net::graph<float>> && !net::network_like<net::graph<float>>);

/// The compile-time network `small` after some changes of its parameters, and the same one node by node.
struct twins {
    decltype(net::small_cnn<double>(3, 4, {}, {})) network =
        net::small_cnn<double>(3, 4, {0.4, 0.5, 0.6}, {0.2, 0.25, 0.3});
    graph g{std::vector<std::size_t>{3, 12, 10}};

    twins() {
        network.initialize(3);
        random_stream random(23, 1);
        std::map<std::string, numbers> tensors;
        const auto change = [&](const std::string& name, std::span<double> values) {
            for (double& value : values) value += 0.2 * random.uniform();
            tensors[name] = numbers(values.begin(), values.end());
        };
        network.visit_parameters(change);
        network.visit_state(change);

        const auto mean = g.constant("mean", {3, 1, 1}, {0.4, 0.5, 0.6});
        const auto deviation = g.constant("deviation", {3, 1, 1}, {0.2, 0.25, 0.3});
        auto x = g.add("center", op::binary{op::binary_kind::subtract}, {g.input(), mean});
        x = g.add("scale", op::binary{op::binary_kind::divide}, {x, deviation});
        const std::array<std::size_t, 5> channels{3, 16, 32, 32, 64};
        for (std::size_t layer = 1; layer <= 4; ++layer) {
            const std::string name = "conv" + std::to_string(layer);
            const std::size_t out = channels[layer], stride = layer % 2 == 1 ? 2 : 1;
            const auto vector = [&](const char* part) {
                return g.constant(name + part, {out}, tensors.at(name + ".norm" + part));
            };
            const auto weights =
                g.constant(name, {out, channels[layer - 1], 3, 3}, tensors.at(name + ".weight"));
            x = g.add(name, op::convolution{1, {stride, stride}, {}, {1, 1}, {1, 1}}, {x, weights});
            x = g.add(
                name + ".norm", op::batch_normalization{},
                {x, vector(".gamma"), vector(".beta"), vector(".running_mean"), vector(".running_variance")});
            x = g.add(name + ".relu", op::unary{}, {x});
            g.tap(x, name);
        }
        x = g.add("pool", op::pooling{.kind = op::pooling_kind::average, .global = true}, {x});
        x = g.add("flatten", op::reshape{{N, 64}}, {x});
        const auto weights = g.constant("dense.weight", {4, 64}, tensors.at("dense.weight"));
        const auto bias = g.constant("dense.bias", {4}, tensors.at("dense.bias"));
        g.set_output(g.add("dense", op::matrix_product{.transpose_b = true}, {x, weights, bias}));
    }
};

bool near(const tensor_view<const double, 4>& a, const tensor_view<const double, 4>& b) {
    if (a.extents() != b.extents()) return false;
    for (std::size_t n = 0; n < a.extent(0); ++n) {
        for (std::size_t c = 0; c < a.extent(1); ++c) {
            for (std::size_t y = 0; y < a.extent(2); ++y) {
                for (std::size_t x = 0; x < a.extent(3); ++x) {
                    const double scale = 1 + std::abs(b(n, c, y, x));
                    if (!(std::abs(a(n, c, y, x) - b(n, c, y, x)) <= 1e-11 * scale)) return false;
                }
            }
        }
    }
    return true;
}

} // namespace

TEST_CASE("graph: the network small, node by node, has the same logits, layers and derivatives") {
    const twins both;
    constexpr std::size_t samples = 7;
    const std::array<std::size_t, 4> extents{samples, 3, 12, 10};
    const numbers pixels = random_numbers(samples * 360, 1, 0, 1),
                  direction = random_numbers(pixels.size(), 2);
    const tensor_view<const double, 4> x(pixels.data(), extents), tangent(direction.data(), extents);
    net::inference_model<graph> model(both.g, 2);
    net::inference_model network(both.network, 2);
    REQUIRE(model.layers() == network.layers());

    numbers logits(samples * 4), expected(samples * 4);
    model.logits(x, {logits.data(), {samples, std::size_t{4}}});
    network.logits(x, {expected.data(), {samples, std::size_t{4}}});
    for (std::size_t i = 0; i < logits.size(); ++i) CHECK(std::abs(logits[i] - expected[i]) <= 1e-11);

    graph::workspace ws;
    decltype(both.network)::workspace reference;
    std::vector<numbers> layers;
    both.g.forward(x, ws, [&](std::size_t, std::string_view, const tensor_view<const double, 4>& a) {
        layers.emplace_back(a.data_handle(), a.data_handle() + a.size());
    });
    both.network.forward(x, reference, [&](std::size_t layer, std::string_view name, const auto& a) {
        CHECK(both.g.layer_name(layer) == name);
        CHECK(model.extents(layer, extents) == a.extents());
        CHECK(near({layers[layer].data(), a.extents()}, a));
    });

    const std::vector<int> labels{0, 1, 2, 3, 0, 1, 2};
    for (const auto loss : {net::loss_function::cross_entropy, net::loss_function::margin}) {
        numbers one(pixels.size()), two(pixels.size());
        std::vector<double> losses(samples), other_losses(samples);
        std::vector<int> predicted(samples), other_predicted(samples);
        net::inference_model<graph> of_graph(both.g, 1, loss);
        net::inference_model of_network(both.network, 1, loss);
        of_graph(x, labels, losses, predicted, {one.data(), extents});
        of_network(x, labels, other_losses, other_predicted, {two.data(), extents});
        CHECK(predicted == other_predicted);
        for (std::size_t n = 0; n < samples; ++n) CHECK(std::abs(losses[n] - other_losses[n]) <= 1e-11);
        CHECK(near({one.data(), extents}, {two.data(), extents}));
    }

    for (std::size_t layer = 0; layer < 4; ++layer) {
        std::vector<numbers> units;
        model.unit_gradients(layer, x, [&](std::size_t, const tensor_view<const double, 4>& gradient) {
            units.emplace_back(gradient.data_handle(), gradient.data_handle() + gradient.size());
        });
        REQUIRE(units.size() == model.extents(layer, extents)[1]);
        network.unit_gradients(layer, x, [&](std::size_t unit, const tensor_view<const double, 4>& gradient) {
            CHECK(near({units[unit].data(), extents}, gradient));
        });
    }
    std::vector<numbers> changes;
    const auto fill = [&](std::size_t index, const tensor_view<double, 4>& to) {
        const double sign = index == 0 ? 1 : -2;
        for (std::size_t i = 0; i < to.size(); ++i) to.data_handle()[i] = sign * direction[i];
    };
    model.tangents(x, 2, fill, [&](std::size_t, std::size_t, const tensor_view<const double, 4>& change) {
        changes.emplace_back(change.data_handle(), change.data_handle() + change.size());
    });
    std::size_t count = 0;
    network.tangents(x, 2, fill, [&](std::size_t, std::size_t, const tensor_view<const double, 4>& change) {
        CHECK(near({changes[count++].data(), change.extents()}, change));
    });
    CHECK(count == 8);
}

TEST_CASE("graph: functions in place and followers of convolutions do not change results") {
    // A residual block, whose sum and functions work in place unless their inputs are tapped.
    const auto build = [](bool tapped) {
        graph g({4, 6, 5});
        const auto conv = [&](const char* name, graph_value x, std::uint32_t seed) {
            const auto value = g.add(name, op::convolution{1, {}, {}, {1, 1}, {1, 1}},
                                     {x, g.constant("w", {4, 4, 3, 3}, random_numbers(144, seed)),
                                      g.constant("b", {4}, random_numbers(4, seed + 1))});
            if (tapped) g.tap(value, name);
            return value;
        };
        const auto inner = g.add("relu", op::unary{}, {conv("one", g.input(), 1)});
        const auto sum = g.add("sum", op::binary{}, {conv("shortcut", inner, 3), conv("two", inner, 5)});
        if (tapped) g.tap(sum, "sum");
        const auto clipped = g.add("clip", op::unary{op::unary_kind::clip, -0.5, 1}, {sum});
        const auto scaled = g.add("tanh", op::unary{op::unary_kind::tanh}, {clipped});
        const auto mean = g.add("mean", op::reduce_mean{{2, 3}, false}, {scaled});
        g.set_output(mean);
        return g;
    };
    const graph quiet = build(false), tapped = build(true);
    const numbers x = random_numbers(5 * 120, 9);
    const std::array<std::size_t, 4> extents{5, 4, 6, 5};
    const auto evaluate = [&](const graph& g, int threads) {
        numbers gradient(x.size());
        std::vector<double> losses(5);
        std::vector<int> labels{0, 1, 2, 3, 0}, predicted(5);
        net::inference_model<graph> model(g, threads);
        model({x.data(), extents}, labels, losses, predicted, {gradient.data(), extents});
        return std::pair(losses, gradient);
    };
    CHECK(evaluate(quiet, 1) == evaluate(tapped, 1));
    CHECK(evaluate(quiet, 3) == evaluate(quiet, 1));
}

TEST_CASE("graph: any worker may take a piece, also with more threads than samples") {
    graph g({3});
    g.set_output(
        g.add("y", op::matrix_product{}, {g.input(), g.constant("w", {3, 4}, random_numbers(12, 3))}));
    graph::workspace many(8), one;
    const numbers x = random_numbers(9, 2);
    numbers expected(12), got(12);
    g.logits({x.data(), {3, 3, 1, 1}}, {expected.data(), {3, 4}}, one);
    for (std::size_t pass = 0; pass < 200; ++pass) {
        const std::size_t samples = 2 + pass % 2;
        g.logits({x.data(), {samples, 3, 1, 1}}, {got.data(), {samples, 4}}, many);
        REQUIRE(std::equal(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(4 * samples),
                           got.begin()));
    }
}

TEST_CASE("graph: gradients do not depend on the numbers of samples that run together") {
    // A piece of one sample stores its maps in another order, so its product arranges the operands otherwise.
    const auto build = [] {
        graph g({2, 6, 6});
        const op::convolution same{.pad_begin = {1, 1}, .pad_end = {1, 1}};
        const auto maps = g.add("c", same, {g.input(), g.constant("k", {4, 2, 3, 3}, random_numbers(72, 3))});
        const auto rows = g.add("rows", op::reduce_mean{{2}, true}, {g.add("r", op::unary{}, {maps})});
        const auto y =
            g.add("y", op::matrix_product{}, {rows, g.constant("w", {6, 5}, random_numbers(30, 4))});
        const auto mean = g.add("mean", op::reduce_mean{{2}, false}, {g.add("s", op::unary{}, {y})});
        g.set_output(g.add("flat", op::reshape{{N, 20}}, {mean}));
        return g;
    };
    constexpr std::size_t size = 72;
    const numbers x = random_numbers(33 * size, 5);
    const std::vector<int> labels(33, 2);
    std::vector<double> losses(33);
    std::vector<int> predicted(33);
    for (const auto& [samples, threads] : std::vector<std::pair<std::size_t, int>>{{3, 2}, {5, 3}, {33, 1}}) {
        const graph together = build();
        numbers gradient(samples * size), alone(size);
        graph::workspace ws(threads);
        together.evaluate({x.data(), {samples, 2, 6, 6}}, std::span(labels).first(samples),
                          std::span(losses).first(samples), std::span(predicted).first(samples),
                          {gradient.data(), {samples, 2, 6, 6}}, ws);
        for (std::size_t n = 0; n < samples; ++n) {
            const graph fresh = build();
            graph::workspace own;
            fresh.evaluate({x.data() + n * size, {1, 2, 6, 6}}, std::span(labels).first(1),
                           std::span(losses).first(1), std::span(predicted).first(1),
                           {alone.data(), {1, 2, 6, 6}}, own);
            for (std::size_t i = 0; i < size; ++i)
                REQUIRE(gradient[n * size + i] == doctest::Approx(alone[i]));
        }
    }
}

TEST_CASE("graph: a fixed batch of 1 runs on any number of inputs") {
    graph fixed({3, 4}, {.fixed_batch = true}), free({3, 4});
    for (graph* g : {&fixed, &free}) {
        const graph_extent batch{1, g == &free};
        const auto weights = g->constant("w", {12, 5}, random_numbers(60, 3));
        const auto flat = g->add("flat", op::reshape{{batch, 12}}, {g->input()});
        const auto y = g->add("gemm", op::matrix_product{}, {flat, weights});
        g->tap(y, "y");
        g->set_output(g->add("softmax", op::softmax{}, {y}));
    }
    const numbers x = random_numbers(4 * 12, 2);
    numbers one(20), two(20);
    fixed.logits({x.data(), {4, 3, 4, 1}}, {one.data(), {4, 5}});
    free.logits({x.data(), {4, 3, 4, 1}}, {two.data(), {4, 5}});
    CHECK(one == two);
    CHECK(fixed.extents(0, {4, 3, 4, 1}) == std::array<std::size_t, 4>{4, 5, 1, 1});
}

TEST_CASE("graph: copies and workspaces keep the graph that they began with") {
    graph g({2});
    const auto y = g.add("y", op::unary{op::unary_kind::negate}, {g.input()});
    g.set_output(y);
    g.tap(y, "y");
    graph::workspace ws;
    const numbers x{1, 2};
    CHECK(g.forward({x.data(), {1, 2, 1, 1}}, ws)(0, 1) == -2);
    const graph former = g;
    g.set_output(g.add("z", op::unary{op::unary_kind::exponential}, {y}));
    CHECK(g.forward({x.data(), {1, 2, 1, 1}}, ws)(0, 1) == doctest::Approx(std::exp(-2.0)));
    CHECK(former.forward({x.data(), {1, 2, 1, 1}}, ws)(0, 1) == -2);
}

TEST_CASE("graph: errors name the node, the operation, and both shapes") {
    graph g({3, 8, 8});
    const auto weights = g.constant("w", {4, 2, 3, 3}, numbers(72));
    const auto throws = [&](auto&& body, const char* text) {
        CHECK_THROWS_WITH_AS(body(), doctest::Contains(text), shape_error);
    };
    throws(
        [&] {
            g.add("c", op::convolution{}, {g.input(), weights});
        },
        "node c (convolution): expected weights (out, 3 / groups, ...) for 1 groups, got (4, 2, 3, 3)");
    throws(
        [&] {
            g.add("s", op::binary{}, {g.input(), g.constant("k", {5}, numbers(5))});
        },
        "node s (binary): expected extents that broadcast, got (N, 3, 8, 8) and (5,)");
    throws(
        [&] {
            g.add("r", op::reshape{{3, 64}}, {g.input()});
        },
        "expected as many elements as (N, 3, 8, 8), got (3, 64)");
    throws(
        [&] {
            g.add("r", op::reshape{{2, {96, true}}}, {g.input()});
        },
        "expected the elements of each sample to stay together, as in (N, 3, 8, 8), got (2, 96 N)");
    throws([&] { g.add("m", op::reduce_mean{{0}}, {g.input()}); }, "axis 0 of input 0 without samples");
    throws([&] { g.add("t", op::transpose{{0, 1, 1, 3}}, {g.input()}); }, "each of 4 axes once");
    throws([&] { g.add("p", op::pooling{.kernel = {9, 9}}, {g.input()}); }, "at least 9 along axis 2");
    throws([&] { g.add("u", op::unary{}, {}); }, "node u (unary): expected 1 inputs, got 0");
    throws([&] { g.constant("k", {2, 2}, numbers(3)); }, "constant k: expected 3 elements");
    throws([&] { g.set_output(g.input()); }, "expected a computed tensor (N, classes), got (N, 3, 8, 8)");
    throws([&] { g.tap(g.add("j", op::reshape{{{3, true}, 64}}, {g.input()}), "j"); }, "an axis of samples");
    throws([&] { graph({}); }, "expected 1 to 3 extents");
    CHECK_THROWS_WITH_AS(g.add("c", op::convolution{}, {g.input(), g.input()}),
                         doctest::Contains("expected a constant as input 1, got input"), value_error);
    CHECK_THROWS_AS(g.add("u", op::unary{}, {graph_value{99}}), value_error);
    CHECK_THROWS_AS(g.tap(weights, "w"), value_error);
    CHECK_THROWS_AS(g.add("g", op::gather{1, {3}, {1}}, {g.input()}), value_error);
    CHECK_THROWS_AS((void)g.classes(), value_error);
    CHECK_THROWS_AS((void)g.extents(0, {1, 3, 8, 8}), value_error);

    g.set_output(g.add("mean", op::reduce_mean{{2, 3}, false}, {g.input()}));
    const numbers x(192);
    std::vector<double> losses(1);
    std::vector<int> predicted(1);
    const std::vector<int> label{3};
    CHECK_THROWS_AS(g({x.data(), {1, 3, 8, 8}}, label, losses, predicted, {}), value_error);
    CHECK_THROWS_AS(g({x.data(), {1, 3, 4, 16}}, label, losses, predicted, {}), shape_error);
    CHECK_THROWS_AS(g({x.data(), {0, 3, 8, 8}}, {}, {}, {}, {}), shape_error);
}

TEST_CASE("graph: tensors that are alive at the same time do not overlap in memory") {
    random_stream random(5, 1);
    std::vector<net::detail::memory_interval> all(60);
    for (auto& interval : all) {
        interval.size = random.below(400);
        interval.first = random.below(50);
        interval.last = interval.first + random.below(20);
    }
    const std::size_t size = net::detail::place_intervals(all);
    std::size_t sum = 0, lowest = 0;
    for (std::size_t time = 0; time < 70; ++time) {
        std::size_t alive = 0;
        for (const auto& one : all) alive += one.first <= time && time <= one.last ? one.size : 0;
        lowest = std::max(lowest, alive);
    }
    for (const auto& one : all) {
        sum += one.size;
        CHECK(one.at + one.size <= size);
        for (const auto& other : all) {
            const bool together = one.first <= other.last && other.first <= one.last;
            if (&one == &other || !together || one.size == 0 || other.size == 0) continue;
            CHECK((one.at + one.size <= other.at || other.at + other.size <= one.at));
        }
    }
    CHECK(size >= lowest);
    CHECK(size < sum / 2);
}

} // namespace graph_test
