#include "repscope/data/colored_environment.hpp"

#include "repscope/error.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace colored_environment_test {

using namespace repscope;

TEST_CASE("colored images: the color correlates with the noisy label, and gray images have the same labels") {
    const std::size_t n = 4000;
    std::vector<std::uint8_t> pixels(n * 9);
    std::vector<int> classes(n);
    for (std::size_t i = 0; i < n; ++i) {
        classes[i] = static_cast<int>(i % 10);
        for (std::size_t p = 0; p < 9; ++p)
            pixels[i * 9 + p] = static_cast<std::uint8_t>(1 + (i + 31 * p) % 255);
    }
    const tensor_view<const std::uint8_t, 3> images(pixels.data(), {n, 3, 3});
    std::vector<std::uint32_t> chosen(n);
    std::iota(chosen.begin(), chosen.end(), 0U);
    data::coloring_options coloring{.color_flips = .9, .seed = 7};
    const auto made = data::colored_environment<float>(images, classes, chosen, coloring);
    coloring.colored = false;
    const auto gray = data::colored_environment<float>(images, classes, chosen, coloring);
    REQUIRE(made.x.extents() == std::array<std::size_t, 4>{n, 2, 2, 2});
    REQUIRE(gray.x.extents() == std::array<std::size_t, 4>{n, 1, 2, 2});
    CHECK(gray.labels == made.labels);
    double noise = 0, flips = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const bool color = made.x(i, 0, 0, 0) > 0;
        noise += (classes[i] < 5 ? 1 : 0) != made.labels[i];
        flips += color != (made.labels[i] == 1);
        for (std::size_t y = 0; y < 2; ++y) {
            for (std::size_t x = 0; x < 2; ++x) {
                const float expected = static_cast<float>(pixels[i * 9 + 6 * y + 2 * x]) / 255;
                if (!(made.x(i, color ? 0 : 1, y, x) == expected && made.x(i, color ? 1 : 0, y, x) == 0 &&
                      gray.x(i, 0, y, x) == expected)) {
                    FAIL_CHECK("pixel " << y << ", " << x << " of image " << i);
                }
            }
        }
    }
    CHECK(noise / n == doctest::Approx(.25).epsilon(.1));
    CHECK(flips / n == doctest::Approx(.9).epsilon(.03));
    // The draws of an image do not depend on other images.
    const std::vector<std::uint32_t> few{17, 3};
    coloring.colored = true;
    const auto part = data::colored_environment<float>(images, classes, few, coloring);
    CHECK(part.labels == std::vector{made.labels[17], made.labels[3]});
    coloring.label_noise = 1.5;
    CHECK_THROWS_AS((void)data::colored_environment<float>(images, classes, few, coloring), value_error);
    CHECK_THROWS_AS(
        (void)data::colored_environment<float>(images, classes, std::vector<std::uint32_t>{5000}, {}),
        value_error);
}

} // namespace colored_environment_test
