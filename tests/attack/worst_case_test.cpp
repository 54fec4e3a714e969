#include "repscope/attack/worst_case.hpp"

#include "repscope/attack/pgd.hpp"
#include "repscope/error.hpp"

#include "support.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <doctest/doctest.h>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

namespace worst_case_test {

using namespace repscope;
using attack_check::two_layers;
using input_view = tensor_view<const double, 4>;

namespace {

constexpr std::size_t samples = 24;

array<double, 4> random_inputs() {
    array<double, 4> x({samples, attack_check::channels, attack_check::height, attack_check::width});
    random_stream random(3, 1);
    for (std::size_t i = 0; i < x.size(); ++i) x.data_handle()[i] = random.uniform();
    return x;
}

// An attack with a given outcome: it fools the samples of `fooled`, identified by their first pixel.
struct scripted_attack {
    std::vector<double> fooled;
    double loss = 0;
    std::vector<std::vector<double>>* calls = nullptr; // the first pixels of each call
    double eps = 1;

    attack::result<double> operator()(const input_view& x, std::span<const long> labels) const {
        attack::result<double> result;
        result.adversarial = array<double, 4>(x.extents());
        result.eps = eps;
        result.step_size = .5;
        result.forward_passes = x.extent(0);
        result.backward_passes = 2 * x.extent(0);
        calls->emplace_back();
        for (std::size_t n = 0; n < x.extent(0); ++n) {
            const double pixel = x(n, 0, 0, 0);
            CHECK(labels[n] == std::lround(10 * pixel)); // labels stay with their samples
            calls->back().push_back(pixel);
            result.adversarial.data_handle()[n] = pixel + loss;
            result.success.push_back(std::count(fooled.begin(), fooled.end(), pixel) > 0);
            result.loss.push_back(loss);
            result.predicted.push_back(static_cast<int>(loss));
            result.ball.push_back(9);
        }
        return result;
    }
};

} // namespace

TEST_CASE("worst_of: the largest loss is picked sample by sample") {
    std::vector<attack::result<double>> results(3);
    for (std::size_t k = 0; k < 3; ++k) {
        results[k].adversarial = array<double, 4>({4, 1, 1, 2});
        for (std::size_t i = 0; i < 8; ++i)
            results[k].adversarial.data_handle()[i] = static_cast<double>(10 * k + i);
        results[k].predicted.assign(4, static_cast<int>(k));
        results[k].success.assign(4, k == 1);
        results[k].ball.assign(4, 0);
        results[k].eps = k == 1 ? 3 : 1;
        results[k].forward_passes = 5;
        results[k].backward_passes = 2;
    }
    results[0].loss = {1, 1, 1, 2};
    results[1].loss = {1, 2, .5, 3};
    results[2].loss = {.5, 1, 4, 3};
    const auto worst = attack::worst_of(std::move(results), attack::iterate::largest_loss);
    CHECK(worst.ball == std::vector<std::size_t>{0, 1, 2, 1});
    CHECK(worst.loss == std::vector<double>{1, 2, 4, 3});
    CHECK(worst.predicted == std::vector<int>{0, 1, 2, 1});
    CHECK(worst.success == std::vector<bool>{false, true, false, true});
    CHECK(worst.eps == 3);
    CHECK(worst.forward_passes == 15);
    CHECK(worst.backward_passes == 6);
    const double pixels[] = {0, 1, 12, 13, 24, 25, 16, 17};
    CHECK(std::equal(std::begin(pixels), std::end(pixels), worst.adversarial.data_handle()));
    CHECK_THROWS_AS((void)attack::worst_of(std::vector<attack::result<double>>{}), value_error);
    std::vector<attack::result<double>> unlike(2);
    unlike[0].adversarial = array<double, 4>({1, 1, 1, 2});
    unlike[1].adversarial = array<double, 4>({1, 1, 2, 1});
    CHECK_THROWS_AS((void)attack::worst_of(std::move(unlike)), shape_error);
}

TEST_CASE("worst_of: an attack that fools the model comes before a larger loss") {
    // Five samples: g++ 12 with -march=x86-64-v4 -mtune=haswell turns the constant {1, 1, 0, 0} of 64-bit
    // integers into {1, 1, 1, 1}.
    std::vector<attack::result<double>> results(2);
    for (auto& result : results) {
        result.adversarial = array<double, 4>({5, 1, 1, 1});
        result.predicted.assign(5, 0);
    }
    results[0].loss = {1, 5, 1, 5, 0};
    results[0].success = {false, false, true, true, false};
    results[1].loss = {2, 2, 2, 2, 2};
    results[1].success = {false, true, false, true, true};
    const auto worst = attack::worst_of(results);
    CHECK(worst.ball == std::vector<std::size_t>{1, 1, 0, 0, 1});
    CHECK(worst.success == std::vector<bool>{false, true, true, true, true});
    CHECK(worst.loss == std::vector<double>{2, 2, 1, 5, 2});
    CHECK_THROWS_AS((void)attack::worst_of(results, attack::iterate::last), value_error);
}

TEST_CASE("worst_case: later attacks run on the robust samples only") {
    const std::vector<double> pixels{.1, .2, .3, .4, .5};
    const input_view x(pixels.data(), {5, 1, 1, 1});
    const std::vector<long> labels{1, 2, 3, 4, 5};
    std::vector<std::vector<double>> calls;
    std::vector<scripted_attack> attacks{
        {{.2}, 2, &calls, 1}, {{.2, .4, .5}, 1, &calls, 3}, {{.1, .2}, 4, &calls, 2}};
    const auto outcome = attack::worst_case(x, labels, attacks);
    CHECK(calls == std::vector<std::vector<double>>{{.1, .2, .3, .4, .5}, {.1, .3, .4, .5}, {.1, .3}});
    CHECK(outcome.robust_accuracy == std::vector<double>{4 / 5., 2 / 5., 1 / 5.});
    CHECK(outcome.worst.success == std::vector<bool>{true, true, false, true, true});
    CHECK(outcome.worst.ball == std::vector<std::size_t>{2, 0, 2, 1, 1});
    CHECK(outcome.worst.loss == std::vector<double>{4, 2, 4, 1, 1});
    CHECK(outcome.worst.predicted == std::vector<int>{4, 2, 4, 1, 1});
    const double adversarial[] = {.1 + 4, .2 + 2, .3 + 4, .4 + 1, .5 + 1};
    CHECK(
        std::equal(std::begin(adversarial), std::end(adversarial), outcome.worst.adversarial.data_handle()));
    CHECK(outcome.worst.eps == 3);
    CHECK(outcome.worst.step_size == 0);
    CHECK(outcome.worst.forward_passes == 5 + 4 + 2);
    CHECK(outcome.worst.backward_passes == 2 * (5 + 4 + 2));

    calls.clear();
    const std::vector<scripted_attack> all{{pixels, 1, &calls}, {pixels, 1, &calls}};
    CHECK(attack::worst_case(x, labels, all).robust_accuracy == std::vector<double>{0, 0});
    CHECK(calls.size() == 1); // no sample is left for the second
}

TEST_CASE("worst_case: PGD in two balls agrees with attacks run one by one") {
    two_layers<double> model;
    const array<double, 4> x = random_inputs();
    const input_view view(x.data_handle(), x.extents());
    std::vector<int> labels(samples);
    for (std::size_t n = 0; n < samples; ++n) labels[n] = static_cast<int>(n % 3);
    const auto run = [&](attack::norm ball, double eps, const input_view& images, std::span<const int> y) {
        return attack::pgd(model, images, y, {.ball = ball, .eps = eps, .steps = 4, .random_start = false});
    };
    struct in_ball {
        const decltype(run)& attack_in;
        attack::norm ball;
        double eps;
        attack::result<double> operator()(const input_view& images, std::span<const int> y) const {
            return attack_in(ball, eps, images, y);
        }
    };
    const in_ball attacks[] = {{run, attack::norm::linf, .02}, {run, attack::norm::l2, .15}};
    const auto outcome = attack::worst_case(x, labels, attacks);
    const auto linf = run(attack::norm::linf, .02, view, labels),
               l2 = run(attack::norm::l2, .15, view, labels);
    std::size_t robust_first = 0, robust_both = 0;
    for (std::size_t n = 0; n < samples; ++n) {
        robust_first += linf.success[n] ? 0U : 1U;
        robust_both += linf.success[n] || l2.success[n] ? 0U : 1U;
        CHECK(outcome.worst.success[n] == (linf.success[n] || l2.success[n]));
    }
    REQUIRE(robust_first > robust_both); // each attack fools samples of its own
    REQUIRE(robust_both > 0);
    CHECK(outcome.robust_accuracy[0] == static_cast<double>(robust_first) / samples);
    CHECK(outcome.robust_accuracy[1] == static_cast<double>(robust_both) / samples);
}

TEST_CASE("worst_case: bad input is named, no samples give NaN") {
    const std::vector<double> pixels{.1, .2};
    const input_view x(pixels.data(), {2, 1, 1, 1});
    std::vector<std::vector<double>> calls;
    const std::vector<scripted_attack> none, one{{{}, 1, &calls}};
    CHECK_THROWS_AS((void)attack::worst_case(x, std::vector<long>{1, 2}, none), value_error);
    CHECK_THROWS_AS((void)attack::worst_case(x, std::vector<long>{1}, one), shape_error);
    const auto lazy = [](const input_view&, std::span<const long>) { return attack::result<double>{}; };
    CHECK_THROWS_AS((void)attack::worst_case(x, std::vector<long>{1, 2}, std::vector{lazy}), shape_error);
    const input_view empty(pixels.data(), {0, 1, 1, 1});
    CHECK(std::isnan(attack::worst_case(empty, std::vector<long>{}, one).robust_accuracy[0]));
}

} // namespace worst_case_test
