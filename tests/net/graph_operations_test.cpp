#include "graph_check.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <string>
#include <vector>

namespace graph_operations_test {

using namespace graph_check;

namespace {

operation_case unary_case(op::unary what, double (*function)(double), double low = -4, double high = 4) {
    operation_case test{"unary " + std::to_string(static_cast<int>(what.kind)), {3, 5, 4}, {}, {}, low, high};
    test.build = [=](graph& g) { return g.add("unary", what, {g.input()}); };
    test.expected = [=](const numbers& x) {
        numbers y;
        for (const double value : x) y.push_back(function(value));
        return y;
    };
    return test;
}

/// A product of matrices (rows, depth) (depth, cols).
numbers product(const numbers& a, const numbers& b, std::size_t rows, std::size_t depth, std::size_t cols) {
    numbers y(rows * cols, 0.0);
    for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t k = 0; k < depth; ++k) {
            for (std::size_t j = 0; j < cols; ++j) y[i * cols + j] += a[i * depth + k] * b[k * cols + j];
        }
    }
    return y;
}

numbers softmax_of(const numbers& x, std::size_t outer, std::size_t length, std::size_t inner,
                   bool logarithm) {
    numbers y(x.size());
    for (std::size_t row = 0; row < outer * inner; ++row) {
        const std::size_t first = row / inner * length * inner + row % inner;
        double sum = 0;
        for (std::size_t i = 0; i < length; ++i) sum += std::exp(x[first + i * inner]);
        for (std::size_t i = 0; i < length; ++i) {
            const double p = std::exp(x[first + i * inner]) / sum;
            y[first + i * inner] = logarithm ? std::log(p) : p;
        }
    }
    return y;
}

} // namespace

TEST_CASE("graph: functions of one number") {
    using enum op::unary_kind;
    check(unary_case({identity}, [](double x) { return x; }));
    check(unary_case({relu}, [](double x) { return std::max(x, 0.0); }));
    check(unary_case({leaky_relu, 0.1}, [](double x) { return x > 0 ? x : 0.1 * x; }));
    check(unary_case({leaky_relu, -0.5}, [](double x) { return x > 0 ? x : -0.5 * x; }));
    check(unary_case({clip, -1, 2}, [](double x) { return std::clamp(x, -1.0, 2.0); }));
    check(unary_case({sigmoid}, [](double x) { return 1 / (1 + std::exp(-x)); }));
    check(unary_case({hard_sigmoid, 0.2, 0.5}, [](double x) { return std::clamp(0.2 * x + 0.5, 0.0, 1.0); }));
    check(unary_case({hard_swish}, [](double x) { return x * std::clamp(x / 6 + 0.5, 0.0, 1.0); }));
    check(unary_case({op::unary_kind::tanh}, [](double x) { return std::tanh(x); }));
    check(unary_case({op::unary_kind::erf}, [](double x) { return std::erf(x); }));
    check(unary_case({gelu}, [](double x) { return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2)); }));
    check(unary_case({gelu_tanh}, [](double x) {
        return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    }));
    check(unary_case(
        {op::unary_kind::sqrt}, [](double x) { return std::sqrt(x); }, 0.5, 3));
    check(unary_case({exponential}, [](double x) { return std::exp(x); }));
    check(unary_case({negate}, [](double x) { return -x; }));
}

TEST_CASE("graph: functions of two tensors, which are broadcast") {
    const auto functions = std::to_array<double (*)(double, double)>(
        {[](double a, double b) { return a + b; }, [](double a, double b) { return a - b; },
         [](double a, double b) { return a * b; }, [](double a, double b) { return a / b; },
         [](double a, double b) { return std::pow(a, b); },
         [](double a, double b) { return a > 0 ? a : a * b; }});
    for (std::size_t kind = 0; kind < functions.size(); ++kind) {
        const op::binary what{static_cast<op::binary_kind>(kind)};
        const double low = kind < 3 || kind == 5 ? -2 : 0.5;
        const auto function = functions[kind];
        check({"a constant per channel " + std::to_string(kind),
               {3, 4, 2},
               [=](graph& g) {
                   return g.add("f", what, {g.input(), g.constant("c", {3, 1, 1}, {0.5, 2, 1.5})});
               },
               [=](const numbers& x) {
                   numbers y;
                   for (std::size_t i = 0; i < x.size(); ++i)
                       y.push_back(function(x[i], numbers{0.5, 2, 1.5}[i / 8]));
                   return y;
               },
               low,
               2});
        check({"a number first " + std::to_string(kind),
               {3, 2},
               [=](graph& g) {
                   return g.add("f", what, {g.constant("c", {}, {0.7}), g.input()});
               },
               [=](const numbers& x) {
                   numbers y;
                   for (const double value : x) y.push_back(function(0.7, value));
                   return y;
               },
               low,
               2});
        // Both operands depend on the input, and one of them is broadcast.
        check({"a mean per channel " + std::to_string(kind),
               {3, 2, 2},
               [=](graph& g) {
                   const auto mean = g.add("mean", op::reduce_mean{{2, 3}}, {g.input()});
                   return g.add("f", what, {g.input(), mean});
               },
               [=](const numbers& x) {
                   numbers y;
                   for (std::size_t i = 0; i < 12; ++i) {
                       const std::size_t first = i / 4 * 4;
                       y.push_back(
                           function(x[i], (x[first] + x[first + 1] + x[first + 2] + x[first + 3]) / 4));
                   }
                   return y;
               },
               low,
               2});
    }
    check(
        {"a square",
         {7},
         [](graph& g) {
             return g.add("f", op::binary{op::binary_kind::power}, {g.input(), g.constant("two", {1}, {2})});
         },
         [](const numbers& x) {
             numbers y;
             for (const double value : x) y.push_back(value * value);
             return y;
         }});
    check({"the same tensor twice", {5}, [](graph& g) {
               return g.add("f", op::binary{op::binary_kind::multiply}, {g.input(), g.input()});
           }});
}

