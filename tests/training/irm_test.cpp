#include "repscope/data/attribute_environment.hpp"
#include "repscope/net/layers/dense.hpp"
#include "repscope/net/layers/flatten.hpp"
#include "repscope/net/layers/relu.hpp"
#include "repscope/net/network.hpp"
#include "repscope/net/optim/adam.hpp"
#include "repscope/net/optim/sgd.hpp"
#include "repscope/net/sequential.hpp"
#include "repscope/robustness/fairness.hpp"
#include "repscope/training/irm.hpp"
#include "support/gradient_check.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace irm_test {

using namespace repscope;

namespace {

std::vector<double> normals(std::size_t n, std::uint64_t seed, double scale = 1) {
    random_stream random(seed, 1);
    std::vector<double> values(n);
    for (double& value : values) value = scale * random.normal();
    return values;
}

/// Mean cross-entropy of logits times w.
double scaled_risk(std::span<const double> logits, std::size_t classes, std::span<const int> labels,
                   double w) {
    double sum = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const double* z = logits.data() + i * classes;
        double total = classes == 1 ? 1 : 0;
        for (std::size_t k = 0; k < classes; ++k) total += std::exp(w * z[k]);
        const double own = classes == 1 ? (labels[i] == 1 ? z[0] : 0) : z[labels[i]];
        sum += std::log(total) - w * own;
    }
    return sum / static_cast<double>(labels.size());
}

auto perceptron(std::size_t inputs, std::size_t hidden) {
    return net::network("perceptron", net::normalization<double>({0.0, 0.0}, {1.0, 1.0}),
                        net::sequential(net::flatten<double>(), net::dense<double>(inputs, hidden, "dense1"),
                                        net::relu<double>("dense1"),
                                        net::dense<double>(hidden, 1, "dense2")));
}

} // namespace

TEST_CASE("the penalty is the squared slope of the risk along a factor on the logits") {
    for (const std::size_t classes : {std::size_t{1}, std::size_t{4}}) {
        const std::vector<int> labels{0, 1, 1, 0, 1};
        std::vector<double> logits = normals(labels.size() * classes, 3, 2);
        const tensor_view<const double, 2> z(logits.data(), {labels.size(), classes});
        const auto found = training::irm_penalty(z, labels);
        const double h = 1e-5;
        const double slope =
            (scaled_risk(logits, classes, labels, 1 + h) - scaled_risk(logits, classes, labels, 1 - h)) /
            (2 * h);
        CHECK(found.risk == doctest::Approx(scaled_risk(logits, classes, labels, 1)).epsilon(1e-12));
        CHECK(found.slope == doctest::Approx(slope).epsilon(1e-8));
        CHECK(found.penalty() == doctest::Approx(slope * slope).epsilon(1e-8));

        std::vector<double> gradient(logits.size());
        (void)training::irm_penalty(z, labels, .7, 30, tensor_view<double, 2>(gradient.data(), z.extents()));
        const auto check = gradient_check::compare(
            std::span(logits), std::span<const double>(gradient),
            [&] {
                const auto at = training::irm_penalty(z, labels);
                return .7 * at.risk + 30 * at.penalty();
            },
            [] { return 0; });
        CHECK(check.error <= 1e-8);
        CHECK(check.coordinates == logits.size());
    }
}

TEST_CASE("logits that separate the classes a little too little have a negative slope") {
    const std::vector<double> logits{-.1, .1};
    CHECK(training::irm_penalty<double>({logits.data(), {2, 1}}, std::vector{0, 1}).slope < 0);
    CHECK(training::irm_penalty<double>({logits.data(), {2, 1}}, std::vector{1, 0}).slope > 0);
    CHECK(training::irm_penalty<double>({logits.data(), {2, 1}}, std::vector{1, 0}).accuracy == 0);
}

TEST_CASE("a step goes down the gradient of the whole loss, second derivatives included") {
    const std::vector<double> pixels = normals(2 * 7 * 8, 5);
    const std::vector<int> labels{0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 1, 1, 1, 0};
    const std::vector<training::environment<double>> environments{
        {{pixels.data(), {7, 2, 2, 2}}, std::span(labels).first(7)},
        {{pixels.data() + 56, {7, 2, 2, 2}}, std::span(labels).last(7)}};
    // Before the penalty sets in, after it, and with one so large that everything is divided by it.
    struct phase {
        training::irm_options options;
        double weight, scale;
    };
    for (const phase& p : {phase{{.penalty = 50, .anneal = 1, .decay = .01}, 1, 1},
                           phase{{.penalty = 50, .anneal = 0, .decay = .01}, 50, 50},
                           phase{{.penalty = .5, .anneal = 0, .decay = .01}, .5, 1}}) {
        auto network = perceptron(8, 6);
        network.initialize(4, net::initialization::xavier);
        auto moved = network;
        const double rate = 1e-3;
        training::irm_trainer run(moved, net::sgd<double>({.momentum = 0}), p.options);
        (void)run.step(environments, rate);

        std::vector<double> gradient;
        std::vector<std::span<double>> before;
        network.visit_parameters([&](const std::string&, std::span<double> v) { before.push_back(v); });
        std::size_t tensor = 0;
        moved.visit_parameters([&](const std::string&, std::span<double> after) {
            for (std::size_t i = 0; i < after.size(); ++i) {
                gradient.push_back((before[tensor][i] - after[i]) / rate);
            }
            ++tensor;
        });
        decltype(network)::workspace ws;
        std::vector<bool> signs;
        const auto loss = [&] {
            double sum = 0;
            signs.clear();
            for (const auto& each : environments) {
                const auto logits = network.forward_training(
                    each.x, ws, [&](std::size_t, std::string_view, const tensor_view<const double, 4>& a) {
                        for (std::size_t n = 0; n < a.extent(0); ++n) {
                            for (std::size_t c = 0; c < a.extent(1); ++c) signs.push_back(a(n, c, 0, 0) > 0);
                        }
                    });
                std::vector<double> z(each.labels.size());
                for (std::size_t i = 0; i < z.size(); ++i) z[i] = logits(i, 0);
                const double slope =
                    (scaled_risk(z, 1, each.labels, 1 + 1e-4) - scaled_risk(z, 1, each.labels, 1 - 1e-4)) /
                    2e-4;
                sum += (scaled_risk(z, 1, each.labels, 1) + p.weight * slope * slope) / 2;
            }
            for (const auto& values : before) {
                for (const double value : values) sum += p.options.decay * value * value;
            }
            return sum / p.scale;
        };
        std::size_t first = 0;
        for (const auto& values : before) {
            const auto check = gradient_check::compare(
                values, std::span<const double>(gradient).subspan(first, values.size()), loss,
                [&] { return signs; });
            CHECK(check.error <= 1e-5);
            CHECK(check.kept >= .9);
            first += values.size();
        }
    }
}

