#pragma once

#include "repscope/corruption/image.hpp"
#include "repscope/detail/corruption/arena.hpp"
#include "repscope/detail/corruption/quantize.hpp"
#include "repscope/detail/target/simd.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

/// The 8-point DCT in 13-bit integers; row k has frequency k.
inline constexpr std::array<std::array<std::int32_t, 8>, 8> dct_matrix{{
    {8192, 8192, 8192, 8192, 8192, 8192, 8192, 8192},
    {11363, 9633, 6437, 2260, -2260, -6437, -9633, -11363},
    {10703, 4433, -4433, -10703, -10703, -4433, 4433, 10703},
    {9633, -2259, -11362, -6436, 6436, 11362, 2259, -9633},
    {8192, -8192, -8192, 8192, 8192, -8192, -8192, 8192},
    {6437, -11362, 2261, 9633, -9633, -2261, 11362, -6437},
    {4433, -10704, 10704, -4433, -4433, 10704, -10704, 4433},
    {2260, -6436, 9633, -11363, 11363, -9633, 6436, -2260},
}};

/// The example tables of the standard's annex K, row by row.
inline constexpr std::array<std::int32_t, 64> luminance_table{
    16, 11,  10,  16, 24, 40, 51, 61, 12,  12,  14,  19,  26, 58, 60, 55,  14,  13,  16,  24, 40, 57,
    69, 56,  14,  17, 22, 29, 51, 87, 80,  62,  18,  22,  37, 56, 68, 109, 103, 77,  24,  35, 55, 64,
    81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98,  112, 100, 103, 99};
inline constexpr std::array<std::int32_t, 64> chrominance_table{
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99,
    99, 99, 47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99};

using quantization = std::array<std::int32_t, 64>;

[[nodiscard]] constexpr quantization scaled_table(const std::array<std::int32_t, 64>& table,
                                                  int quality) noexcept {
    const std::int32_t scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;
    quantization steps{};
    for (std::size_t i = 0; i < 64; ++i) steps[i] = std::clamp((table[i] * scale + 50) / 100, 1, 255);
    return steps;
}

// Handles a row of eight at a time: both passes of a transform sum rows, with a transposition in between.
using eight = repscope::detail::simd_vector<std::int32_t, 8>;

/// to[i] = (sum over k of matrix(i, k) from[k] + half) >> shift.
template <bool Transposed>
inline void dct_pass(const eight* from, eight* to, int shift) noexcept {
    const std::int32_t h = 1 << (shift - 1);
    const eight half = {h, h, h, h, h, h, h, h};
    const eight by = {shift, shift, shift, shift, shift, shift, shift, shift};
    for (std::size_t i = 0; i < 8; ++i) {
        eight sum = half;
        for (std::size_t k = 0; k < 8; ++k) {
            const std::int32_t m = Transposed ? dct_matrix[k][i] : dct_matrix[i][k];
            const eight factor = {m, m, m, m, m, m, m, m};
            sum += from[k] * factor;
        }
        to[i] = sum >> by;
    }
}

inline void transpose(eight* rows) noexcept {
    std::int32_t square[8][8];
    std::memcpy(square, rows, sizeof square);
    for (std::size_t i = 0; i < 8; ++i)
        for (std::size_t k = i + 1; k < 8; ++k) std::swap(square[i][k], square[k][i]);
    std::memcpy(rows, square, sizeof square);
}

/// The result of coding a block of 8 x 8 samples with these quantization steps.
inline void code_block(std::uint8_t* samples, std::size_t stride, const quantization& steps) noexcept {
    eight rows[8];
    eight other[8];
    for (std::size_t i = 0; i < 8; ++i)
        for (std::size_t k = 0; k < 8; ++k)
            rows[i][k] = static_cast<std::int32_t>(samples[i * stride + k]) - 128;
    transpose(rows);
    dct_pass<false>(rows, other, 11);
    transpose(other);
    dct_pass<false>(other, rows, 15);
    for (std::size_t i = 0; i < 8; ++i) {
        for (std::size_t k = 0; k < 8; ++k) {
            const std::int32_t step = steps[8 * i + k];
            const std::int32_t value = rows[i][k];
            const std::int32_t size = ((value < 0 ? -value : value) + 4 * step) / (8 * step);
            rows[i][k] = (value < 0 ? -size : size) * step;
        }
    }
    dct_pass<true>(rows, other, 11);
    transpose(other);
    dct_pass<true>(other, rows, 18);
    transpose(rows);
    for (std::size_t i = 0; i < 8; ++i)
        for (std::size_t k = 0; k < 8; ++k)
            samples[i * stride + k] = static_cast<std::uint8_t>(std::clamp(rows[i][k] + 128, 0, 255));
}