TEST_CASE("graph: matrix products") {
    check({"dense layer with bias",
           {6},
           [](graph& g) {
               return g.add("gemm", op::matrix_product{.transpose_b = true, .alpha = 2},
                            {g.input(), g.constant("w", {20, 6}, random_numbers(120, 4)),
                             g.constant("b", {20}, random_numbers(20, 5))});
           },
           [](const numbers& x) {
               const numbers w = random_numbers(120, 4), b = random_numbers(20, 5);
               numbers y = b;
               for (std::size_t j = 0; j < 20; ++j) {
                   for (std::size_t k = 0; k < 6; ++k) y[j] += 2 * x[k] * w[j * 6 + k];
               }
               return y;
           }});
    check({"tokens",
           {5, 4},
           [](graph& g) {
               return g.add("matmul", op::matrix_product{},
                            {g.input(), g.constant("w", {4, 35}, random_numbers(140, 4))});
           },
           [](const numbers& x) { return product(x, random_numbers(140, 4), 5, 4, 35); }});
    check({"a constant on the left",
           {5, 4},
           [](graph& g) {
               return g.add("matmul", op::matrix_product{},
                            {g.constant("w", {3, 5}, random_numbers(15, 4)), g.input()});
           },
           [](const numbers& x) { return product(random_numbers(15, 4), x, 3, 5, 4); }});
    check({"a product with itself",
           {2, 5, 3},
           [](graph& g) {
               return g.add("matmul", op::matrix_product{.transpose_b = true}, {g.input(), g.input()});
           },
           [](const numbers& x) {
               numbers y;
               for (std::size_t i = 0; i < 50; ++i) {
                   const std::size_t first = i / 25 * 15, row = i % 25 / 5, col = i % 5;
                   double sum = 0;
                   for (std::size_t k = 0; k < 3; ++k) sum += x[first + row * 3 + k] * x[first + col * 3 + k];
                   y.push_back(sum);
               }
               return y;
           }});
    check({"one transposed, one broadcast", {3, 4, 5}, [](graph& g) {
               const auto one = g.add("slice", op::slice{{1}, {1}, {2}}, {g.input()});
               return g.add("matmul", op::matrix_product{.transpose_a = true}, {one, g.input()});
           }});
    check({"constants behind nodes",
           {5, 4},
           [](graph& g) {
               const auto turned =
                   g.add("turned", op::transpose{{1, 0}}, {g.constant("w", {3, 4}, random_numbers(12, 4))});
               const auto doubled = g.add("doubled", op::binary{op::binary_kind::add}, {turned, turned});
               const auto twice = g.add("twice", op::matrix_product{}, {g.input(), doubled});
               const auto once = g.add("once", op::matrix_product{}, {g.input(), turned});
               return g.add("sum", op::binary{op::binary_kind::add}, {twice, once});
           },
           [](const numbers& x) {
               const numbers w = random_numbers(12, 4);
               numbers y(15, 0.0);
               for (std::size_t i = 0; i < 5; ++i) {
                   for (std::size_t j = 0; j < 3; ++j) {
                       for (std::size_t k = 0; k < 4; ++k) y[i * 3 + j] += x[i * 4 + k] * 3 * w[j * 4 + k];
                   }
               }
               return y;
           }});
    check({"a vector",
           {3, 4},
           [](graph& g) {
               return g.add("matmul", op::matrix_product{},
                            {g.input(), g.constant("v", {4}, random_numbers(4, 4))});
           },
           [](const numbers& x) { return product(x, random_numbers(4, 4), 3, 4, 1); }});
}

