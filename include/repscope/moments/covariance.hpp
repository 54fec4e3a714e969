#pragma once

#include "repscope/bytes.hpp"
#include "repscope/error.hpp"
#include "repscope/moments/finite.hpp"
#include "repscope/moments/update_options.hpp"
#include "repscope/numeric/blocks.hpp"
#include "repscope/numeric/products.hpp"
#include "repscope/numeric/tiles.hpp"
#include "repscope/numeric/unit_values.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace v0 {

/// Options of `covariance`.
struct covariance_options {
    /// Most bytes that the state may take: min(samples, units) x units doubles are needed.
    std::size_t max_bytes = std::size_t{8} << 30U;
};

/// Sums of products of centred rows, the smaller of two matrices with the same nonzero eigenvalues: the
/// scatter matrix (units, units), or the Gram matrix (samples, samples) when there are fewer samples.
struct centred_products {
    std::uint64_t samples = 0;
    std::size_t units = 0;
    /// Rows of the matrix, min(samples, units).
    std::size_t order = 0;
    /// Row-major (order, order); the lower triangle, j <= i, is filled.
    std::vector<double> lower;
    /// D = sum over samples of |x - mean|^4.
    double fourth = 0;

    /// T: its trace, the sum of squared centred entries.
    [[nodiscard]] double trace() const noexcept {
        double sum = 0;
        for (std::size_t i = 0; i < order; ++i) sum += lower[i * order + i];
        return sum;
    }
    /// R: its squared Frobenius norm.
    [[nodiscard]] double frobenius2() const noexcept {
        double sum = 0;
        for (std::size_t i = 0; i < order; ++i) {
            double row = 0;
            for (std::size_t j = 0; j < i; ++j) row += lower[i * order + j] * lower[i * order + j];
            sum += 2 * row + lower[i * order + i] * lower[i * order + i];
        }
        return sum;
    }
};

/// Second moments of all units of a layer together, and the fourth moments that an unbiased participation
/// ratio needs.
///
/// Thin, while there are at most as many samples as units, it keeps the rows; thick, it holds sums about a
/// pilot (the mean of the first block), so that a large offset costs no digits: scatter, sum, sum of |d|^2 d
/// and of |d|^4. Products are in double. Threads own fixed tiles of the result and samples are never split,
/// so the result does not depend on them; on how samples were split over calls and states it does to 1e-12.
class covariance {
  public:
    /// For `units` units. Throws `value_error` when there are none.
    explicit covariance(std::size_t units, const covariance_options& options = {})
        : units_(units), max_bytes_(options.max_bytes) {
        if (units == 0) detail::throw_value_error("covariance", "wanted at least 1 unit, got 0");
    }

    [[nodiscard]] std::size_t units() const noexcept { return units_; }
    [[nodiscard]] std::uint64_t samples() const noexcept { return samples_; }
    /// Whether the rows themselves are kept.
    [[nodiscard]] bool is_thin() const noexcept { return scatter_.empty(); }

