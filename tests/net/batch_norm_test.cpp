#include "repscope/net/layers/batch_norm.hpp"
#include "repscope/net/layers/conv_bn_relu.hpp"
#include "repscope/net/layers/relu.hpp"

#include "net/layer_check.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

namespace batch_norm_test {

using namespace repscope;

TEST_CASE("batch norm in training takes the statistics of the batch, and the state follows them") {
    const net::feature_map_shape shape{5, 11, 3, 2};
    layer_check::bench bench(net::batch_norm<double>({.channels = shape.c}), shape, net::mode::training);
    const auto in = bench.in.view(shape.n);
    const auto out = bench.layer.forward(in, bench.scratch, bench.run);
    const std::vector<double> mean_before(bench.layer.running_mean().begin(),
                                          bench.layer.running_mean().end());
    const std::vector<double> variance_before(bench.layer.running_variance().begin(),
                                              bench.layer.running_variance().end());
    bench.layer.update_state(bench.scratch);
    const double count = 5 * 3 * 2;
    for (std::size_t c = 0; c < shape.c; ++c) {
        double mean = 0, squares = 0;
        for (std::size_t n = 0; n < shape.n; ++n) {
            for (std::size_t p = 0; p < 6; ++p) mean += in.at(n, p / 2, p % 2)[c] / count;
        }
        for (std::size_t n = 0; n < shape.n; ++n) {
            for (std::size_t p = 0; p < 6; ++p) squares += std::pow(in.at(n, p / 2, p % 2)[c] - mean, 2);
        }
        const double z =
            (in.at(3, 1, 1)[c] - mean) / std::sqrt(squares / count + 1e-5) * bench.layer.gamma()[c] +
            bench.layer.beta()[c];
        CHECK(out.at(3, 1, 1)[c] == doctest::Approx(z).epsilon(1e-12));
        CHECK(bench.layer.running_mean()[c] ==
              doctest::Approx(0.9 * mean_before[c] + 0.1 * mean).epsilon(1e-12));
        CHECK(bench.layer.running_variance()[c] ==
              doctest::Approx(0.9 * variance_before[c] + 0.1 * squares / (count - 1)).epsilon(1e-12));
    }
}

TEST_CASE("batch norm keeps its accuracy far from zero") {
    // Mean 1000, deviation 1, in float: a variance from sums of squares would have no correct digit.
    const net::feature_map_shape shape{8, 3, 7, 5};
    net::batch_norm<float> layer({.channels = 3});
    net::batch_norm<float>::scratch scratch;
    net::map_buffer<float> in;
    in.resize(shape);
    random_stream random(1, 2);
    std::vector<double> values;
    for (std::size_t n = 0; n < 8; ++n) {
        for (std::size_t y = 0; y < 7; ++y) {
            for (std::size_t i = 0; i < 15; ++i) {
                in.view(8).at(n, y)[i] = static_cast<float>(1000 + random.normal());
                if (i % 3 == 0) values.push_back(in.view(8).at(n, y)[i]);
            }
        }
    }
    double mean = 0, squares = 0;
    for (const double v : values) mean += v / static_cast<double>(values.size());
    for (const double v : values) squares += (v - mean) * (v - mean);
    thread_pool pool(1);
    layer.prepare(scratch, in.view(8), {}, 1);
    layer.forward(in.view(8), scratch, {pool, 8, net::mode::training});
    CHECK(scratch.norm.variance[0] ==
          doctest::Approx(squares / static_cast<double>(values.size())).epsilon(1e-4));
}

TEST_CASE("gradients of batch norm") {
    for (const std::size_t channels : {1U, 5U, 8U, 13U}) {
        layer_check::check(net::batch_norm<double>({.channels = channels}), {4, channels, 3, 5});
        layer_check::check(net::batch_norm<double>({.channels = channels}), {4, channels, 3, 5},
                           net::mode::inference);
    }
    layer_check::check(net::batch_norm<double>({.channels = 6}), {9, 6, 1, 1});
}

TEST_CASE("gradients of convolution, batch norm and ReLU as one layer") {
    for (const auto how : {net::mode::training, net::mode::inference}) {
        layer_check::check(net::conv_bn_relu<double>({.in = 3, .out = 10, .win = {{3, 3}, {2, 2}, {1, 1}}}),
                           {4, 3, 7, 6}, how);
        layer_check::check(net::conv_bn_relu<double>({.in = 8, .out = 4, .win = {{2, 3}, {1, 1}, {0, 1}}}),
                           {3, 8, 4, 5}, how);
        layer_check::check(
            net::conv_bn_relu<double, false>({.in = 5, .out = 9, .win = {{1, 1}, {2, 2}, {0, 0}}}),
            {5, 5, 5, 4}, how);
    }
}

TEST_CASE("the fused layer equals its three separate layers") {
    const net::feature_map_shape shape{4, 3, 8, 7};
    const net::window win{{3, 3}, {2, 1}, {1, 1}};
    for (const auto how : {net::mode::training, net::mode::inference}) {
        layer_check::bench unit(net::conv_bn_relu<double>({.in = 3, .out = 11, .win = win}), shape, how);
        net::sequential three(unit.layer.convolution(), unit.layer.norm(), net::relu<double>());
        typename decltype(three)::scratch scratch;
        net::map_buffer<double> in_gradient;
        in_gradient.resize(shape);
        three.prepare(scratch, unit.in.view(4), {}, 1);
        const auto expected = three.forward(unit.in.view(4), scratch, unit.run);
        const auto found = unit.layer.forward(unit.in.view(4), unit.scratch, unit.run);
        REQUIRE(expected.shape == found.shape);
        const auto compare = [](const auto& a, const auto& b) {
            double worst = 0;
            for (std::size_t n = 0; n < a.shape.n; ++n) {
                for (std::size_t y = 0; y < a.shape.h; ++y) {
                    for (std::size_t i = 0; i < a.row_length(); ++i) {
                        worst = (std::max)(worst, std::abs(a.at(n, y)[i] - b.at(n, y)[i]));
                    }
                }
            }
            return worst;
        };
        CHECK(compare(expected, found) < 1e-13);

        const auto upstream = unit.gradients();
        std::size_t i = 0;
        unit.each(net::detail::maps_of(scratch).gradient.view(4), [&](double& g) { g = unit.weights[i++]; });
        std::vector<double> gradients(three.parameter_count());
        three.backward(unit.in.view(4), scratch, unit.run, gradients.data(), in_gradient.view(4), false);
        CHECK(compare(in_gradient.view(4), unit.in_gradient.view(4)) < 1e-11);
        for (std::size_t k = 0; k < gradients.size(); ++k) {
            if (std::abs(gradients[k] - upstream[k]) > 1e-11) FAIL_CHECK("parameter " << k);
        }
    }
}

TEST_CASE("the folded convolution is the layer in inference, before its ReLU") {
    const net::feature_map_shape shape{3, 4, 6, 6};
    layer_check::bench unit(
        net::conv_bn_relu<double, false>({.in = 4, .out = 9, .win = {{3, 3}, {1, 1}, {1, 1}}}), shape,
        net::mode::inference);
    const net::conv2d<double> folded = net::fold(unit.layer);
    net::conv2d<double>::scratch scratch;
    folded.prepare(scratch, unit.in.view(3), {}, 1);
    const auto expected = folded.forward(unit.in.view(3), scratch, unit.run);
    const auto found = unit.layer.forward(unit.in.view(3), unit.scratch, unit.run);
    for (std::size_t n = 0; n < 3; ++n) {
        for (std::size_t y = 0; y < 6; ++y) {
            for (std::size_t i = 0; i < 6 * 9; ++i) {
                if (std::abs(expected.at(n, y)[i] - found.at(n, y)[i]) > 1e-12)
                    FAIL_CHECK(n << ' ' << y << ' ' << i);
            }
        }
    }
}

} // namespace batch_norm_test