TEST_CASE("Xavier weights fill their interval and biases are 0") {
    auto network = perceptron(200, 100);
    network.initialize(3, net::initialization::xavier);
    network.visit_parameters([](const std::string& name, std::span<const double> values) {
        double largest = 0, square = 0;
        for (const double value : values) {
            largest = std::max(largest, std::abs(value));
            square += value * value;
        }
        if (name == "dense1.weight") {
            const double bound = std::sqrt(6.0 / 300);
            CHECK(largest <= bound);
            CHECK(largest > .99 * bound);
            CHECK(square / static_cast<double>(values.size()) ==
                  doctest::Approx(bound * bound / 3).epsilon(.02));
        } else if (name != "dense2.weight") {
            CHECK(largest == 0);
        }
    });
}

TEST_CASE("bad environments and weights are refused") {
    auto network = perceptron(8, 3);
    network.initialize(1);
    const std::vector<double> pixels = normals(16, 2);
    const std::vector<int> labels{0, 1}, foreign{0, 2};
    const training::environment<double> one{{pixels.data(), {2, 2, 2, 2}}, labels};
    training::irm_trainer run(network, net::sgd<double>(), {.penalty = 10});
    CHECK_THROWS_WITH_AS(run.step(std::vector{one}, .1),
                         "repscope::training::irm_trainer: expected at least two environments, got 1",
                         value_error);
    CHECK_THROWS_AS((training::irm_trainer(network, net::sgd<double>(), {.penalty = -1})), value_error);
    CHECK_THROWS_AS((void)run.evaluate({one.x, foreign}), value_error);
    CHECK_THROWS_AS((void)run.evaluate({one.x, std::span(labels).first(1)}), shape_error);
}

TEST_CASE("an invariant predictor is fairer than empirical risk minimization where the attribute misleads") {
    const auto first = data::attribute_environment<float>({.samples = 1500, .agreement = .9}),
               second =
                   data::attribute_environment<float>({.samples = 1500, .agreement = .8, .environment = 1}),
               other =
                   data::attribute_environment<float>({.samples = 1500, .agreement = .1, .environment = 2});
    double agree = 0, positive = 0;
    for (std::size_t i = 0; i < other.labels.size(); ++i) {
        agree += other.labels[i] == other.attribute[i] ? 1.0 / 1500 : 0;
        positive += other.labels[i] / 1500.0;
    }
    CHECK(agree == doctest::Approx(.1).epsilon(.2));
    CHECK(positive == doctest::Approx(.5).epsilon(.1));

    const std::vector<training::environment<float>> environments{{first.x.view(), first.labels},
                                                                 {second.x.view(), second.labels}};
    const auto run = [&](double penalty) {
        net::network network(
            "linear", net::normalization<float>(std::vector<double>(16, 0.0), std::vector<double>(16, 1.0)),
            net::sequential(net::dense<float>(16, 1)));
        network.initialize(1, net::initialization::xavier);
        training::irm_trainer trained(network, net::adam<float>(),
                                      {.penalty = penalty, .anneal = penalty > 0 ? 30U : 0U, .decay = 1e-3});
        for (int step = 0; step < 300; ++step) (void)trained.step(environments, .03);
        decltype(network)::workspace ws;
        const auto logits = network.forward(other.x.view(), ws);
        std::vector<int> predicted(other.labels.size());
        for (std::size_t i = 0; i < predicted.size(); ++i) predicted[i] = logits(i, 0) > 0 ? 1 : 0;
        const auto gaps = fairness(predicted, other.labels, other.attribute);
        double right = 0;
        for (std::size_t i = 0; i < predicted.size(); ++i) right += predicted[i] == other.labels[i];
        return std::pair{right / 1500, gaps};
    };
    const auto [erm_accuracy, erm] = run(0);
    const auto [irm_accuracy, irm] = run(1e4);
    CHECK(irm_accuracy > erm_accuracy + .05);
    CHECK(irm.equalized_odds < erm.equalized_odds - .08);
}

} // namespace irm_test