    /// Adds samples: `activations` (samples, units), (samples, channels, height, width), a channel read as
    /// its spatial mean, or as `options.axes` says.
    ///
    /// Throws `shape_error` when the extents do not fit, `value_error` when the state would take more than it
    /// may, and one that names sample and unit of an activation that is NaN or infinite. A throw leaves the
    /// state as it was. O(samples x units x min(samples, units)).
    template <tensor_like Activations, product_backend Backend = eigen_products>
    void update(const Activations& activations, const update_options& options = {}, Backend = {}) {
        using element = element_type_of<Activations>;
        constexpr const char* name = "covariance::update";
        const auto x = as_activations(activations, options.axes, name);
        if (x.extent(1) != units_ || x.extent(2) * x.extent(3) == 0) {
            detail::throw_shape_error(name, "wanted " + std::to_string(units_) + " units", x.extents());
        }
        const std::size_t added = x.extent(0);
        if (added == 0) return;
        const pool_lease pool(options.threads);
        std::vector<std::vector<tile_scalar_t<element>>> scratch(pool->size());
        // Values of the units of samples [first, first + count), in double.
        const auto values_into = [&](std::size_t first, std::size_t count, double* rows) {
            const std::size_t a_task = samples_per_block(units_ * x.extent(2) * x.extent(3));
            pool->for_each(block_count(count, a_task), [&](std::size_t task, std::size_t worker) {
                const std::size_t begin = task * a_task;
                const auto block =
                    fetch_tile<element>(x, first + begin, (std::min)(a_task, count - begin), scratch[worker]);
                for (std::size_t i = 0; i < block.samples; ++i) {
                    double* row = rows + (begin + i) * units_;
                    unit_values<false>(block.data + i * units_ * block.positions, units_,
                                               block.positions, row);
                }
                for (std::size_t i = 0; i < block.samples; ++i) {
                    if (detail::all_finite(rows + (begin + i) * units_, units_)) continue;
                    detail::name_not_finite(name, block, samples_ + first + begin);
                    detail::throw_value_error(name, "these activations are too large for a double");
                }
            });
        };
        if (is_thin() && samples_ + added <= units_) {
            allow(name, (rows_.size() + added * units_) * sizeof(double));
            const std::size_t before = rows_.size();
            rows_.resize(before + added * units_);
            try {
                values_into(0, added, rows_.data() + before);
            } catch (...) {
                rows_.resize(before);
                throw;
            }
            samples_ += added;
            return;
        }
        allow(name, (units_ + 3) * units_ * sizeof(double));
        // Chunks of whole blocks: what cannot be measured is found before anything is added.
        const std::size_t a_block = rows_per_block();
        const std::size_t a_chunk =
            (std::max<std::size_t>)(1, chunk_bytes / (a_block * units_ * sizeof(double))) * a_block;
        std::vector<double> rows((std::min)(added, a_chunk) * units_);
        values_into(0, (std::min)(added, a_chunk), rows.data());
        covariance result = added > a_chunk || is_thin() ? *this : covariance(units_);
        covariance& state = added > a_chunk || is_thin() ? result : *this;
        state.become_thick<Backend>(rows, *pool);
        state.add_rows<Backend>(rows, *pool);
        for (std::size_t first = a_chunk; first < added; first += a_chunk) {
            const std::size_t count = (std::min)(a_chunk, added - first);
            rows.resize(count * units_);
            values_into(first, count, rows.data());
            state.add_rows<Backend>(rows, *pool);
        }
        state.samples_ = samples_ + added;
        if (&state != this) *this = std::move(state);
    }

    /// Adds what another state has seen. Throws `shape_error` when the units differ, `value_error` when the
    /// result would take more than this state may.
    template <product_backend Backend = eigen_products>
    void merge(const covariance& other, Backend = {}) {
        constexpr const char* name = "covariance::merge";
        if (other.units_ != units_) {
            detail::throw_shape_error(name, "states of " + std::to_string(units_) + " and " +
                                                std::to_string(other.units_) + " units do not merge");
        }
        if (other.samples_ == 0) return;
        if (is_thin() && other.is_thin() && samples_ + other.samples_ <= units_) {
            allow(name, (rows_.size() + other.rows_.size()) * sizeof(double));
            rows_.insert(rows_.end(), other.rows_.begin(), other.rows_.end());
            samples_ += other.samples_;
            return;
        }
        allow(name, (units_ + 3) * units_ * sizeof(double));
        thread_pool alone(1);
        covariance theirs = other;
        theirs.become_thick<Backend>(theirs.rows_, alone);
        if (samples_ == 0) {
            theirs.max_bytes_ = max_bytes_;
            *this = std::move(theirs);
            return;
        }
        become_thick<Backend>(rows_, alone);
        move_pilot(mean_about_pilot());
        theirs.move_pilot(theirs.mean_about_pilot());
        const auto mine = static_cast<double>(samples_);
        const auto all = static_cast<double>(samples_ + other.samples_);
        std::vector<double> to_pooled(units_);
        std::vector<double> to_pooled_from_theirs(units_);
        for (std::size_t u = 0; u < units_; ++u) {
            const double apart = theirs.pilot_[u] - pilot_[u];
            to_pooled[u] = apart * ((all - mine) / all);
            to_pooled_from_theirs[u] = -apart * (mine / all);
        }
        move_pilot(to_pooled);
        theirs.move_pilot(to_pooled_from_theirs);
        for (std::size_t k = 0; k < scatter_.size(); ++k) scatter_[k] += theirs.scatter_[k];
        for (std::size_t u = 0; u < units_; ++u) {
            sum_[u] += theirs.sum_[u];
            third_[u] += theirs.third_[u];
        }
        fourth_ += theirs.fourth_;
        samples_ += other.samples_;
    }

