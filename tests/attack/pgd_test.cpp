#include "repscope/attack/pgd.hpp"

#include "attack/support.hpp"
#include "repscope/attack/fgsm.hpp"
#include "repscope/attack/msd.hpp"
#include "repscope/net/inference_model.hpp"
#include "repscope/net/models.hpp"
#include "repscope/random/random_stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace pgd_test {

using namespace repscope;
using attack::iterate;
using attack::norm;
using namespace attack_check;

namespace {

constexpr std::array<norm, 3> norms{norm::linf, norm::l2, norm::l1};

template <typename Scalar>
void check_iterates(double tolerance) {
    const inputs<Scalar> data(9);
    for (const norm kind : norms) {
        for (const double momentum : {0.0, 0.9}) {
            for (const bool targeted : {false, true}) {
                two_layers<Scalar> model;
                std::size_t points = 0;
                double farthest = 0, outside = 0;
                model.seen = [&](const tensor_view<const Scalar, 4>& x) {
                    for (std::size_t n = 0; n < x.extent(0); ++n, ++points) {
                        std::vector<double> delta;
                        for (std::size_t i = 0; i < size; ++i) {
                            const auto value = static_cast<double>(x(n, i / 12, i / 4 % 3, i % 4));
                            delta.push_back(value - static_cast<double>(data.pixels[n * size + i]));
                            outside = std::max({outside, -value, value - 1});
                        }
                        farthest = std::max(farthest, attack::norm_of(kind, delta) / eps_of(kind));
                    }
                };
                const auto found = attack::pgd(model, data.x(), data.labels,
                                               {.ball = kind,
                                                .eps = eps_of(kind),
                                                .steps = 15,
                                                .step_size = eps_of(kind),
                                                .restarts = 3,
                                                .targeted = targeted,
                                                .momentum = momentum,
                                                .l1_coordinates = {1, 4}});
                CHECK(points == 9 * 3 * 16);
                CHECK(farthest <= 1 + tolerance);
                CHECK(farthest >= 0.99);
                CHECK(outside <= 0);
                for (std::size_t n = 0; n < 9; ++n) {
                    const auto delta = perturbation(data.x(), found.adversarial, n);
                    CHECK(attack::norm_of(kind, delta) <= eps_of(kind) * (1 + tolerance));
                }
            }
        }
    }
}

} // namespace

TEST_CASE("every iterate is inside ball and box") {
    check_iterates<float>(1e-6);
    check_iterates<double>(1e-12);
}

TEST_CASE("a sample is attacked in the same way for any batch size and number of threads") {
    const inputs<float> data(23);
    for (const norm kind : norms) {
        for (const bool early : {false, true}) {
            CAPTURE(to_string(kind));
            attack::pgd_options options{.ball = kind,
                                        .eps = eps_of(kind),
                                        .steps = 7,
                                        .restarts = 2,
                                        .early_stop = early,
                                        .momentum = 0.5,
                                        .l1_coordinates = {2, 5},
                                        .seed = 3,
                                        .first_sample = 40};
            two_layers<float> model;
            const auto expected = attack::pgd(model, data.x(), data.labels, options);
            for (const std::size_t batch : {1U, 5U, 64U}) {
                options.batch = batch;
                options.threads = static_cast<int>(batch % 3 + 1);
                const auto found = attack::pgd(model, data.x(), data.labels, options);
                CHECK(same(expected, found));
                CHECK(found.forward_passes == expected.forward_passes);
                CHECK(found.backward_passes == expected.backward_passes);
            }
            // The second half by itself, at its place in the data set.
            options.first_sample = 52;
            const auto half =
                attack::pgd(model, samples(data.x(), 12, 11), std::span(data.labels).subspan(12), options);
            CHECK(std::equal(half.loss.begin(), half.loss.end(), expected.loss.begin() + 12));
            options.seed = 4;
            CHECK(!same(expected, attack::pgd(model, data.x(), data.labels, options)));
        }
    }
    // A network with another number of threads, in float, gives the same bits too.
    auto network = net::small_cnn<float>(2, 3, {0.4, 0.5}, {0.3, 0.2});
    network.initialize(2);
    net::inference_model one(network, 1), three(network, 3);
    const auto expected = attack::pgd(one, data.x(), data.labels, {.eps = 0.1, .steps = 3});
    CHECK(same(expected, attack::pgd(three, data.x(), data.labels,
                                     {.threads = 2, .eps = 0.1, .steps = 3, .batch = 7})));
}

