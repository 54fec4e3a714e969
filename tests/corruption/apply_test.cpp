#include "corruption/formula.hpp"

#include "repscope/corruption/apply.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace apply_test {

using namespace corruption_test;
namespace corruption = repscope::corruption;

namespace {

constexpr std::size_t all_kinds = corruption::common.size() + corruption::extra.size();

/// Images of which no two are alike.
template <typename T>
repscope::array<T, 4> batch_of(std::size_t count, std::size_t height, std::size_t width,
                               std::size_t channels) {
    repscope::array<T, 4> batch({count, height, width, channels});
    const auto image = formula_image(height, width, channels);
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const auto byte =
            static_cast<std::uint8_t>(image.data_handle()[i % image.size()] / (1 + i / image.size()));
        if constexpr (std::is_same_v<T, float>)
            batch.data_handle()[i] = static_cast<float>(byte) / 255.0F;
        else
            batch.data_handle()[i] = byte;
    }
    return batch;
}

template <typename T>
repscope::tensor_view<const T, 3> image_of(const repscope::array<T, 4>& batch, std::size_t index) {
    const std::size_t size = batch.extent(1) * batch.extent(2) * batch.extent(3);
    return {batch.data_handle() + index * size, {batch.extent(1), batch.extent(2), batch.extent(3)}};
}

template <typename A, typename B>
bool same(const A& a, const B& b) {
    return a.size() == b.size() &&
           std::memcmp(a.data_handle(), b.data_handle(), a.size() * sizeof(*a.data_handle())) == 0;
}

} // namespace

TEST_CASE("the names are those of the data sets, and each is found") {
    std::vector<std::string_view> names(corruption::common.begin(), corruption::common.end());
    names.insert(names.end(), corruption::extra.begin(), corruption::extra.end());
    CHECK(names.size() == 19);
    for (std::size_t i = 0; i < names.size(); ++i) {
        CHECK(static_cast<std::size_t>(corruption::kind_from_name(names[i])) == i);
        CHECK(corruption::name_of(static_cast<corruption::kind>(i)) == names[i]);
        CHECK(std::count(names.begin(), names.end(), names[i]) == 1);
    }
    CHECK_THROWS_WITH_AS(
        (void)corruption::kind_from_name("gausian_noise"),
        doctest::Contains("unknown corruption 'gausian_noise'; expected one of gaussian_noise, "),
        repscope::value_error);
    CHECK_THROWS_WITH_AS((void)corruption::kind_from_name("jpeg"), doctest::Contains("jpeg_compression"),
                         repscope::value_error);
}

TEST_CASE("an image's bytes depend on its index and not on other images") {
    const auto batch = batch_of<std::uint8_t>(3, 24, 20, 3);
    for (std::size_t k = 0; k < all_kinds; ++k) {
        const auto which = static_cast<corruption::kind>(k);
        CAPTURE(std::string(corruption::name_of(which)));
        const auto together = corruption::apply(which, batch, {.severity = 4, .seed = 11, .index = 5});
        const auto threads =
            corruption::apply(which, batch, {.threads = 3, .severity = 4, .seed = 11, .index = 5});
        CHECK(same(together, threads));
        for (std::uint32_t i = 0; i < 3; ++i) {
            const auto alone =
                corruption::apply(which, image_of(batch, i), {.severity = 4, .seed = 11, .index = 5 + i});
            CHECK(same(alone, image_of(together, i)));
        }
        // Not contiguous: every other column of a wider image.
        const auto wide = formula_image(24, 40);
        const repscope::tensor_view<const std::uint8_t, 3> strided(wide.data_handle(), {24, 20, 3},
                                                                   {120, 6, 1});
        repscope::array<std::uint8_t, 3> dense({24, 20, 3});
        for (std::size_t y = 0; y < 24; ++y)
            for (std::size_t x = 0; x < 20; ++x)
                for (std::size_t c = 0; c < 3; ++c) dense(y, x, c) = wide(y, 2 * x, c);
        CHECK(same(corruption::apply(which, strided, {.severity = 2}),
                   corruption::apply(which, dense, {.severity = 2})));
    }
}

