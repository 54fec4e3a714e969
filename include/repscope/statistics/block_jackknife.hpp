#pragma once

#include "repscope/error.hpp"
#include "repscope/statistics/distributions.hpp"
#include "repscope/statistics/mean_interval.hpp"

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// A state of samples that can be merged.
template <typename State>
concept mergeable_state = std::copy_constructible<State> && requires(State state, const State& other) {
    { other.samples() } -> std::convertible_to<std::uint64_t>;
    state.merge(other);
};

/// The interval of a measure from its jackknife over blocks of unequal size: `value` of all samples,
/// `replicates[k]` without block k, which has `sizes[k]` samples.
///
/// `error`^2 = sum_k (p_k - mean)^2 / (h_k - 1) / B with h_k = n / sizes[k] and p_k = h_k value - (h_k - 1)
/// replicates[k]; the mean weights p_k by 1 / h_k. `range` is value -+ t `error`, t Student's quantile for
/// the blocks less one. Both are NaN if the value or a replicate is not finite. Throws `shape_error` if the
/// numbers of replicates and sizes differ, `value_error` for fewer than two blocks, an empty block and a
/// confidence outside (0, 1). Source: Busing, Meijer and van der Leeden 1999.
[[nodiscard]] inline estimate_interval block_jackknife(double value, std::span<const double> replicates,
                                                       std::span<const std::uint64_t> sizes,
                                                       double confidence = 0.95) {
    constexpr std::string_view name = "block_jackknife";
    detail::check_confidence(name, confidence);
    if (replicates.size() != sizes.size()) {
        errors::throw_shape_error(name, "expected one replicate per block, got " +
                                            errors::text_of(replicates.size()) + " of " +
                                            errors::text_of(sizes.size()) + " blocks");
    }
    if (sizes.size() < 2)
        errors::throw_value_error(name, "expected at least 2 blocks, got " + errors::text_of(sizes.size()));
    double n = 0;
    for (std::size_t k = 0; k < sizes.size(); ++k) {
        n += static_cast<double>(sizes[k]);
        if (sizes[k] > 0) continue;
        errors::throw_value_error(name,
                                  "expected samples in every block, got none in block " + errors::text_of(k));
    }
    estimate_interval result;
    result.estimate = value;
    // Pseudo-values less the value, to lose few digits.
    double mean = 0;
    for (std::size_t k = 0; k < sizes.size(); ++k) {
        const double share = static_cast<double>(sizes[k]) / n;
        mean += share * (1 / share - 1) * (value - replicates[k]);
    }
    double squares = 0;
    for (std::size_t k = 0; k < sizes.size(); ++k) {
        const double others = n / static_cast<double>(sizes[k]) - 1;
        const double deviation = others * (value - replicates[k]) - mean;
        squares += deviation * deviation / others;
    }
    const auto blocks = static_cast<double>(sizes.size());
    if (!std::isfinite(squares)) return result;
    result.error = std::sqrt(squares / blocks);
    const double reach = student_quantile(0.5 + confidence / 2, blocks - 1) * result.error;
    result.range = {value - reach, value + reach};
    return result;
}

namespace detail {

/// Calls `measure` with all blocks but each of [first, last) in turn; `others` has the blocks outside of it.
template <mergeable_state State, typename Measure>
void leave_out_blocks(std::span<const State> blocks, std::size_t first, std::size_t last,
                      const std::optional<State>& others, Measure& measure) {
    if (last - first == 1) {
        measure(first, *others);
        return;
    }
    const std::size_t middle = first + (last - first) / 2;
    const auto with = [&](std::size_t begin, std::size_t end) {
        std::optional<State> sum = others;
        for (std::size_t k = begin; k < end; ++k) {
            if (sum)
                sum->merge(blocks[k]);
            else
                sum.emplace(blocks[k]);
        }
        return sum;
    };
    leave_out_blocks(blocks, first, middle, with(middle, last), measure);
    leave_out_blocks(blocks, middle, last, with(first, middle), measure);
}

} // namespace detail

/// Computes measures with intervals from the states of blocks of samples, by leaving out one block at a time.
///
/// `measure(state)` returns the measures of a state, a container of double with the same size for any state.
/// Returns one estimate per measure. Samples must be independent; 20 blocks are usual. Throws as the form
/// above, and as `merge` and `measure` do. B log B merges, B + 1 measures, and log B + 2 states of memory
/// beside the B blocks.
template <mergeable_state State, typename Measure>
[[nodiscard]] std::vector<estimate_interval> block_jackknife(std::span<const State> blocks, Measure&& measure,
                                                             double confidence = 0.95) {
    if (blocks.size() < 2) {
        errors::throw_value_error("block_jackknife",
                                  "expected at least 2 blocks, got " + errors::text_of(blocks.size()));
    }
    State all = blocks[0];
    for (std::size_t k = 1; k < blocks.size(); ++k) all.merge(blocks[k]);
    const auto values = measure(static_cast<const State&>(all));
    std::vector<std::vector<double>> replicates(values.size(), std::vector<double>(blocks.size()));
    std::vector<std::uint64_t> sizes;
    for (const State& block : blocks) sizes.push_back(block.samples());
    auto keep = [&](std::size_t block, const State& others) {
        const auto without = measure(others);
        for (std::size_t m = 0; m < values.size(); ++m) replicates[m][block] = without[m];
    };
    detail::leave_out_blocks<State>(blocks, 0, blocks.size(), std::nullopt, keep);
    std::vector<estimate_interval> result;
    for (std::size_t m = 0; m < values.size(); ++m)
        result.push_back(block_jackknife(values[m], replicates[m], sizes, confidence));
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