TEST_CASE("graph: normalizations and means") {
    for (const bool logarithm : {false, true}) {
        check({"softmax of rows",
               {3, 4},
               [=](graph& g) {
                   return g.add("s", op::softmax{-1, logarithm}, {g.input()});
               },
               [=](const numbers& x) { return softmax_of(x, 3, 4, 1, logarithm); }});
        check({"softmax of channels",
               {5, 2, 3},
               [=](graph& g) {
                   return g.add("s", op::softmax{1, logarithm}, {g.input()});
               },
               [=](const numbers& x) { return softmax_of(x, 1, 5, 6, logarithm); }});
        check({"softmax of columns",
               {5, 2, 3},
               [=](graph& g) {
                   return g.add("s", op::softmax{2, logarithm}, {g.input()});
               },
               [=](const numbers& x) { return softmax_of(x, 5, 2, 3, logarithm); }});
    }
    check({"batch normalization",
           {2, 3, 2},
           [](graph& g) {
               return g.add("bn", op::batch_normalization{0.5},
                            {g.input(), g.constant("s", {2}, {1, 2}), g.constant("b", {2}, {3, -1}),
                             g.constant("m", {2}, {0.5, 0.25}), g.constant("v", {2}, {1, 3})});
           },
           [](const numbers& x) {
               numbers y;
               for (std::size_t i = 0; i < 12; ++i) {
                   y.push_back(i < 6 ? (x[i] - 0.5) / std::sqrt(1.5) + 3
                                     : 2 * (x[i] - 0.25) / std::sqrt(3.5) - 1);
               }
               return y;
           }});
    check({"layer normalization",
           {3, 4},
           [](graph& g) {
               return g.add("ln", op::layer_normalization{-1, 0.1},
                            {g.input(), g.constant("s", {4}, {1, 2, 3, 4}), g.constant("b", {1}, {0.5})});
           },
           [](const numbers& x) {
               numbers y;
               for (std::size_t i = 0; i < 12; ++i) {
                   const double* row = x.data() + i / 4 * 4;
                   const double mean = (row[0] + row[1] + row[2] + row[3]) / 4;
                   double variance = 0;
                   for (std::size_t k = 0; k < 4; ++k) variance += (row[k] - mean) * (row[k] - mean) / 4;
                   y.push_back((x[i] - mean) / std::sqrt(variance + 0.1) * static_cast<double>(i % 4 + 1) +
                               0.5);
               }
               return y;
           }});
    check({"layer normalization of maps", {2, 3, 2}, [](graph& g) {
               return g.add("ln", op::layer_normalization{1, 0.1}, {g.input()});
           }});
    check({"mean of positions",
           {2, 3, 2},
           [](graph& g) {
               return g.add("mean", op::reduce_mean{{-1, 2}, false}, {g.input()});
           },
           [](const numbers& x) {
               return numbers{(x[0] + x[1] + x[2] + x[3] + x[4] + x[5]) / 6,
                              (x[6] + x[7] + x[8] + x[9] + x[10] + x[11]) / 6};
           }});
    check({"mean of channels",
           {3, 2, 2},
           [](graph& g) { return g.add("mean", op::reduce_mean{{1}}, {g.input()}); },
           [](const numbers& x) {
               numbers y;
               for (std::size_t i = 0; i < 4; ++i) y.push_back((x[i] + x[i + 4] + x[i + 8]) / 3);
               return y;
           }});
}