TEST_CASE("seed, index and severity change random corruptions only") {
    const auto image = formula_image(32, 32);
    for (std::size_t k = 0; k < all_kinds; ++k) {
        const auto which = static_cast<corruption::kind>(k);
        const std::string name(corruption::name_of(which));
        CAPTURE(name);
        constexpr std::array<std::string_view, 8> fixed{"defocus_blur",  "zoom_blur", "brightness",
                                                        "contrast",      "pixelate",  "jpeg_compression",
                                                        "gaussian_blur", "saturate"};
        const bool random = std::find(fixed.begin(), fixed.end(), name) == fixed.end();
        const auto base = corruption::apply(which, image, {.severity = 3, .seed = 1});
        CHECK(same(base, corruption::apply(name, image, {.severity = 3, .seed = 1})));
        CHECK(same(base, corruption::apply(which, image, {.severity = 3, .seed = 2})) != random);
        CHECK(same(base, corruption::apply(which, image, {.severity = 3, .seed = 1, .index = 1})) != random);
        CHECK_FALSE(same(base, corruption::apply(which, image, {.severity = 5, .seed = 1})));
        CHECK_FALSE(same(base, image));
    }
}

// Figures of this library: what changes them changes everybody's data.
TEST_CASE("the bytes of a seed are the same with every compiler, for ever") {
    const auto image = formula_image(28, 28);
    const auto gray = formula_image(21, 33, 1);
    std::array<std::uint32_t, all_kinds> color_sums{};
    std::array<std::uint32_t, all_kinds> gray_sums{};
    for (std::size_t k = 0; k < all_kinds; ++k) {
        const auto which = static_cast<corruption::kind>(k);
        for (int severity = 1; severity <= 5; ++severity) {
            const corruption::apply_options how{.severity = severity, .seed = 20061112, .index = 3};
            color_sums[k] = color_sums[k] * 31 + checksum(corruption::apply(which, image, how));
            gray_sums[k] = gray_sums[k] * 31 + checksum(corruption::apply(which, gray, how));
        }
    }
    const std::array<std::uint32_t, all_kinds> color_expected{
        0xa8fbad1dU, 0x1cb71359U, 0xe0816ea7U, 0x8a0192f3U, 0x2b01f85aU, 0x43eae53dU, 0x4f56a104U,
        0x1bc0243dU, 0x45fb48eeU, 0xf7b091efU, 0x36a1a22dU, 0x798f078aU, 0xf7e5ca67U, 0x0f66d205U,
        0x00b3af21U, 0xc99e668fU, 0x5ce26a27U, 0x0c4978f8U, 0xb3e87692U};
    const std::array<std::uint32_t, all_kinds> gray_expected{
        0x818fcf13U, 0x83318490U, 0x1d8a582cU, 0x8f0ad56cU, 0x9e7f4fc3U, 0xe4aa5222U, 0xb1ec0a03U,
        0x4bcd0c3cU, 0x5d08bf0bU, 0x7e0fdbf8U, 0x0c729083U, 0x4ae0f375U, 0xb906995bU, 0xb742ef0cU,
        0x4b14b8f3U, 0xb429fa54U, 0xb2f05b5aU, 0x8b75dc48U, 0xbb880462U};
    for (std::size_t k = 0; k < all_kinds; ++k) {
        CAPTURE(std::string(corruption::name_of(static_cast<corruption::kind>(k))));
        CHECK(color_sums[k] == color_expected[k]);
        CHECK(gray_sums[k] == gray_expected[k]);
    }
}

TEST_CASE("floats are corrupted like bytes, but for the rounding") {
    const auto bytes = formula_image(30, 26);
    repscope::array<float, 3> floats(bytes.extents());
    for (std::size_t i = 0; i < bytes.size(); ++i)
        floats.data_handle()[i] = static_cast<float>(bytes.data_handle()[i]) / 255.0F;
    for (std::size_t k = 0; k < all_kinds; ++k) {
        const auto which = static_cast<corruption::kind>(k);
        CAPTURE(std::string(corruption::name_of(which)));
        const auto from_bytes = corruption::apply(which, bytes, {.severity = 3, .seed = 4});
        const auto from_floats = corruption::apply(which, floats, {.severity = 3, .seed = 4});
        double largest = 0.0;
        int fractions = 0;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            const double value = 255.0 * static_cast<double>(from_floats.data_handle()[i]);
            CHECK(value >= 0.0);
            CHECK(value <= 255.0);
            largest = std::max(largest, std::abs(value - from_bytes.data_handle()[i]));
            fractions += std::abs(value - std::round(value)) > 1e-3 ? 1 : 0;
        }
        const bool made_of_bytes = which == corruption::kind::motion_blur ||
                                   which == corruption::kind::pixelate ||
                                   which == corruption::kind::jpeg_compression;
        const bool keeps_levels = which == corruption::kind::impulse_noise;
        CHECK((fractions == 0) == (made_of_bytes || keeps_levels));
        // Cutting loses up to 1; glass cuts twice.
        CHECK(largest < (made_of_bytes ? 1e-4 : which == corruption::kind::glass_blur ? 2.1 : 1.01));
    }
}

