#pragma once

#include "repscope/corruption/fog.hpp"
#include "repscope/corruption/frost.hpp"
#include "repscope/random/random_field.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {

namespace detail {

inline constexpr std::size_t ice_side = 512;

/// A fractal landscape of ice_side x ice_side with mean 0 and variance 1; a larger decay gives a steeper
/// spectrum.
[[nodiscard]] inline std::vector<double> fractal_field(std::uint32_t sample, std::uint32_t draw,
                                                       double decay) {
    // The textures are constants; no image uses their random stream.
    constexpr std::uint64_t seed = 0x1CE;
    const std::size_t area = ice_side * ice_side;
    std::vector<double> draws(area - 1);
    random_field(seed, 0, sample, draw).uniforms(draws);
    std::vector<double> field(area);
    std::vector<double> noise(3 * ice_side / 2);
    const auto part = [&draws](std::size_t, std::size_t first, std::size_t count, double wibble, double* to) {
        // Photographs are smoother than the fractal from pixel to pixel.
        const bool finest = first >= (ice_side / 2) * (ice_side / 2) - 1;
        const double reach = finest ? 0.8 * wibble : wibble;
        for (std::size_t i = 0; i < count; ++i) to[i] = reach * (2.0 * draws[first + i] - 1.0);
    };
    diamond_square(field.data(), ice_side, decay, part, noise.data());
    const auto ends = std::minmax_element(field.begin(), field.end());
    const double least = *ends.first;
    const double range = *ends.second - least;
    for (double& value : field) value = (value - least) / range;
    double mean = 0.0;
    for (const double value : field) mean += value;
    mean /= static_cast<double>(area);
    double variance = 0.0;
    for (const double value : field) variance += (value - mean) * (value - mean);
    const double scale = 1.0 / std::sqrt(variance / static_cast<double>(area));
    for (double& value : field) value = (value - mean) * scale;
    return field;
}

/// One texture: a rough field in the color of ice, with bright seams at the zeros of a smoother field.
[[nodiscard]] inline frost_texture make_ice(std::uint32_t sample, const std::array<double, 3>& color) {
    constexpr std::array<double, 3> contrast{30.0, 29.0, 30.0};
    constexpr double seam_height = 30.0;
    constexpr double seam_sharpness = 12.0;
    const std::vector<double> rough = fractal_field(sample, 0, 1.02);
    const std::vector<double> smooth = fractal_field(sample, 1, 1.35);
    frost_texture texture({ice_side, ice_side, 3});
    std::uint8_t* to = texture.data_handle();
    for (std::size_t i = 0; i < rough.size(); ++i) {
        const double near = 1.0 - seam_sharpness * std::abs(smooth[i]);
        const double seam = near > 0.0 ? seam_height * near : 0.0;
        for (std::size_t c = 0; c < 3; ++c) {
            const double value = color[c] + contrast[c] * rough[i] + seam;
            *to++ = static_cast<std::uint8_t>(value < 0.0 ? 0.0 : value > 255.0 ? 255.0 : value + 0.5);
        }
    }
    return texture;
}

} // namespace detail

/// Procedural ice that replaces the photographs of frost of the published sets, which have no license. Four
/// textures of 512 x 512 RGB bytes consist of fractal noise and seams and are the same in every run.
///
/// Their colors, contrast and spectrum are near those of the published images; docs/results/agreement.md has
/// the distances. Frost made with them is not the published frost. Computed at the first call, in about 20
/// milliseconds.
[[nodiscard]] inline std::span<const frost_texture> procedural_frost_textures() {
    static const std::vector<frost_texture> textures = [] {
        constexpr std::array<std::array<double, 3>, 4> colors{
            {{84.0, 125.0, 143.0}, {155.0, 165.0, 172.0}, {200.0, 204.0, 210.0}, {118.0, 141.0, 157.0}}};
        std::vector<frost_texture> made;
        for (std::size_t i = 0; i < colors.size(); ++i)
            made.push_back(detail::make_ice(static_cast<std::uint32_t>(i), colors[i]));
        return made;
    }();
    return textures;
}

} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
