#include "repscope/gradient/input_unit.hpp"

#include "repscope/gradient/jacobian.hpp"
#include "repscope/gradient/variability.hpp"
#include "repscope/model/normalized.hpp"
#include "repscope/net/inference_model.hpp"
#include "repscope/net/models.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/tensor/array.hpp"
#include "repscope/tensor/slice.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace input_unit_test {

using namespace repscope;

namespace {

/// A network with taps behind layers and inside blocks.
auto network() {
    auto made = net::network(
        "n", net::normalization<double>({0.4, 0.5}, {0.3, 0.2}),
        net::sequential(
            net::conv_bn_relu<double>({.in = 2, .out = 5, .win = {{3, 3}, {2, 1}, {1, 1}}}),
            net::residual<double>(5, 6, 2, "block1"), net::max_pool<double>({{2, 1}, {1, 1}, {0, 0}}),
            net::residual<double>(6, 6, 1, "block2"), net::global_average_pool<double>(),
            net::dense<double>(6, 4, "hidden"), net::relu<double>("hidden"), net::dense<double>(4, 3)));
    made.initialize(8);
    random_stream random(23, 1);
    const auto disturb = [&](const std::string&, std::span<double> values) {
        for (double& value : values) value += 0.2 * random.uniform();
    };
    made.visit_parameters(disturb);
    made.visit_state(disturb);
    return made;
}

array<double, 4> images(std::size_t samples) {
    array<double, 4> x({samples, 2, 7, 6});
    random_stream random(3, 1);
    for (std::size_t i = 0; i < x.size(); ++i) x.data_handle()[i] = random.uniform();
    return x;
}

/// The same model without the loops of its own.
template <typename Model>
struct plain {
    Model* model;

    void operator()(const tensor_view<const double, 4>& x, std::span<const int> labels,
                    std::span<double> losses, std::span<int> predicted,
                    const tensor_view<double, 4>& gradient) {
        (*model)(x, labels, losses, predicted, gradient);
    }
    std::size_t layers() const { return model->layers(); }
    std::array<std::size_t, 4> extents(std::size_t layer, const std::array<std::size_t, 4>& x) const {
        return model->extents(layer, x);
    }
    void vjp(std::size_t layer, const tensor_view<const double, 4>& x,
             const tensor_view<const double, 4>& upstream, const tensor_view<double, 4>& gradient) {
        model->vjp(layer, x, upstream, gradient);
    }
    void jvp(std::size_t layer, const tensor_view<const double, 4>& x,
             const tensor_view<const double, 4>& tangent, const tensor_view<double, 4>& out) {
        model->jvp(layer, x, tangent, out);
    }
};

/// Spatial means of all taps, layer after layer, of one image.
template <typename Network>
std::vector<double> units_of(const Network& net, const tensor_view<const double, 4>& x) {
    std::vector<double> values;
    typename Network::workspace ws;
    net.forward(x, ws, [&](std::size_t, std::string_view, const tensor_view<const double, 4>& a) {
        for (std::size_t c = 0; c < a.extent(1); ++c) {
            double sum = 0;
            for (std::size_t y = 0; y < a.extent(2); ++y) {
                for (std::size_t column = 0; column < a.extent(3); ++column)
                    sum += a(std::size_t{0}, c, y, column);
            }
            values.push_back(sum / static_cast<double>(a.extent(2) * a.extent(3)));
        }
    });
    return values;
}

void check_same(const std::vector<layer_gradients>& a, const std::vector<layer_gradients>& b,
                double tolerance) {
    REQUIRE(a.size() == b.size());
    for (std::size_t layer = 0; layer < a.size(); ++layer) {
        for (const auto moments : {&layer_gradients::l2, &layer_gradients::l1}) {
            const gradient_moments &left = a[layer].*moments, &right = b[layer].*moments;
            REQUIRE(left.units() == right.units());
            REQUIRE(left.samples() == right.samples());
            for (std::size_t u = 0; u < left.units(); ++u) {
                CHECK(std::abs(left.mean(u) - right.mean(u)) <= tolerance * std::max(1.0, left.mean(u)));
                CHECK(std::abs(left.m2(u) - right.m2(u)) <= tolerance * std::max(1.0, left.m2(u)));
            }
            for (std::size_t i = 0; i < left.samples(); ++i) {
                CHECK(std::abs(left.ratios()[i] - right.ratios()[i]) <= tolerance);
            }
        }
    }
}

} // namespace

