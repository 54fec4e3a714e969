#include "graph_check.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace graph_windows_test {

using namespace graph_check;

namespace {

struct window_case {
    std::size_t in = 4, out = 6, groups = 1, rows = 7, cols = 6;
    std::array<std::size_t, 2> kernel{3, 2}, stride{1, 1}, dilation{1, 1}, begin{0, 0}, end{0, 0};

    [[nodiscard]] std::size_t extent(std::size_t axis) const {
        const std::size_t padded = (axis == 0 ? rows : cols) + begin[axis] + end[axis];
        return (padded - dilation[axis] * (kernel[axis] - 1) - 1) / stride[axis] + 1;
    }
};

std::vector<std::size_t> list(const std::array<std::size_t, 2>& pair) { return {pair[0], pair[1]}; }

operation_case convolution_case(std::string name, const window_case& w) {
    const std::size_t taps = w.kernel[0] * w.kernel[1], depth = w.in / w.groups;
    const numbers weights = random_numbers(w.out * depth * taps, 7), bias = random_numbers(w.out, 8);
    operation_case test{std::move(name), {w.in, w.rows, w.cols}, {}, {}};
    test.build = [=](graph& g) {
        const auto held = g.constant("weights", {w.out, depth, w.kernel[0], w.kernel[1]}, weights);
        const auto shift = g.constant("bias", {w.out}, bias);
        return g.add("conv",
                     op::convolution{w.groups, list(w.stride), list(w.dilation), list(w.begin), list(w.end)},
                     {g.input(), held, shift});
    };
    test.expected = [=](const numbers& x) {
        numbers y;
        for (std::size_t o = 0; o < w.out; ++o) {
            for (std::size_t r = 0; r < w.extent(0); ++r) {
                for (std::size_t c = 0; c < w.extent(1); ++c) {
                    double sum = bias[o];
                    for (std::size_t i = 0; i < depth; ++i) {
                        for (std::size_t k = 0; k < taps; ++k) {
                            const std::size_t row = r * w.stride[0] + k / w.kernel[1] * w.dilation[0];
                            const std::size_t col = c * w.stride[1] + k % w.kernel[1] * w.dilation[1];
                            if (row < w.begin[0] || row >= w.rows + w.begin[0]) continue;
                            if (col < w.begin[1] || col >= w.cols + w.begin[1]) continue;
                            const std::size_t channel = o / (w.out / w.groups) * depth + i;
                            sum += weights[(o * depth + i) * taps + k] *
                                   x[(channel * w.rows + row - w.begin[0]) * w.cols + col - w.begin[1]];
                        }
                    }
                    y.push_back(sum);
                }
            }
        }
        return y;
    };
    return test;
}

operation_case pooling_case(std::string name, op::pooling what, const window_case& w,
                            std::array<std::size_t, 2> extents) {
    what.kernel = list(w.kernel);
    what.stride = list(w.stride);
    what.dilation = list(w.dilation);
    what.pad_begin = list(w.begin);
    what.pad_end = list(w.end);
    operation_case test{std::move(name), {w.in, w.rows, w.cols}, {}, {}};
    test.build = [=](graph& g) { return g.add("pool", what, {g.input()}); };
    test.expected = [=](const numbers& x) {
        numbers y;
        for (std::size_t ch = 0; ch < w.in; ++ch) {
            for (std::size_t r = 0; r < extents[0]; ++r) {
                for (std::size_t c = 0; c < extents[1]; ++c) {
                    double sum = 0, largest = -1e300;
                    std::size_t inside = 0, padded = 0;
                    for (std::size_t k = 0; k < w.kernel[0] * w.kernel[1]; ++k) {
                        const std::size_t row = r * w.stride[0] + k / w.kernel[1] * w.dilation[0];
                        const std::size_t col = c * w.stride[1] + k % w.kernel[1] * w.dilation[1];
                        if (row >= w.rows + w.begin[0] + w.end[0]) continue;
                        if (col >= w.cols + w.begin[1] + w.end[1]) continue;
                        ++padded;
                        if (row < w.begin[0] || row >= w.rows + w.begin[0]) continue;
                        if (col < w.begin[1] || col >= w.cols + w.begin[1]) continue;
                        ++inside;
                        const double value = x[(ch * w.rows + row - w.begin[0]) * w.cols + col - w.begin[1]];
                        sum += value;
                        largest = std::max(largest, value);
                    }
                    const std::size_t count = what.count_include_pad ? padded : inside;
                    y.push_back(what.kind == op::pooling_kind::max ? largest
                                                                   : sum / static_cast<double>(count));
                }
            }
        }
        return y;
    };
    return test;
}

} // namespace

