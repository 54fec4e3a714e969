#include "corruption/formula.hpp"

#include "repscope/corruption/blur.hpp"
#include "repscope/corruption/brightness_saturate.hpp"
#include "repscope/corruption/contrast.hpp"
#include "repscope/corruption/elastic.hpp"
#include "repscope/corruption/fog.hpp"
#include "repscope/corruption/frost.hpp"
#include "repscope/corruption/jpeg.hpp"
#include "repscope/corruption/motion_blur.hpp"
#include "repscope/corruption/noise.hpp"
#include "repscope/corruption/pixelate.hpp"
#include "repscope/corruption/snow.hpp"
#include "repscope/corruption/spatter.hpp"
#include "repscope/corruption/zoom_blur.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace kernels_test {

using namespace corruption_test;
namespace corruption = repscope::corruption;
namespace published = repscope::corruption::published;

namespace {

/// Checksums of a deterministic corruption, severities 1 ... 5.
struct expected_row {
    const char* name;
    std::array<std::uint32_t, 5> checksums;
};

repscope::array<std::uint8_t, 3> deterministic(const std::string& name,
                                               const repscope::array<std::uint8_t, 3>& image, std::size_t set,
                                               std::size_t level) {
    if (name == "gaussian_blur")
        return corruption::gaussian_blur(image, published::gaussian_blur[set][level]);
    if (name == "defocus_blur") return corruption::defocus_blur(image, published::defocus_blur[set][level]);
    if (name == "zoom_blur") return corruption::zoom_blur(image, published::zoom_blur[set][level]);
    if (name == "brightness") return corruption::brightness(image, published::brightness[set][level]);
    if (name == "saturate") return corruption::saturate(image, published::saturate[set][level]);
    if (name == "contrast") return corruption::contrast(image, published::contrast[set][level]);
    if (name == "pixelate") return corruption::pixelate(image, published::pixelate[set][level]);
    REQUIRE(name == "jpeg_compression");
    return corruption::jpeg_compression(image, published::jpeg_compression[set][level]);
}

} // namespace

// What the published generators make of the formula image.
TEST_CASE("deterministic corruptions at 32 x 32 are those of CIFAR-10-C, byte for byte") {
    const auto image = formula_image(32, 32);
    REQUIRE(checksum(image) == 0x89525c90U);
    const std::array<expected_row, 8> rows{{
        {"gaussian_blur", {0x2601352aU, 0x4a36faefU, 0x80a3c682U, 0xc3d8c2c7U, 0x9a6d81a3U}},
        {"defocus_blur", {0x1c0ce1acU, 0x210e6af1U, 0xdae7d595U, 0xc62a81c8U, 0x25a47d78U}},
        {"zoom_blur", {0xb6084805U, 0x9fbb229bU, 0x60322865U, 0x861ba51cU, 0x2614ced9U}},
        {"brightness", {0xa255bdb7U, 0x8187494eU, 0xab053f06U, 0x732e27e4U, 0x0df46759U}},
        {"saturate", {0xd66eefb7U, 0x368ac009U, 0xa17414d3U, 0x60f92131U, 0x8163704fU}},
        {"contrast", {0xca71c458U, 0x8bf978b0U, 0x60ec7d58U, 0x6a55dee6U, 0x986b3bf9U}},
        {"pixelate", {0x6e8c5794U, 0x5d0e7dafU, 0x55c4390eU, 0x58b5ac93U, 0x93a65b3aU}},
        {"jpeg_compression", {0xc40084d5U, 0x691e2a11U, 0xaafc4516U, 0x2ec95518U, 0x17bbd3fdU}},
    }};
    for (const auto& row : rows) {
        for (std::size_t level = 0; level < 5; ++level) {
            CAPTURE(row.name);
            CAPTURE(level);
            CHECK(checksum(deterministic(row.name, image, 1, level)) == row.checksums[level]);
        }
    }
}

