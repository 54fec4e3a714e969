#pragma once

#include "repscope/error.hpp"
#include "repscope/random/normal_quantile.hpp"
#include "repscope/random/philox.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// A double in (0, 1) from 64 random bits: (floor(bits / 2^12) + 1/2) / 2^52, never 0 and never 1.
///
/// With one more bit the largest value would round to 1.
[[nodiscard]] constexpr double unit_interval(std::uint64_t bits) noexcept {
    return (static_cast<double>(bits >> 12U) + 0.5) * 0x1p-52;
}

/// A sequence of random numbers, one of 2^64 for each seed: (stream, sample). `streams::id` names streams;
/// samples are named by their index in the data set.
///
/// The sequence is the output of Philox for the counters {block mod 2^32, block / 2^32, sample, stream},
/// block = 0, 1, ..., with four words each; it repeats after 2^66 words. The same bits everywhere (see
/// portable_math.hpp).
class random_stream {
  public:
    /// The sequence of these three numbers, from its beginning.
    constexpr random_stream(std::uint64_t seed, std::uint32_t stream, std::uint32_t sample = 0) noexcept
        : key_(key_of(seed)), stream_(stream), sample_(sample) {}

    /// Uniform on the integers below 2^32.
    [[nodiscard]] constexpr std::uint32_t u32() noexcept {
        if (used_ == words_.size()) {
            words_ = philox4x32({static_cast<std::uint32_t>(block_),
                                 static_cast<std::uint32_t>(block_ >> 32U), sample_, stream_},
                                key_);
            ++block_;
            used_ = 0;
        }
        return words_[used_++];
    }

    /// Uniform on the integers below 2^64: two words, low half first.
    [[nodiscard]] constexpr std::uint64_t u64() noexcept {
        const std::uint64_t low = u32();
        return low | (static_cast<std::uint64_t>(u32()) << 32U);
    }

    /// Uniform in (0, 1), never 0 and never 1; two words.
    [[nodiscard]] constexpr double uniform() noexcept { return unit_interval(u64()); }

    /// Standard normal, from the quantile of a uniform; two words.
    [[nodiscard]] double normal() noexcept { return normal_quantile(uniform()); }

    /// Uniform on the integers below `bound`, without bias: one word, rarely more. Throws `value_error` when
    /// `bound` is 0. Lemire 2019, "Fast random integer generation in an interval".
    [[nodiscard]] constexpr std::uint32_t below(std::uint32_t bound) {
        if (bound == 0) errors::throw_value_error("random_stream::below", "expected a bound above 0, got 0");
        std::uint64_t product = static_cast<std::uint64_t>(u32()) * bound;
        if (static_cast<std::uint32_t>(product) < bound) {
            // 2^32 is not a multiple of the bound: the first (2^32 mod bound) low halves would occur once too
            // often.
            const std::uint32_t surplus = (0U - bound) % bound;
            while (static_cast<std::uint32_t>(product) < surplus) {
                product = static_cast<std::uint64_t>(u32()) * bound;
            }
        }
        return static_cast<std::uint32_t>(product >> 32U);
    }

  private:
    philox_key key_;
    std::uint32_t stream_;
    std::uint32_t sample_;
    std::uint64_t block_ = 0;
    std::array<std::uint32_t, 4> words_{};
    std::size_t used_ = 4;
};

/// Shuffles `values`, with each order equally likely: Fisher and Yates, from the end. Throws `value_error`
/// for 2^32 values or more. O(n).
template <typename T>
constexpr void shuffle(std::span<T> values, random_stream& random) {
    if (values.size() > (std::numeric_limits<std::uint32_t>::max)()) {
        errors::throw_value_error("shuffle",
                                  "expected fewer than 2^32 values, got " + errors::text_of(values.size()));
    }
    for (std::size_t left = values.size(); left > 1; --left) {
        std::swap(values[left - 1], values[random.below(static_cast<std::uint32_t>(left))]);
    }
}

/// Fills `order` with a random permutation of 0 ... n-1; see `shuffle`. O(n).
constexpr void permutation(std::span<std::uint32_t> order, random_stream& random) {
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
    shuffle(order, random);
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
