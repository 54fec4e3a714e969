#include "repscope/net/layers/conv2d.hpp"
#include "repscope/net/layers/dense.hpp"

#include "net/layer_check.hpp"

#include <doctest/doctest.h>

#include <cstddef>

namespace conv2d_test {

using namespace repscope;

namespace {

/// The definition, pixel by pixel.
template <typename T>
T brute_force(const net::conv2d<T>& layer, const net::feature_map_view<const T>& in, std::size_t n,
              std::size_t o, std::size_t y, std::size_t x) {
    const auto& c = layer.settings();
    T sum = c.bias ? layer.bias()[o] : T(0);
    for (std::size_t i = 0; i < c.in; ++i) {
        for (std::size_t ky = 0; ky < c.win.kernel.rows; ++ky) {
            for (std::size_t kx = 0; kx < c.win.kernel.cols; ++kx) {
                const std::size_t iy = y * c.win.stride.rows + ky, ix = x * c.win.stride.cols + kx;
                if (iy < c.win.padding.rows || iy - c.win.padding.rows >= in.shape.h) continue;
                if (ix < c.win.padding.cols || ix - c.win.padding.cols >= in.shape.w) continue;
                const T weight =
                    layer.weights()[((o * c.in + i) * c.win.kernel.rows + ky) * c.win.kernel.cols + kx];
                sum += weight * in.at(n, iy - c.win.padding.rows, ix - c.win.padding.cols)[i];
            }
        }
    }
    return sum;
}

struct geometry {
    std::size_t n, in, out, h, w;
    net::window win;
};

// Channels on both sides of a whole vector and panel, kernels and strides that differ by direction, windows
// that leave rows and columns out, strides larger than the kernel, and more padding than the kernel covers.
const geometry geometries[] = {
    {3, 1, 16, 9, 8, {{3, 3}, {2, 2}, {1, 1}}},  {2, 5, 7, 7, 9, {{3, 2}, {1, 2}, {1, 0}}},
    {1, 16, 32, 6, 6, {{3, 3}, {1, 1}, {1, 1}}}, {5, 3, 10, 5, 4, {{1, 1}, {2, 2}, {0, 0}}},
    {2, 4, 21, 8, 7, {{2, 5}, {3, 1}, {0, 2}}},  {4, 9, 3, 4, 4, {{4, 4}, {1, 1}, {0, 0}}},
    {2, 2, 8, 5, 5, {{2, 2}, {3, 3}, {2, 2}}},   {17, 6, 11, 1, 1, {{1, 1}, {1, 1}, {0, 0}}},
};

} // namespace

TEST_CASE("conv2d is the sum over its window") {
    for (const geometry& g : geometries) {
        for (const bool bias : {false, true}) {
            net::conv2d<double> layer({.in = g.in, .out = g.out, .win = g.win, .bias = bias});
            layer_check::bench bench(layer, {g.n, g.in, g.h, g.w}, net::mode::training);
            const auto out = bench.layer.forward(bench.in.view(g.n), bench.scratch, bench.run);
            bool same = true;
            for (std::size_t n = 0; n < g.n; ++n) {
                for (std::size_t o = 0; o < g.out; ++o) {
                    for (std::size_t y = 0; y < out.shape.h; ++y) {
                        for (std::size_t x = 0; x < out.shape.w; ++x) {
                            const double expected = brute_force(
                                bench.layer, net::feature_map_view<const double>(bench.in.view(g.n)), n, o, y,
                                x);
                            same = same && out.at(n, y, x)[o] == doctest::Approx(expected).epsilon(1e-12);
                        }
                    }
                }
            }
            CHECK(same);
        }
    }
}

TEST_CASE("gradients of conv2d") {
    for (const geometry& g : geometries) {
        for (const bool bias : {false, true}) {
            CAPTURE(g.in);
            CAPTURE(g.out);
            const net::conv2d<double> layer({.in = g.in, .out = g.out, .win = g.win, .bias = bias});
            layer_check::check(layer, {g.n, g.in, g.h, g.w});
            layer_check::check(layer, {g.n, g.in, g.h, g.w}, net::mode::inference);
        }
    }
}

TEST_CASE("gradients of dense") {
    layer_check::check(net::dense<double>(13, 10), {5, 13, 1, 1});
    layer_check::check(net::dense<double>(3, 17, "d", false), {21, 3, 1, 1}, net::mode::inference);
}

TEST_CASE("invalid arguments of conv2d and dense throw") {
    const net::conv2d<double> conv({.in = 2, .out = 3, .win = {{3, 3}, {1, 1}, {0, 0}}});
    CHECK_THROWS_WITH_AS((void)conv.output_shape({1, 3, 5, 5}), doctest::Contains("expected 2 channels"),
                         shape_error);
    CHECK_THROWS_WITH_AS((void)conv.output_shape({1, 2, 2, 5}), doctest::Contains("a kernel of 3"),
                         shape_error);
    CHECK_THROWS_AS((void)net::dense<double>(4, 2).output_shape({1, 4, 2, 1}), shape_error);
}

} // namespace conv2d_test