TEST_CASE("graph: convolutions equal loops, and their derivatives are adjoint and exact") {
    check(convolution_case("plain", {}));
    check(convolution_case("one row of taps", {.in = 3, .out = 20, .kernel = {1, 1}}));
    check(convolution_case("padding", {.in = 3, .out = 9, .begin = {1, 2}, .end = {0, 1}}));
    check(convolution_case("stride", {.stride = {2, 3}, .begin = {1, 0}, .end = {1, 1}}));
    check(convolution_case("a stride above the kernel", {.kernel = {1, 1}, .stride = {2, 2}}));
    check(convolution_case("dilation", {.dilation = {2, 3}, .begin = {2, 1}, .end = {1, 2}}));
    check(convolution_case(
        "dilation and stride",
        {.kernel = {3, 3}, .stride = {2, 2}, .dilation = {2, 1}, .begin = {2, 1}, .end = {2, 1}}));
    check(convolution_case("dilation equal to the stride",
                           {.kernel = {2, 2}, .stride = {2, 2}, .dilation = {2, 2}, .begin = {1, 1}}));
    check(convolution_case("groups", {.out = 8, .groups = 2, .begin = {1, 1}, .end = {1, 1}}));
    check(convolution_case("groups and stride", {.out = 4, .groups = 2, .stride = {2, 2}}));
    check(convolution_case("depthwise", {.in = 21,
                                         .out = 21,
                                         .groups = 21,
                                         .rows = 9,
                                         .cols = 11,
                                         .kernel = {3, 3},
                                         .begin = {1, 1},
                                         .end = {1, 1}}));
    check(convolution_case("depthwise with stride", {.in = 5,
                                                     .out = 5,
                                                     .groups = 5,
                                                     .rows = 12,
                                                     .cols = 12,
                                                     .kernel = {3, 3},
                                                     .stride = {2, 2},
                                                     .begin = {1, 0},
                                                     .end = {1, 1}}));
    check(convolution_case(
        "depthwise with dilation",
        {.in = 4, .out = 4, .groups = 4, .dilation = {2, 2}, .begin = {1, 1}, .end = {1, 1}}));
    check(convolution_case("two outputs per channel", {.in = 3, .out = 6, .groups = 3}));
    check({"one spatial axis", {2, 9}, [](graph& g) {
               const auto weights = g.constant("w", {3, 2, 4}, random_numbers(24, 5));
               return g.add("conv", op::convolution{.stride = {2}, .pad_begin = {1}, .pad_end = {2}},
                            {g.input(), weights});
           }});
}

TEST_CASE("graph: poolings equal loops, and their derivatives are adjoint and exact") {
    const auto max = op::pooling_kind::max, average = op::pooling_kind::average;
    for (const auto kind : {max, average}) {
        check(pooling_case("pool", {.kind = kind}, {.in = 20, .stride = {2, 2}}, {3, 3}));
        check(pooling_case("padding", {.kind = kind},
                           {.kernel = {3, 3}, .stride = {2, 2}, .begin = {1, 1}, .end = {1, 0}}, {4, 3}));
        check(pooling_case("ceil", {.kind = kind, .ceil_mode = true},
                           {.rows = 8, .cols = 7, .kernel = {3, 3}, .stride = {2, 2}}, {4, 3}));
        check(pooling_case(
            "ceil with padding", {.kind = kind, .ceil_mode = true, .count_include_pad = true},
            {.rows = 7, .cols = 6, .kernel = {2, 2}, .stride = {2, 2}, .begin = {1, 1}, .end = {1, 1}},
            {5 - 1 + 0, 4}));
        check(pooling_case("count padding", {.kind = kind, .count_include_pad = true},
                           {.kernel = {3, 3}, .begin = {1, 0}, .end = {1, 1}}, {7, 5}));
        check(pooling_case("dilation", {.kind = kind}, {.kernel = {2, 2}, .dilation = {2, 3}}, {5, 3}));
        check({"global",
               {3, 4, 5},
               [kind](graph& g) {
                   return g.add("pool", op::pooling{.kind = kind, .global = true}, {g.input()});
               },
               [kind](const numbers& x) {
                   numbers y;
                   for (std::size_t c = 0; c < 3; ++c) {
                       const auto first = x.begin() + static_cast<std::ptrdiff_t>(c * 20);
                       double sum = 0;
                       for (auto at = first; at != first + 20; ++at) sum += *at;
                       y.push_back(kind == op::pooling_kind::max ? *std::max_element(first, first + 20)
                                                                 : sum / 20);
                   }
                   return y;
               }});
    }
}

} // namespace graph_windows_test