    /// The matrix of centred products, and the sum of fourth powers. O(order^2), for a thin state
    /// O(samples^2 x units).
    template <product_backend Backend = eigen_products>
    [[nodiscard]] centred_products centred(Backend = {}) const {
        centred_products result;
        result.samples = samples_;
        result.units = units_;
        result.order = (std::min)(static_cast<std::size_t>(samples_), units_);
        const std::size_t order = result.order;
        result.lower.resize(order * order);
        const std::vector<double> mean = unit_means();
        if (is_thin()) {
            std::vector<double> rows = rows_;
            for (std::size_t i = 0; i < order; ++i) {
                for (std::size_t u = 0; u < units_; ++u) rows[i * units_ + u] -= mean[u];
            }
            Backend::template syrk_add<factor::as_is>(order, units_, rows.data(), units_, result.lower.data(),
                                                      order);
            for (std::size_t i = 0; i < order; ++i) {
                result.fourth += result.lower[i * order + i] * result.lower[i * order + i];
            }
            return result;
        }
        covariance about_mean = *this;
        about_mean.move_pilot(mean_about_pilot());
        result.lower = std::move(about_mean.scatter_);
        result.fourth = about_mean.fourth_;
        return result;
    }

    /// Mean of every unit; NaN without samples.
    [[nodiscard]] std::vector<double> unit_means() const {
        const auto n = static_cast<double>(samples_);
        std::vector<double> mean(units_);
        if (is_thin()) {
            // About the first row, so that a large offset costs no digits.
            for (std::size_t i = units_; i < rows_.size(); ++i)
                mean[i % units_] += rows_[i] - rows_[i % units_];
            for (std::size_t u = 0; u < units_; ++u) {
                mean[u] = samples_ == 0 ? std::numeric_limits<double>::quiet_NaN() : rows_[u] + mean[u] / n;
            }
        } else {
            for (std::size_t u = 0; u < units_; ++u) mean[u] = pilot_[u] + sum_[u] / n;
        }
        return mean;
    }

    /// Variance of every unit, divisor n - 1; NaN below two samples. O(units), for a thin state O(samples x
    /// units).
    [[nodiscard]] std::vector<double> unit_variances() const {
        const auto n = static_cast<double>(samples_);
        std::vector<double> variance(units_);
        if (is_thin()) {
            const std::vector<double> mean = unit_means();
            for (std::size_t i = 0; i < rows_.size(); ++i) {
                const double d = rows_[i] - mean[i % units_];
                variance[i % units_] += d * d;
            }
        } else {
            for (std::size_t u = 0; u < units_; ++u) {
                variance[u] = (std::max)(0.0, scatter_[u * units_ + u] - sum_[u] * sum_[u] / n);
            }
        }
        for (double& v : variance) v = samples_ < 2 ? std::numeric_limits<double>::quiet_NaN() : v / (n - 1);
        return variance;
    }

    void save(byte_writer& out) const {
        out.put<std::uint64_t>(units_);
        out.put<std::uint64_t>(samples_);
        out.put<std::uint8_t>(is_thin() ? 1 : 0);
        if (is_thin()) {
            out.put_all(std::span<const double>(rows_));
            return;
        }
        out.put_all(std::span<const double>(pilot_));
        out.put_all(std::span<const double>(sum_));
        out.put_all(std::span<const double>(third_));
        out.put(fourth_);
        for (std::size_t i = 0; i < units_; ++i) {
            out.put_all(std::span<const double>(scatter_).subspan(i * units_, i + 1));
        }
    }

