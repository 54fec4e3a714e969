#pragma once

#include "repscope/corruption/border.hpp"
#include "repscope/corruption/gaussian.hpp"
#include "repscope/corruption/scratch.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

namespace repscope {
inline namespace v0 {
namespace corruption {
namespace detail {

/// The Gaussian of a mirrored line as a matrix, for a Gaussian that is about as wide as the line.
///
/// The matrix commutes with turning the line round, so sums and differences of opposite elements are filtered
/// apart, each by a matrix of half the side.
class folded_gaussian {
  public:
    folded_gaussian(std::size_t side, const std::vector<double>& weights)
        : side_(side), half_((side + 1) / 2), even_(half_ * half_), odd_(half_ * half_) {
        std::vector<double> row(side);
        const auto radius = static_cast<std::ptrdiff_t>(weights.size()) - 1;
        for (std::size_t i = 0; i < half_; ++i) {
            for (double& value : row) value = 0.0;
            for (std::ptrdiff_t k = -radius; k <= radius; ++k) {
                row[index_beyond(static_cast<std::ptrdiff_t>(i) + k, side, beyond::reflect)] +=
                    weights[static_cast<std::size_t>(k < 0 ? -k : k)];
            }
            for (std::size_t j = 0; j < half_; ++j) {
                // The middle of an odd line is its own opposite and so counts twice in its sum.
                const bool middle = 2 * j + 1 == side;
                even_[i * half_ + j] =
                    static_cast<float>(0.5 * (middle ? row[j] : row[j] + row[side - 1 - j]));
                odd_[i * half_ + j] = static_cast<float>(0.5 * (row[j] - row[side - 1 - j]));
            }
        }
    }

    /// Filters the columns of (side, width) values. O(side^2 width / 2).
    void apply(const float* values, std::size_t width, scratch& memory, float* out) const {
        const scratch::frame frame(memory);
        float* sums = memory.take<float>(half_ * width);
        float* differences = memory.take<float>(half_ * width);
        for (std::size_t j = 0; j < half_; ++j) {
            const float* one = values + j * width;
            const float* other = values + (side_ - 1 - j) * width;
            for (std::size_t x = 0; x < width; ++x) {
                sums[j * width + x] = one[x] + other[x];
                differences[j * width + x] = one[x] - other[x];
            }
        }
        float* even = memory.take<float>(width);
        float* odd = memory.take<float>(width);
        for (std::size_t i = 0; i < half_; ++i) {
            combine(sums, width, even_.data() + i * half_, even);
            combine(differences, width, odd_.data() + i * half_, odd);
            float* one = out + i * width;
            float* other = out + (side_ - 1 - i) * width;
            for (std::size_t x = 0; x < width; ++x) {
                const float e = even[x];
                const float o = odd[x];
                one[x] = e + o;
                other[x] = e - o;
            }
        }
    }

  private:
    void combine(const float* lines, std::size_t width, const float* weights, float* out) const {
        using pack = lanes<float>::type;
        constexpr std::size_t step = sizeof(pack) / sizeof(float);
        std::size_t x = 0;
        for (; x + 4 * step <= width; x += 4 * step) {
            pack a{};
            pack b{};
            pack c{};
            pack d{};
            for (std::size_t j = 0; j < half_; ++j) {
                const float* line = lines + j * width + x;
                a += load_lanes<pack>(line) * weights[j];
                b += load_lanes<pack>(line + step) * weights[j];
                c += load_lanes<pack>(line + 2 * step) * weights[j];
                d += load_lanes<pack>(line + 3 * step) * weights[j];
            }
            const pack sums[4] = {a, b, c, d};
            std::memcpy(out + x, sums, sizeof sums);
        }
        for (; x < width; ++x) {
            float sum = 0.0F;
            for (std::size_t j = 0; j < half_; ++j) sum += lines[j * width + x] * weights[j];
            out[x] = sum;
        }
    }

    std::size_t side_;
    std::size_t half_;
    std::vector<float> even_;
    std::vector<float> odd_;
};

/// (height, width) values with rows and columns exchanged.
inline void exchange_axes(const float* values, std::size_t height, std::size_t width, float* out) {
    constexpr std::size_t tile = 16;
    for (std::size_t top = 0; top < height; top += tile) {
        for (std::size_t left = 0; left < width; left += tile) {
            for (std::size_t y = top; y < (std::min)(top + tile, height); ++y)
                for (std::size_t x = left; x < (std::min)(left + tile, width); ++x)
                    out[x * height + y] = values[y * width + x];
        }
    }
}

/// Smooths a random field of (height, width) with a Gaussian cut at 3 sigma, the field mirrored beyond its
/// edges, in single precision: displacements are accurate to a millionth of their size.
class field_smoother {
  public:
    field_smoother(std::size_t height, std::size_t width, double sigma) : height_(height), width_(width) {
        const auto weights = gaussian_weights(sigma, 3.0);
        const std::size_t radius = weights.size() - 1;
        if (3 * radius > (std::max)(height, width)) {
            // Taps that go round and round the line are added up first.
            down_.emplace_back(height, weights);
            across_.emplace_back(width, weights);
        } else {
            weights_.assign(weights.size(), 0.0F);
            for (std::size_t i = 0; i < weights.size(); ++i) weights_[i] = static_cast<float>(weights[i]);
        }
    }

    /// out = alpha x the smoothed field.
    void apply(const double* field, double alpha, scratch& memory, float* out) const {
        const scratch::frame frame(memory);
        const std::size_t area = height_ * width_;
        const auto factor = static_cast<float>(alpha);
        if (alpha == 0.0) {
            std::memset(out, 0, area * sizeof(float));
            return;
        }
        float* values = memory.take<float>(area);
        for (std::size_t i = 0; i < area; ++i) values[i] = static_cast<float>(field[i]);
        if (down_.empty()) {
            separable_filter(values, height_, width_, 1, weights_, beyond::reflect, memory,
                             [&](std::size_t y, const float* row) {
                                 for (std::size_t x = 0; x < width_; ++x)
                                     out[y * width_ + x] = row[x] * factor;
                             });
            return;
        }
        float* turned = memory.take<float>(area);
        down_.front().apply(values, width_, memory, out);
        exchange_axes(out, height_, width_, turned);
        across_.front().apply(turned, height_, memory, values);
        exchange_axes(values, width_, height_, out);
        for (std::size_t i = 0; i < area; ++i) out[i] *= factor;
    }

  private:
    std::size_t height_;
    std::size_t width_;
    std::vector<float> weights_;
    std::vector<folded_gaussian> down_;
    std::vector<folded_gaussian> across_;
};

} // namespace detail
} // namespace corruption
} // namespace v0
} // namespace repscope
