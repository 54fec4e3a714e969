#pragma once

#include "repscope/detail/corruption/arena.hpp"
#include "repscope/detail/corruption/boundary.hpp"
#include "repscope/detail/corruption/gaussian.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

/// The Gaussian of a mirrored line as a matrix, for a Gaussian about as wide as the line.
///
/// The matrix commutes with a reversal of the line, so sums and differences of opposite elements are filtered
/// separately, each by a matrix of half the side.
class folded_gaussian {
  public:
    folded_gaussian(std::size_t side, const std::vector<double>& weights)
        : side_(side), half_((side + 1) / 2), around_(2 * side) {
        // A mirrored line is periodic with twice its length: the taps that hit the same element are added
        // first.
        const std::size_t period = 2 * side;
        for (std::size_t k = 0; k < weights.size(); ++k) {
            around_[k % period] += weights[k];
            if (k > 0) around_[period - 1 - (k - 1) % period] += weights[k];
        }
        if (side > max_stored_side) return;
        even_.resize(half_ * half_);
        odd_.resize(half_ * half_);
        std::vector<double> row(side);
        for (std::size_t i = 0; i < half_; ++i)
            fill_row(i, row.data(), even_.data() + i * half_, odd_.data() + i * half_);
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
        constexpr std::size_t at_once = 4;
        float* even = memory.take<float>(at_once * width);
        float* odd = memory.take<float>(at_once * width);
        const bool stored = !even_.empty();
        double* row = memory.take<double>(stored ? 0 : side_);
        float* made = memory.take<float>(stored ? 0 : 2 * at_once * half_);
        for (std::size_t first = 0; first < half_; first += at_once) {
            const std::size_t count = half_ - first < at_once ? half_ - first : at_once;
            if (!stored) {
                for (std::size_t k = 0; k < count; ++k)
                    fill_row(first + k, row, made + k * half_, made + (at_once + k) * half_);
            }
            combine(sums, width, stored ? even_.data() + first * half_ : made, count, even);
            combine(differences, width, stored ? odd_.data() + first * half_ : made + at_once * half_, count,
                    odd);
            for (std::size_t k = 0; k < count; ++k) {
                float* one = out + (first + k) * width;
                float* other = out + (side_ - 1 - first - k) * width;
                for (std::size_t x = 0; x < width; ++x) {
                    const float e = even[k * width + x];
                    const float o = odd[k * width + x];
                    one[x] = e + o;
                    other[x] = e - o;
                }
            }
        }
    }

  private:
    /// The matrices of longer lines, over 256 kB each, are recomputed, four rows at a time.
    static constexpr std::size_t max_stored_side = 512;

    /// Row i of the matrices for sums and for differences; `row`: memory for the whole row of the filter.
    void fill_row(std::size_t i, double* row, float* even, float* odd) const noexcept {
        const std::size_t period = 2 * side_;
        for (std::size_t j = 0; j < side_; ++j)
            row[j] = around_[(period + j - i) % period] + around_[(period - 1 - j + period - i) % period];
        for (std::size_t j = 0; j < half_; ++j) {
            // The middle of an odd line is opposite to itself and therefore counts twice in its sum.
            const bool middle = 2 * j + 1 == side_;
            even[j] = static_cast<float>(0.5 * (middle ? row[j] : row[j] + row[side_ - 1 - j]));
            odd[j] = static_cast<float>(0.5 * (row[j] - row[side_ - 1 - j]));
        }
    }