    /// Reads what `save` wrote; `format_error` when it is cut or not such a state.
    [[nodiscard]] static covariance load(byte_reader& in, const covariance_options& options = {}) {
        const auto units = in.get<std::uint64_t>();
        const auto samples = in.get<std::uint64_t>();
        const auto thin = in.get<std::uint8_t>();
        const std::uint64_t most = in.left() / sizeof(double);
        // Before anything is allocated: what is to be read must be there.
        const bool fits =
            thin == 1 ? samples <= units && (samples == 0 || units <= most / samples)
                      : units <= most && (units + 1) / 2 <= most / (std::max<std::uint64_t>)(units, 1);
        if (units == 0 || thin > 1 || !fits) throw format_error(in.name() + ": not a state of a covariance");
        covariance state(units, options);
        state.samples_ = samples;
        if (thin == 1) {
            state.allow("covariance::load", samples * units * sizeof(double));
            state.rows_.resize(samples * units);
            in.get_all(std::span(state.rows_));
            return state;
        }
        state.allow("covariance::load", (units + 3) * units * sizeof(double));
        for (auto* v : {&state.pilot_, &state.sum_, &state.third_}) {
            v->resize(units);
            in.get_all(std::span(*v));
        }
        state.fourth_ = in.get<double>();
        state.scatter_.resize(units * units);
        for (std::size_t i = 0; i < units; ++i) {
            in.get_all(std::span(state.scatter_).subspan(i * units, i + 1));
        }
        return state;
    }

  private:
    static constexpr std::size_t chunk_bytes = std::size_t{32} << 20U;
    static constexpr std::size_t tile_edge = 256;

    /// Rows that enter the products together: a function of the units alone.
    [[nodiscard]] std::size_t rows_per_block() const noexcept {
        return std::clamp<std::size_t>((std::size_t{1} << 20U) / units_ / 4 * 4, 64, 512);
    }

    void allow(std::string_view name, std::size_t bytes) const {
        if (bytes <= max_bytes_) return;
        detail::throw_value_error(name, "needs " + std::to_string((bytes >> 20U) + 1) + " MiB for " +
                                            std::to_string(units_) + " units, allowed are " +
                                            std::to_string(max_bytes_ >> 20U) + " MiB");
    }

    /// Leaves the thin form. The pilot is the mean of the first block of rows, the state's own or, when it
    /// has none, of `next`.
    template <product_backend Backend>
    void become_thick(const std::vector<double>& next, thread_pool& pool) {
        if (!is_thin()) return;
        const std::vector<double> own = std::move(rows_);
        rows_ = {};
        const std::vector<double>& first = own.empty() ? next : own;
        const std::size_t count = (std::min)(rows_per_block(), first.size() / units_);
        pilot_.assign(units_, 0);
        for (std::size_t i = 0; i < count; ++i) {
            for (std::size_t u = 0; u < units_; ++u) pilot_[u] += first[i * units_ + u] - first[u];
        }
        for (std::size_t u = 0; u < units_; ++u)
            pilot_[u] = first[u] + pilot_[u] / static_cast<double>(count);
        sum_.assign(units_, 0);
        third_.assign(units_, 0);
        fourth_ = 0;
        scatter_.assign(units_ * units_, 0);
        if (!own.empty()) {
            std::vector<double> rows = own;
            add_rows<Backend>(rows, pool);
        }
    }

