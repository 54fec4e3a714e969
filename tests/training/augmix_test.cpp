#include "repscope/data/augment.hpp"
#include "repscope/net/optim/sgd.hpp"
#include "repscope/training/augmix.hpp"
#include "training/support.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <vector>

namespace augmix_test {

using namespace repscope;

TEST_CASE("mixed images depend on their place in the data set, epoch and view, not on batch or threads") {
    random_stream random(2, 2);
    std::vector<float> pixels(6 * 2 * 100);
    for (float& value : pixels) value = static_cast<float>(random.below(256)) / 255;
    const tensor_view<const float, 4> x(pixels.data(), {6, 2, 10, 10});
    const std::vector<std::uint32_t> places{5, 17, 2, 900, 3, 4};
    const auto mix = [&](std::size_t first, std::size_t count, training::augment_draws draws, int threads) {
        std::vector<float> to(count * 200);
        training::augmix(samples(x, first, count), std::span(places).subspan(first, count), draws, {},
                         tensor_view<float, 4>(to.data(), {count, 2, 10, 10}), threads);
        return to;
    };
    const auto whole = mix(0, 6, {.seed = 1}, 1);
    CHECK(whole == mix(0, 6, {.seed = 1}, 3));
    const auto part = mix(2, 3, {.seed = 1}, 1);
    CHECK(std::equal(part.begin(), part.end(), whole.begin() + 400));
    CHECK(whole != mix(0, 6, {.seed = 2}, 1));
    CHECK(whole != mix(0, 6, {.seed = 1, .epoch = 1}, 1));
    CHECK(whole != mix(0, 6, {.seed = 1, .view = 1}, 1));
    CHECK(whole != pixels);
    for (const float value : whole) CHECK((value >= 0 && value <= 1.00001F));
    // A solarised value is the value itself or its inverse.
    std::vector<float> to(200);
    const data::transform flip[] = {data::transform::solarize};
    training::random_transforms<float>(samples(x, 0, 1), std::span(places).first(1), {}, flip, 2, 10,
                                       tensor_view<float, 4>(to.data(), {1, 2, 10, 10}));
    std::size_t changed = 0;
    for (std::size_t i = 0; i < 200; ++i) {
        const bool kept = std::abs(to[i] - pixels[i]) < 1e-6F;
        CHECK((kept || std::abs(to[i] + pixels[i] - 1) < 1e-6F));
        changed += kept ? 0 : 1;
    }
    CHECK(changed > 0);
    CHECK_THROWS_AS(training::augmix(x, std::span(places).first(2), {}, {},
                                     tensor_view<float, 4>(to.data(), {6, 2, 10, 10})),
                    shape_error);
    CHECK_THROWS_AS(training::augmix(samples(x, 0, 1), std::span(places).first(1), {}, {.chains = 0},
                                     tensor_view<float, 4>(to.data(), {1, 2, 10, 10})),
                    value_error);
}

TEST_CASE("a step goes down the gradient of cross-entropy and consistency together") {
    const std::vector<double> all = training_check::normals(3 * 4 * 36, 6);
    const std::vector<int> labels{0, 1, 2, 1};
    const auto part = [&](std::size_t v) {
        return tensor_view<const double, 4>(all.data() + v * 144, {4, 1, 6, 6});
    };
    auto network = training_check::small_network(), moved = network;
    training::consistency_trainer run(moved, net::sgd<double>({.momentum = 0}), 12);
    const auto done = run.step(part(0), part(1), part(2), labels, 1e-3);
    CHECK(done.consistency > 0);
    decltype(network)::workspace ws;
    training_check::signs mask;
    training_check::check_step(
        network, moved, 1e-3,
        [&] {
            mask.all.clear();
            const auto z = network.forward_training({all.data(), {12, 1, 6, 6}}, ws, mask);
            double p[12][3], loss = 0;
            for (std::size_t i = 0; i < 12; ++i) {
                const double sum = std::exp(z(i, 0)) + std::exp(z(i, 1)) + std::exp(z(i, 2));
                for (std::size_t k = 0; k < 3; ++k) p[i][k] = std::exp(z(i, k)) / sum;
            }
            for (std::size_t i = 0; i < 4; ++i) {
                loss -= std::log(p[i][labels[i]]) / 4;
                for (std::size_t k = 0; k < 3; ++k) {
                    const double mean = (p[i][k] + p[i + 4][k] + p[i + 8][k]) / 3;
                    for (std::size_t v = 0; v < 3; ++v) {
                        loss += 12 * p[i + 4 * v][k] * std::log(p[i + 4 * v][k] / mean) / 12;
                    }
                }
            }
            return loss;
        },
        [&] { return mask.all; });
    CHECK_THROWS_AS(run.step(part(0), samples(part(1), 0, 3), part(2), labels, .1), shape_error);
}

} // namespace augmix_test
