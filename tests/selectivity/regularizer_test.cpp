#include "repscope/selectivity/regularizer.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

namespace regularizer_test {

namespace {

using repscope::layer_tap;
using repscope::tensor_view;

/// A post-ReLU layer with its gradient, filled with numbers that are generic and not negative.
struct layer {
    std::array<std::size_t, 4> extents;
    std::vector<double> values;
    std::vector<double> gradient;

    layer(std::array<std::size_t, 4> shape, std::uint64_t seed)
        : extents(shape), values(repscope::element_count(shape)), gradient(values.size()) {
        std::uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
        for (double& v : values) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            v = static_cast<double>(state >> 40) / 16777216.0 + 0.05;
        }
    }
    layer_tap<double> tap() {
        return {"layer", tensor_view<const double, 4>(values.data(), extents),
                tensor_view<double, 4>(gradient.data(), extents)};
    }
};

/// The penalty from its definition, one unit after the other.
double brute_force(const std::vector<layer>& layers, const std::vector<int>& labels, double alpha,
                   double epsilon) {
    double over_layers = 0;
    for (const layer& l : layers) {
        const auto [samples, units, height, width] = l.extents;
        double over_units = 0;
        for (std::size_t u = 0; u < units; ++u) {
            std::vector<double> means;
            for (int c = 0; c < 100; ++c) {
                double sum = 0;
                double elements = 0;
                for (std::size_t i = 0; i < samples; ++i) {
                    if (labels[i] != c) continue;
                    for (std::size_t p = 0; p < height * width; ++p) {
                        sum += l.values[(i * units + u) * height * width + p];
                        elements += 1;
                    }
                }
                if (elements > 0) means.push_back(sum / elements);
            }
            double largest = means[0];
            double total = 0;
            for (const double m : means) {
                largest = std::max(largest, m);
                total += m;
            }
            const double rest = (total - largest) / static_cast<double>(means.size() - 1);
            over_units += (largest - rest) / (largest + rest + epsilon);
        }
        over_layers += over_units / static_cast<double>(units);
    }
    return -alpha * over_layers / static_cast<double>(layers.size());
}

double evaluate(std::vector<layer>& layers, const std::vector<int>& labels,
                const repscope::selectivity_regularizer& penalty) {
    std::vector<layer_tap<double>> taps;
    for (layer& l : layers) taps.push_back(l.tap());
    return penalty(std::span<const layer_tap<double>>(taps), labels);
}

} // namespace

TEST_CASE("value and gradient follow the definition") {
    std::vector<layer> layers{layer({9, 3, 2, 3}, 1), layer({9, 11, 1, 1}, 2), layer({9, 1, 4, 5}, 3)};
    const std::vector<int> labels{2, 0, 2, 7, 0, 7, 7, 2, 0}; // unequal classes, and labels that do not occur
    for (const double alpha : {-1.5, 0.7}) {
        const repscope::selectivity_regularizer penalty{.alpha = alpha, .epsilon = 1e-3};
        for (layer& l : layers) std::fill(l.gradient.begin(), l.gradient.end(), 0.25); // it adds
        CHECK(evaluate(layers, labels, penalty) ==
              doctest::Approx(brute_force(layers, labels, alpha, 1e-3)).epsilon(1e-13));
        for (layer& l : layers) {
            const std::vector<double> analytic = l.gradient;
            double difference = 0;
            double size = 0;
            for (std::size_t k = 0; k < l.values.size(); ++k) {
                const double x = l.values[k];
                const double h = 6e-6 * std::max(1.0, std::abs(x));
                l.values[k] = x + h;
                const double up = brute_force(layers, labels, alpha, 1e-3);
                l.values[k] = x - h;
                const double down = brute_force(layers, labels, alpha, 1e-3);
                l.values[k] = x;
                const double numeric = (up - down) / (2 * h);
                difference += std::pow(analytic[k] - 0.25 - numeric, 2);
                size += numeric * numeric;
            }
            CHECK(std::sqrt(difference / size) <= 1e-6);
        }
    }
}

TEST_CASE("the result does not depend on the number of threads") {
    const std::vector<int> labels{1, 0, 1, 3, 0, 3, 2, 2};
    std::vector<layer> one{layer({8, 37, 3, 3}, 5), layer({8, 5, 1, 1}, 6)};
    std::vector<layer> three = one;
    const double a = evaluate(one, labels, {.alpha = 1, .threads = 1});
    const double b = evaluate(three, labels, {.alpha = 1, .threads = 3});
    CHECK(a == b);
    CHECK(one[0].gradient == three[0].gradient);
    CHECK(one[1].gradient == three[1].gradient);
}

TEST_CASE("a tie takes the derivative from the side on which the lowest label leads") {
    std::vector<layer> layers{layer({4, 1, 1, 1}, 1)};
    layers[0].values = {2, 2, 1, 1}; // classes 0 and 1 tie, class 2 is below
    const std::vector<int> labels{0, 1, 2, 2};
    const repscope::selectivity_regularizer penalty{.alpha = -1, .epsilon = 1e-3};
    evaluate(layers, labels, penalty);
    const double h = 1e-7;
    const double here = brute_force(layers, labels, -1, 1e-3);
    layers[0].values[0] = 2 + h; // class 0 leads
    CHECK(layers[0].gradient[0] ==
          doctest::Approx((brute_force(layers, labels, -1, 1e-3) - here) / h).epsilon(1e-5));
    layers[0].values[0] = 2;
    layers[0].values[1] = 2 - h; // class 0 leads again
    CHECK(layers[0].gradient[1] ==
          doctest::Approx((here - brute_force(layers, labels, -1, 1e-3)) / h).epsilon(1e-5));
}

