#include "net/layer_check.hpp"
#include "repscope/net/layers/conv2d.hpp"
#include "repscope/net/layers/dense.hpp"
#include "repscope/net/layers/pool.hpp"
#include "repscope/net/layers/relu.hpp"
#include "repscope/net/network.hpp"
#include "repscope/net/optim/sgd.hpp"
#include "repscope/net/sequential.hpp"
#include "repscope/net/trainer.hpp"
#include "repscope/training/layers/deep_pursuit.hpp"
#include "training/support.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace deep_pursuit_test {

using namespace repscope;
using training::pursuit_order;

namespace {

constexpr net::window one_pixel{{1, 1}, {1, 1}, {0, 0}}, keep{{3, 3}, {1, 1}, {1, 1}},
    halve{{3, 3}, {2, 2}, {1, 1}};

/// Three convolutional layers, the first activations added to what the third reconstructs.
training::deep_pursuit<double, 3> convolutional(std::size_t iterations, pursuit_order order,
                                                bool skip = true) {
    return training::deep_pursuit<double, 3>(
        {.layers = {{{.in = 2, .out = 3, .win = halve, .shrinkage = .05, .name = "one"},
                     {.in = 3, .out = 3, .win = keep, .shrinkage = .02, .name = "two"},
                     {.in = 3, .out = 4, .win = keep, .shrinkage = .03, .name = "three"}}},
         .skips = skip ? std::vector<training::pursuit_skip>{{1, 3}} : std::vector<training::pursuit_skip>{},
         .iterations = iterations,
         .order = order});
}

/// The same of vectors.
training::deep_pursuit<double, 3> vectors(std::size_t iterations, pursuit_order order = pursuit_order::joint,
                                          bool skip = true) {
    return training::deep_pursuit<double, 3>(
        {.layers = {{{.in = 9, .out = 5, .win = one_pixel, .shrinkage = .05, .name = "one"},
                     {.in = 5, .out = 5, .win = one_pixel, .shrinkage = .02, .name = "two"},
                     {.in = 5, .out = 4, .win = one_pixel, .shrinkage = .03, .name = "three"}}},
         .skips = skip ? std::vector<training::pursuit_skip>{{1, 3}} : std::vector<training::pursuit_skip>{},
         .iterations = iterations,
         .order = order});
}

/// A layer with its memory and input.
template <typename Layer>
struct bench {
    Layer layer;
    net::feature_map_shape shape;
    thread_pool pool{1};
    typename Layer::scratch s;
    net::map_buffer<double> in;
    net::pass run{pool, shape.n};

    bench(Layer l, const net::feature_map_shape& extents) : layer(std::move(l)), shape(extents) {
        net::initializer init(11);
        layer.initialize(init);
        in.resize(shape);
        layer.prepare(s, in.view(shape.n), {}, 1);
        random_stream random(3, 7);
        each(in.view(shape.n), [&](double& value) { value = .3 + random.normal(); });
    }
    template <typename Map, typename Body>
    static void each(const Map& map, Body&& body) {
        for (std::size_t n = 0; n < map.shape.n; ++n) {
            for (std::size_t y = 0; y < map.shape.h; ++y) {
                for (std::size_t i = 0; i < map.row_length(); ++i) body(map.at(n, y)[i]);
            }
        }
    }
    void forward() { (void)layer.forward(in.view(shape.n), s, run); }
    std::vector<double> objective() {
        forward();
        std::vector<double> values(shape.n);
        layer.objective(in.view(shape.n), s, run, values);
        return values;
    }
    /// All activations of a sample.
    std::vector<double> code(std::size_t n) {
        std::vector<double> values;
        layer.visit_taps(s, shape.n, [&](const auto&, const auto& a, const auto&, const auto&) {
            for (std::size_t c = 0; c < a.shape.c; ++c) values.push_back(a.at(n)[c]);
        });
        return values;
    }
};

/// The minimum of 1/2 |y - D w|^2 + lambda . w over w >= 0, one coordinate at a time to the last bit.
std::vector<double> solve(const std::vector<std::vector<double>>& d, const std::vector<double>& y,
                          const std::vector<double>& lambda) {
    const std::size_t rows = y.size(), columns = lambda.size();
    std::vector<double> w(columns);
    for (int sweep = 0; sweep < 20000; ++sweep) {
        double moved = 0;
        for (std::size_t j = 0; j < columns; ++j) {
            double square = 0, product = -lambda[j];
            for (std::size_t r = 0; r < rows; ++r) {
                double rest = y[r];
                for (std::size_t k = 0; k < columns; ++k) rest -= k == j ? 0 : d[r][k] * w[k];
                square += d[r][j] * d[r][j];
                product += d[r][j] * rest;
            }
            const double value = std::max(0.0, product / square);
            moved = std::max(moved, std::abs(value - w[j]));
            w[j] = value;
        }
        if (moved < 1e-15) break;
    }
    return w;
}

} // namespace