TEST_CASE("graph: operations that move elements") {
    const auto pick = [](std::vector<std::size_t> indices) {
        return [indices](const numbers& x) {
            numbers y;
            for (const std::size_t i : indices) y.push_back(x[i]);
            return y;
        };
    };
    check({"concat",
           {2, 2, 1},
           [](graph& g) {
               const auto twice = g.add("scale", op::unary{op::unary_kind::negate}, {g.input()});
               return g.add("concat", op::concat{1}, {g.input(), twice, g.input()});
           },
           [](const numbers& x) {
               return numbers{x[0], x[1], x[2], x[3], -x[0], -x[1], -x[2], -x[3], x[0], x[1], x[2], x[3]};
           }});
    check({"slice",
           {3, 4},
           [](graph& g) {
               return g.add("slice", op::slice{{1, -1}, {1, -3}, {1 << 30, -1}}, {g.input()});
           },
           pick({5, 6, 9, 10})});
    check({"slice backwards",
           {3, 4},
           [](graph& g) {
               return g.add("slice", op::slice{{2}, {-1}, {-100}, {-2}}, {g.input()});
           },
           pick({3, 1, 7, 5, 11, 9})});
    check({"both parts of a split",
           {4},
           [](graph& g) {
               const auto a = g.add("a", op::slice{{1}, {0}, {2}}, {g.input()});
               const auto b = g.add("b", op::slice{{1}, {2}, {4}}, {g.input()});
               return g.add("product", op::binary{op::binary_kind::multiply}, {a, b});
           },
           [](const numbers& x) {
               return numbers{x[0] * x[2], x[1] * x[3]};
           }});
    check({"pad",
           {1, 2, 2},
           [](graph& g) {
               return g.add("pad", op::pad{{0, 0, 1, -1}, {0, 0, 0, 2}, 7}, {g.input()});
           },
           [](const numbers& x) { return numbers{7, 7, 7, x[1], 7, 7, x[3], 7, 7}; }});
    check({"pad with 0",
           {2, 2},
           [](graph& g) {
               return g.add("pad", op::pad{{0, 1, 0}, {0, 0, 1}}, {g.input()});
           },
           [](const numbers& x) { return numbers{0, 0, 0, x[0], x[1], 0, x[2], x[3], 0}; }});
    check({"flatten",
           {2, 2, 2},
           [](graph& g) {
               return g.add("flatten", op::reshape{{N, 8}}, {g.input()});
           },
           pick({0, 1, 2, 3, 4, 5, 6, 7})});
    check({"split of an axis",
           {4, 3},
           [](graph& g) {
               return g.add("reshape", op::reshape{{N, 2, 2, 3}}, {g.input()});
           },
           pick({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})});
    check({"channel shuffle",
           {4, 1, 2},
           [](graph& g) {
               const auto split = g.add("split", op::reshape{{N, 2, 2, 1, 2}}, {g.input()});
               const auto swapped = g.add("swap", op::transpose{{0, 2, 1, 3, 4}}, {split});
               return g.add("join", op::reshape{{N, 4, 1, 2}}, {swapped});
           },
           pick({0, 1, 4, 5, 2, 3, 6, 7})});
    check({"transpose",
           {2, 3},
           [](graph& g) {
               return g.add("transpose", op::transpose{{0, 2, 1}}, {g.input()});
           },
           pick({0, 3, 1, 4, 2, 5})});
    check({"a batch that is not the first axis",
           {2, 3},
           [](graph& g) {
               const auto moved = g.add("move", op::transpose{{1, 0, 2}}, {g.input()});
               const auto joined = g.add("join", op::reshape{{2, {3, true}}}, {moved});
               const auto split = g.add("split", op::reshape{{2, N, 3}}, {joined});
               return g.add("square", op::unary{op::unary_kind::tanh}, {split});
           },
           [](const numbers& x) {
               numbers y;
               for (const double value : x) y.push_back(std::tanh(value));
               return y;
           }});
    check({"expand",
           {2, 1, 2},
           [](graph& g) {
               return g.add("expand", op::expand{{N, 2, 3, 1}}, {g.input()});
           },
           pick({0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3})});
    check({"a token per sample",
           {1, 2},
           [](graph& g) {
               const auto token = g.add("token", op::expand{{N, 1, 2}}, {g.constant("t", {1, 1, 2}, {5, 6})});
               return g.add("concat", op::concat{1}, {token, g.input()});
           },
           [](const numbers& x) {
               return numbers{5, 6, x[0], x[1]};
           }});
    check({"where",
           {4},
           [](graph& g) {
               const auto other = g.add("negate", op::unary{op::unary_kind::negate}, {g.input()});
               return g.add("where", op::where{}, {g.constant("c", {4}, {1, 0, 0, 1}), g.input(), other});
           },
           [](const numbers& x) {
               return numbers{x[0], -x[1], -x[2], x[3]};
           }});
    check({"where with a number",
           {2, 2},
           [](graph& g) {
               return g.add("where", op::where{},
                            {g.constant("c", {2, 1}, {1, 0}), g.constant("y", {}, {9}), g.input()});
           },
           [](const numbers& x) {
               return numbers{9, 9, x[2], x[3]};
           }});
    check({"gather",
           {3, 2},
           [](graph& g) {
               return g.add("gather", op::gather{1, {2, -3, 2, 1}, {2, 2}}, {g.input()});
           },
           pick({4, 5, 0, 1, 4, 5, 2, 3})});
    check({"gather of one index",
           {3, 2},
           [](graph& g) {
               return g.add("gather", op::gather{1, {1}, {}}, {g.input()});
           },
           pick({2, 3})});
}

} // namespace graph_operations_test