TEST_CASE("deterministic corruptions at 224 x 224 are those of ImageNet-C, byte for byte") {
    const auto image = formula_image(224, 224);
    REQUIRE(checksum(image) == 0x02fef9ebU);
    const std::array<expected_row, 8> rows{{
        {"gaussian_blur", {0x66e119fcU, 0xc463b11bU, 0x496fcd73U, 0xff98f687U, 0xdd4ea0f7U}},
        {"defocus_blur", {0xbf1f39fdU, 0xd55efa09U, 0x1ed38a3dU, 0x10a2734dU, 0x6ee73c00U}},
        {"zoom_blur", {0x9c78a260U, 0x7625ad88U, 0x68c99006U, 0xbb2663c4U, 0x33e1c580U}},
        {"brightness", {0x839c21d7U, 0x41efca7eU, 0x39d8f27dU, 0xa810deb8U, 0xf95c116cU}},
        {"saturate", {0xd8c551cdU, 0x9ae7472fU, 0xc985c8abU, 0x71b75f7cU, 0x71b75f7cU}},
        {"contrast", {0xc4ec6bebU, 0xe5bc00d3U, 0xcf78930bU, 0x12661c88U, 0xaa8831d7U}},
        {"pixelate", {0xc6b6ab61U, 0x17312e48U, 0x79f0151fU, 0x68237c89U, 0xe2073d87U}},
        {"jpeg_compression", {0x7a12e47aU, 0x64487d59U, 0x895de9a3U, 0x5516fb8eU, 0x164e1770U}},
    }};
    for (const auto& row : rows) {
        // A disk of more than 8 pixels has another edge; the largest sigma and the others differ in nothing
        // but time.
        for (const std::size_t level : {std::size_t{0}, std::size_t{4}}) {
            CAPTURE(row.name);
            CAPTURE(level);
            CHECK(checksum(deterministic(row.name, image, 0, level)) == row.checksums[level]);
        }
    }
}