    /// out[i] = sum over j of weights(i, j) lines[j] for up to four i, which share the loaded lines.
    void combine(const float* lines, std::size_t width, const float* weights, std::size_t count,
                 float* out) const {
        using pack = lanes<float>;
        constexpr std::size_t step = sizeof(pack) / sizeof(float);
        std::size_t x = 0;
        if (count == 4) {
            for (; x + 2 * step <= width; x += 2 * step) {
                pack a[2]{};
                pack b[2]{};
                pack c[2]{};
                pack d[2]{};
                for (std::size_t j = 0; j < half_; ++j) {
                    const float* line = lines + j * width + x;
                    const float* weight = weights + j;
                    pack low;
                    pack high;
                    std::memcpy(&low, line, sizeof low);
                    std::memcpy(&high, line + step, sizeof high);
                    a[0] += low * weight[0];
                    a[1] += high * weight[0];
                    b[0] += low * weight[half_];
                    b[1] += high * weight[half_];
                    c[0] += low * weight[2 * half_];
                    c[1] += high * weight[2 * half_];
                    d[0] += low * weight[3 * half_];
                    d[1] += high * weight[3 * half_];
                }
                std::memcpy(out + x, a, sizeof a);
                std::memcpy(out + width + x, b, sizeof b);
                std::memcpy(out + 2 * width + x, c, sizeof c);
                std::memcpy(out + 3 * width + x, d, sizeof d);
            }
        }
        for (std::size_t i = 0; i < count; ++i) {
            for (std::size_t k = x; k < width; ++k) {
                float sum = 0.0F;
                for (std::size_t j = 0; j < half_; ++j) sum += lines[j * width + k] * weights[i * half_ + j];
                out[i * width + k] = sum;
            }
        }
    }

    std::size_t side_;
    std::size_t half_;
    std::vector<double> around_; ///< weights by distance on the circle of the mirrored line
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

/// Smooths a random field of (height, width) by a Gaussian cut at 3 sigma, with the field mirrored beyond its
/// edges, in single precision: displacements have a relative error of a millionth.
class field_smoother {
  public:
    field_smoother(std::size_t height, std::size_t width, double sigma) : height_(height), width_(width) {
        const auto weights = gaussian_weights(sigma, 3.0);
        const std::size_t radius = weights.size() - 1;
        if (3 * radius > (std::max)(height, width)) {
            // Taps that wrap around the line are added first.
            down_.emplace_back(height, weights);
            across_.emplace_back(width, weights);
        } else {
            weights_.assign(weights.size(), 0.0F);
            for (std::size_t i = 0; i < weights.size(); ++i) weights_[i] = static_cast<float>(weights[i]);
        }
    }

    /// The field becomes alpha x the smoothed field.
    void apply(float* field, double alpha, scratch& memory) const {
        if (alpha == 0.0) {
            std::memset(field, 0, height_ * width_ * sizeof(float));
            return;
        }
        const auto factor = static_cast<float>(alpha);
        if (!down_.empty()) return apply_folded(field, factor, memory);
        separable_filter<float>(
            [&](std::size_t y, float* to) { std::copy_n(field + y * width_, width_, to); }, height_, width_,
            1, weights_, beyond::reflect, memory,
            [&](std::size_t y, const float* row) {
                for (std::size_t x = 0; x < width_; ++x) field[y * width_ + x] = row[x] * factor;
            });
    }

  private:
    /// Columns, then rows, a block at a time.
    void apply_folded(float* field, float factor, scratch& memory) const {
        const scratch::frame frame(memory);
        constexpr std::size_t block = 128;
        const std::size_t longest = (std::max)(height_, width_);
        const std::size_t widest = (std::min)(block, longest);
        float* before = memory.take<float>(longest * widest);
        float* after = memory.take<float>(longest * widest);
        for (std::size_t left = 0; left < width_; left += block) {
            const std::size_t count = (std::min)(block, width_ - left);
            for (std::size_t y = 0; y < height_; ++y)
                std::copy_n(field + y * width_ + left, count, before + y * count);
            down_.front().apply(before, count, memory, after);
            for (std::size_t y = 0; y < height_; ++y)
                std::copy_n(after + y * count, count, field + y * width_ + left);
        }
        for (std::size_t top = 0; top < height_; top += block) {
            const std::size_t count = (std::min)(block, height_ - top);
            float* rows = field + top * width_;
            exchange_axes(rows, count, width_, before);
            across_.front().apply(before, count, memory, after);
            exchange_axes(after, width_, count, rows);
            for (std::size_t i = 0; i < count * width_; ++i) rows[i] *= factor;
        }
    }

    std::size_t height_;
    std::size_t width_;
    std::vector<float> weights_;
    std::vector<folded_gaussian> down_;
    std::vector<folded_gaussian> across_;
};

} // namespace detail
} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