TEST_CASE("gradients through the iterations, skips included") {
    for (const auto order : {pursuit_order::joint, pursuit_order::layer_by_layer}) {
        for (const std::size_t iterations : {0U, 1U, 2U}) {
            INFO(iterations << " iterations");
            layer_check::check(convolutional(iterations, order), {2, 2, 7, 6}, net::mode::inference);
        }
    }
    layer_check::check(vectors(4), {3, 9, 1, 1}, net::mode::inference);
}

TEST_CASE("without iterations it is the plain network with bias -lambda") {
    bench b(convolutional(0, pursuit_order::joint, false), {3, 2, 8, 8});
    b.forward();
    net::sequential plain(net::conv2d<double>({.in = 2, .out = 3, .win = halve}), net::relu<double>(),
                          net::conv2d<double>({.in = 3, .out = 3, .win = keep}), net::relu<double>(),
                          net::conv2d<double>({.in = 3, .out = 4, .win = keep}), net::relu<double>());
    const auto copy = [&](auto& to, std::size_t j) {
        std::copy(b.layer.layer(j).atoms().begin(), b.layer.layer(j).atoms().end(), to.weights().begin());
        for (std::size_t c = 0; c < to.bias().size(); ++c) to.bias()[c] = -b.layer.layer(j).shrinkage()[c];
    };
    copy(plain.layer<0>(), 0);
    copy(plain.layer<2>(), 1);
    copy(plain.layer<4>(), 2);
    net::network network("plain", net::normalization<double>({0, 0}, {1, 1}), plain);
    decltype(network)::workspace ws;
    const auto x = std::as_const(b.in).view(3).view();
    std::size_t compared = 0;
    network.forward(x, ws, [&](std::size_t index, std::string_view, const tensor_view<const double, 4>& a) {
        b.layer.visit_taps(
            b.s, 3, [&, at = std::size_t{0}](const auto&, const auto& w, const auto&, const auto&) mutable {
                if (at++ != index) return;
                for (std::size_t n = 0; n < 3; ++n) {
                    for (std::size_t c = 0; c < a.extent(1); ++c) {
                        for (std::size_t y = 0; y < a.extent(2); ++y) {
                            for (std::size_t z = 0; z < a.extent(3); ++z, ++compared) {
                                if (std::abs(a(n, c, y, z) - w.at(n, y, z)[c]) > 1e-13) FAIL_CHECK("differs");
                            }
                        }
                    }
                }
            });
    });
    CHECK(compared == 3 * 16 * (3 + 3 + 4));
}

TEST_CASE("the objective falls at every iteration, for every sample") {
    std::vector<double> last;
    for (std::size_t iterations = 0; iterations < 12; ++iterations) {
        bench b(convolutional(iterations, pursuit_order::joint), {4, 2, 9, 8});
        const auto now = b.objective();
        for (std::size_t n = 0; n < last.size(); ++n) {
            CHECK(now[n] < last[n]);
            CHECK(now[n] > 0);
        }
        last = now;
    }
}