TEST_CASE("exact gradients of all units against central differences") {
    const auto net = network();
    net::inference_model model(net);
    const auto x = images(3);
    for (std::size_t n = 0; n < 3; ++n) {
        const auto found = input_unit_gradients(model, samples(x.view(), n, 1));
        const std::size_t size = 2 * 7 * 6;
        std::vector<double> pixels(x.data_handle() + n * size, x.data_handle() + (n + 1) * size);
        const tensor_view<const double, 4> moved(pixels.data(), {1, 2, 7, 6});
        std::vector<double> squares(units_of(net, moved).size()), sizes(squares.size());
        for (double& pixel : pixels) {
            const double value = pixel, h = 1e-6;
            pixel = value + h;
            const auto up = units_of(net, moved);
            pixel = value - h;
            const auto down = units_of(net, moved);
            pixel = value;
            for (std::size_t u = 0; u < up.size(); ++u) {
                const double slope = (up[u] - down[u]) / (2 * h);
                squares[u] += slope * slope;
                sizes[u] += std::abs(slope);
            }
        }
        std::size_t all = 0;
        REQUIRE(found.size() == 6);
        for (const layer_gradients& layer : found) {
            for (std::size_t u = 0; u < layer.l2.units(); ++u, ++all) {
                CAPTURE(all);
                CHECK(layer.l2.mean(u) == doctest::Approx(std::sqrt(squares[all])).epsilon(1e-6));
                CHECK(layer.l1.mean(u) == doctest::Approx(sizes[all]).epsilon(1e-6));
            }
        }
        CHECK(all == squares.size());
    }
}

TEST_CASE("vjp and jvp give the same result as the network's own loops") {
    const auto net = network();
    net::inference_model model(net);
    const auto x = images(7);
    plain<decltype(model)> general{&model};
    static_assert(layered<decltype(general), double>);
    check_same(input_unit_gradients(model, x), input_unit_gradients(general, x), 1e-12);
    const input_gradient_options probes{.probes = 5, .seed = 2};
    check_same(input_unit_gradients(model, x, probes), input_unit_gradients(general, x, probes), 1e-12);
    // Through a normalization that does nothing but scale, gradients scale.
    normalized<plain<decltype(model)>&, double> scaled(general, {0.0}, {0.5});
    auto halved = x;
    for (std::size_t i = 0; i < x.size(); ++i) halved.data_handle()[i] *= 0.5;
    for (const std::size_t k : {0U, 5U}) {
        const auto ours = input_unit_gradients(scaled, halved, {.probes = k, .seed = 2});
        const auto inner = input_unit_gradients(model, x, {.probes = k, .seed = 2});
        for (std::size_t layer = 0; layer < ours.size(); ++layer) {
            for (std::size_t u = 0; u < ours[layer].l2.units(); ++u) {
                CHECK(ours[layer].l2.mean(u) == doctest::Approx(2 * inner[layer].l2.mean(u)).epsilon(1e-12));
            }
        }
    }
}

