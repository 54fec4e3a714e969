#include "repscope/data/augment.hpp"

#include "repscope/error.hpp"
#include "repscope/random/random_stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

namespace augment_test {

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
double difference(const byte_image& image, const pillow& expected) {
    int largest = 0, sum = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        largest = std::max({largest, std::abs(image.pixels[i] - expected.first[i]),
                            std::abs(image.pixels[13 * 16 + 3 + i] - expected.later[i])});
    }
    for (const std::uint8_t value : image.pixels) sum += value;
    return std::max<double>(largest, std::abs(sum - expected.sum) / 320.0);
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

} // namespace augment_test