    /// Adds rows, block by block; they are left as differences to the pilot.
    template <product_backend Backend>
    void add_rows(std::vector<double>& rows, thread_pool& pool) {
        const std::size_t count = rows.size() / units_;
        std::vector<double> squared(count);
        constexpr std::size_t rows_a_task = 64;
        pool.for_each(block_count(count, rows_a_task), [&](std::size_t task) {
            const std::size_t end = (std::min)((task + 1) * rows_a_task, count);
            for (std::size_t i = task * rows_a_task; i < end; ++i) {
                double* row = rows.data() + i * units_;
                double partial[8] = {};
                std::size_t u = 0;
                for (; u + 8 <= units_; u += 8) {
                    for (std::size_t k = 0; k < 8; ++k) {
                        row[u + k] -= pilot_[u + k];
                        partial[k] += row[u + k] * row[u + k];
                    }
                }
                for (; u < units_; ++u) {
                    row[u] -= pilot_[u];
                    partial[0] += row[u] * row[u];
                }
                squared[i] = ((partial[0] + partial[4]) + (partial[1] + partial[5])) +
                             ((partial[2] + partial[6]) + (partial[3] + partial[7]));
            }
        });
        for (const double s : squared) fourth_ += s * s;
        constexpr std::size_t units_a_task = 512;
        pool.for_each(block_count(units_, units_a_task), [&](std::size_t task) {
            const std::size_t begin = task * units_a_task;
            const std::size_t end = (std::min)(begin + units_a_task, units_);
            for (std::size_t i = 0; i < count; ++i) {
                const double* row = rows.data() + i * units_;
                for (std::size_t u = begin; u < end; ++u) {
                    sum_[u] += row[u];
                    third_[u] += squared[i] * row[u];
                }
            }
        });
        const std::size_t a_block = rows_per_block();
        const std::size_t edges = block_count(units_, tile_edge);
        const std::size_t tiles = edges * (edges + 1) / 2;
        const auto add_tile = [&](std::size_t tile) {
            std::size_t i = 0;
            while ((i + 1) * (i + 2) / 2 <= tile) ++i;
            const std::size_t j = tile - i * (i + 1) / 2;
            const std::size_t row = i * tile_edge;
            const std::size_t column = j * tile_edge;
            const std::size_t height = (std::min)(tile_edge, units_ - row);
            const std::size_t width = (std::min)(tile_edge, units_ - column);
            double* target = scatter_.data() + row * units_ + column;
            for (std::size_t first = 0; first < count; first += a_block) {
                const std::size_t k = (std::min)(a_block, count - first);
                const double* block = rows.data() + first * units_;
                if (i == j) {
                    Backend::template syrk_add<factor::transposed>(height, k, block + row, units_, target,
                                                                   units_);
                } else {
                    Backend::template gemm<factor::transposed, factor::as_is>(
                        height, width, k, 1.0, block + row, units_, block + column, units_, 1.0, target,
                        units_);
                }
            }
        };
        if constexpr (Backend::concurrent) {
            pool.for_each(tiles, add_tile);
        } else {
            for (std::size_t tile = 0; tile < tiles; ++tile) add_tile(tile);
        }
    }

    [[nodiscard]] std::vector<double> mean_about_pilot() const {
        std::vector<double> mean = sum_;
        for (double& m : mean) m /= static_cast<double>(samples_);
        return mean;
    }

    /// Makes pilot + delta the pilot of a thick state: with d' = d - delta, sums of products of d' follow
    /// from those of d.
    void move_pilot(const std::vector<double>& delta) {
        const auto n = static_cast<double>(samples_);
        std::vector<double> turned(units_); // S delta
        double trace = 0;
        for (std::size_t i = 0; i < units_; ++i) {
            for (std::size_t j = 0; j < i; ++j) {
                turned[i] += scatter_[i * units_ + j] * delta[j];
                turned[j] += scatter_[i * units_ + j] * delta[i];
            }
            turned[i] += scatter_[i * units_ + i] * delta[i];
            trace += scatter_[i * units_ + i];
        }
        double length = 0;      // |delta|^2
        double quadratic = 0;   // delta . S delta
        double along_third = 0; // delta . t
        double along_sum = 0;   // delta . s
        for (std::size_t u = 0; u < units_; ++u) {
            length += delta[u] * delta[u];
            quadratic += delta[u] * turned[u];
            along_third += delta[u] * third_[u];
            along_sum += delta[u] * sum_[u];
        }
        fourth_ += 4 * quadratic + n * length * length - 4 * along_third + 2 * length * trace -
                   4 * length * along_sum;
        for (std::size_t u = 0; u < units_; ++u) {
            third_[u] += -trace * delta[u] - 2 * turned[u] + 2 * along_sum * delta[u] + length * sum_[u] -
                         n * length * delta[u];
        }
        for (std::size_t i = 0; i < units_; ++i) {
            for (std::size_t j = 0; j <= i; ++j) {
                scatter_[i * units_ + j] += n * delta[i] * delta[j] - sum_[i] * delta[j] - delta[i] * sum_[j];
            }
        }
        for (std::size_t u = 0; u < units_; ++u) {
            sum_[u] -= n * delta[u];
            pilot_[u] += delta[u];
        }
    }

    std::size_t units_;
    std::size_t max_bytes_;
    std::uint64_t samples_ = 0;
    /// Thin: the samples, row-major.
    std::vector<double> rows_;
    /// Thick: sums over d = x - pilot.
    std::vector<double> pilot_;
    std::vector<double> sum_;
    std::vector<double> third_;
    double fourth_ = 0;
    std::vector<double> scatter_;
};

} // namespace v0
} // namespace repscope