TEST_CASE("threads, batches and parts of the data give the same gradients") {
    const auto net = network();
    net::inference_model one(net, 1), three(net, 3);
    const auto x = images(11);
    for (const std::size_t probes : {0U, 4U}) {
        const auto expected = input_unit_gradients(one, x, {.probes = probes});
        check_same(expected, input_unit_gradients(three, x, {.threads = 2, .probes = probes}), 0);
        check_same(expected, input_unit_gradients(one, x, {.probes = probes, .batch = 4}), 1e-12);
        auto merged = input_unit_gradients(one, samples(x.view(), 0, 5), {.probes = probes});
        const auto rest =
            input_unit_gradients(one, samples(x.view(), 5, 6), {.probes = probes, .first_sample = 5});
        for (std::size_t layer = 0; layer < merged.size(); ++layer) merged[layer].merge(rest[layer]);
        check_same(expected, merged, 1e-12);
    }
}

TEST_CASE("gradients dumped by another program") {
    // Two samples, two units, three elements.
    const std::vector<float> dump{3, 0, -4, 0, 0, 0, 1, 2, 2, -6, 0, 8};
    layer_gradients moments(2);
    moments.update(as_view(dump, {2, 2, 3}));
    CHECK(moments.l2.mean(0) == 4);
    CHECK(moments.l2.mean(1) == 5);
    CHECK(moments.l1.mean(0) == 6);
    CHECK(moments.l1.mean(1) == 7);
    CHECK(moments.l2.zeros(1) == 1);
    CHECK_THROWS_AS(moments.update(as_view(dump, {2, 3, 2})), shape_error);
    const std::vector<float> broken{1, 2, 3, 4, std::numeric_limits<float>::infinity(), 6};
    CHECK_THROWS_WITH_AS(moments.update(as_view(broken, {1, 2, 3})), doctest::Contains("in sample 2, unit 1"),
                         value_error);
    CHECK(moments.l2.samples() == 2);
    CHECK(moments.l1.samples() == 2);
}

TEST_CASE("probes agree with the exact gradients within the error they state") {
    const auto net = network();
    net::inference_model model(net);
    const auto x = images(300);
    const auto exact = input_unit_gradients(model, x);
    std::vector<double> errors;
    for (const std::size_t k : {1U, 4U, 16U, 64U}) {
        CAPTURE(k);
        const auto probed = input_unit_gradients(model, x, {.probes = k, .seed = 5});
        double total = 0;
        for (std::size_t layer = 0; layer < exact.size(); ++layer) {
            CAPTURE(layer);
            const auto expected = gradient_variability(exact[layer].l2);
            const auto found = gradient_variability(probed[layer].l2);
            CAPTURE(expected.cv_samples);
            CAPTURE(expected.cv_units);
            CAPTURE(found.cv_samples);
            CAPTURE(found.cv_samples_error);
            CAPTURE(found.cv_units);
            CAPTURE(found.cv_units_error);
            CHECK(found.dead_units == expected.dead_units);
            CHECK(std::abs(found.mean - expected.mean) <= 3 * found.mean_error);
            CHECK(std::abs(found.cv_samples - expected.cv_samples) <= 3 * found.cv_samples_error);
            if (k >= 4) CHECK(std::abs(found.cv_units - expected.cv_units) <= 3 * found.cv_units_error);
            if (k == 1) CHECK(std::isnan(found.cv_units));
            CHECK(probed[layer].l1.samples() == 0);
            total += std::abs(found.cv_samples - expected.cv_samples);
        }
        errors.push_back(total);
    }
    CHECK(errors[3] < errors[0] / 3);
    // Without the correction the noise of a probe would be taken for variability.
    const auto one = input_unit_gradients(model, x, {.probes = 1, .seed = 5});
    const auto& raw = one[0].l2;
    double cv = 0;
    for (std::size_t u = 0; u < raw.units(); ++u) {
        cv += std::sqrt(raw.m2(u) / 299) / raw.mean(u) / static_cast<double>(raw.units());
    }
    CHECK(cv > gradient_variability(exact[0].l2).cv_samples + 0.3);
}

