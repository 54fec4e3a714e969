#pragma once

#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/detail/dimensionality/jackknife_terms.hpp"
#include "repscope/dimensionality/estimate.hpp"
#include "repscope/dimensionality/participation_ratio.hpp"
#include "repscope/error.hpp"
#include "repscope/linalg/products.hpp"
#include "repscope/moments/covariance.hpp"
#include "repscope/statistics/distributions.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The jackknife of the unbiased participation ratio: leaves out every sample in turn, exactly, with updates
/// of the sums.
///
/// A jackknife counts the contribution of pairs of samples to the variance twice; for a flat spectrum pairs
/// contribute all of it. This contribution is measured by leaving out pairs (all of up to 128 samples) and
/// subtracted once, with a weight that grows with its share: se^2 = V - P (2 P / V)^2, where V is the
/// jackknife's variance and P <= V / 2 that of pairs. Source: Efron, Stein 1981. The weight (2 P / V)^2 is
/// not from the literature; it leaves intervals of steep spectra, whose P is inaccurate, unchanged.
///
/// A thin covariance (no more samples than units) needs nothing else. A thick covariance needs a second pass:
/// pass the same samples to `update` again, in any order and division into calls. `merge` combines states of
/// parts that start from the same covariance. A pass costs as much as that of the covariance.
class participation_ratio_jackknife {
  public:
    /// Starts from the covariance of all samples.
    template <product_backend Backend = eigen_products>
    explicit participation_ratio_jackknife(const covariance& state, Backend backend = {})
        : participation_ratio_jackknife(state.centered(backend)) {}