TEST_CASE("a silent unit takes the derivative from the side on which the lowest label answers") {
    std::vector<layer> layers{layer({4, 1, 1, 1}, 1)};
    layers[0].values = {0, 0, 0, 0};
    const std::vector<int> labels{3, 3, 5, 5};
    const double epsilon = 1e-3;
    CHECK(evaluate(layers, labels, {.alpha = 1, .epsilon = epsilon}) == 0);
    const double h = 1e-9;
    layers[0].values[0] = h;
    CHECK(layers[0].gradient[0] ==
          doctest::Approx(brute_force(layers, labels, 1, epsilon) / h).epsilon(1e-5));
}

TEST_CASE("one class, no layers and alpha 0 contribute 0") {
    std::vector<layer> layers{layer({3, 2, 2, 2}, 1)};
    CHECK(evaluate(layers, {4, 4, 4}, {.alpha = 1}) == 0);
    CHECK(evaluate(layers, {0, 1, 2}, {.alpha = 0}) == 0);
    std::vector<layer> none;
    CHECK(evaluate(none, {0, 1}, {.alpha = 1}) == 0);
    for (const double g : layers[0].gradient) CHECK(g == 0);
}

TEST_CASE("float activations, and maps with a gap between rows") {
    std::vector<float> values(2 * 3 * 2 * 4);
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<float>((k * 7) % 11);
    std::vector<float> dense;
    for (std::size_t i = 0; i < 2 * 3 * 2; ++i) {
        for (std::size_t w = 0; w < 3; ++w) dense.push_back(values[i * 4 + w]);
    }
    std::vector<float> gradient(values.size());
    std::vector<float> dense_gradient(dense.size());
    const std::array<std::size_t, 4> extents{2, 3, 2, 3};
    const std::array<std::ptrdiff_t, 4> strides{24, 8, 4, 1};
    const std::vector<int> labels{0, 1};
    const repscope::selectivity_regularizer penalty{.alpha = 2};
    const std::array<layer_tap<float>, 1> gapped{
        {{"a", {values.data(), extents, strides}, {gradient.data(), extents, strides}}}};
    const std::array<layer_tap<float>, 1> packed{
        {{"b", {dense.data(), extents}, {dense_gradient.data(), extents}}}};
    const double a = penalty(std::span<const layer_tap<float>>(gapped), labels);
    const double b = penalty(std::span<const layer_tap<float>>(packed), labels);
    CHECK(a == doctest::Approx(b).epsilon(1e-14));
    CHECK(gradient[3] == 0); // the gap
    CHECK(gradient[4] == dense_gradient[3]);
}

TEST_CASE("adjacent channels of a pixel, and a border around the map, do not change the result") {
    for (const std::size_t units : {std::size_t{3}, std::size_t{8}, std::size_t{19}}) {
        std::vector<layer> planes{layer({5, units, 3, 2}, 4)};
        const std::vector<int> labels{0, 3, 3, 1, 0};
        const repscope::selectivity_regularizer penalty{.alpha = -1.5};
        const double expected = evaluate(planes, labels, penalty);
        // One pixel of border on the right and one row below, filled with what must not be read.
        const std::size_t row = 3 * units, image = 4 * row;
        std::vector<double> values(5 * image, 1e9), gradient(values.size(), 0.25);
        const std::array<std::size_t, 4> extents{5, units, 3, 2};
        const std::array<std::ptrdiff_t, 4> strides{static_cast<std::ptrdiff_t>(image), 1,
                                                    static_cast<std::ptrdiff_t>(row),
                                                    static_cast<std::ptrdiff_t>(units)};
        const tensor_view<double, 4> activation(values.data(), extents, strides);
        const tensor_view<double, 4> derivative(gradient.data(), extents, strides);
        const layer_tap<double> from = planes[0].tap();
        const auto each = [&](auto&& body) {
            for (std::size_t i = 0; i < 5; ++i) {
                for (std::size_t u = 0; u < units; ++u) {
                    for (std::size_t p = 0; p < 6; ++p) body(i, u, p / 2, p % 2);
                }
            }
        };
        each([&](auto... at) { activation(at...) = from.activation(at...); });
        const std::array<layer_tap<double>, 1> together{{{"a", activation, derivative}}};
        CHECK(penalty(std::span<const layer_tap<double>>(together), labels) ==
              doctest::Approx(expected).epsilon(1e-13));
        bool same = true;
        each([&](auto... at) {
            same = same && derivative(at...) - 0.25 == doctest::Approx(from.gradient(at...)).epsilon(1e-11);
            derivative(at...) = 0.25;
        });
        CHECK(same);
        for (const double g : gradient) CHECK(g == 0.25); // the border is untouched
    }
}

TEST_CASE("bad input is named") {
    std::vector<layer> layers{layer({3, 2, 2, 2}, 1)};
    CHECK_THROWS_WITH_AS(
        evaluate(layers, {0, -1, 2}, {.alpha = 1}),
        "repscope::selectivity_regularizer: expected labels of 0 or above, got -1 at position 1",
        repscope::value_error);
    CHECK_THROWS_WITH_AS(
        evaluate(layers, {0, 1}, {.alpha = 1}),
        "repscope::selectivity_regularizer: expected 2 samples, one per label, got shape (3, 2, 2, 2)",
        repscope::shape_error);
}

} // namespace regularizer_test