TEST_CASE("the best iterate of 100 steps is no worse than that of 10") {
    const inputs<double> data(30);
    two_layers<double> model;
    for (const norm kind : norms) {
        for (const bool targeted : {false, true}) {
            attack::pgd_options options{.ball = kind,
                                        .eps = eps_of(kind),
                                        .steps = 10,
                                        .step_size = eps_of(kind) / 7,
                                        .targeted = targeted};
            const auto few = attack::pgd(model, data.x(), data.labels, options);
            options.steps = 100;
            const auto many = attack::pgd(model, data.x(), data.labels, options);
            options.returned = iterate::last;
            const auto last = attack::pgd(model, data.x(), data.labels, options);
            std::size_t improved = 0, lost = 0;
            for (std::size_t n = 0; n < 30; ++n) {
                const double gain = (targeted ? -1 : 1) * (many.loss[n] - few.loss[n]);
                CHECK(many.success[n] >= few.success[n]);
                if (many.success[n] == few.success[n]) CHECK(gain >= 0);
                improved += gain > 0 ? 1U : 0U;
                lost += many.loss[n] != last.loss[n] ? 1U : 0U;
            }
            CHECK(improved > 0);
            CHECK(lost > 0); // the last point is not always the best one
        }
    }
}

TEST_CASE("the result has the model's losses and predictions for the returned inputs") {
    const inputs<double> data(17);
    two_layers<double> model;
    for (const iterate returned : {iterate::best, iterate::last}) {
        const auto found =
            attack::pgd(model, data.x(), data.labels,
                        {.ball = norm::l2, .eps = 0.5, .steps = 5, .restarts = 2, .returned = returned});
        std::vector<double> losses(17);
        std::vector<int> predicted(17);
        model(found.adversarial.view(), data.labels, losses, predicted, {});
        CHECK(found.loss == losses);
        CHECK(found.predicted == predicted);
        std::size_t held = 0;
        for (std::size_t n = 0; n < 17; ++n) {
            CHECK(found.success[n] == (predicted[n] != data.labels[n]));
            held += predicted[n] == data.labels[n] ? 1U : 0U;
        }
        CHECK(found.robust_accuracy() == doctest::Approx(static_cast<double>(held) / 17));
        CHECK(found.forward_passes == 17 * 2 * 6);
        CHECK(found.backward_passes == 17 * 2 * 5);
        CHECK(found.step_size == doctest::Approx(0.25));
        CHECK(found.eps == 0.5);
    }
}

TEST_CASE("of several restarts the worst is kept, sample by sample") {
    const inputs<double> data(150);
    two_layers<double> model;
    attack::pgd_options options{.eps = 0.15, .steps = 2, .step_size = 0.03, .returned = iterate::last};
    const auto one = attack::pgd(model, data.x(), data.labels, options);
    options.restarts = 8;
    const auto eight = attack::pgd(model, data.x(), data.labels, options);
    std::size_t better = 0, more = 0;
    for (std::size_t n = 0; n < 150; ++n) {
        CHECK(eight.success[n] >= one.success[n]);
        if (eight.success[n] == one.success[n]) CHECK(eight.loss[n] >= one.loss[n]);
        better += eight.loss[n] > one.loss[n] ? 1U : 0U;
        more += eight.success[n] && !one.success[n] ? 1U : 0U;
    }
    CHECK(better > 20);
    CHECK(more > 0);
    // Without a random start all restarts are the same.
    options.random_start = false;
    const auto still = attack::pgd(model, data.x(), data.labels, options);
    options.restarts = 1;
    CHECK(same(still, attack::pgd(model, data.x(), data.labels, options)));
}