TEST_CASE("the skip case ends where a dense solver of the whole problem ends") {
    bench b(vectors(4000), {2, 9, 1, 1});
    b.forward();
    // Rows: the three reconstructions; columns: the three activations.
    std::vector<std::vector<double>> d(19, std::vector<double>(14));
    std::vector<double> lambda;
    const std::size_t row[] = {0, 9, 14}, column[] = {0, 5, 10}, in[] = {9, 5, 5}, out[] = {5, 5, 4};
    for (std::size_t j = 0; j < 3; ++j) {
        for (std::size_t k = 0; k < out[j]; ++k) {
            for (std::size_t i = 0; i < in[j]; ++i) {
                d[row[j] + i][column[j] + k] = b.layer.layer(j).atoms()[k * in[j] + i];
            }
            lambda.push_back(b.layer.layer(j).shrinkage()[k]);
        }
    }
    for (std::size_t i = 0; i < 5; ++i) {
        d[9 + i][i] = -1;      // the second layer reconstructs the first
        d[14 + i][i] = -1;     // the third the first, by the skip,
        d[14 + i][5 + i] = -1; // and the second
    }
    for (std::size_t n = 0; n < 2; ++n) {
        std::vector<double> y(19);
        for (std::size_t i = 0; i < 9; ++i) y[i] = b.in.view(2).at(n)[i];
        const auto expected = solve(d, y, lambda), found = b.code(n);
        REQUIRE(found.size() == expected.size());
        std::size_t active = 0;
        for (std::size_t k = 0; k < expected.size(); ++k) {
            CHECK(std::abs(found[k] - expected[k]) <= 1e-8);
            active += expected[k] > 0;
        }
        CHECK(active > 3);
        CHECK(active < 14);
    }
    // Far from where the feed-forward pass begins.
    bench start(vectors(0), {2, 9, 1, 1});
    start.forward();
    const auto first = start.code(0), end = b.code(0);
    double distance = 0;
    for (std::size_t k = 0; k < end.size(); ++k) distance = std::max(distance, std::abs(first[k] - end[k]));
    CHECK(distance > .1);
}

TEST_CASE("layered basis pursuit solves each layer by itself") {
    bench b(vectors(4000, pursuit_order::layer_by_layer), {1, 9, 1, 1});
    b.forward();
    const auto found = b.code(0);
    const std::size_t column[] = {0, 5, 10}, in[] = {9, 5, 5}, out[] = {5, 5, 4};
    for (std::size_t j = 0; j < 3; ++j) {
        std::vector<double> y(in[j]), lambda;
        for (std::size_t i = 0; i < in[j]; ++i) {
            y[i] = j == 0 ? b.in.view(1).at(0)[i] : found[column[j - 1] + i] + (j == 2 ? found[i] : 0);
        }
        std::vector<std::vector<double>> d(in[j], std::vector<double>(out[j]));
        for (std::size_t k = 0; k < out[j]; ++k) {
            for (std::size_t i = 0; i < in[j]; ++i) d[i][k] = b.layer.layer(j).atoms()[k * in[j] + i];
            lambda.push_back(b.layer.layer(j).shrinkage()[k]);
        }
        const auto expected = solve(d, y, lambda);
        for (std::size_t k = 0; k < out[j]; ++k) CHECK(std::abs(found[column[j] + k] - expected[k]) <= 1e-8);
    }
    // Joint inference explains the whole better than one layer after the other.
    bench joint(vectors(4000), {1, 9, 1, 1});
    CHECK(joint.objective()[0] < b.objective()[0] - 1e-3);
}

