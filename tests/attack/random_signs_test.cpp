#include "repscope/attack/random_signs.hpp"

#include "repscope/error.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <doctest/doctest.h>
#include <limits>
#include <vector>

namespace random_signs_test {

using namespace repscope;

namespace {

std::vector<float> pixels_of(std::size_t count) {
    std::vector<float> pixels(count);
    random_stream random(1, 2);
    for (float& p : pixels) p = static_cast<float>(random.uniform());
    return pixels;
}

} // namespace

TEST_CASE("random_signs: the signs are the bits of the control stream, clipped to the bounds") {
    const std::vector<float> pixels = pixels_of(5 * 2 * 3 * 4);
    const tensor_view<const float, 4> x(pixels.data(), {5, 2, 3, 4});
    for (const int threads : {1, 3}) {
        const auto moved = attack::random_signs(
            x, {.threads = threads, .eps = .25, .seed = 6, .draw = 2, .first_sample = 10});
        for (std::size_t n = 0; n < 5; ++n) {
            random_stream random(6, streams::id(streams::purpose::control, 2),
                                 static_cast<std::uint32_t>(10 + n));
            for (std::size_t p = 0; p < 24; ++p) {
                const float sign = random.below(2) == 0 ? -.25F : .25F;
                CHECK(moved.data_handle()[n * 24 + p] ==
                      std::min(1.0F, std::max(0.0F, pixels[n * 24 + p] + sign)));
            }
        }
    }
}

TEST_CASE("random_signs: both signs are equally frequent, and draws and samples are independent") {
    constexpr std::size_t size = 10000;
    const std::vector<double> pixels(2 * size, 0.0);
    const tensor_view<const double, 4> x(pixels.data(), {2, 1, 100, 100});
    const attack::input_bounds wide{{-1.0}, {1.0}};
    const auto one = attack::random_signs(x, {.eps = 1, .bounds = wide, .draw = 0});
    const auto other = attack::random_signs(x, {.eps = 1, .bounds = wide, .draw = 1});
    double sum = 0, between_draws = 0, between_samples = 0;
    for (std::size_t p = 0; p < size; ++p) {
        const double sign = one.data_handle()[p];
        REQUIRE(std::abs(sign) == 1);
        sum += sign;
        between_draws += sign * other.data_handle()[p];
        between_samples += sign * one.data_handle()[size + p];
    }
    // Each is a sum of 10,000 independent signs: its standard deviation is 100.
    for (const double total : {sum, between_draws, between_samples}) CHECK(std::abs(total) < 400);
}

TEST_CASE("random_signs: bounds per channel, other layouts and parts of a data set") {
    const std::vector<double> pixels{.5, .5, .5, .5, .5, .5, .5, .5}; // 4 samples of 2 channels
    const tensor_view<const double, 4> x(pixels.data(), {4, 2, 1, 1});
    const attack::input_bounds bounds{{.4, 0}, {.6, 1}};
    const auto all = attack::random_signs(x, {.eps = .3, .bounds = bounds});
    for (std::size_t n = 0; n < 4; ++n) {
        CHECK(std::abs(all(n, 0, 0, 0) - .5) == doctest::Approx(.1));
        CHECK(std::abs(all(n, 1, 0, 0) - .5) == doctest::Approx(.3));
    }
    const tensor_view<const double, 4> end(pixels.data() + 4, {2, 2, 1, 1});
    const auto part = attack::random_signs(end, {.eps = .3, .bounds = bounds, .first_sample = 2});
    CHECK(std::equal(part.data_handle(), part.data_handle() + 4, all.data_handle() + 4));
}

TEST_CASE("random_signs: bad input is named") {
    const std::vector<double> pixels(6, .5);
    const tensor_view<const double, 4> x(pixels.data(), {2, 3, 1, 1});
    for (const double eps : {0.0, -1.0, 1.5, std::numeric_limits<double>::quiet_NaN()}) {
        CHECK_THROWS_AS((void)attack::random_signs(x, {.eps = eps}), value_error);
    }
    CHECK_THROWS_AS((void)attack::random_signs(x, {.eps = .1, .bounds = {{0, 0}, {1, 1}}}), shape_error);
    CHECK_THROWS_AS((void)attack::random_signs(x, {.eps = .1, .draw = 4096}), value_error);
    CHECK_THROWS_AS((void)attack::random_signs(x, {.eps = .1, .first_sample = 0xFFFFFFFFU}), value_error);
}

} // namespace random_signs_test