TEST_CASE("early stop leaves a sample where it is first fooled") {
    const inputs<double> data(40);
    two_layers<double> model;
    std::vector<double> losses(40);
    std::vector<int> clean(40);
    model(data.x(), data.labels, losses, clean, {});
    attack::pgd_options options{.eps = 0.3, .steps = 10, .restarts = 3};
    const auto full = attack::pgd(model, data.x(), data.labels, options);
    options.early_stop = true;
    const auto early = attack::pgd(model, data.x(), data.labels, options);
    std::size_t wrong = 0;
    for (std::size_t n = 0; n < 40; ++n) {
        if (clean[n] == data.labels[n]) {
            CHECK(early.success[n] >= full.success[n]);
            continue;
        }
        ++wrong;
        CHECK(early.success[n]);
        CHECK(early.loss[n] == losses[n]);
        CHECK(attack::norm_of(norm::linf, perturbation(data.x(), early.adversarial, n)) == 0);
    }
    CHECK(wrong > 5);
    CHECK(wrong < 35);
    // The clean inputs are looked at once; samples that are done cost nothing more.
    CHECK(early.forward_passes < full.forward_passes / 2);
    CHECK(early.forward_passes >= 40);
    CHECK(full.forward_passes == 40 * 3 * 11);
}

TEST_CASE("targeted attacks bring the target about") {
    const inputs<double> data(30);
    two_layers<double> model;
    std::vector<int> targets;
    for (const int label : data.labels) targets.push_back((label + 1) % 3);
    std::vector<double> losses(30);
    std::vector<int> predicted(30);
    model(data.x(), targets, losses, predicted, {});
    for (const norm kind : norms) {
        const auto found = attack::pgd(model, data.x(), targets,
                                       {.ball = kind,
                                        .eps = 3 * eps_of(kind),
                                        .random_start = false,
                                        .targeted = true,
                                        .l1_coordinates = {2, 4}});
        std::size_t reached = 0, before = 0;
        for (std::size_t n = 0; n < 30; ++n) {
            CHECK(found.loss[n] <= losses[n]);
            CHECK(found.success[n] == (found.predicted[n] == targets[n]));
            reached += found.success[n] ? 1U : 0U;
            before += predicted[n] == targets[n] ? 1U : 0U;
        }
        CHECK(reached > before + 5);
    }
}

TEST_CASE("several eps in one call are several calls") {
    const inputs<float> data(6);
    two_layers<float> model;
    const std::array<double, 3> eps{0.02, 0.3, 0.1};
    for (const norm kind : norms) {
        const auto all = attack::pgd(model, data.x(), data.labels, eps, {.ball = kind, .steps = 4});
        const auto points =
            attack::fgsm(model, data.x(), data.labels, eps, {.ball = kind, .outcome = false, .batch = 3});
        const auto steps = attack::fgsm(model, data.x(), data.labels, eps, {.ball = kind});
        REQUIRE(all.size() == 3);
        for (std::size_t k = 0; k < 3; ++k) {
            CHECK(same(all[k],
                       attack::pgd(model, data.x(), data.labels, {.ball = kind, .eps = eps[k], .steps = 4})));
            // Without the outcome: the same points, and the passes of the gradient only.
            CHECK(std::equal(steps[k].adversarial.data_handle(),
                             steps[k].adversarial.data_handle() + steps[k].adversarial.size(),
                             points[k].adversarial.data_handle()));
            CHECK(points[k].success.empty());
            CHECK(points[k].loss.empty());
            CHECK(points[k].forward_passes == (k == 0 ? 6 : 0));
            const auto one = attack::fgsm(model, data.x(), data.labels, {.ball = kind, .eps = eps[k]});
            CHECK(same(steps[k], one));
            CHECK(one.forward_passes == 12);
            CHECK(one.backward_passes == 6);
            CHECK(steps[k].forward_passes == (k == 0 ? 12 : 6));
            CHECK(steps[k].backward_passes == (k == 0 ? 6 : 0));
        }
    }
}

