#pragma once

#include "repscope/analysis/layer_options.hpp"
#include "repscope/detail/analysis/layer_needs.hpp"
#include "repscope/detail/analysis/row_blocks.hpp"
#include "repscope/moments/value_histogram.hpp"
#include "repscope/parallel/blocks.hpp"
#include "repscope/selectivity/class_selectivity.hpp"
#include "repscope/selectivity/permutation_test.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace analysis {

namespace detail {

/// Blocks of `blocked_class_sums`; a multiple of the number of folds.
inline constexpr std::size_t inference_blocks = 20;
/// Probes of `covariance_sketch`.
inline constexpr std::size_t inference_probes = 256;

/// Whether a layer of this size is sketched; `samples` 0 means an unknown number.
[[nodiscard]] inline bool is_sketched(std::uint64_t samples, std::size_t units,
                                      const layer_accumulator_options& options) noexcept {
    constexpr std::uint64_t max_exact = 8192;
    if (!needs_ratio_estimate(options) || options.trace == trace_method::exact) return false;
    if (options.trace == trace_method::sketch) return true;
    return (samples == 0 || samples > max_exact) && units > max_exact;
}

/// Number of rows per call of the moments. A call begins new blocks in the moments, so the number depends on
/// the units alone; a batch is several calls.
[[nodiscard]] inline std::size_t rows_per_call(std::size_t units) noexcept {
    constexpr std::size_t target = std::size_t{1} << 20U; // numbers: 8 MiB, sixteen blocks of the class sums
    return std::clamp<std::size_t>(target / units / 128 * 128, 128, 8192);
}

[[nodiscard]] inline std::size_t bytes_per_row(std::size_t units,
                                               const layer_accumulator_options& options) noexcept {
    return units * sizeof(double) * (is_rectified(options) ? 2 : 1);
}

[[nodiscard]] inline std::size_t rows_per_batch(std::size_t units,
                                                const layer_accumulator_options& options) noexcept {
    const std::size_t call = rows_per_call(units);
    std::size_t rows = options.batch;
    if (options.samples != 0) rows = (std::min<std::size_t>)(rows, options.samples);
    const std::size_t calls = options.batch == 0 ? 1 : block_count(rows, call);
    const std::size_t max_calls =
        (std::max<std::size_t>)(1, options.max_bytes / 4 / (call * bytes_per_row(units, options)));
    return (std::min)(calls, max_calls) * call;
}

[[nodiscard]] inline double bytes_per_permutation(std::uint64_t samples, std::size_t units,
                                                  const layer_accumulator_options& options) {
    return selectivity_permutation_test::bytes_of_permutation(static_cast<std::size_t>(samples),
                                                              options.classes, units);
}

/// Bytes that estimates need beyond the other statistics.
[[nodiscard]] inline double bytes_of_inference(std::uint64_t samples, std::size_t units,
                                               const layer_accumulator_options& options) {
    if (!options.inference) return 0;
    const auto u = static_cast<double>(units);
    double doubles = 0;
    if (needs_ratio_estimate(options) && !is_sketched(samples, units, options))
        doubles += 64 * u; // products of rows and scatter matrix
    if (needs_selectivity(options)) doubles += static_cast<double>(inference_blocks * options.classes) * u;
    if (is_permuted(options)) {
        // The largest twentieth of a unit's indices, and a permutation.
        doubles += (static_cast<double>(options.permutations) / 20 + 8) * u +
                   bytes_per_permutation(samples, units, options) / sizeof(double);
    }
    return doubles * sizeof(double);
}

/// Copies of a state of the classes that an update holds: up to sixteen of a small one, one of a large one.
[[nodiscard]] inline std::size_t bytes_with_copies(std::size_t bytes) noexcept {
    return (std::max)(bytes, (std::min<std::size_t>)(16 * bytes, std::size_t{64} << 20U));
}

[[nodiscard]] inline std::size_t bytes_of_class_states(std::size_t units,
                                                       const layer_accumulator_options& options) {
    const std::size_t classes = (std::max<std::size_t>)(1, options.classes);
    const std::size_t sums = units * classes * sizeof(double);
    std::size_t bytes = 0;
    if (needs_sums(options)) bytes += bytes_with_copies(sums);
    if (needs_selectivity(options)) bytes += value_histogram::bytes_needed(units, !is_rectified(options));
    if (needs_counts(options)) bytes += bytes_with_copies(sums);
    const std::size_t moments = bytes_with_copies(2 * sums);
    if (needs_selective_classes(options)) bytes += moments;
    if (needs_value_classes(options)) bytes += moments;
    if (needs_directions(options)) bytes += moments;
    return bytes;
}

/// Bytes of reservoirs and of the copies that their measures make.
[[nodiscard]] inline double bytes_of_reservoirs(std::uint64_t samples, std::size_t units,
                                                const layer_accumulator_options& options) {
    const auto n = static_cast<double>(samples == 0 ? options.reservoir
                                                    : (std::min<std::uint64_t>)(samples, options.reservoir));
    const int states =
        (needs_value_reservoir(options) ? 1 : 0) + (needs_selective_reservoir(options) ? 1 : 0);
    return states == 0 ? 0 : (2 * states + 4) * n * static_cast<double>(units) * sizeof(double);
}

/// The measures that need moments of blocks of samples for their intervals.
[[nodiscard]] inline measure_set block_measures(std::size_t units, const layer_accumulator_options& options) {
    if (!options.inference) return {};
    measure_set measures = possible_measures(options) & geometry_measures;
    if (is_sketched(options.samples, units, options)) return measures.without(class_scatter_measures);
    if (needs_ratio_estimate(options) && options.trace == trace_method::blocks)
        measures.insert(measure::participation_ratio);
    return measures;
}

/// The options of the moments of blocks.
[[nodiscard]] inline layer_accumulator_options options_of_blocks(std::size_t units,
                                                                 const layer_accumulator_options& options) {
    layer_accumulator_options result = options;
    result.measures = block_measures(units, options);
    result.inference = false;
    result.needs_covariance = false;
    result.samples = 0;
    return result;
}

/// Bytes of the moments of blocks, of the copies that their jackknife holds, and of the rows that wait.
/// `samples` 0 means an unknown number.
[[nodiscard]] inline double bytes_of_blocks(std::uint64_t samples, std::size_t units,
                                            const layer_accumulator_options& options) {
    const layer_accumulator_options each = options_of_blocks(units, options);
    if (each.measures.empty()) return 0;
    constexpr double blocks = inference_blocks, copies = 8;
    const auto u = static_cast<double>(units);
    const auto n = samples == 0 ? std::numeric_limits<double>::infinity() : static_cast<double>(samples);
    double state = 4 * u;
    const auto of_classes = 2 * static_cast<double>((std::max<std::size_t>)(1, options.classes)) * u;
    if (needs_selective_classes(each)) state += of_classes;
    if (needs_directions(each)) state += of_classes;
    double doubles = (blocks + copies) * state + blocks * row_blocks::portion * u;
    if (needs_scatter(each)) doubles += (std::min)(n, blocks * u) * u + (copies + 2) * (std::min)(n, u) * u;
    return doubles * sizeof(double);
}

/// Lower bound of the bytes that the statistics of `samples` samples need without blocks.
[[nodiscard]] inline double bytes_without_blocks(std::uint64_t samples, std::size_t units,
                                                 const layer_accumulator_options& options) {
    const auto n = static_cast<double>(samples);
    const auto u = static_cast<double>(units);
    // During accumulation, the matrix of a covariance or its rows are stored once, and a second time when the
    // rows become a matrix. The evaluation needs the matrix, a copy that the eigenvalue solver overwrites,
    // and the rows twice.
    constexpr double probes = inference_probes;
    const double state = !needs_scatter(options)                ? 0
                         : is_sketched(samples, units, options) ? (u + 2 * probes) * probes + 5 * u
                         : n <= u                               ? 2 * n * u + 2 * n * n
                                                                : 2 * u * u;
    // Class geometry of a Gram matrix needs the rows twice more.
    const double geometry = needs_class_scatter(options) && n <= u ? 2 * n * u : 0;
    const double batch =
        static_cast<double>(rows_per_call(units)) * static_cast<double>(bytes_per_row(units, options));
    return (state + geometry) * sizeof(double) + batch +
           static_cast<double>(bytes_of_class_states(units, options)) +
           bytes_of_reservoirs(samples, units, options) + bytes_of_inference(samples, units, options);
}

/// Maximum bytes of the states together with the states of blocks.
[[nodiscard]] inline double block_limit(const layer_accumulator_options& options) noexcept {
    return static_cast<double>(options.max_bytes_with_blocks == 0 ? options.max_bytes
                                                                  : options.max_bytes_with_blocks);
}

/// Whether the moments of blocks fit into the memory that the other statistics leave.
[[nodiscard]] inline bool has_blocks(std::size_t units, const layer_accumulator_options& options) {
    const double bytes = bytes_of_blocks(options.samples, units, options);
    if (bytes == 0) return false;
    constexpr std::uint64_t many = std::uint64_t{1} << 40U; // more samples than units
    const double others = bytes_without_blocks(options.samples == 0 ? many : options.samples, units, options);
    return others + bytes <= block_limit(options);
}

/// Lower bound of the bytes that the statistics of `samples` samples need with the smallest batch, during
/// accumulation and evaluation. Infinite if that does not fit in an index.
[[nodiscard]] inline double bytes_of_layer(std::uint64_t samples, std::size_t units,
                                           const layer_accumulator_options& options) {
    const double others = bytes_without_blocks(samples, units, options);
    return has_blocks(units, options) ? others + bytes_of_blocks(samples, units, options) : others;
}

/// Bytes for permutations: half of the memory that the layer leaves, and at least that of one permutation.
[[nodiscard]] inline std::size_t bytes_for_permutations(std::uint64_t samples, std::size_t units,
                                                        const layer_accumulator_options& options) {
    const double needed = bytes_of_layer(samples, units, options);
    const double spare = (std::max)(0.0, static_cast<double>(options.max_bytes) - needed) / 2;
    const double bytes = std::ceil(bytes_per_permutation(samples, units, options) + spare);
    return bytes < 0x1p62 ? static_cast<std::size_t>(bytes) : std::size_t{1} << 62U;
}

} // namespace detail
} // namespace analysis
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