TEST_CASE("one channel is gray, and corruptions without color accept any number of channels") {
    const auto gray = formula_image(16, 16, 1);
    repscope::array<std::uint8_t, 3> rgb({16, 16, 3});
    for (std::size_t i = 0; i < rgb.size(); ++i) rgb.data_handle()[i] = gray.data_handle()[i / 3];
    for (const std::string name :
         {"defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "gaussian_blur",
          "jpeg_compression", "fog", "motion_blur", "glass_blur", "elastic_transform"}) {
        CAPTURE(name);
        const auto one = corruption::apply(name, gray, {.severity = 3});
        const auto three = corruption::apply(name, rgb, {.severity = 3});
        for (std::size_t i = 0; i < three.size(); ++i)
            CHECK(std::abs(three.data_handle()[i] - one.data_handle()[i / 3]) <=
                  (name == "brightness" ? 1 : 0));
    }
    CHECK(same(corruption::apply("saturate", gray, {.severity = 5}), gray));
    const auto five = formula_image(16, 16, 5);
    CHECK(corruption::apply("fog", five, {.severity = 3}).extent(2) == 5);
    CHECK_THROWS_WITH_AS((void)corruption::apply("snow", five, {.severity = 3}),
                         doctest::Contains("expected 1 channel or 3"), repscope::value_error);
}

TEST_CASE("every size from 8 x 8 up") {
    for (const auto& [height, width] : {std::pair<std::size_t, std::size_t>{8, 8}, {8, 61}, {47, 9}}) {
        const auto image = formula_image(height, width);
        for (std::size_t k = 0; k < all_kinds; ++k) {
            for (const auto whose :
                 {corruption::variant::imagenet, corruption::variant::cifar, corruption::variant::tiny}) {
                const auto out = corruption::apply(static_cast<corruption::kind>(k), image,
                                                   {.severity = 5, .variant = whose, .seed = 9});
                CHECK(out.extents() == image.extents());
            }
        }
    }
}

TEST_CASE("the nearest variant") {
    using corruption::nearest_variant;
    using corruption::variant;
    CHECK(nearest_variant(28, 28) == variant::cifar);
    CHECK(nearest_variant(32, 224) == variant::cifar);
    CHECK(nearest_variant(64, 64) == variant::tiny);
    CHECK(nearest_variant(96, 96) == variant::tiny);
    CHECK(nearest_variant(224, 224) == variant::imagenet);
    CHECK(nearest_variant(400, 300) == variant::imagenet);
    const auto image = formula_image(32, 32);
    CHECK(same(corruption::apply("contrast", image, {.severity = 2}),
               corruption::apply("contrast", image, {.severity = 2, .variant = variant::cifar})));
    CHECK_FALSE(same(corruption::apply("contrast", image, {.severity = 2}),
                     corruption::apply("contrast", image, {.severity = 2, .variant = variant::imagenet})));
}

TEST_CASE("custom frost textures are scaled as in the published set") {
    // A texture of one color stays that color at any scale.
    std::vector<corruption::frost_texture> textures;
    textures.emplace_back(std::array<std::size_t, 3>{200, 300, 3});
    std::fill_n(textures[0].data_handle(), textures[0].size(), std::uint8_t{100});
    const auto image = formula_image(32, 32);
    const auto out = corruption::apply("frost", image, {.severity = 3, .frost_textures = textures});
    for (std::size_t i = 0; i < image.size(); ++i)
        CHECK(out.data_handle()[i] ==
              static_cast<int>(std::min(.9 * image.data_handle()[i] + .4 * 100, 255.0)));
    const auto half = corruption::resize_texture(formula_image(60, 50), 0.3);
    CHECK(half.extent(0) == 18);
    CHECK(half.extent(1) == 15);
    CHECK_THROWS_AS((void)corruption::resize_texture(formula_image(60, 50), 0.001), repscope::value_error);
    textures.emplace_back(std::array<std::size_t, 3>{20, 20, 1});
    CHECK_THROWS_AS((void)corruption::apply("frost", image, {.severity = 3, .frost_textures = textures}),
                    repscope::shape_error);
}