TEST_CASE("against a linear model one step reaches the closed form") {
    random_stream random(6, 2);
    std::vector<double> w(size);
    for (double& value : w) value = random.normal();
    const auto linear = [&](const tensor_view<const double, 4>& x, std::span<const int> labels,
                            std::span<double> losses, std::span<int> predicted,
                            const tensor_view<double, 4>& gradient) {
        for (std::size_t n = 0; n < x.extent(0); ++n) {
            const double sign = labels[n] == 0 ? 1 : -1;
            double sum = 0;
            for (std::size_t i = 0; i < size; ++i) sum += w[i] * x(n, i / 12, i / 4 % 3, i % 4);
            losses[n] = sign * sum;
            predicted[n] = sum > 0 ? 1U : 0U;
            for (std::size_t i = 0; i < size && !gradient.empty(); ++i) {
                gradient(n, i / 12, i / 4 % 3, i % 4) = sign * w[i];
            }
        }
    };
    std::vector<double> pixels(4 * size, 0.5);
    const tensor_view<const double, 4> x(pixels.data(), {4, channels, height, width});
    const std::vector<int> labels{0, 1, 1, 0};
    std::vector<double> losses(4);
    std::vector<int> predicted(4);
    linear(x, labels, losses, predicted, {});
    double largest = 0, length = 0, sum = 0;
    for (const double value : w) {
        largest = std::max(largest, std::abs(value));
        length += value * value;
        sum += std::abs(value);
    }
    for (const double eps : {0.01, 0.2}) {
        const auto gain = [&](norm kind) { // without the box: eps times the dual norm of w
            return eps * (kind == norm::linf ? sum : kind == norm::l2 ? std::sqrt(length) : largest);
        };
        for (const norm kind : norms) {
            const auto found = attack::fgsm(linear, x, labels, {.ball = kind, .eps = eps});
            const auto iterated = attack::pgd(
                linear, x, labels, {.ball = kind, .eps = eps, .steps = 60, .l1_coordinates = {1, 1}});
            for (std::size_t n = 0; n < 4; ++n) {
                CHECK(found.loss[n] - losses[n] == doctest::Approx(gain(kind)).epsilon(1e-12));
                CHECK(iterated.loss[n] <= found.loss[n] + 1e-9);
                CHECK(iterated.loss[n] - losses[n] >= 0.95 * gain(kind));
            }
        }
    }
    // With a box of its own for each channel: in linf every component goes as far as both allow.
    const attack::input_bounds bounds{.lower = {0.45, 0}, .upper = {0.52, 1}};
    const auto found = attack::fgsm(linear, x, labels, {.eps = 0.1, .bounds = bounds});
    double expected = losses[0];
    for (std::size_t i = 0; i < size; ++i) {
        expected += std::abs(w[i]) * (i >= 12    ? 0.1
                                      : w[i] > 0 ? std::min(0.1, 0.52 - 0.5)
                                                 : std::min(0.1, 0.05));
    }
    CHECK(found.loss[0] == doctest::Approx(expected).epsilon(1e-12));
}