// What the same definitions, written down once more in NumPy and SciPy, make of the formula image and formula
// draws, on a square and on another rectangle.
TEST_CASE("random corruptions replay given draws, byte for byte") {
    struct expected {
        std::size_t height, width;
        std::uint32_t gaussian, speckle, shot, impulse, glass, glass_far, motion, snow, fog, elastic_affine,
            elastic_wide, elastic, mud;
    };
    const std::array<expected, 2> sizes{{
        {32, 32, 0xfa154cebU, 0x83e2492cU, 0x1e841de8U, 0x60c1fb9dU, 0x663b7e5bU, 0x2e0723eaU, 0xd94c7e29U,
         0xa9c844adU, 0x33eca31aU, 0xf0a2fc34U, 0xcb5b3c54U, 0xb994ea2eU, 0x630f5832U},
        {40, 52, 0xd9f5ca8aU, 0x3459d133U, 0x3ee37336U, 0x8250fd88U, 0x4d23208eU, 0x93765400U, 0xa10d6a49U,
         0x52b78763U, 0xc653f3d9U, 0xee7ca042U, 0xa22fc4a0U, 0x4c97b503U, 0x41ca9465U},
    }};
    for (const auto& e : sizes) {
        CAPTURE(e.height);
        const auto image = formula_image(e.height, e.width);
        const std::size_t area = e.height * e.width;

        CHECK(checksum(corruption::gaussian_noise(image, bells(image.size(), 11, 0.0, .08))) == e.gaussian);
        CHECK(checksum(corruption::speckle_noise(image, bells(image.size(), 12, 0.0, .12))) == e.speckle);

        auto counts = uniforms(image.size(), 13);
        for (std::size_t i = 0; i < counts.size(); ++i)
            counts[i] = std::floor(image.data_handle()[i] / 255. * 100 + 1.5 * counts[i]);
        CHECK(checksum(corruption::shot_noise(image, 100, counts)) == e.shot);

        const auto flips = uniforms(image.size(), 14);
        const auto salts = uniforms(image.size(), 15);
        std::vector<corruption::impulse> impulses(image.size());
        for (std::size_t i = 0; i < impulses.size(); ++i) {
            if (flips[i] < .03)
                impulses[i] = salts[i] < .5 ? corruption::impulse::salt : corruption::impulse::pepper;
        }
        CHECK(checksum(corruption::impulse_noise(image, std::span<const corruption::impulse>(impulses))) ==
              e.impulse);

        const auto glass = [&](corruption::glass_parameters p) {
            const std::size_t margin = 2 * static_cast<std::size_t>(p.max_delta);
            const auto u = uniforms(
                (e.height - margin) * (e.width - margin) * static_cast<std::size_t>(p.iterations) * 2, 16);
            std::vector<std::int8_t> offsets;
            for (const double value : u)
                offsets.push_back(
                    static_cast<std::int8_t>(std::floor(value * 2 * p.max_delta) - p.max_delta));
            return checksum(corruption::glass_blur(image, p, offsets));
        };
        CHECK(glass({.4, 1, 2}) == e.glass);
        CHECK(glass({1, 2, 3}) == e.glass_far);

        const std::array<double, 1> angle{-45 + 90 * uniforms(1, 17)[0]};
        CHECK(checksum(corruption::motion_blur(image, {6, 2}, angle)) == e.motion);

        const std::array<double, 1> fall{-135 + 90 * uniforms(1, 19)[0]};
        CHECK(checksum(corruption::snow(image, {.15, .3, 1.75, .55, 10, 4, .9}, bells(area, 18, .15, .3),
                                        fall)) == e.snow);

        auto heights = uniforms(corruption::fog_draw_count(e.height, e.width), 20);
        double wibble = 100;
        std::size_t at = 0;
        for (std::size_t points = 1; at < heights.size(); points *= 4, wibble /= 2.5)
            for (std::size_t i = 0; i < 3 * points; ++i, ++at) heights[at] = wibble * (2 * heights[at] - 1);
        CHECK(checksum(corruption::fog(image, {.75, 2.5}, heights)) == e.fog);

        const auto elastic = [&](corruption::elastic_parameters fractions) {
            const auto p =
                corruption::elastic_pixels(fractions, corruption::variant::cifar, e.height, e.width);
            auto moves = uniforms(6, 21);
            for (double& move : moves) move = p.affine * (2 * move - 1);
            auto fields = uniforms(2 * area, 22);
            for (double& value : fields) value = 2 * value - 1;
            return checksum(corruption::elastic_transform(image, p, moves, fields));
        };
        CHECK(elastic({0, 0, .08}) == e.elastic_affine);
        CHECK(elastic({.05, .2, .07}) == e.elastic_wide);
        CHECK(elastic({.08, .06, .06}) == e.elastic);

        CHECK(checksum(corruption::spatter(image, {.65, .1, .7, .69, .6, true}, bells(area, 23, .65, .1))) ==
              e.mud);
    }
}