TEST_CASE("the factor that makes the root of k squares unbiased") {
    // sqrt(k / 2) Gamma(k / 2) / Gamma((k + 1) / 2)
    for (const std::size_t k : {1U, 2U, 3U, 16U, 64U, 300U}) {
        const double half = static_cast<double>(k) / 2;
        CHECK(detail::probe_factor(k) ==
              doctest::Approx(std::sqrt(half) * std::exp(std::lgamma(half) - std::lgamma(half + 0.5)))
                  .epsilon(1e-12));
    }
}

TEST_CASE("invalid arguments throw") {
    const auto net = network();
    net::inference_model model(net);
    const auto x = images(2);
    CHECK_THROWS_AS((void)input_unit_gradients(model, samples(x.view(), 0, 0)), shape_error);
    CHECK_THROWS_AS((void)input_unit_gradients(model, x, {.probes = 5000}), value_error);
    CHECK_THROWS_AS((void)input_unit_gradients(model, x, {.batch = 0}), value_error);
    auto broken = x;
    broken(1, 0, 3, 3) = std::nan("");
    CHECK_THROWS_AS((void)input_unit_gradients(model, broken, {.probes = 2}), value_error);
    CHECK_THROWS_AS((void)input_output_jacobian(model, x, 0), value_error);
    CHECK_THROWS_AS((void)input_output_jacobian(model, broken, 3), value_error);
}

TEST_CASE("the Jacobian of a softmax of a linear function") {
    // W (3, 4); d p = (diag p - p p^T) W.
    const std::vector<double> w{1, -2, 0.5, 0, 0.3, 0.7, -1, 2, -1, 0, 0.2, 0.4};
    const auto model = [&](const tensor_view<const double, 4>& x, std::span<const int> labels,
                           std::span<double> losses, std::span<int>, const tensor_view<double, 4>& gradient) {
        for (std::size_t n = 0; n < x.extent(0); ++n) {
            std::array<double, 3> z{};
            double sum = 0;
            for (std::size_t j = 0; j < 3; ++j) {
                for (std::size_t i = 0; i < 4; ++i) z[j] += w[j * 4 + i] * x(n, i, 0, 0);
                sum += std::exp(z[j]);
            }
            const auto label = static_cast<std::size_t>(labels[n]);
            losses[n] = std::log(sum) - z[label];
            for (std::size_t i = 0; i < 4; ++i) {
                double g = -w[label * 4 + i];
                for (std::size_t j = 0; j < 3; ++j) g += std::exp(z[j]) / sum * w[j * 4 + i];
                gradient(n, i, 0, 0) = g;
            }
        }
    };
    const std::vector<double> x{0.1, 0.4, 0.9, 0.2, 0.8, 0.1, 0.3, 0.5};
    const auto found = input_output_jacobian(model, as_view(x, {2, 4}), 3, 1);
    for (std::size_t n = 0; n < 2; ++n) {
        std::array<double, 3> p{};
        double sum = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            for (std::size_t i = 0; i < 4; ++i) p[j] += w[j * 4 + i] * x[n * 4 + i];
            p[j] = std::exp(p[j]);
            sum += p[j];
        }
        double squares = 0, of_logs = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            for (std::size_t i = 0; i < 4; ++i) {
                double slope = 0;
                for (std::size_t k = 0; k < 3; ++k) {
                    slope += ((j == k ? 1 : 0) - p[k] / sum) * w[k * 4 + i];
                }
                of_logs += slope * slope;
                squares += p[j] / sum * slope * (p[j] / sum * slope);
            }
        }
        CHECK(found.probabilities[n] == doctest::Approx(std::sqrt(squares)).epsilon(1e-12));
        CHECK(found.log_probabilities[n] == doctest::Approx(std::sqrt(of_logs)).epsilon(1e-12));
    }
    CHECK(found.mean_probabilities ==
          doctest::Approx((found.probabilities[0] + found.probabilities[1]) / 2).epsilon(1e-14));
}

} // namespace input_unit_test