TEST_CASE("momentum adds gradients of unit l1 norm") {
    // The gradient turns round after the first step, to a quarter of its size relative to the other one.
    std::size_t call = 0;
    const auto turning = [&](const tensor_view<const double, 4>& x, std::span<const int>,
                             std::span<double> losses, std::span<int> predicted,
                             const tensor_view<double, 4>& gradient) {
        losses[0] = x(0, 0, 0, 0);
        predicted[0] = 0;
        if (gradient.empty()) return;
        gradient(0, 0, 0, 0) = call == 0 ? 5 : -0.25;
        gradient(0, 1, 0, 0) = call == 0 ? 5 : 0.75;
        ++call;
    };
    const std::vector<double> x{0.5, 0.5};
    const tensor_view<const double, 4> view(x.data(), {1, 2, 1, 1});
    const auto end = [&](double momentum) {
        call = 0;
        const auto found = attack::pgd(turning, view, std::vector{0},
                                       {.ball = norm::l2,
                                        .eps = 0.4,
                                        .steps = 2,
                                        .step_size = 0.1,
                                        .random_start = false,
                                        .returned = iterate::last,
                                        .momentum = momentum});
        return std::array{found.adversarial(0, 0, 0, 0) - 0.5, found.adversarial(0, 1, 0, 0) - 0.5};
    };
    const double root = std::sqrt(0.5) / 10;
    const double plain = 0.1 / std::sqrt(0.25 * 0.25 + 0.75 * 0.75);
    CHECK(end(0)[0] == doctest::Approx(root - 0.25 * plain));
    CHECK(end(0)[1] == doctest::Approx(root + 0.75 * plain));
    // .8 (1/2, 1/2) + (-1/4, 3/4)
    const double together = 0.1 / std::sqrt(0.15 * 0.15 + 1.15 * 1.15);
    CHECK(end(0.8)[0] == doctest::Approx(root + 0.15 * together));
    CHECK(end(0.8)[1] == doctest::Approx(root + 1.15 * together));
}

TEST_CASE("a model without gradients leaves its inputs alone") {
    const auto flat = [](const tensor_view<const float, 4>& x, std::span<const int>, std::span<double> losses,
                         std::span<int> predicted, const tensor_view<float, 4>& gradient) {
        for (std::size_t n = 0; n < x.extent(0); ++n) {
            losses[n] = 1;
            predicted[n] = 0;
        }
        if (!gradient.empty()) std::fill_n(gradient.data_handle(), gradient.size(), 0.0F);
    };
    const inputs<float> data(3);
    for (const norm kind : norms) {
        for (const double momentum : {0.0, 0.9}) {
            const auto found = attack::pgd(flat, data.x(), data.labels,
                                           {.ball = kind,
                                            .eps = 0.3,
                                            .steps = 3,
                                            .random_start = false,
                                            .returned = iterate::last,
                                            .momentum = momentum});
            CHECK(std::memcmp(found.adversarial.data_handle(), data.pixels.data(),
                              data.pixels.size() * sizeof(float)) == 0);
        }
    }
}

TEST_CASE("the margin loss of a network") {
    const std::vector<double> z{1, 3, 2, 4, 4, 0.5};
    const tensor_view<const double, 2> logits(z.data(), {2, 3});
    std::vector<double> losses(2), gradient(6);
    std::vector<int> predicted(2);
    net::margin_loss<double>(logits, std::vector{2, 0}, losses, predicted, {gradient.data(), {2, 3}});
    CHECK(losses == std::vector<double>{1, 0});
    CHECK(predicted == std::vector{1, 0});
    CHECK(gradient == std::vector<double>{0, 1, -1, -1, 1, 0});
    auto network = net::small_cnn<double>(2, 3, {0.4, 0.5}, {0.3, 0.2});
    network.initialize(4);
    const inputs<double> data(8);
    net::inference_model margin(network, 1, net::loss_function::margin), entropy(network);
    const auto by_margin = attack::pgd(margin, data.x(), data.labels, {.eps = 0.1});
    const auto by_entropy = attack::pgd(entropy, data.x(), data.labels, {.eps = 0.1});
    // The sign of the margin is the success.
    for (std::size_t n = 0; n < 8; ++n) CHECK((by_margin.loss[n] > 0) == by_margin.success[n]);
    CHECK(by_margin.loss != by_entropy.loss);
}

