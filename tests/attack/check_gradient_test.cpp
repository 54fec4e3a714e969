#include "repscope/attack/check_gradient.hpp"

#include "attack/support.hpp"
#include "repscope/net/inference_model.hpp"
#include "repscope/net/models.hpp"
#include "repscope/random/random_stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace check_gradient_test {

using namespace repscope;
using namespace attack_check;

namespace {

/// A model whose gradient is passed through `change(gradient, sample)`.
template <typename Scalar, typename Change>
auto changed(two_layers<Scalar>& model, Change change) {
    return [&model, change](const tensor_view<const Scalar, 4>& x, std::span<const int> labels,
                            std::span<double> losses, std::span<int> predicted,
                            const tensor_view<Scalar, 4>& gradient) {
        model(x, labels, losses, predicted, gradient);
        if (gradient.empty()) return;
        for (std::size_t n = 0; n < x.extent(0); ++n) {
            for (std::size_t i = 0; i < size; ++i) {
                Scalar& g = gradient(n, i / 12, i / 4 % 3, i % 4);
                g = change(g, n);
            }
        }
    };
}

template <typename Model, typename Scalar>
std::string refusal(Model&& model, const inputs<Scalar>& data,
                    const attack::gradient_check_options& options = {}) {
    try {
        attack::check_gradient(model, data.x(), data.labels, options);
    } catch (const value_error& wrong) {
        return wrong.what();
    }
    return "";
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

template <typename Scalar>
void check_smooth_model() {
    const inputs<Scalar> data(20);
    two_layers<Scalar> model;
    const auto check = attack::check_gradient(model, data.x(), data.labels);
    CHECK(check.compared == 20);
    CHECK(check.failed == 0);
    CHECK(check.largest_error < 1e-3);
    CHECK(check.ratio == doctest::Approx(1).epsilon(1e-3));
    CHECK(model.calls == 1 + 2 * 5 * 8);

    // The samples do not depend on the batch; other seeds are other directions.
    CHECK(check.measured_change > 1e-4);
    CHECK(check.measured_change == doctest::Approx(check.predicted_change).epsilon(1e-2));
    const auto other = attack::check_gradient(model, data.x(), data.labels, {.batch = 7});
    CHECK(other.ratio == check.ratio);
    CHECK(other.worst_sample == check.worst_sample);
    CHECK(attack::check_gradient(model, data.x(), data.labels, {.seed = 1}).ratio != check.ratio);

    const std::string sign = refusal(changed(model, [](Scalar g, std::size_t) { return -g; }), data);
    CHECK(contains(sign, "relative error of 2 in sample"));
    CHECK(contains(sign, "in 20 of 20 samples"));
    CHECK(contains(sign, "are -1 times"));
    CHECK(contains(sign, "sign"));

    // Inputs are normalized outside: the gradient is that of the normalized ones, .25 times too small.
    const std::string units =
        refusal(changed(model, [](Scalar g, std::size_t) { return g * Scalar(0.25); }), data);
    CHECK(contains(units, "relative error of 0.75"));
    CHECK(contains(units, "are 4 times"));
    CHECK(contains(units, "normalized"));

    const std::string zero = refusal(changed(model, [](Scalar, std::size_t) { return Scalar(0); }), data);
    CHECK(contains(zero, "relative error of 1 in sample"));
    CHECK(contains(zero, "predicted change 0, measured"));
    CHECK(contains(zero, "is it written?"));

    // One sample of the batch is enough.
    const std::string last =
        refusal(changed(model, [](Scalar g, std::size_t n) { return n == 19 ? Scalar(0) : g; }), data);
    CHECK(contains(last, "in sample 19"));
    CHECK(contains(last, "in 1 of 20 samples"));

    // The error is 1 - 1/c for a gradient that is c times too large.
    const auto larger = changed(model, [](Scalar g, std::size_t) { return g * Scalar(1.25); });
    CHECK(attack::check_gradient(larger, data.x(), data.labels, {.tolerance = 0.21}).largest_error ==
          doctest::Approx(0.2).epsilon(1e-2));
    CHECK(!refusal(larger, data, {.tolerance = 0.19}).empty());
}

} // namespace

TEST_CASE("a correct gradient passes, a wrong one is named") {
    check_smooth_model<float>();
    check_smooth_model<double>();
}

TEST_CASE("networks with kinks in single precision pass") {
    random_stream random(8, 2);
    std::vector<float> pixels(40 * 100);
    for (std::size_t i = 0; i < pixels.size(); ++i) {
        // Half of the images have a flat background at an end of the box.
        pixels[i] = i / 100 % 2 == 0 || i % 100 > 40 ? static_cast<float>(random.uniform()) : 0.0F;
    }
    std::vector<int> labels(40);
    for (std::size_t n = 0; n < 40; ++n) labels[n] = static_cast<int>(n % 4);
    const tensor_view<const float, 4> x(pixels.data(), {40, 1, 10, 10});
    const auto check = [&](auto network) {
        for (const std::uint64_t seed : {1U, 2U, 3U}) {
            network.initialize(seed);
            for (const auto loss : {net::loss_function::cross_entropy, net::loss_function::margin}) {
                net::inference_model model(network, 1, loss);
                const auto found = attack::check_gradient(model, x, labels);
                CHECK(found.compared >= 10);
                CHECK(found.largest_error < 0.25);
            }
        }
    };
    check(net::small_cnn<float>(1, 4, {0.3}, {0.2}));
    check(net::mlp<float>(100, 4, {0.3}, {0.2}));
}

TEST_CASE("max-pooling over a flat background passes") {
    // The loss is a weighted sum of the maxima of pairs of neighbors; of equals the first has the gradient.
    const auto pooling = [](const tensor_view<const float, 4>& x, std::span<const int>,
                            std::span<double> losses, std::span<int> predicted,
                            const tensor_view<float, 4>& gradient) {
        for (std::size_t n = 0; n < x.extent(0); ++n) {
            double sum = 0;
            for (std::size_t i = 0; i < 12; ++i) {
                const std::size_t row = i / 4, column = i % 4;
                const float a = x(n, 0, row, column), b = x(n, 1, row, column);
                const float weight = static_cast<float>(i) - 4.5F;
                sum += static_cast<double>(weight * std::max(a, b));
                if (gradient.empty()) continue;
                gradient(n, 0, row, column) = a >= b ? weight : 0;
                gradient(n, 1, row, column) = a >= b ? 0 : weight;
            }
            losses[n] = sum;
            predicted[n] = 0;
        }
    };
    const std::vector<float> pixels(30 * size, 0.0F);
    const tensor_view<const float, 4> x(pixels.data(), {30, channels, height, width});
    const auto check = attack::check_gradient(pooling, x, std::vector<int>(30, 0));
    CHECK(check.compared == 30);
    CHECK(check.largest_error < 0.1);
}

TEST_CASE("differences stay inside the box of each channel") {
    const attack::input_bounds bounds{.lower = {0, -1}, .upper = {0.5, 2}};
    std::vector<double> pixels;
    for (std::size_t i = 0; i < 6 * size; ++i) {
        const bool second = i / 12 % 2 == 1;
        pixels.push_back(i % 3 == 0 ? (second ? -1 : 0) : i % 3 == 1 ? (second ? 2 : 0.5) : 0.25);
    }
    const std::vector<int> labels{0, 1, 2, 0, 1, 2};
    two_layers<double> model;
    double farthest = 0;
    model.seen = [&](const tensor_view<const double, 4>& x) {
        for (std::size_t n = 0; n < x.extent(0); ++n) {
            for (std::size_t i = 0; i < size; ++i) {
                const double value = x(n, i / 12, i / 4 % 3, i % 4);
                const double low = bounds.lower_of(i / 12), high = bounds.upper_of(i / 12);
                farthest = std::max({farthest, low - value, value - high});
            }
        }
    };
    const tensor_view<const double, 4> x(pixels.data(), {6, channels, height, width});
    const auto check = attack::check_gradient(model, x, labels, {.step = 0.01, .bounds = bounds});
    CHECK(check.compared == 6);
    CHECK(check.largest_error < 1e-2);
    CHECK(farthest <= 0);
    CHECK_THROWS_AS(attack::check_gradient(model, x, labels), value_error); // outside [0, 1]
}

TEST_CASE("samples without a change of loss are not compared") {
    const inputs<float> data(6);
    // The loss of label 0 is flat up to rounding, its gradient arbitrary but tiny.
    const auto partly = [](const tensor_view<const float, 4>& x, std::span<const int> labels,
                           std::span<double> losses, std::span<int> predicted,
                           const tensor_view<float, 4>& gradient) {
        for (std::size_t n = 0; n < x.extent(0); ++n) {
            const float slope = labels[n] == 0 ? 1e-8F : 1.0F;
            losses[n] = static_cast<double>(3.0F + slope * x(n, 0, 0, 0));
            predicted[n] = 0;
            if (gradient.empty()) continue;
            for (std::size_t i = 0; i < size; ++i) gradient(n, i / 12, i / 4 % 3, i % 4) = 0;
            gradient(n, 0, 0, 0) = labels[n] == 0 ? -slope : slope;
        }
    };
    CHECK(attack::check_gradient(partly, data.x(), std::vector{0, 1, 0, 1, 1, 0}).compared == 3);
    CHECK_THROWS_WITH_AS(attack::check_gradient(partly, data.x(), std::vector<int>(6, 0)),
                         doctest::Contains("got none of 6"), value_error);
}

TEST_CASE("arguments that cannot be compared are refused") {
    const inputs<double> data(3);
    two_layers<double> model;
    CHECK_THROWS_AS(attack::check_gradient(model, data.x(), std::vector{0, 1}), shape_error);
    CHECK_THROWS_AS(attack::check_gradient(model, data.x(), std::vector{0, 1, 3}), value_error);
    for (const attack::gradient_check_options& options : {attack::gradient_check_options{.directions = 0},
                                                          {.directions = 5000},
                                                          {.step = 0},
                                                          {.step = 0.3},
                                                          {.tolerance = 0},
                                                          {.tolerance = 1},
                                                          {.batch = 0}}) {
        CHECK_THROWS_AS(attack::check_gradient(model, data.x(), data.labels, options), value_error);
    }
    const auto infinite =
        changed(model, [](double, std::size_t) { return std::numeric_limits<double>::infinity(); });
    CHECK(contains(refusal(infinite, data), "NaN or infinity"));
}

} // namespace check_gradient_test
