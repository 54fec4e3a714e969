#include "repscope/net/layers/flatten.hpp"
#include "repscope/net/layers/pool.hpp"
#include "repscope/net/layers/relu.hpp"
#include "repscope/net/layers/residual.hpp"

#include "net/layer_check.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>

namespace layers_test {

using namespace repscope;

TEST_CASE("gradients of layers without parameters") {
    for (const auto how : {net::mode::training, net::mode::inference}) {
        layer_check::check(net::relu<double>(), {3, 5, 4, 6}, how);
        layer_check::check(net::flatten<double>(), {3, 5, 2, 4}, how);
        layer_check::check(net::global_average_pool<double>(), {3, 9, 4, 3}, how);
        for (const net::window win :
             {net::window{{2, 2}, {2, 2}, {0, 0}}, net::window{{3, 2}, {1, 2}, {1, 0}},
              net::window{{3, 3}, {2, 2}, {1, 1}}}) {
            layer_check::check(net::max_pool<double>(win), {2, 3, 7, 6}, how);
            layer_check::check(net::average_pool<double>(win), {2, 3, 7, 6}, how);
        }
    }
}

TEST_CASE("gradients of residual blocks") {
    for (const auto how : {net::mode::training, net::mode::inference}) {
        layer_check::check(net::residual<double>(4, 4, 1, "block"), {4, 4, 5, 6}, how);
        layer_check::check(net::residual<double>(3, 5, 2, "block"), {4, 3, 7, 6}, how);
        layer_check::check(net::residual<double>(3, 5, 1, "block"), {4, 3, 4, 4}, how);
    }
}

TEST_CASE("pools by hand") {
    const net::feature_map_shape shape{1, 1, 3, 3};
    const double pixels[] = {-1, -2, -3, -4, -5, -6, -7, -8, -9};
    const net::window win{{2, 2}, {2, 2}, {1, 1}};
    layer_check::bench largest(net::max_pool<double>(win), shape, net::mode::training);
    layer_check::bench mean(net::average_pool<double>(win), shape, net::mode::training);
    for (std::size_t i = 0; i < 9; ++i) {
        largest.in.view(1).at(0, i / 3, i % 3)[0] = mean.in.view(1).at(0, i / 3, i % 3)[0] = pixels[i];
    }
    const auto a = largest.layer.forward(largest.in.view(1), largest.scratch, largest.run);
    const auto b = mean.layer.forward(mean.in.view(1), mean.scratch, mean.run);
    REQUIRE(a.shape == net::feature_map_shape{1, 1, 2, 2});
    CHECK(a.at(0, 0, 0)[0] == -1); // the padding, though larger, does not win
    CHECK(a.at(0, 0, 1)[0] == -2);
    CHECK(a.at(0, 1, 0)[0] == -4);
    CHECK(a.at(0, 1, 1)[0] == -5);
    CHECK(b.at(0, 0, 0)[0] == -0.25); // but it counts in the mean
    CHECK(b.at(0, 1, 1)[0] == -7);
    CHECK_THROWS_AS((void)net::max_pool<double>({{2, 2}, {1, 1}, {2, 2}}).output_shape(shape), shape_error);
}

TEST_CASE("ReLU and max pooling keep NaN") {
    const net::feature_map_shape shape{1, 2, 2, 2};
    layer_check::bench rectified(net::relu<double>(), shape, net::mode::inference);
    layer_check::bench largest(net::max_pool<double>({{2, 2}, {1, 1}, {0, 0}}), shape, net::mode::inference);
    const double pixels[] = {-1, std::numeric_limits<double>::quiet_NaN(), 3, 2};
    for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t c = 0; c < 2; ++c) {
            rectified.in.view(1).at(0, i / 2, i % 2)[c] = largest.in.view(1).at(0, i / 2, i % 2)[c] =
                c == 0 ? pixels[i] : -1;
        }
    }
    const auto a = rectified.layer.forward(rectified.in.view(1), rectified.scratch, rectified.run);
    const auto b = largest.layer.forward(largest.in.view(1), largest.scratch, largest.run);
    CHECK(a.at(0, 0, 0)[0] == 0);
    CHECK(std::isnan(a.at(0, 0, 1)[0]));
    CHECK(a.at(0, 1, 0)[0] == 3);
    CHECK(a.at(0, 0, 1)[1] == 0);
    CHECK(std::isnan(b.at(0, 0, 0)[0]));
    CHECK(b.at(0, 0, 0)[1] == -1);
}

TEST_CASE("flatten runs through channels, rows, columns") {
    layer_check::bench bench(net::flatten<double>(), {2, 3, 2, 4}, net::mode::training);
    const auto out = bench.layer.forward(bench.in.view(2), bench.scratch, bench.run);
    CHECK(out.shape == net::feature_map_shape{2, 24, 1, 1});
    CHECK(out.at(1)[(2 * 2 + 1) * 4 + 3] == bench.in.view(2).at(1, 1, 3)[2]);
}

} // namespace layers_test
