#include "repscope/attack/msd.hpp"

#include "attack/support.hpp"
#include "repscope/attack/pgd.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <vector>

namespace msd_test {

using namespace repscope;
using attack::norm;
using namespace attack_check;

namespace {

constexpr std::size_t steps = 25, fewest = 2, most = 5;
constexpr std::uint64_t seed = 7;

double clip(double value, double low, double high) { return std::min(std::max(value, low), high); }

/// Loss of one sample, and the gradient on request.
double evaluate(two_layers<double>& model, const std::vector<double>& pixels, int label,
                std::vector<double>* gradient) {
    double loss = 0;
    int predicted = 0;
    std::vector<double> g(size);
    const std::array<std::size_t, 4> one{1, channels, height, width};
    model({pixels.data(), one}, std::span(&label, 1), std::span(&loss, 1), std::span(&predicted, 1),
          gradient == nullptr ? tensor_view<double, 4>{} : tensor_view<double, 4>(g.data(), one));
    if (gradient != nullptr) *gradient = g;
    return loss;
}

/// Projection onto the l1 ball by sorting: the threshold is the last of the running means of the largest
/// sizes, less eps, that the next size is above.
void project_l1(std::vector<double>& delta, double eps) {
    double sum = 0;
    for (const double value : delta) sum += std::abs(value);
    if (sum <= eps) return;
    std::vector<double> sizes;
    for (const double value : delta) sizes.push_back(std::abs(value));
    std::sort(sizes.begin(), sizes.end(), std::greater<>());
    double running = 0, theta = 0;
    for (std::size_t k = 0; k < sizes.size(); ++k) {
        running += sizes[k];
        const double t = (running - eps) / static_cast<double>(k + 1);
        if (sizes[k] > t) theta = t;
    }
    for (double& value : delta)
        value = value > 0 ? std::max(value - theta, 0.0) : -std::max(-value - theta, 0.0);
}

struct outcome {
    std::vector<double> delta;
    double loss = 0;
    std::size_t ball = 0;
};

/// Multi steepest descent of one sample, written down step by step. `at_the_end`: whether a pixel at an end
/// of the box is left out of l1 steps even when its gradient points inside, as the authors' code has it.
outcome transcribed(two_layers<double>& model, const std::vector<double>& x, int label, std::uint32_t place,
                    const std::vector<attack::msd_ball>& balls, bool at_the_end) {
    outcome at{std::vector<double>(size)}, best;
    best.loss = -1;
    const auto image = [&](const std::vector<double>& delta) {
        std::vector<double> pixels(size);
        for (std::size_t i = 0; i < size; ++i) pixels[i] = x[i] + delta[i];
        return pixels;
    };
    for (std::size_t t = 0; t <= steps; ++t) {
        std::vector<double> g;
        at.loss = evaluate(model, image(at.delta), label, &g);
        if (at.loss > best.loss) best = at;
        if (t == steps) break;
        outcome worst;
        worst.loss = -1;
        for (std::size_t b = 0; b < balls.size(); ++b) {
            const double eps = balls[b].eps, step = balls[b].step_size;
            std::vector<double> delta = at.delta;
            if (balls[b].kind == norm::linf) {
                for (std::size_t i = 0; i < size; ++i)
                    delta[i] = clip(delta[i] + (g[i] > 0 ? step : -step), -eps, eps);
            } else if (balls[b].kind == norm::l2) {
                const double length = std::sqrt(std::inner_product(g.begin(), g.end(), g.begin(), 0.0));
                for (std::size_t i = 0; i < size; ++i) delta[i] += step * g[i] / length;
                const double far =
                    std::sqrt(std::inner_product(delta.begin(), delta.end(), delta.begin(), 0.0));
                for (double& value : delta) value *= eps / std::max(far, eps);
            } else {
                random_stream random(
                    seed, streams::id(streams::purpose::attack_l1_k, 0, static_cast<std::uint32_t>(t)),
                    place);
                const std::size_t k = fewest + random.below(most - fewest + 1);
                const double gap = step / static_cast<double>(k);
                std::vector<double> score(size, -1);
                for (std::size_t i = 0; i < size; ++i) {
                    const double value = x[i] + delta[i];
                    if ((value < gap && g[i] < 0) || (value > 1 - gap && g[i] > 0)) continue;
                    if (at_the_end && (value <= 0 || value >= 1)) continue;
                    score[i] = std::abs(g[i]);
                }
                for (std::size_t j = 0; j < k; ++j) {
                    const auto top = std::max_element(score.begin(), score.end());
                    if (*top < 0) break;
                    const auto i = static_cast<std::size_t>(top - score.begin());
                    delta[i] += g[i] > 0 ? gap : -gap;
                    *top = -1;
                }
                project_l1(delta, eps);
            }
            for (std::size_t i = 0; i < size; ++i) delta[i] = clip(delta[i], -x[i], 1 - x[i]);
            const double loss = evaluate(model, image(delta), label, nullptr);
            if (loss > worst.loss) worst = {delta, loss, b};
        }
        at = worst;
    }
    return best;
}

/// Compares with the transcription, and looks at every point that the attack asks the model about.
/// Returns how many samples ended in each of the balls.
std::array<std::size_t, 3> compare(const inputs<double>& data, const std::vector<attack::msd_ball>& balls,
                                   bool at_the_end) {
    const std::size_t samples = data.labels.size();
    two_layers<double> model;
    double farthest = 0, outside = 0;
    model.seen = [&](const tensor_view<const double, 4>& x) {
        REQUIRE(x.extent(0) == samples);
        // The points themselves, then the proposals of the balls in their order.
        const std::size_t which = (model.calls - 1) % (balls.size() + 1);
        for (std::size_t n = 0; n < samples; ++n) {
            std::vector<double> delta;
            for (std::size_t i = 0; i < size; ++i) {
                const double value = x(n, i / 12, i / 4 % 3, i % 4);
                delta.push_back(value - data.pixels[n * size + i]);
                outside = std::max({outside, -value, value - 1});
            }
            double far = 1e9;
            for (std::size_t b = 0; b < balls.size(); ++b) {
                if (which != 0 && which != b + 1) continue;
                far = std::min(far, attack::norm_of(balls[b].kind, delta) / balls[b].eps);
            }
            farthest = std::max(farthest, far);
        }
    };
    const auto found =
        attack::msd(model, data.x(), data.labels,
                    {.balls = balls, .steps = steps, .l1_coordinates = {fewest, most}, .seed = seed});
    CHECK(model.calls == steps * (balls.size() + 1) + 1);
    CHECK(farthest <= 1 + 1e-6);
    CHECK(farthest >= .99);
    CHECK(outside <= 1e-6);

    model.seen = [](const auto&) {};
    std::array<std::size_t, 3> used{};
    for (std::size_t n = 0; n < samples; ++n) {
        CAPTURE(n);
        const std::vector<double> x(data.pixels.begin() + static_cast<std::ptrdiff_t>(n * size),
                                    data.pixels.begin() + static_cast<std::ptrdiff_t>((n + 1) * size));
        const outcome expected =
            transcribed(model, x, data.labels[n], static_cast<std::uint32_t>(n), balls, at_the_end);
        const auto delta = perturbation(data.x(), found.adversarial, n);
        double difference = 0;
        for (std::size_t i = 0; i < size; ++i)
            difference = std::max(difference, std::abs(delta[i] - expected.delta[i]));
        CHECK(difference <= 1e-9);
        CHECK(found.loss[n] == doctest::Approx(expected.loss).epsilon(1e-9));
        CHECK(found.ball[n] == expected.ball);
        ++used[found.ball[n]];
    }
    return used;
}

} // namespace

TEST_CASE("multi steepest descent is its steps, written down one after the other") {
    // Far from the ends of the box: the authors' steps as they are.
    inputs<double> inside(40);
    for (double& value : inside.pixels) value = .5 + .3 * (value - .5);
    const auto first = compare(inside,
                               {{.kind = norm::l1, .eps = .34, .step_size = .075},
                                {.kind = norm::l2, .eps = .16, .step_size = .03},
                                {.kind = norm::linf, .eps = .042, .step_size = .008}},
                               true);
    // At the ends: a pixel there may come back, which theirs leaves out.
    const auto second = compare(inputs<double>(40),
                                {{.kind = norm::l1, .eps = .9, .step_size = .22},
                                 {.kind = norm::l2, .eps = .38, .step_size = .07},
                                 {.kind = norm::linf, .eps = .09, .step_size = .02}},
                                false);
    for (std::size_t ball = 0; ball < 3; ++ball) CHECK(first[ball] + second[ball] > 0);
}

TEST_CASE("multi steepest descent takes the worst of its balls") {
    const inputs<double> data(25);
    two_layers<double> model;
    const auto mean_loss = [&](const attack::msd_ball& ball) {
        const auto alone = attack::pgd(model, data.x(), data.labels,
                                       {.ball = ball.kind,
                                        .eps = ball.eps,
                                        .steps = 30,
                                        .random_start = false,
                                        .l1_coordinates = {2, 4}});
        double mean = 0;
        for (const double loss : alone.loss) mean += loss / 25;
        return mean;
    };
    // Balls of about the same strength on average, so that each is the worst for some of the samples.
    std::vector<attack::msd_ball> balls{
        {.kind = norm::l1, .eps = 0}, {.kind = norm::linf, .eps = 0.08}, {.kind = norm::l2, .eps = 0}};
    for (const std::size_t k : {0U, 2U}) {
        double low = 0, high = 5;
        for (int step = 0; step < 12; ++step) {
            balls[k].eps = (low + high) / 2;
            (mean_loss(balls[k]) < mean_loss(balls[1]) ? low : high) = balls[k].eps;
        }
    }
    const auto found =
        attack::msd(model, data.x(), data.labels, {.balls = balls, .steps = 30, .l1_coordinates = {2, 4}});
    std::array<std::size_t, 3> used{};
    for (std::size_t n = 0; n < 25; ++n) {
        const auto delta = perturbation(data.x(), found.adversarial, n);
        const attack::msd_ball& ball = balls[found.ball[n]];
        CHECK(attack::norm_of(ball.kind, delta) <= ball.eps * (1 + 1e-12));
        ++used[found.ball[n]];
    }
    CHECK(std::count(used.begin(), used.end(), 0U) <= 1);
    CHECK(found.forward_passes == 25 * (30 * 4 + 1));
    CHECK(found.backward_passes == 25 * 30);
    // It finds at least about what each ball finds alone.
    double mean = 0;
    for (const double loss : found.loss) mean += loss / 25;
    for (const attack::msd_ball& ball : balls) {
        const auto alone = attack::pgd(model, data.x(), data.labels,
                                       {.ball = ball.kind,
                                        .eps = ball.eps,
                                        .steps = 30,
                                        .random_start = false,
                                        .l1_coordinates = {2, 4}});
        CHECK(mean >= 0.98 * mean_loss(ball));
        // With one ball the two are the same.
        const auto single = attack::msd(model, data.x(), data.labels,
                                        {.balls = {ball}, .steps = 30, .l1_coordinates = {2, 4}});
        CHECK(same(single, alone));
    }
    attack::msd_options options{.balls = balls,
                                .steps = 6,
                                .random_start = true,
                                .restarts = 4,
                                .early_stop = true,
                                .l1_coordinates = {2, 4}};
    const auto expected = attack::msd(model, data.x(), data.labels, options);
    options.threads = 3;
    options.batch = 4;
    CHECK(same(expected, attack::msd(model, data.x(), data.labels, options)));
    for (std::size_t n = 0; n < 25; ++n) {
        const auto delta = perturbation(data.x(), expected.adversarial, n);
        const attack::msd_ball& ball = balls[expected.ball[n]];
        CHECK(attack::norm_of(ball.kind, delta) <= ball.eps * (1 + 1e-12));
    }
}

} // namespace msd_test
