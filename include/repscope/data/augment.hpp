#pragma once

#include "repscope/error.hpp"
#include "repscope/random/random_stream.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace data {

/// One image of bytes, (channels, rows, columns), dense.
struct byte_image {
    std::size_t channels = 0, rows = 0, columns = 0; ///< extents of the image
    std::vector<std::uint8_t> pixels;                ///< channels x rows x columns bytes
};

/// The transforms that training may use. None of them is a corruption of the robustness benchmarks.
enum class transform {
    autocontrast,
    equalize,
    posterize,
    rotate,
    solarize,
    shear_x,
    shear_y,
    translate_x,
    translate_y,
};
/// Number of transforms.
inline constexpr std::size_t transform_count = 9;

namespace detail {

/// Maps every channel through its own table, which `table(histogram)` returns.
template <typename Table>
inline void through_tables(byte_image& image, Table&& table) {
    const std::size_t size = image.rows * image.columns;
    for (std::size_t c = 0; c < image.channels; ++c) {
        std::uint8_t* const pixels = image.pixels.data() + c * size;
        std::array<std::size_t, 256> histogram{};
        for (std::size_t i = 0; i < size; ++i) ++histogram[pixels[i]];
        const std::array<std::uint8_t, 256> values = table(histogram);
        for (std::size_t i = 0; i < size; ++i) pixels[i] = values[pixels[i]];
    }
}

[[nodiscard]] inline std::array<std::uint8_t, 256> identity_table() noexcept {
    std::array<std::uint8_t, 256> values{};
    for (std::size_t v = 0; v < 256; ++v) values[v] = static_cast<std::uint8_t>(v);
    return values;
}

/// out(y, x) = in at the point (row, column) = `from(y, x)`, bilinear between the four pixels around it; 0
/// for points outside the image, whose pixels cover [-1/2, extent - 1/2).
template <typename From>
inline void resample(byte_image& image, From&& from) {
    const std::vector<std::uint8_t> before = image.pixels;
    const auto rows = static_cast<std::ptrdiff_t>(image.rows),
               columns = static_cast<std::ptrdiff_t>(image.columns);
    for (std::ptrdiff_t y = 0; y < rows; ++y) {
        for (std::ptrdiff_t x = 0; x < columns; ++x) {
            const std::pair<double, double> at = from(static_cast<double>(y), static_cast<double>(x));
            const bool outside = !(at.first >= -.5 && at.first < static_cast<double>(rows) - .5 &&
                                   at.second >= -.5 && at.second < static_cast<double>(columns) - .5);
            const double top = std::floor(at.first), left = std::floor(at.second);
            const double down = at.first - top, right = at.second - left;
            const auto row = [&](int step) {
                return std::clamp(static_cast<std::ptrdiff_t>(outside ? 0 : top) + step, std::ptrdiff_t{0},
                                  rows - 1);
            };
            const auto column = [&](int step) {
                return std::clamp(static_cast<std::ptrdiff_t>(outside ? 0 : left) + step, std::ptrdiff_t{0},
                                  columns - 1);
            };
            for (std::size_t c = 0; c < image.channels; ++c) {
                const std::uint8_t* const plane = before.data() + c * image.rows * image.columns;
                const auto pixel = [&](int dy, int dx) {
                    return static_cast<double>(plane[row(dy) * columns + column(dx)]);
                };
                const double value = (1 - down) * ((1 - right) * pixel(0, 0) + right * pixel(0, 1)) +
                                     down * ((1 - right) * pixel(1, 0) + right * pixel(1, 1));
                image.pixels[c * image.rows * image.columns + static_cast<std::size_t>(y * columns + x)] =
                    outside ? std::uint8_t{0} : static_cast<std::uint8_t>(value + .5);
            }
        }
    }
}

} // namespace detail

/// Stretches each channel linearly to the range 0 to 255; a channel of one value is unchanged.
inline void autocontrast(byte_image& image) {
    detail::through_tables(image, [](const std::array<std::size_t, 256>& histogram) {
        int low = 0, high = 255;
        while (low < 255 && histogram[static_cast<std::size_t>(low)] == 0) ++low;
        while (high > 0 && histogram[static_cast<std::size_t>(high)] == 0) --high;
        auto values = detail::identity_table();
        if (high <= low) return values;
        const double scale = 255.0 / (high - low);
        for (int v = 0; v < 256; ++v) {
            values[static_cast<std::size_t>(v)] =
                static_cast<std::uint8_t>(std::clamp(v * scale - low * scale, 0.0, 255.0));
        }
        return values;
    });
}