TEST_CASE("draws have the moments of the reference's draws") {
    repscope::array<std::uint8_t, 3> gray({64, 64, 3});
    std::fill_n(gray.data_handle(), gray.size(), std::uint8_t{128});
    const auto moments = [&](std::string_view name, int severity) {
        const auto out = corruption::apply(
            name, gray, {.severity = severity, .variant = corruption::variant::cifar, .seed = 5});
        double sum = 0.0;
        double square = 0.0;
        for (std::size_t i = 0; i < out.size(); ++i) {
            const double value = out.data_handle()[i] + 0.5 * (name == "impulse_noise" ? 0.0 : 1.0);
            sum += value;
            square += value * value;
        }
        const double mean = sum / static_cast<double>(out.size());
        return std::array<double, 2>{mean, std::sqrt(square / static_cast<double>(out.size()) - mean * mean)};
    };
    const double root = std::sqrt(64.0 * 64 * 3);
    const auto gaussian = moments("gaussian_noise", 5); // sigma 0.1
    CHECK(std::abs(gaussian[0] - 128) < 4 * 25.5 / root);
    CHECK(std::abs(gaussian[1] - 25.5) < 4 * 25.5 / root);
    const double shot_sigma =
        std::sqrt(128.0 / 255 / 50) * 255; // 50 photons; a count is 5.1 levels, cut to whole ones
    const auto shot = moments("shot_noise", 5);
    CHECK(std::abs(shot[0] - 128) < 0.5 + 4 * shot_sigma / root);
    CHECK(std::abs(shot[1] - shot_sigma) < 4 * shot_sigma / root);
    const auto speckle = moments("speckle_noise", 5); // sigma 0.2
    CHECK(std::abs(speckle[1] - 25.6) < 4 * 25.6 / root);
    const auto impulse =
        corruption::apply("impulse_noise", gray, {.severity = 5, .variant = corruption::variant::cifar});
    const auto salt =
        static_cast<double>(std::count(impulse.data_handle(), impulse.data_handle() + impulse.size(), 255));
    const auto pepper =
        static_cast<double>(std::count(impulse.data_handle(), impulse.data_handle() + impulse.size(), 0));
    const double each = .035 * 64 * 64 * 3;
    CHECK(std::abs(salt - each) < 4 * std::sqrt(each));
    CHECK(std::abs(pepper - each) < 4 * std::sqrt(each));
}

TEST_CASE("Poisson draws follow the distribution") {
    for (const double photons : {3.0, 60.0, 500.0, 100000.0}) {
        const corruption::detail::poisson_table table(photons);
        const auto u = uniforms(20000, 77);
        const auto v = uniforms(20000, 78);
        for (const double x : {1.0, 0.4321, 0.0}) {
            double sum = 0.0;
            double square = 0.0;
            for (std::size_t i = 0; i < u.size(); ++i) {
                const double count = table.draw(static_cast<float>(x), u[i], v[i]);
                sum += count;
                square += count * count;
            }
            const double mean = x * photons;
            const double measured = sum / 20000.0;
            const double variance = square / 20000.0 - measured * measured;
            CAPTURE(mean);
            CHECK(std::abs(measured - mean) <= 4 * std::sqrt(mean / 20000.0));
            CHECK(std::abs(variance - mean) <= 4 * std::sqrt((mean + 2 * mean * mean) / 20000.0));
        }
    }
    // Inversion: the distribution function of mean 2 (photons 510, byte 1) is 0.1353, 0.4060, 0.6767, ...
    const corruption::detail::poisson_table table(510.0);
    CHECK(table.draw(std::size_t{1}, 0.1353) == 0.0);
    CHECK(table.draw(std::size_t{1}, 0.1354) == 1.0);
    CHECK(table.draw(std::size_t{1}, 0.4061) == 2.0);
    CHECK(table.draw(std::size_t{1}, 0.6766) == 2.0);
    CHECK(table.draw(std::size_t{1}, 0.6767) == 3.0);
}

TEST_CASE("bad input is refused, in a sentence") {
    const auto image = formula_image(16, 16);
    const auto refuses = [](const auto& images, const corruption::apply_options& how, const char* text) {
        CHECK_THROWS_WITH_AS((void)corruption::apply("fog", images, how), doctest::Contains(text),
                             repscope::value_error);
    };
    refuses(image, {.severity = 0}, "expected a severity in 1 ... 5, got 0");
    refuses(image, {.severity = 6}, "got 6");
    refuses(formula_image(7, 16), {.severity = 1}, "got shape (7, 16, 3)");
    refuses(repscope::array<std::uint8_t, 4>({0, 16, 16, 3}), {.severity = 1}, "at least 1 image");
    refuses(repscope::array<std::uint8_t, 3>({0, 0, 3}), {.severity = 1}, "got shape (0, 0, 3)");
    refuses(repscope::array<std::uint8_t, 4>({2, 8, 8, 1}), {.severity = 1, .index = 0xFFFFFFFFU},
            "below 2^32");
    for (const float bad : {-0.1F, 1.1F, std::numeric_limits<float>::quiet_NaN()}) {
        repscope::array<float, 3> floats({8, 8, 3});
        floats.data_handle()[100] = bad;
        refuses(floats, {.severity = 1}, "at element 100");
    }
}

} // namespace apply_test