TEST_CASE("curvature: power iteration on the Gram matrix of shifted atoms against products with the maps") {
    // Repeated products B^T B on maps so large that borders hardly matter.
    for (const net::window& win : {keep, halve}) {
        training::dictionary<double> layer({.in = 2, .out = 3, .win = win, .name = "one"});
        net::initializer init(2);
        layer.initialize(init);
        layer.renew(300);
        const std::size_t size = layer.atoms().size() / 3;
        for (std::size_t k = 0; k < 3; ++k) {
            double square = 0;
            for (const double value : layer.atoms().subspan(k * size, size)) square += value * value;
            CHECK(square == doctest::Approx(1));
        }
        thread_pool pool(1);
        const net::feature_map_shape shape{1, 2, 40, 40}, above = layer.output_shape(shape);
        const net::pass run{pool, 1};
        training::dictionary<double>::scratch s;
        layer.prepare(s, shape, 1);
        net::map_buffer<double> w, lower;
        w.resize(above);
        lower.resize(shape);
        random_stream random(1, 1);
        bench<training::deep_pursuit<double, 3>>::each(w.view(1), [&](double& v) { v = random.normal(); });
        double ratio = 0;
        for (int round = 0; round < 300; ++round) {
            layer.decode(w.view(1), lower.view(1), s, run);
            double before = 0, after = 0;
            const auto sum = [](double& to) { return [&to](const double& v) { to += v * v; }; };
            bench<training::deep_pursuit<double, 3>>::each(w.view(1), sum(before));
            bench<training::deep_pursuit<double, 3>>::each(lower.view(1), sum(after));
            ratio = after / before;
            training::detail::combine<false>(run, s.lower.view(1),
                                             net::feature_map_view<const double>(lower.view(1)),
                                             1 / std::sqrt(after));
            const auto back = layer.encode(s, run);
            training::detail::combine<false>(run, w.view(1), back);
        }
        CHECK(ratio == doctest::Approx(layer.curvature()).epsilon(.03));
    }
}

TEST_CASE("trained end to end it learns, and its atoms keep their length") {
    const std::vector<double> pixels = training_check::normals(40 * 2 * 36, 9);
    std::vector<int> labels(40);
    for (std::size_t i = 0; i < 40; ++i) labels[i] = pixels[i * 72] + pixels[i * 72 + 1] > 0 ? 1 : 0;
    net::network network("pursuit", net::normalization<double>({0, 0}, {1, 1}),
                         net::sequential(convolutional(2, pursuit_order::joint),
                                         net::global_average_pool<double>(), net::dense<double>(4, 2)));
    network.initialize(3);
    net::trainer run(network, net::sgd<double>());
    double first = 0, last = 0;
    for (int step = 0; step < 60; ++step) {
        last = run.step({pixels.data(), {40, 2, 6, 6}}, labels, .1).loss;
        if (step == 0) first = last;
    }
    CHECK(last < .8 * first);
    const auto& layer = network.body().layer<0>().layer(1);
    double square = 0;
    for (const double value : layer.atoms().first(27)) square += value * value;
    CHECK(square == doctest::Approx(1));
    for (const double value : layer.shrinkage()) CHECK(value >= 0);
}

TEST_CASE("skips that join no layers, or maps of different shapes, throw") {
    using layer = training::deep_pursuit<double, 2>;
    const layer::config good{.layers = {{{.in = 2, .out = 3, .win = keep}, {.in = 3, .out = 3, .win = keep}}},
                             .skips = {},
                             .iterations = 1};
    for (const training::pursuit_skip skip : {training::pursuit_skip{1, 2}, {0, 3}, {0, 1}, {2, 1}}) {
        auto bad = good;
        bad.skips = {skip};
        CHECK_THROWS_AS(layer{bad}, value_error);
    }
    auto bad = good;
    bad.skips = {{0, 2}};
    CHECK_THROWS_AS((bench<layer>(layer(bad), {1, 2, 5, 5})), shape_error);
}

} // namespace deep_pursuit_test
