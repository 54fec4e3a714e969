#pragma once

#include "repscope/detail/common/fold_hash.hpp"
#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/error.hpp"
#include "repscope/geometry/linear_cka.hpp"
#include "repscope/moments/covariance.hpp"
#include "repscope/moments/cross_covariance.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/statistics/block_jackknife.hpp"
#include "repscope/tensor/as_view.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The second moments of two layers for the same samples: what linear CKA and its interval need.
struct paired_moments {
    covariance x, y;     ///< of each layer
    cross_covariance xy; ///< of both layers together

    /// For layers of `units_x` and `units_y` units. Throws `value_error` if one of them is 0.
    paired_moments(std::size_t units_x, std::size_t units_y) : x(units_x), y(units_y), xy(units_x, units_y) {}

    /// Number of samples.
    [[nodiscard]] std::uint64_t samples() const noexcept { return xy.samples(); }

    /// Adds samples, as `cross_covariance::update` does and with the same errors.
    template <tensor_like X, tensor_like Y>
    void update(const X& of_x, const Y& of_y, const update_options& options = {}) {
        const scoped_pool pool(options.threads);
        const update_options shared{.threads = *pool, .axes = options.axes};
        xy.update(of_x, of_y, shared);
        x.update(of_x, shared);
        y.update(of_y, shared);
    }
    /// Adds the samples of another state. Throws `shape_error` if the units differ.
    template <product_backend Backend = eigen_products>
    void merge(const paired_moments& other, Backend backend = {}) {
        xy.merge(other.xy, backend);
        x.merge(other.x, backend);
        y.merge(other.y, backend);
    }
};

/// Options of `linear_cka_interval`.
struct linear_cka_interval_options {
    thread_source threads = 1;      ///< threads to use; changes no bit of the result
    layout axes = layout::unstated; ///< meaning of the axes; rank 3 needs it
    /// Number of blocks of samples, at least 2.
    std::size_t blocks = 20;
    /// Index of the first sample in its data set; the block of a sample is a hash of its index.
    std::uint64_t first_index = 0;
    double confidence = 0.95; ///< of the intervals
};

/// Linear CKA with standard errors and intervals.
struct linear_cka_interval_result {
    estimate_interval plain, unbiased; ///< with and without the bias of small samples
};

/// Computes the intervals from the moments of blocks of samples.
///
/// Throws as `block_jackknife`. B log B merges and B + 1 times the cost of `linear_cka`.
template <product_backend Backend = eigen_products>
[[nodiscard]] linear_cka_interval_result linear_cka_interval(std::span<const paired_moments> blocks,
                                                             double confidence = 0.95, Backend backend = {}) {
    const auto both = block_jackknife(
        blocks,
        [backend](const paired_moments& state) {
            const linear_cka_result cka = linear_cka(state.x, state.y, state.xy, backend);
            return std::array{cka.plain, cka.unbiased};
        },
        confidence);
    return {both[0], both[1]};
}

/// Computes linear CKA of the activations of two layers, as `linear_cka`, with an interval from the jackknife
/// over blocks of samples. Samples must be independent.
///
/// The interval covers the CKA of the population for the unbiased form; the plain form is biased, and so is
/// its interval. Throws as `linear_cka`, and `value_error` for fewer than 2 blocks, if fewer than 2 have
/// samples, and for a confidence outside (0, 1). Holds the values of all samples and the moments of all
/// blocks.
template <tensor_like X, tensor_like Y>
[[nodiscard]] linear_cka_interval_result
linear_cka_interval(const X& x, const Y& y, const linear_cka_interval_options& options = {}) {
    constexpr std::string_view name = "linear_cka_interval";
    const auto a = as_activations(x, options.axes, name);
    const auto b = as_activations(y, options.axes, name);
    if (a.empty() || b.empty())
        errors::throw_shape_error(name, "expected at least one sample and unit", a.extents());
    if (a.extent(0) != b.extent(0)) {
        errors::throw_shape_error(name, "expected " + errors::text_of(a.extent(0)) +
                                            " samples of both layers, got " + errors::text_of(b.extent(0)) +
                                            " of the second");
    }
    if (options.blocks < 2)
        errors::throw_value_error(name, "expected at least 2 blocks, got " + errors::text_of(options.blocks));
    const scoped_pool pool(options.threads);
    const std::size_t units_x = a.extent(1), units_y = b.extent(1);
    const std::vector<double> rows_x = detail::unit_rows(name, a, *pool);
    const std::vector<double> rows_y = detail::unit_rows(name, b, *pool);
    std::vector<std::vector<double>> parts_x(options.blocks), parts_y(options.blocks);
    const auto append = [](std::vector<double>& to, const std::vector<double>& rows, std::size_t i,
                           std::size_t units) {
        const auto row = rows.begin() + static_cast<std::ptrdiff_t>(i * units);
        to.insert(to.end(), row, row + static_cast<std::ptrdiff_t>(units));
    };
    for (std::size_t i = 0; i < a.extent(0); ++i) {
        const std::size_t block = sample_block(options.first_index + i, options.blocks);
        append(parts_x[block], rows_x, i, units_x);
        append(parts_y[block], rows_y, i, units_y);
    }
    std::vector<paired_moments> blocks;
    for (std::size_t k = 0; k < options.blocks; ++k) {
        const std::size_t count = parts_x[k].size() / units_x;
        if (count == 0) continue;
        paired_moments& state = blocks.emplace_back(units_x, units_y);
        state.update(as_view(parts_x[k], {count, units_x}), as_view(parts_y[k], {count, units_y}),
                     {.threads = *pool});
    }
    return linear_cka_interval(std::span<const paired_moments>(blocks), options.confidence);
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