    /// Starts from the products of all samples.
    explicit participation_ratio_jackknife(scatter_matrix products)
        : products_(std::move(products)),
          samples_(static_cast<double>(products_.samples)), sums_{samples_, products_.trace(),
                                                                  products_.frobenius2(), products_.fourth,
                                                                  products_.rounding},
          naive_(participation_ratio(products_)), unbiased_(participation_ratio_unbiased(products_)) {
        if (!detail::fits_fourth_powers(sums_.t)) sums_.d = std::numeric_limits<double>::quiet_NaN();
        if (needs_second_pass()) {
            // Tiles on the diagonal are used whole.
            for (std::size_t first = 0; first < products_.order; first += tile) {
                const std::size_t end = (std::min)(first + tile, products_.order);
                for (std::size_t i = first; i < end; ++i) {
                    for (std::size_t j = i + 1; j < end; ++j) lower(i, j) = lower(j, i);
                }
            }
            return;
        }
        const std::size_t n = products_.order;
        std::vector<double> squares(n), with_diagonal(n);
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j <= i; ++j) {
                const double product = lower(i, j);
                squares[i] += product * product;
                with_diagonal[i] += lower(j, j) * product;
                if (j == i) continue;
                squares[j] += product * product;
                with_diagonal[j] += lower(i, i) * product;
            }
        }
        std::vector<double> row(n);
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j < n; ++j) row[j] = i >= j ? lower(i, j) : lower(j, i);
            const detail::sample_terms terms{lower(i, i), squares[i], with_diagonal[i]};
            add(terms);
            rows_.offer(terms, i, row.data(), n);
        }
    }

    /// Whether a second pass is needed.
    [[nodiscard]] bool needs_second_pass() const noexcept { return products_.samples > products_.order; }

    /// The second pass: `activations` as for `covariance::update`, in any division into calls.
    ///
    /// Throws `shape_error` if the units differ, `value_error` if no second pass is needed, if there are more
    /// samples than in the covariance, and for an activation that is not finite. After a throw the state is
    /// unchanged. O(samples x units^2).
    template <tensor_like Activations, product_backend Backend = eigen_products>
    void update(const Activations& activations, const update_options& options = {}, Backend = {}) {
        constexpr const char* name = "participation_ratio_jackknife::update";
        const auto x = as_activations(activations, options.axes, name);
        const std::size_t units = products_.units;
        if (x.extent(1) != units || x.extent(2) * x.extent(3) == 0) {
            errors::throw_shape_error(name, "expected " + errors::text_of(units) + " units", x.extents());
        }
        if (!needs_second_pass() || seen_ + x.extent(0) > products_.samples) {
            errors::throw_value_error(
                name, "expected the " + errors::text_of(needs_second_pass() ? products_.samples : 0) +
                          " samples of a second pass, got " + errors::text_of(seen_ + x.extent(0)));
        }
        const scoped_pool pool(options.threads);
        const std::size_t chunk_size =
            (std::max<std::size_t>)(1, chunk_bytes / (rows_per_task * units * sizeof(double))) *
            rows_per_task;
        std::vector<double> rows((std::min)(x.extent(0), chunk_size) * units);
        std::vector<detail::sample_terms> terms(x.extent(0));
        detail::sampled_rows kept = rows_;
        for (std::size_t first = 0; first < x.extent(0); first += chunk_size) {
            const std::size_t count = (std::min)(chunk_size, x.extent(0) - first);
            detail::unit_rows_into(name, x, first, count, false, *pool, rows.data(), seen_);
            const auto measure = [&](std::size_t task) {
                const std::size_t begin = task * rows_per_task;
                terms_of<Backend>(rows.data() + begin * units, (std::min)(rows_per_task, count - begin),
                                  terms.data() + first + begin);
            };
            const std::size_t tasks = block_count(count, rows_per_task);
            if constexpr (Backend::concurrent) {
                pool->for_each(tasks, measure);
            } else {
                for (std::size_t task = 0; task < tasks; ++task) measure(task);
            }
            for (std::size_t i = 0; i < count; ++i)
                kept.offer(terms[first + i], 0, rows.data() + i * units, units);
        }
        rows_ = std::move(kept);
        for (const detail::sample_terms& one : terms) add(one);
    }

    /// Adds the samples of another state that was made from the same covariance. Throws `value_error` if it
    /// was made from another one, or if both together have more samples than the covariance.
    void merge(const participation_ratio_jackknife& other) {
        if (other.products_.samples != products_.samples || other.products_.units != products_.units ||
            other.sums_.t != sums_.t || other.sums_.r != sums_.r || !needs_second_pass() ||
            seen_ + other.seen_ > products_.samples) {
            errors::throw_value_error("participation_ratio_jackknife::merge",
                                      "expected parts of one second pass over the samples of one covariance");
        }
        seen_ += other.seen_;
        undefined_ += other.undefined_;
        logs_ += other.logs_;
        log_squares_ += other.log_squares_;
        differences_ += other.differences_;
        rows_.merge(other.rows_);
    }

    /// The estimate. There is no interval if samples spread by less than 1e-70 or more than 1e70. Throws
    /// `value_error` before the second pass is complete, and for a confidence outside (0, 1). 1 or 2 samples,
    /// or equal ones: `naive` is 0 or 1, all else NaN.
    template <product_backend Backend = eigen_products>
    [[nodiscard]] participation_ratio_estimate estimate(double confidence = 0.95, Backend = {}) const {
        constexpr const char* name = "participation_ratio_jackknife::estimate";
        detail::check_confidence(name, confidence);
        if (seen_ != products_.samples) {
            errors::throw_value_error(name, "expected all " + errors::text_of(products_.samples) +
                                                " samples of the covariance, got " + errors::text_of(seen_));
        }
        constexpr double nan = std::numeric_limits<double>::quiet_NaN();
        participation_ratio_estimate result{naive_, unbiased_, nan, nan, {}, products_.samples};
        if (detail::is_nan(unbiased_) || undefined_ > 0 || samples_ < 5) return result;
        const double n = samples_;
        result.jackknife = unbiased_ - (n - 1) / n * differences_;
        const double variance = (n - 1) / n * (std::max)(0.0, log_squares_ - logs_ * logs_ / n);
        result.se_log = std::sqrt(variance - excess_of_pairs<Backend>(variance));
        const double t = student_quantile(0.5 + confidence / 2, n - 1);
        result.ci = {unbiased_ * std::exp(-t * result.se_log), unbiased_ * std::exp(t * result.se_log)};
        return result;
    }

  private:
    static constexpr std::size_t tile = 256;
    static constexpr std::size_t rows_per_task = 256;
    static constexpr std::size_t chunk_bytes = std::size_t{32} << 20U;

    [[nodiscard]] double& lower(std::size_t i, std::size_t j) noexcept {
        return products_.lower[i * products_.order + j];
    }

    void add(const detail::sample_terms& one) {
        ++seen_;
        const double without = detail::without(sums_, one).unbiased();
        // Differences to the estimate itself, to lose few digits.
        const double log_change = std::log(without / unbiased_);
        if (!detail::is_finite(log_change)) {
            ++undefined_;
            return;
        }
        logs_ += log_change;
        log_squares_ += log_change * log_change;
        differences_ += without - unbiased_;
    }

    /// The excess of pairs in the jackknife's `variance`, at most half of it.
    template <product_backend Backend>
    [[nodiscard]] double excess_of_pairs(double variance) const {
        const double of_pairs = needs_second_pass() ? pairs_of_scatter<Backend>() : pairs_of_gram();
        if (!(of_pairs > 0 && variance > 0)) return 0; // NaN too
        const double share = (std::min)(1.0, 2 * of_pairs / variance);
        return (std::min)(of_pairs, variance / 2) * share * share;
    }

    [[nodiscard]] double pairs_of_gram() const {
        return detail::variance_of_pairs(sums_, rows_, [](const auto& x, const auto& y) {
            double xsy = 0;
            for (std::size_t k = 0; k < x.row.size(); ++k) xsy += x.row[k] * y.row[k];
            return std::pair(x.row[y.place], xsy);
        });
    }

    template <product_backend Backend>
    [[nodiscard]] double pairs_of_scatter() const {
        const auto& kept = rows_.kept();
        const std::size_t count = kept.size(), units = products_.units;
        std::vector<double> rows;
        for (const auto& one : kept) rows.insert(rows.end(), one.row.begin(), one.row.end());
        const auto multiply = [](std::size_t m, std::size_t n, std::size_t k, const double* x,
                                 std::size_t x_stride, const double* y, std::size_t y_stride, double beta,
                                 double* to, std::size_t to_stride) {
            Backend::template gemm<factor::as_is, factor::transposed>(m, n, k, 1.0, x, x_stride, y, y_stride,
                                                                      beta, to, to_stride);
        };
        // x . S y: the tiles on the diagonal, and those below it, which contribute once for x and once for y.
        std::vector<double> inner(count * count), diagonal(count * count), below(count * count);
        std::vector<double> turned(count * tile);
        multiply(count, count, units, rows.data(), units, rows.data(), units, 0, inner.data(), count);
        for (std::size_t first = 0; first < units; first += tile) {
            const std::size_t width = (std::min)(tile, units - first);
            const double* scatter = products_.lower.data() + first * units;
            const double* these = rows.data() + first;
            if (first > 0) {
                multiply(count, width, first, rows.data(), units, scatter, units, 0, turned.data(), tile);
                multiply(count, count, width, turned.data(), tile, these, units, 1, below.data(), count);
            }
            multiply(count, width, width, these, units, scatter + first, units, 0, turned.data(), tile);
            multiply(count, count, width, turned.data(), tile, these, units, 1, diagonal.data(), count);
        }
        return detail::variance_of_pairs(sums_, rows_, [&](const auto& x, const auto& y) {
            const auto i = static_cast<std::size_t>(&x - kept.data());
            const auto j = static_cast<std::size_t>(&y - kept.data());
            return std::pair(inner[i * count + j],
                             diagonal[i * count + j] + below[i * count + j] + below[j * count + i]);
        });
    }

    /// The quantities that the replicates of `count` samples need; `rows` are centered in place. Only the
    /// tiles on and below the diagonal of the scatter matrix are used: x . S x counts the tiles below it
    /// twice.
    template <product_backend Backend>
    void terms_of(double* rows, std::size_t count, detail::sample_terms* terms) const {
        const std::size_t units = products_.units;
        std::vector<double> turned(count * tile);
        const auto dot = [](const double* a, const double* b, std::size_t size) {
            double partial[4] = {};
            std::size_t u = 0;
            for (; u + 4 <= size; u += 4) {
                for (std::size_t k = 0; k < 4; ++k) partial[k] += a[u + k] * b[u + k];
            }
            for (; u < size; ++u) partial[0] += a[u] * b[u];
            return (partial[0] + partial[2]) + (partial[1] + partial[3]);
        };
        for (std::size_t i = 0; i < count; ++i) {
            double* row = rows + i * units;
            for (std::size_t u = 0; u < units; ++u) row[u] -= products_.mean[u];
            terms[i].g = dot(row, row, units);
            terms[i].c = dot(row, products_.third.data(), units);
        }
        for (std::size_t first = 0; first < units; first += tile) {
            const std::size_t width = (std::min)(tile, units - first);
            const double* scatter = products_.lower.data() + first * units;
            const auto add_products = [&](const double* from, const double* with, std::size_t depth,
                                          double times) {
                Backend::template gemm<factor::as_is, factor::transposed>(
                    count, width, depth, 1.0, from, units, with, units, 0.0, turned.data(), tile);
                for (std::size_t i = 0; i < count; ++i) {
                    terms[i].r += times * dot(turned.data() + i * tile, rows + i * units + first, width);
                }
            };
            if (first > 0) add_products(rows, scatter, first, 2);
            add_products(rows + first, scatter + first, width, 1);
        }
    }

    scatter_matrix products_;
    double samples_;
    detail::ratio_sums sums_;
    double naive_;
    double unbiased_;
    detail::sampled_rows rows_;
    std::uint64_t seen_ = 0;
    std::uint64_t undefined_ = 0;
    double logs_ = 0;
    double log_squares_ = 0;
    double differences_ = 0;
};

/// The unbiased participation ratio of activations with its confidence interval.
///
/// `activations`: (samples, units), (samples, channels, height, width), or as `options.axes` states; samples
/// must be independent. Throws as `participation_ratio_unbiased` does. Two passes when there are more samples
/// than units.
template <tensor_like Activations>
[[nodiscard]] participation_ratio_estimate participation_ratio_interval(const Activations& activations,
                                                                        const update_options& options = {},
                                                                        double confidence = 0.95) {
    constexpr const char* name = "participation_ratio_interval";
    const scoped_pool pool(options.threads);
    const update_options shared{.threads = *pool, .axes = options.axes};
    participation_ratio_jackknife jackknife(detail::covariance_of(name, activations, shared));
    if (jackknife.needs_second_pass()) jackknife.update(activations, shared);
    return jackknife.estimate(confidence);
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
