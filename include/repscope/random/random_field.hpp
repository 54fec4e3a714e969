#pragma once

#include "repscope/random/normal_quantile.hpp"
#include "repscope/random/philox.hpp"
#include "repscope/random/random_stream.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Philox blocks that are computed at a time; compilers vectorize loops of a fixed length.
inline constexpr std::size_t philox_lanes = 16;

/// The four words of each of `philox_lanes` blocks, word by word.
struct philox_words {
    std::uint32_t word[4][philox_lanes];
};

/// Blocks first, first + 1, ... of (draw, sample, stream): the same words as from `philox4x32` one by one.
inline void philox_blocks(std::uint32_t first, std::uint32_t draw, std::uint32_t sample, std::uint32_t stream,
                          philox_key key, philox_words& words) noexcept {
    std::uint32_t a[philox_lanes];
    std::uint32_t b[philox_lanes];
    std::uint32_t c[philox_lanes];
    std::uint32_t d[philox_lanes];
    for (std::size_t k = 0; k < philox_lanes; ++k) {
        a[k] = first + static_cast<std::uint32_t>(k);
        b[k] = draw;
        c[k] = sample;
        d[k] = stream;
    }
    for (int round = 0; round < 10; ++round) {
        for (std::size_t k = 0; k < philox_lanes; ++k) {
            const std::uint64_t product_0 = std::uint64_t{0xD2511F53U} * a[k];
            const std::uint64_t product_1 = std::uint64_t{0xCD9E8D57U} * c[k];
            a[k] = static_cast<std::uint32_t>(product_1 >> 32U) ^ b[k] ^ key[0];
            b[k] = static_cast<std::uint32_t>(product_1);
            c[k] = static_cast<std::uint32_t>(product_0 >> 32U) ^ d[k] ^ key[1];
            d[k] = static_cast<std::uint32_t>(product_0);
        }
        key[0] += 0x9E3779B9U;
        key[1] += 0xBB67AE85U;
    }
    for (std::size_t k = 0; k < philox_lanes; ++k) {
        words.word[0][k] = a[k];
        words.word[1][k] = b[k];
        words.word[2][k] = c[k];
        words.word[3][k] = d[k];
    }
}

/// `unit_interval`, without a conversion that has no vector instruction.
[[nodiscard]] constexpr double unit_interval_of(std::uint32_t low, std::uint32_t high) noexcept {
    const std::uint64_t bits = low | (static_cast<std::uint64_t>(high) << 32U);
    // 2^52 plus an integer below 2^52 has that integer in its last 52 bits.
    return ((std::bit_cast<double>((bits >> 12U) | 0x4330000000000000U) - 0x1p52) + 0.5) * 0x1p-52;
}

inline constexpr std::size_t uniforms_at_once = 2 * philox_lanes;

/// `portable::log` of `uniforms_at_once` normal numbers in (0, 1): the same operations in the same order.
inline void log_of_each(const double* values, double* logs) noexcept {
    for (std::size_t i = 0; i < uniforms_at_once; ++i) {
        const auto bits = std::bit_cast<std::uint64_t>(values[i]);
        const double biased = std::bit_cast<double>((bits >> 52U) | 0x4330000000000000U) - 0x1p52;
        const double wide = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFU) | 0x3FF0000000000000U);
        const bool halve = wide > 1.4142135623730951;
        const double mantissa = halve ? wide * 0.5 : wide;
        const double k = biased - (halve ? 1022.0 : 1023.0);
        const double f = mantissa - 1.0;
        const double s = f / (2.0 + f);
        const double z = s * s;
        double r = 2.0 / 23.0;
        r = r * z + 2.0 / 21.0;
        r = r * z + 2.0 / 19.0;
        r = r * z + 2.0 / 17.0;
        r = r * z + 2.0 / 15.0;
        r = r * z + 2.0 / 13.0;
        r = r * z + 2.0 / 11.0;
        r = r * z + 2.0 / 9.0;
        r = r * z + 2.0 / 7.0;
        r = r * z + 2.0 / 5.0;
        r = r * z + 2.0 / 3.0;
        r *= z;
        const double half_square = 0.5 * f * f;
        logs[i] = k * portable::detail::ln2_high -
                  ((half_square - (s * (half_square + r) + k * portable::detail::ln2_low)) - f);
    }
}

/// `normal_quantile` of each, in place. Fourteen percent are in the tails; those are collected, because their
/// logarithms dominate the cost.
class normal_batch {
  public:
    /// `values`: `uniforms_at_once` probabilities. Their quantiles, except for the tails, which `finish`
    /// computes.
    void add(double* values) noexcept {
        double center[uniforms_at_once];
        for (std::size_t i = 0; i < uniforms_at_once; ++i) {
            const double q = values[i] - 0.5;
            const double r = 0.180625 - q * q;
            center[i] = q * polynomial(as241_centre_above, r) / polynomial(as241_centre_below, r);
        }
        for (std::size_t i = 0; i < uniforms_at_once; ++i) {
            const double probability = values[i];
            where_[waiting_] = values + i;
            waiting_ += probability < 0.075 || probability > 0.925 ? 1U : 0U;
        }
        // The remaining ones keep their probability.
        for (std::size_t i = 0; i < uniforms_at_once; ++i) {
            const bool tail = values[i] < 0.075 || values[i] > 0.925;
            values[i] = tail ? values[i] : center[i];
        }
        if (waiting_ >= uniforms_at_once) flush(uniforms_at_once);
    }