/// A plane of samples whose sides are rounded up to whole blocks.
struct jpeg_plane {
    std::size_t height; ///< of the visible part
    std::size_t width;
    std::size_t stride;
    std::size_t rows;
    std::uint8_t* samples;

    jpeg_plane(std::size_t h, std::size_t w, scratch& memory)
        : height(h), width(w), stride((w + 7) / 8 * 8), rows((h + 7) / 8 * 8),
          samples(memory.take<std::uint8_t>(stride * rows)) {}

    /// Repeats the last sample of every row to whole blocks.
    void fill_rows() const noexcept {
        for (std::size_t y = 0; y < height; ++y) {
            std::uint8_t* row = samples + y * stride;
            for (std::size_t x = width; x < stride; ++x) row[x] = row[width - 1];
        }
    }

    /// Repeats the last row to whole blocks and codes them all.
    void code(const quantization& steps) const noexcept {
        for (std::size_t y = height; y < rows; ++y)
            std::memcpy(samples + y * stride, samples + (height - 1) * stride, stride);
        for (std::size_t y = 0; y < rows; y += 8)
            for (std::size_t x = 0; x < stride; x += 8) code_block(samples + y * stride + x, stride, steps);
    }
};

inline constexpr std::int32_t fixed16(double value) noexcept {
    return static_cast<std::int32_t>(value * 65536.0 + 0.5);
}

/// Coding and decoding; the lossless entropy coding is omitted.
inline void jpeg_gray(const picture<std::uint8_t>& image, const quantization& luminance, scratch& memory,
                      std::uint8_t* out) {
    const scratch::frame frame(memory);
    const jpeg_plane plane(image.height, image.width, memory);
    for (std::size_t y = 0; y < image.height; ++y)
        std::memcpy(plane.samples + y * plane.stride, image.row(y), image.width);
    plane.fill_rows();
    plane.code(luminance);
    for (std::size_t y = 0; y < image.height; ++y)
        std::memcpy(out + y * image.width, plane.samples + y * plane.stride, image.width);
}

/// One row of a chroma plane at twice the resolution: 3/4 of the nearer plus 1/4 of the farther sample, in
/// both directions.
inline void upsample_row(const jpeg_plane& plane, std::size_t y, std::int32_t* sums,
                         std::uint8_t* out) noexcept {
    const std::size_t near = y / 2;
    const std::size_t last = plane.height - 1;
    const std::size_t far = y % 2 == 0 ? (near == 0 ? 0 : near - 1) : (near == last ? last : near + 1);
    const std::uint8_t* nearer = plane.samples + near * plane.stride;
    const std::uint8_t* farther = plane.samples + far * plane.stride;
    for (std::size_t x = 0; x < plane.width; ++x) sums[x] = 3 * nearer[x] + farther[x];
    for (std::size_t x = 0; x < plane.width; ++x) {
        const std::int32_t here = 3 * sums[x];
        const std::int32_t left = sums[x == 0 ? 0 : x - 1];
        const std::int32_t right = sums[x + 1 == plane.width ? x : x + 1];
        out[2 * x] = static_cast<std::uint8_t>((here + left + 8) >> 4);
        out[2 * x + 1] = static_cast<std::uint8_t>((here + right + 7) >> 4);
    }
}