TEST_CASE("JPEG of any size equals the output of libjpeg") {
    struct expected {
        std::size_t height, width, channels;
        int quality;
        std::uint32_t checksum;
    };
    // libjpeg-turbo 2.1, coded and decoded by default.
    for (const expected e : std::initializer_list<expected>{
             {8, 9, 1, 7, 0x84e041c4U},   {8, 9, 1, 50, 0x497df58aU},   {8, 9, 1, 80, 0x4b340282U},
             {8, 9, 3, 7, 0x6f597876U},   {8, 9, 3, 50, 0x70d155d7U},   {8, 9, 3, 80, 0xc7a92f3cU},
             {17, 23, 1, 7, 0x28e48a4bU}, {17, 23, 1, 50, 0xf0147957U}, {17, 23, 1, 80, 0xd5411180U},
             {17, 23, 3, 7, 0xca794f26U}, {17, 23, 3, 50, 0x93f0ee9cU}, {17, 23, 3, 80, 0x14c528ffU},
             {40, 52, 1, 7, 0x931de786U}, {40, 52, 1, 50, 0xab5b3839U}, {40, 52, 1, 80, 0x919a055cU},
             {40, 52, 3, 7, 0x08e752cbU}, {40, 52, 3, 50, 0x4374575bU}, {40, 52, 3, 80, 0x04c54e36U},
             {64, 64, 1, 7, 0x84d54bedU}, {64, 64, 1, 50, 0xff43bbc5U}, {64, 64, 1, 80, 0xae0475e4U},
             {64, 64, 3, 7, 0x74fb4198U}, {64, 64, 3, 50, 0x3507a5c9U}, {64, 64, 3, 80, 0x90f7bb46U}}) {
        CAPTURE(e.height);
        CAPTURE(e.channels);
        CAPTURE(e.quality);
        CHECK(checksum(corruption::jpeg_compression(formula_image(e.height, e.width, e.channels),
                                                    e.quality)) == e.checksum);
    }
}

TEST_CASE("frost is the weighted sum of image and crop") {
    const auto image = formula_image(9, 11);
    std::vector<corruption::frost_texture> textures(2);
    textures[0] = corruption::frost_texture({20, 30, 3});
    textures[1] = formula_image(25, 31);
    const std::array<corruption::frost_crop, 1> crop{{{1, 16, 20}}};
    const auto out = corruption::frost(image, {.85, .4}, textures, crop);
    const auto gray_image = formula_image(9, 11, 1);
    const auto gray = corruption::frost(gray_image, {.85, .4}, textures, crop);
    for (std::size_t y = 0; y < 9; ++y) {
        for (std::size_t x = 0; x < 11; ++x) {
            const auto ice = [&](std::size_t c) {
                return static_cast<double>(textures[1](16 + y, 20 + x, c));
            };
            for (std::size_t c = 0; c < 3; ++c) {
                const double sum = .85 * image(y, x, c) + .4 * ice(c);
                CHECK(out(y, x, c) == static_cast<int>(std::min(sum, 255.0)));
            }
            const double luma = .299 * ice(0) + .587 * ice(1) + .114 * ice(2);
            CHECK(gray(y, x, 0) == static_cast<int>(std::min(.85 * gray_image(y, x, 0) + .4 * luma, 255.0)));
        }
    }
    const std::array<corruption::frost_crop, 1> outside{{{1, 17, 20}}};
    CHECK_THROWS_AS((void)corruption::frost(image, {.85, .4}, textures, outside), repscope::value_error);
    const std::array<corruption::frost_crop, 1> missing{{{2, 0, 0}}};
    CHECK_THROWS_AS((void)corruption::frost(image, {.85, .4}, textures, missing), repscope::value_error);
}

TEST_CASE("distances to edges are shortest paths of steps to the 16 pixels around") {
    constexpr std::size_t height = 23;
    constexpr std::size_t width = 19;
    std::vector<std::uint8_t> edges(height * width);
    for (const std::size_t at :
         {std::size_t{5 * width + 3}, std::size_t{18 * width + 16}, std::size_t{11 * width}})
        edges[at] = 1;
    corruption::detail::scratch memory;
    std::vector<std::int32_t> distances(edges.size());
    corruption::detail::edge_distances(edges.data(), height, width, memory, distances.data());
    // The same by relaxation until nothing changes.
    std::vector<std::int32_t> expected(edges.size(), 1 << 28);
    for (std::size_t i = 0; i < edges.size(); ++i)
        if (edges[i] != 0) expected[i] = 0;
    for (bool changed = true; changed;) {
        changed = false;
        for (int y = 0; y < int(height); ++y) {
            for (int x = 0; x < int(width); ++x) {
                for (int dy = -2; dy <= 2; ++dy) {
                    for (int dx = -2; dx <= 2; ++dx) {
                        const int longest = std::max(std::abs(dx), std::abs(dy));
                        const int shortest = std::min(std::abs(dx), std::abs(dy));
                        if (longest == 0 || (longest == 2 && shortest != 1)) continue;
                        if (y + dy < 0 || y + dy >= int(height) || x + dx < 0 || x + dx >= int(width))
                            continue;
                        const double step = longest == 2 ? 2.1969 : shortest == 1 ? 1.4 : 1.0;
                        const auto fixed = static_cast<std::int32_t>(std::lround(step * 65536));
                        const auto there =
                            expected[static_cast<std::size_t>((y + dy) * int(width) + x + dx)] + fixed;
                        auto& here = expected[static_cast<std::size_t>(y * int(width) + x)];
                        if (there < here) {
                            here = there;
                            changed = true;
                        }
                    }
                }
            }
        }
    }
    CHECK(distances == expected);
}