    void finish() noexcept { flush(waiting_); }

  private:
    void flush(std::size_t count) noexcept {
        double tail[uniforms_at_once];
        double root[uniforms_at_once];
        double z[uniforms_at_once];
        for (std::size_t i = 0; i < uniforms_at_once; ++i) {
            const double probability = i < count ? *where_[i] : 0.01;
            tail[i] = probability < 0.5 ? probability : 1.0 - probability;
        }
        log_of_each(tail, root);
        for (std::size_t i = 0; i < uniforms_at_once; ++i) root[i] = std::sqrt(-root[i]);
        for (std::size_t i = 0; i < uniforms_at_once; ++i)
            z[i] = polynomial(as241_tail_above, root[i] - 1.6) / polynomial(as241_tail_below, root[i] - 1.6);
        for (std::size_t i = 0; i < count; ++i) {
            double& value = *where_[i];
            if (root[i] > 5.0)
                value = normal_quantile(value);
            else
                value = value < 0.5 ? -z[i] : z[i];
        }
        for (std::size_t i = count; i < waiting_; ++i) where_[i - count] = where_[i];
        waiting_ -= count;
    }

    std::array<double*, 2 * uniforms_at_once> where_{};
    std::size_t waiting_ = 0;
};

} // namespace detail

/// Many draws of one sequence at once: draw number `draw` of (seed, stream, sample).
///
/// Element i of a field is made from words 2i and 2i + 1 (or from word i) of the counters {block, draw,
/// sample, stream}. The field of draw 0 therefore equals the numbers of `random_stream`; the same bits
/// everywhere. At most 2^33 uniforms or normals, 2^34 words per draw.
class random_field {
  public:
    /// The field of these four numbers.
    constexpr random_field(std::uint64_t seed, std::uint32_t stream, std::uint32_t sample,
                           std::uint32_t draw) noexcept
        : key_(key_of(seed)), stream_(stream), sample_(sample), draw_(draw) {}

    /// A part of a field may begin at any multiple of this number.
    static constexpr std::size_t part = 4 * detail::philox_lanes;

    /// Uniform in (0, 1), never 0 and never 1: elements first, first + 1, ... of the field, where `first` is
    /// a multiple of `part`.
    void uniforms(std::span<double> values, std::size_t first = 0) const noexcept {
        each_block(first, values.size(), [&](double* made, std::size_t at, std::size_t count) {
            for (std::size_t i = 0; i < count; ++i) values[at + i] = made[i];
        });
    }

    /// loc + scale z, with z standard normal from the quantile of a uniform.
    void normals(std::span<double> values, double loc, double scale, std::size_t first = 0) const noexcept {
        detail::normal_batch batch;
        detail::philox_words words;
        std::size_t done = 0;
        auto block = static_cast<std::uint32_t>(first / 2);
        // Whole blocks are written in place; the rest goes through a separate buffer.
        for (; done + detail::uniforms_at_once <= values.size(); done += detail::uniforms_at_once) {
            make(block, words, values.data() + done);
            batch.add(values.data() + done);
            block += detail::philox_lanes;
        }
        batch.finish();
        if (done < values.size()) {
            double last[detail::uniforms_at_once];
            make(block, words, last);
            batch.add(last);
            batch.finish();
            for (std::size_t i = 0; done + i < values.size(); ++i) values[done + i] = last[i];
        }
        for (double& value : values) value = loc + scale * value;
    }

    /// Uniform on the integers below 2^32, one word each: `use(first, words, count)` gets them in order.
    template <typename Use>
    void words(std::size_t size, Use&& use) const {
        detail::philox_words made;
        std::uint32_t in_order[4 * detail::philox_lanes];
        std::uint32_t block = 0;
        for (std::size_t first = 0; first < size; first += 4 * detail::philox_lanes) {
            detail::philox_blocks(block, draw_, sample_, stream_, key_, made);
            for (std::size_t k = 0; k < detail::philox_lanes; ++k)
                for (std::size_t w = 0; w < 4; ++w) in_order[4 * k + w] = made.word[w][k];
            const std::size_t left = size - first;
            use(first, static_cast<const std::uint32_t*>(in_order),
                left < 4 * detail::philox_lanes ? left : 4 * detail::philox_lanes);
            block += detail::philox_lanes;
        }
    }

  private:
    void make(std::uint32_t block, detail::philox_words& words, double* values) const noexcept {
        detail::philox_blocks(block, draw_, sample_, stream_, key_, words);
        for (std::size_t k = 0; k < detail::philox_lanes; ++k) {
            values[2 * k] = detail::unit_interval_of(words.word[0][k], words.word[1][k]);
            values[2 * k + 1] = detail::unit_interval_of(words.word[2][k], words.word[3][k]);
        }
    }

    template <typename Use>
    void each_block(std::size_t first, std::size_t size, Use&& use) const noexcept {
        detail::philox_words words;
        double made[detail::uniforms_at_once];
        auto block = static_cast<std::uint32_t>(first / 2);
        for (std::size_t at = 0; at < size; at += detail::uniforms_at_once) {
            make(block, words, made);
            const std::size_t left = size - at;
            use(made, at, left < detail::uniforms_at_once ? left : detail::uniforms_at_once);
            block += detail::philox_lanes;
        }
    }

    philox_key key_;
    std::uint32_t stream_;
    std::uint32_t sample_;
    std::uint32_t draw_;
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