/// Equalizes the histogram of each channel with a table of values; a channel of one value, or of too few
/// pixels, is unchanged.
inline void equalize(byte_image& image) {
    detail::through_tables(image, [](const std::array<std::size_t, 256>& histogram) {
        std::size_t sum = 0, last = 0, used = 0;
        for (const std::size_t count : histogram) {
            if (count == 0) continue;
            sum += count;
            last = count;
            ++used;
        }
        auto values = detail::identity_table();
        const std::size_t step = (sum - last) / 255;
        if (used <= 1 || step == 0) return values;
        std::size_t n = step / 2;
        for (std::size_t v = 0; v < 256; ++v) {
            values[v] = static_cast<std::uint8_t>((std::min)(n / step, std::size_t{255}));
            n += histogram[v];
        }
        return values;
    });
}

/// Keeps the highest `bits` bits of every value, 0 to 8 of them.
inline void posterize(byte_image& image, unsigned bits) {
    const unsigned mask = bits >= 8 ? 255U : 255U & ~((1U << (8 - bits)) - 1U);
    for (std::uint8_t& value : image.pixels) value = static_cast<std::uint8_t>(value & mask);
}

/// Inverts the values from `threshold` on.
inline void solarize(byte_image& image, unsigned threshold) {
    for (std::uint8_t& value : image.pixels) {
        if (value >= threshold) value = static_cast<std::uint8_t>(255 - value);
    }
}

/// Rotates the image about its center, counter-clockwise; points outside the image are 0.
inline void rotate(byte_image& image, double degrees) {
    const double angle = degrees * std::numbers::pi / 180, cosine = std::cos(angle), sine = std::sin(angle);
    const double row = (static_cast<double>(image.rows) - 1) / 2,
                 column = (static_cast<double>(image.columns) - 1) / 2;
    detail::resample(image, [&](double y, double x) {
        return std::pair{row + sine * (x - column) + cosine * (y - row),
                         column + cosine * (x - column) - sine * (y - row)};
    });
}

/// out(y, x) = in(y + down + slope_down x, x + right + slope_right y), with x and y from the outer corner of
/// the image; points outside the image are 0.
inline void shear_and_translate(byte_image& image, double slope_down, double slope_right, double down,
                                double right) {
    detail::resample(image, [&](double y, double x) {
        return std::pair{y + down + slope_down * (x + .5), x + right + slope_right * (y + .5)};
    });
}

/// Applies a transform of random strength: uniform from .1 to `severity`, at most 10, with a random sign if
/// the transform has one.
///
/// At strength 10: rotation by 30 degrees, shear by .3, translation by a third of the image, posterization to
/// 0 bits (4 bits at 0), inversion of every value. Smaller strengths scale linearly; degrees, pixels, bits
/// and thresholds are truncated to integers. The table of AugMix, Hendrycks et al. 2020 (arXiv 1912.02781).
/// Throws `value_error` for a severity outside [.1, 10].
inline void apply(transform kind, double severity, random_stream& random, byte_image& image) {
    if (!(severity >= .1 && severity <= 10)) {
        errors::throw_value_error("data::apply",
                                  "expected a severity from .1 to 10, got " + errors::text_of(severity));
    }
    // Always uses two draws, so that later draws do not depend on the transform.
    const double strength = (.1 + (severity - .1) * random.uniform()) / 10;
    const double sign = random.uniform() < .5 ? -1 : 1;
    const auto whole = [&](double most) { return std::floor(strength * most); };
    switch (kind) {
    case transform::autocontrast:
        return autocontrast(image);
    case transform::equalize:
        return equalize(image);
    case transform::posterize:
        return posterize(image, 4 - static_cast<unsigned>(whole(4)));
    case transform::rotate:
        return rotate(image, sign * whole(30));
    case transform::solarize:
        return solarize(image, 256 - static_cast<unsigned>(whole(256)));
    case transform::shear_x:
        return shear_and_translate(image, 0, sign * strength * .3, 0, 0);
    case transform::shear_y:
        return shear_and_translate(image, sign * strength * .3, 0, 0, 0);
    case transform::translate_x:
        return shear_and_translate(image, 0, 0, 0, sign * whole(static_cast<double>(image.columns) / 3));
    case transform::translate_y:
        break;
    }
    shear_and_translate(image, 0, 0, sign * whole(static_cast<double>(image.rows) / 3), 0);
}

} // namespace data
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