inline void jpeg_color(const picture<std::uint8_t>& image, const quantization& luminance,
                       const quantization& chrominance, scratch& memory, std::uint8_t* out) {
    const scratch::frame frame(memory);
    const std::size_t height = image.height;
    const std::size_t width = image.width;
    const jpeg_plane luma(height, width, memory);
    const jpeg_plane blue((height + 1) / 2, (width + 1) / 2, memory);
    const jpeg_plane red((height + 1) / 2, (width + 1) / 2, memory);
    // Two rows of full chroma at a time. The last column is repeated to whole blocks before it is halved,
    // because alternate halves are rounded up and down. The last row is repeated after that.
    const std::size_t even = 2 * blue.stride;
    auto* blue_rows = memory.take<std::uint8_t>(2 * even);
    auto* red_rows = memory.take<std::uint8_t>(2 * even);
    for (std::size_t pair = 0; pair < height; pair += 2) {
        for (std::size_t line = 0; line < 2; ++line) {
            const std::size_t y = (std::min)(pair + line, height - 1);
            const std::uint8_t* from = image.row(y);
            std::uint8_t* to = luma.samples + y * luma.stride;
            std::uint8_t* to_blue = blue_rows + line * even;
            std::uint8_t* to_red = red_rows + line * even;
            for (std::size_t x = 0; x < width; ++x) {
                const std::int32_t r = from[3 * x];
                const std::int32_t g = from[3 * x + 1];
                const std::int32_t b = from[3 * x + 2];
                constexpr std::int32_t half = 1 << 15;
                constexpr std::int32_t middle = (128 << 16) + half - 1;
                to[x] = static_cast<std::uint8_t>(
                    (fixed16(0.29900) * r + fixed16(0.58700) * g + fixed16(0.11400) * b + half) >> 16);
                to_blue[x] = static_cast<std::uint8_t>(
                    (middle - fixed16(0.16874) * r - fixed16(0.33126) * g + fixed16(0.50000) * b) >> 16);
                to_red[x] = static_cast<std::uint8_t>(
                    (middle + fixed16(0.50000) * r - fixed16(0.41869) * g - fixed16(0.08131) * b) >> 16);
            }
            for (std::size_t x = width; x < even; ++x) {
                to_blue[x] = to_blue[width - 1];
                to_red[x] = to_red[width - 1];
            }
        }
        for (std::size_t x = 0; x < even; x += 2) {
            const std::int32_t bias = x % 4 == 0 ? 1 : 2;
            const std::size_t at = pair / 2 * blue.stride + x / 2;
            blue.samples[at] = static_cast<std::uint8_t>(
                (blue_rows[x] + blue_rows[x + 1] + blue_rows[even + x] + blue_rows[even + x + 1] + bias) >>
                2);
            red.samples[at] = static_cast<std::uint8_t>(
                (red_rows[x] + red_rows[x + 1] + red_rows[even + x] + red_rows[even + x + 1] + bias) >> 2);
        }
    }
    luma.fill_rows();
    luma.code(luminance);
    blue.code(chrominance);
    red.code(chrominance);
    auto* sums = memory.take<std::int32_t>(blue.width);
    for (std::size_t y = 0; y < height; ++y) {
        upsample_row(blue, y, sums, blue_rows);
        upsample_row(red, y, sums, red_rows);
        const std::uint8_t* from = luma.samples + y * luma.stride;
        std::uint8_t* to = out + y * image.row_size();
        for (std::size_t x = 0; x < width; ++x) {
            const std::int32_t base = from[x];
            const std::int32_t b = static_cast<std::int32_t>(blue_rows[x]) - 128;
            const std::int32_t r = static_cast<std::int32_t>(red_rows[x]) - 128;
            constexpr std::int32_t half = 1 << 15;
            to[3 * x] =
                static_cast<std::uint8_t>(std::clamp(base + ((fixed16(1.40200) * r + half) >> 16), 0, 255));
            to[3 * x + 1] = static_cast<std::uint8_t>(
                std::clamp(base + ((half - fixed16(0.34414) * b - fixed16(0.71414) * r) >> 16), 0, 255));
            to[3 * x + 2] =
                static_cast<std::uint8_t>(std::clamp(base + ((fixed16(1.77200) * b + half) >> 16), 0, 255));
        }
    }
}

/// The quantization steps of one quality.
struct jpeg_plan {
    quantization luminance;
    quantization chrominance;
    explicit jpeg_plan(int quality) noexcept
        : luminance(scaled_table(luminance_table, quality)),
          chrominance(scaled_table(chrominance_table, quality)) {}
};

template <pixel T>
void jpeg_compression(const picture<T>& image, const jpeg_plan& plan, scratch& memory, T* out) {
    with_byte_pixels(image, memory, out, [&](const picture<std::uint8_t>& bytes, std::uint8_t* to) {
        if (bytes.channels == 1)
            jpeg_gray(bytes, plan.luminance, memory, to);
        else
            jpeg_color(bytes, plan.luminance, plan.chrominance, memory, to);
    });
}

} // namespace detail

/// JPEG compression: the image after coding at `quality` and decoding with the defaults of libjpeg(-turbo):
/// baseline, chroma at half the resolution, the accurate integer DCT, smooth upsampling.
///
/// `images`: (height, width, 3), (height, width, 1) or a batch, of any size. Deterministic, in integers; the
/// lossless entropy coding is omitted. Computes in bytes: float images are rounded to bytes first and
/// returned as bytes / 255. Throws `value_error` for an input that is not an image (see `image_like`), other
/// numbers of channels, and a quality outside 1 ... 100. O(elements). ITU-T T.81, annex A and K.
template <image_like Images>
[[nodiscard]] corrupted<Images> jpeg_compression(const Images& images, int quality) {
    constexpr std::string_view name = "corruption::jpeg_compression";
    if (quality < 1 || quality > 100) {
        errors::throw_value_error(name, "expected a quality in 1 ... 100, got " + errors::text_of(quality));
    }
    const detail::jpeg_plan plan(quality);
    detail::scratch memory;
    return detail::each_image(
        name, images, [&](const detail::image_shape& shape) { detail::require_colors(name, shape.channels); },
        [&](const auto& image, std::size_t, auto* out) {
            detail::jpeg_compression(image, plan, memory, out);
        });
}

} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
