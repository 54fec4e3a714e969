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

using namespace repscope;
using data::byte_image;

namespace {

byte_image pattern(std::size_t channels = 1) {
    byte_image image{channels, 20, 16, {}};
    for (std::size_t c = 0; c < channels; ++c) {
        for (std::size_t y = 0; y < 20; ++y) {
            for (std::size_t x = 0; x < 16; ++x) {
                image.pixels.push_back(
                    static_cast<std::uint8_t>(40 + (x * x * 3 + y * 7 + x * y + 5 * c) % (150 - 60 * c)));
            }
        }
    }
    return image;
}

/// What Pillow 9.4 gives for `pattern()`: the first pixels of row 0, and pixels 3 to 10 of row 13.
struct pillow {
    std::array<int, 8> first, later;
    int sum;
};

/// Largest difference; of the sum, per pixel.
double difference(const byte_image& image, const pillow& wanted) {
    int largest = 0, sum = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        largest = std::max({largest, std::abs(image.pixels[i] - wanted.first[i]),
                            std::abs(image.pixels[13 * 16 + 3 + i] - wanted.later[i])});
    }
    for (const std::uint8_t value : image.pixels) sum += value;
    return std::max<double>(largest, std::abs(sum - wanted.sum) / 320.0);
}

template <typename Transform>
byte_image after(Transform&& transform, byte_image image = pattern()) {
    transform(image);
    return image;
}

} // namespace

TEST_CASE("transforms of values are Pillow's to the bit") {
    CHECK(difference(after([](auto& i) { data::autocontrast(i); }),
                     {{0, 5, 20, 46, 82, 128, 184, 251}, {11, 70, 138, 217, 49, 148, 1, 121}, 39854}) == 0);
    CHECK(difference(after([](auto& i) { data::equalize(i); }),
                     {{0, 5, 27, 58, 105, 162, 237, 255}, {17, 90, 175, 255, 66, 187, 2, 155}, 48568}) == 0);
    CHECK(difference(after([](auto& i) { data::posterize(i, 3); }),
                     {{32, 32, 32, 64, 64, 96, 128, 160}, {32, 64, 96, 160, 64, 96, 32, 96}, 30976}) == 0);
    CHECK(difference(after([](auto& i) { data::solarize(i, 100); }),
                     {{40, 43, 52, 67, 88, 140, 107, 68}, {47, 81, 134, 88, 69, 128, 41, 144}, 29891}) == 0);
}

TEST_CASE("transforms of places are Pillow's but for its rounding down") {
    CHECK(difference(after([](auto& i) { data::rotate(i, 17); }),
                     {{0, 0, 0, 0, 0, 93, 124, 63}, {160, 170, 74, 115, 163, 73, 126, 61}, 32272}) <= 1);
    CHECK(difference(after([](auto& i) { data::rotate(i, -90); }),
                     {{0, 0, 0, 0, 0, 0, 0, 0}, {55, 187, 169, 151, 133, 115, 97, 79}, 29574}) <= 1);
    CHECK(difference(after([](auto& i) { data::shear_and_translate(i, 0, .23, 0, 0); }),
                     {{40, 44, 53, 69, 91, 118, 152, 174}, {156, 75, 117, 48, 118, 179, 112, 66}, 30681}) <=
          1);
    CHECK(difference(after([](auto& i) { data::shear_and_translate(i, -.17, 0, 0, 0); }),
                     {{40, 43, 52, 0, 0, 0, 0, 0}, {130, 72, 109, 152, 51, 105, 165, 80}, 33871}) <= 1);
    CHECK(difference(after([](auto& i) { data::shear_and_translate(i, 0, 0, 0, -4); }),
                     {{0, 0, 0, 0, 40, 43, 52, 67}, {0, 131, 147, 169, 47, 81, 121, 167}, 27060}) == 0);
}

TEST_CASE("channels are moved alike and stretched each by itself") {
    const byte_image before = pattern(2);
    const byte_image moved = after([](auto& i) { data::shear_and_translate(i, 0, 0, 3, 0); }, before);
    const byte_image lightened = after([](auto& i) { data::autocontrast(i); }, before);
    for (std::size_t c = 0; c < 2; ++c) {
        for (std::size_t y = 0; y < 17; ++y) {
            CHECK(moved.pixels[(c * 20 + y) * 16 + 5] == before.pixels[(c * 20 + y + 3) * 16 + 5]);
        }
        const auto first = lightened.pixels.begin() + static_cast<std::ptrdiff_t>(c * 320);
        CHECK(*std::min_element(first, first + 320) == 0);
        CHECK(*std::max_element(first, first + 320) == 255);
    }
    byte_image flat{1, 2, 2, {7, 7, 7, 7}};
    data::autocontrast(flat);
    data::equalize(flat);
    CHECK(flat.pixels == std::vector<std::uint8_t>(4, 7));
}

TEST_CASE("every transform takes two draws, and its strength stays below the severity") {
    for (std::size_t kind = 0; kind < data::transform_count; ++kind) {
        random_stream random(3, 3), twin(3, 3);
        byte_image image = pattern();
        data::apply(static_cast<data::transform>(kind), 3, random, image);
        (void)twin.uniform();
        (void)twin.uniform();
        CHECK(random.u32() == twin.u32());
    }
    random_stream random(1, 1);
    std::set<std::size_t> empty;
    for (int i = 0; i < 200; ++i) {
        byte_image image = pattern();
        data::apply(data::transform::translate_x, 5, random, image);
        std::size_t columns = 0; // of nothing but 0: at most 16 / 3 * 5 / 10 of them
        for (std::size_t x = 0; x < 16; ++x) {
            columns += std::all_of(
                image.pixels.begin(), image.pixels.end(),
                [&, at = std::size_t{0}](std::uint8_t v) mutable { return at++ % 16 != x || v == 0; });
        }
        empty.insert(columns);
    }
    CHECK(empty == std::set<std::size_t>{0, 1, 2});
    byte_image image = pattern();
    CHECK_THROWS_AS(data::apply(data::transform::rotate, 11, random, image), value_error);
}

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