TEST_CASE("edges of a step are one pixel wide, and faint ones only where they meet strong ones") {
    constexpr std::size_t side = 12;
    std::vector<std::uint8_t> image(side * side);
    for (std::size_t y = 0; y < side; ++y)
        for (std::size_t x = 6; x < side; ++x)
            image[y * side + x] = y < 6 ? 100 : 30; // 30: strength 120, above 50 only
    corruption::detail::scratch memory;
    std::vector<std::uint8_t> edges(side * side);
    corruption::detail::find_edges(image.data(), side, side, 50, 150, memory, edges.data());
    for (std::size_t y = 0; y < side; ++y) {
        int across = 0;
        for (std::size_t x = 0; x < 8; ++x) across += edges[y * side + x];
        CAPTURE(y);
        CHECK((across == 1 ||
               (y == 5 && across == 2))); // the faint half hangs on the strong one, by its corner
    }
    for (auto& value : image) value = value == 100 ? 30 : value;
    corruption::detail::find_edges(image.data(), side, side, 50, 150, memory, edges.data());
    CHECK(std::count(edges.begin(), edges.end(), 1) == 0);
}

TEST_CASE("water is a bright rim, and the image is unchanged without drops") {
    const auto image = formula_image(32, 32);
    const auto drops = bells(32 * 32, 29, .62, .1);
    // A figure of this library, whose bytes agree with the published generator's on its own draws.
    CHECK(checksum(corruption::spatter(image, {.62, .1, .7, .7, .5, false}, drops)) == 0x2c3918f9U);
    const std::vector<double> dry(32 * 32, .1);
    CHECK(checksum(corruption::spatter(image, {.62, .1, .7, .7, .5, false}, dry)) ==
          checksum(corruption::gaussian_noise(image, std::vector<double>(image.size(), 1e-7))));
}

TEST_CASE("kernels refuse draws that do not fit") {
    const auto image = formula_image(8, 8);
    const std::vector<double> few(191);
    const std::array<double, 2> angles{1, 2};
    CHECK_THROWS_WITH_AS((void)corruption::gaussian_noise(image, few),
                         "repscope::corruption::gaussian_noise: expected 192 draws of noise, got 191",
                         repscope::value_error);
    CHECK_THROWS_AS((void)corruption::motion_blur(image, {3, 1}, angles), repscope::value_error);
    CHECK_THROWS_AS((void)corruption::fog(image, {1, 2}, few), repscope::value_error);
    CHECK_THROWS_AS((void)corruption::glass_blur(image, {1, 1, 1}, std::vector<std::int8_t>(72, 1)),
                    repscope::value_error); // offsets reach max_delta - 1
    CHECK_THROWS_AS((void)corruption::jpeg_compression(image, 0), repscope::value_error);
    CHECK_THROWS_AS((void)corruption::contrast(image, 1.5), repscope::value_error);
    CHECK_THROWS_AS((void)corruption::pixelate(image, 0.0), repscope::value_error);
    CHECK_THROWS_AS((void)corruption::brightness(formula_image(8, 8, 2), 0.1), repscope::value_error);
}

} // namespace kernels_test
