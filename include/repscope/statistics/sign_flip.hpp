#pragma once

#include "repscope/error.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Result of `sign_flip_test`.
struct sign_flip_result {
    double mean = 0; ///< mean of the differences
    /// Two-sided.
    double p_value = 1;
    /// Whether all 2^n signs were tried; otherwise 99,999 random ones.
    bool exact = true;
};

/// A test of whether paired differences, one per training seed, have a mean other than 0: the share of random
/// signs for which the mean of the signed absolute values is at least as far from 0 as the observed mean.
///
/// It only assumes that without an effect a difference is negative or positive with equal probability. Exact
/// up to 20 differences; beyond, from a fixed random stream, p = (1 + hits) / (1 + draws). With n differences
/// the smallest p is 2^(1-n), so fewer than 6 seeds never reach .05. p is 1 if all differences are 0. Throws
/// `value_error` without differences and for one that is not finite. O(2^n) up to 20 differences.
[[nodiscard]] inline sign_flip_result sign_flip_test(std::span<const double> differences) {
    if (differences.empty())
        errors::throw_value_error("sign_flip_test", "expected at least 1 difference, got none");
    double sum = 0;
    double magnitude = 0;
    for (const double d : differences) {
        if (!std::isfinite(d)) errors::throw_value_error("sign_flip_test", "expected finite differences");
        sum += d;
        magnitude += std::abs(d);
    }
    const std::size_t n = differences.size();
    sign_flip_result result{sum / static_cast<double>(n), 1, n <= 20};
    // Sums that are equal up to rounding count as equal.
    const double reached = std::abs(sum) - 1e-12 * magnitude;
    std::uint64_t hits = 0;
    if (result.exact) {
        // The sign of the first may be fixed, because flipping all signs flips the sum.
        const std::uint64_t signs = std::uint64_t{1} << (n - 1);
        for (std::uint64_t pattern = 0; pattern < signs; ++pattern) {
            double total = differences[0];
            for (std::size_t i = 1; i < n; ++i) {
                total += (pattern >> (i - 1) & 1U) != 0 ? -differences[i] : differences[i];
            }
            if (std::abs(total) >= reached) ++hits;
        }
        result.p_value = static_cast<double>(hits) / static_cast<double>(signs);
        return result;
    }
    constexpr std::uint64_t draws = 99'999;
    random_stream random(0, streams::id(streams::purpose::permutation, 2));
    for (std::uint64_t draw = 0; draw < draws; ++draw) {
        double total = 0;
        std::uint32_t word = 0;
        for (std::size_t i = 0; i < n; ++i) {
            if (i % 32 == 0) word = random.u32();
            total += (word >> (i % 32) & 1U) != 0 ? -differences[i] : differences[i];
        }
        if (std::abs(total) >= reached) ++hits;
    }
    result.p_value = static_cast<double>(1 + hits) / static_cast<double>(1 + draws);
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