TEST_CASE("bad inputs are named") {
    const inputs<float> data(4);
    two_layers<float> model;
    const auto run = [&](attack::pgd_options options) {
        return [&, options] { (void)attack::pgd(model, data.x(), data.labels, options); };
    };
    CHECK_THROWS_WITH_AS(run({.eps = 0})(), "repscope::attack::pgd: expected a finite eps above 0, got 0",
                         value_error);
    CHECK_THROWS_AS(run({.eps = -0.1})(), value_error);
    CHECK_THROWS_AS(run({.eps = std::numeric_limits<double>::infinity()})(), value_error);
    CHECK_THROWS_AS(run({.eps = std::nan("")})(), value_error);
    CHECK_THROWS_WITH_AS(run({.eps = 8})(), doctest::Contains("0 .. 255, as 0.031373?"), value_error);
    CHECK_NOTHROW(run({.ball = norm::l2, .eps = 8, .steps = 1})());
    CHECK_THROWS_WITH_AS(run({.eps = 0.1, .steps = 0})(),
                         "repscope::attack::pgd: expected at least 1 step, got 0", value_error);
    CHECK_THROWS_AS(run({.eps = 0.1, .restarts = 0})(), value_error);
    CHECK_THROWS_AS(run({.eps = 0.1, .steps = 5000})(), value_error);
    CHECK_THROWS_AS(run({.eps = 0.1, .step_size = -1})(), value_error);
    CHECK_THROWS_AS(run({.eps = 0.1, .momentum = std::nan("")})(), value_error);
    CHECK_THROWS_AS(run({.eps = 0.1, .bounds = {.lower = {0, 0, 0}, .upper = {1}}})(), shape_error);
    CHECK_THROWS_AS(run({.eps = 0.1, .bounds = {.lower = {1}, .upper = {1}}})(), value_error);
    CHECK_THROWS_WITH_AS(run({.eps = 0.1, .bounds = {.lower = {0.1}, .upper = {1}}})(),
                         doctest::Contains("expected inputs inside the box"), value_error);
    CHECK_THROWS_AS(run({.ball = norm::l1, .eps = 1, .l1_coordinates = {3, 2}})(), value_error);
    const auto labeled = [&](std::vector<int> labels) {
        (void)attack::pgd(model, data.x(), labels, {.eps = 0.1});
    };
    CHECK_THROWS_WITH_AS(labeled({0, 1, 2, 3}),
                         "repscope::attack::pgd: expected labels from 0 to 2, got 3 at position 3",
                         value_error);
    CHECK_THROWS_AS(labeled({0, 1, 2, -1}), value_error);
    CHECK_THROWS_AS(labeled({0, 1, 2}), shape_error);
    CHECK_THROWS_WITH_AS((void)attack::msd(model, data.x(), data.labels, {}),
                         "repscope::attack::msd: expected at least 1 ball, got 0", value_error);
    CHECK_THROWS_AS((void)attack::msd(model, data.x(), data.labels, {.balls = {{.eps = -1}}}), value_error);
    CHECK_THROWS_AS((void)attack::fgsm(model, data.x(), data.labels, {.eps = 0}), value_error);

    for (const bool in_loss : {true, false}) {
        std::size_t calls = 0;
        const auto broken = [&](const tensor_view<const float, 4>& x, std::span<const int>,
                                std::span<double> losses, std::span<int> predicted,
                                const tensor_view<float, 4>& gradient) {
            std::fill(losses.begin(), losses.end(), 1.0);
            std::fill(predicted.begin(), predicted.end(), 0);
            if (!gradient.empty()) std::fill_n(gradient.data_handle(), gradient.size(), 1.0F);
            if (++calls == 2 && in_loss) losses[x.extent(0) - 1] = std::nan("");
            if (calls == 2 && !in_loss)
                gradient(x.extent(0) - 1, 0, 1, 2) = std::numeric_limits<float>::infinity();
        };
        for (const norm kind : norms) {
            calls = 0;
            CHECK_THROWS_WITH_AS(
                (void)attack::pgd(broken, data.x(), data.labels, {.ball = kind, .eps = 0.1, .batch = 4}),
                (std::string(
                     "repscope::attack::pgd: expected finite losses and gradients of the model, got NaN "
                     "or infinity in the ") +
                 (in_loss ? "loss" : "gradient") + " of sample 3")
                    .c_str(),
                value_error);
        }
    }
    // No samples, no work.
    const auto none = attack::pgd(model, samples(data.x(), 0, 0), std::vector<int>{}, {.eps = 0.1});
    CHECK(none.success.empty());
    CHECK(none.forward_passes == 0);
}

} // namespace pgd_test
