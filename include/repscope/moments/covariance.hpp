#pragma once

#include "repscope/bytes.hpp"
#include "repscope/detail/common/centered_rows.hpp"
#include "repscope/detail/common/finite_tiles.hpp"
#include "repscope/detail/common/tiles.hpp"
#include "repscope/detail/moments/product_range.hpp"
#include "repscope/detail/moments/row_buffer.hpp"
#include "repscope/detail/moments/syrk_tiles.hpp"
#include "repscope/error.hpp"
#include "repscope/linalg/products.hpp"
#include "repscope/moments/scatter_matrix.hpp"
#include "repscope/moments/update_options.hpp"
#include "repscope/parallel/blocks.hpp"
#include "repscope/tensor/unit_values.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `covariance`.
struct covariance_options {
    /// Maximum size of the state in bytes; it needs min(samples, units) x units doubles.
    std::size_t max_bytes = std::size_t{8} << 30U;
    /// Precision of the products. States of both kinds merge, and are saved in the same format.
    product_precision products = product_precision::float64;
};

/// Second moments of all units of a layer, and the fourth moments of an unbiased participation ratio.
///
/// A thin state, with at most as many samples as units, keeps the rows. A thick state keeps sums of
/// differences d to a pilot, the mean of the first block: scatter, sum, sums of |d|^2 d and |d|^4. A large
/// offset thus costs no digits. The number of threads changes no bit of the result; the division of samples
/// into calls and states changes it by 1e-12 at most.
class covariance {
  public:
    /// For `units` units. Throws `value_error` without units.
    explicit covariance(std::size_t units, const covariance_options& options = {})
        : units_(units), options_(options) {
        if (units == 0) errors::throw_value_error("covariance", "expected at least 1 unit, got 0");
    }

    /// Number of units.
    [[nodiscard]] std::size_t units() const noexcept { return units_; }
    /// Number of samples.
    [[nodiscard]] std::uint64_t samples() const noexcept { return samples_; }
    /// Whether the rows themselves are kept.
    [[nodiscard]] bool is_thin() const noexcept { return scatter_.empty(); }
    /// The rows of a thin state, (samples, units), row-major; empty for a thick one.
    [[nodiscard]] std::span<const double> rows() const noexcept { return rows_; }

    /// Adds samples: `activations` (samples, units), (samples, channels, height, width), a channel read as
    /// its spatial mean, or as `options.axes` states.
    ///
    /// Throws `shape_error` if the extents do not fit. Throws `value_error` if the state would exceed
    /// `max_bytes`, and for an activation that is NaN or infinite, with its sample and unit. After a throw
    /// the state is unchanged. O(samples x units x min(samples, units)).
    template <tensor_like Activations, product_backend Backend = eigen_products>
    void update(const Activations& activations, const update_options& options = {}, Backend = {}) {
        using element = element_type_of<Activations>;
        constexpr const char* name = "covariance::update";
        const auto x = as_activations(activations, options.axes, name);
        if (x.extent(1) != units_ || x.extent(2) * x.extent(3) == 0) {
            errors::throw_shape_error(name, "expected " + errors::text_of(units_) + " units", x.extents());
        }
        const std::size_t added = x.extent(0);
        if (added == 0) return;
        const scoped_pool pool(options.threads);
        std::vector<std::vector<tile_scalar_t<element>>> scratch(pool->size());
        const std::size_t positions = x.extent(2) * x.extent(3);
        // Values of the units of samples [first, first + count), in double.
        const auto values = [&](std::size_t first, std::size_t count, std::size_t worker, double* rows) {
            const std::size_t a_fetch = samples_per_block(units_ * positions);
            for (std::size_t begin = 0; begin < count; begin += a_fetch) {
                const auto block = fetch_tile<element>(x, first + begin, (std::min)(a_fetch, count - begin),
                                                       scratch[worker]);
                for (std::size_t i = 0; i < block.samples; ++i) {
                    double* row = rows + (begin + i) * units_;
                    unit_values<false>(block.data + i * units_ * positions, units_, positions, row);
                    if (detail::all_finite(row, units_)) continue;
                    detail::name_not_finite(name, block, samples_ + first + begin);
                    errors::throw_value_error(name, "these activations are too large for a double");
                }
            }
        };
        const auto values_of = [&](std::size_t count, double* rows) {
            pool->for_each(block_count(count, rows_per_task), [&](std::size_t task, std::size_t worker) {
                const std::size_t first = task * rows_per_task;
                values(first, (std::min)(rows_per_task, count - first), worker, rows + first * units_);
            });
        };
        if (is_thin() && samples_ + added <= units_) {
            allow(name, (rows_.size() + added * units_) * sizeof(double));
            const std::size_t before = rows_.size();
            rows_.resize(before + added * units_);
            try {
                values_of(added, rows_.data() + before);
            } catch (...) {
                rows_.resize(before);
                throw;
            }
            samples_ += added;
            return;
        }
        allow(name, (units_ + 3) * units_ * sizeof(double));
        // A chunk with a value that is not finite throws before any of it is added. A copy of the state
        // restores what earlier chunks, or the change to the thick form, replaced.
        const std::size_t chunk_size = rows_per_chunk();
        const bool on_copy = added > chunk_size || is_thin();
        covariance copy = on_copy ? *this : covariance(units_);
        covariance& state = on_copy ? copy : *this;
        if (is_thin()) {
            std::vector<double> first_block((std::min)(added, rows_per_block()) * units_);
            if (samples_ == 0) values_of(first_block.size() / units_, first_block.data());
            state.become_thick<Backend>(first_block, *pool);
        }
        detail::row_buffer memory;
        for (std::size_t first = 0; first < added; first += chunk_size) {
            state.add_chunk<Backend>((std::min)(chunk_size, added - first),
                                     [&](std::size_t row, std::size_t count, std::size_t worker,
                                         double* rows) { values(first + row, count, worker, rows); },
                                     memory, *pool);
        }
        state.samples_ = samples_ + added;
        if (on_copy) *this = std::move(copy);
    }
    /// Selected if the activations are not a tensor; does not compile.
    template <typename T>
        requires(!tensor_like<T>)
    void update(const T&, const update_options& = {}) { detail::refuse_non_tensor<T>(); }

    /// Adds the samples of another state. Throws `shape_error` if the units differ, `value_error` if the
    /// result would exceed the `max_bytes` of this state.
    template <product_backend Backend = eigen_products>
    void merge(const covariance& other, Backend = {}) {
        constexpr const char* name = "covariance::merge";
        if (other.units_ != units_) {
            errors::throw_shape_error(name, "states of " + errors::text_of(units_) + " and " +
                                                errors::text_of(other.units_) + " units do not merge");
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
            theirs.options_ = options_;
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
        narrow_products_ = narrow_products_ || theirs.narrow_products_;
        largest_square_ = (std::max)(largest_square_, theirs.largest_square_);
        samples_ += other.samples_;
    }

    /// The matrix of centered products, and the sum of fourth powers. O(order^2), for a thin state
    /// O(samples^2 x units).
    template <product_backend Backend = eigen_products>
    [[nodiscard]] scatter_matrix centered(Backend backend = {}) const& {
        scatter_matrix result;
        result.samples = samples_;
        result.units = units_;
        result.order = (std::min)(static_cast<std::size_t>(samples_), units_);
        const std::size_t order = result.order;
        result.lower.resize(order * order);
        result.mean = unit_means();
        if (is_thin()) {
            const std::vector<double> rows = detail::centered_rows(rows_, units_);
            const bool narrow = options_.products == product_precision::float32;
            detail::add_gram<Backend>(rows, order, units_, narrow, result.lower.data());
            result.rounding = detail::product_rounding(units_, narrow);
            double largest_square = 0;
            for (std::size_t i = 0; i < order; ++i) {
                largest_square =
                    (std::max)(largest_square, detail::checked_square(result.lower[i * order + i],
                                                                      rows.data() + i * units_, units_));
            }
            detail::check_range(largest_square, units_, false);
            for (std::size_t i = 0; i < order; ++i) {
                result.fourth += result.lower[i * order + i] * result.lower[i * order + i];
            }
            return result;
        }
        covariance about_mean = *this;
        return std::move(about_mean).centered(backend);
    }

    /// The same for a state that is consumed: its matrix is not copied.
    template <product_backend Backend = eigen_products>
    [[nodiscard]] scatter_matrix centered(Backend backend = {}) && {
        if (is_thin()) return std::as_const(*this).centered(backend);
        detail::check_range(largest_square_, units_, narrow_products_);
        const double about_pilot = scatter_trace();
        move_pilot(mean_about_pilot());
        double rounding = detail::product_rounding(static_cast<std::size_t>(samples_), narrow_products_);
        // The sums about the pilot were rounded; their error grows with the distance of the pilot from the
        // mean.
        const double farther = about_pilot / scatter_trace();
        if (farther > 1) rounding *= farther * farther;
        std::vector<double> mean =
            unit_means(); // while there is a scatter matrix; a state without one is thin
        return {samples_, units_,   units_,          std::move(scatter_),
                fourth_,  rounding, std::move(mean), std::move(third_)};
    }

    /// Mean of every unit; NaN without samples.
    [[nodiscard]] std::vector<double> unit_means() const {
        const auto n = static_cast<double>(samples_);
        if (is_thin()) {
            std::vector<double> mean = detail::mean_about_first(rows_, units_);
            for (std::size_t u = 0; u < units_; ++u) {
                mean[u] = samples_ == 0 ? std::numeric_limits<double>::quiet_NaN() : rows_[u] + mean[u];
            }
            return mean;
        }
        std::vector<double> mean(units_);
        for (std::size_t u = 0; u < units_; ++u) mean[u] = pilot_[u] + sum_[u] / n;
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

    /// Writes the state.
    void save(byte_writer& out) const {
        out.put<std::uint64_t>(units_);
        out.put<std::uint64_t>(samples_);
        out.put<std::uint8_t>(is_thin() ? 1 : narrow_products_ ? 2 : 0);
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

    /// Reads the bytes of `save`. Throws `format_error` if they are cut or are not such a state.
    [[nodiscard]] static covariance load(byte_reader& in, const covariance_options& options = {}) {
        const auto units = in.get<std::uint64_t>();
        const auto samples = in.get<std::uint64_t>();
        const auto thin = in.get<std::uint8_t>();
        const std::uint64_t most = in.left() / sizeof(double);
        // Checked before any allocation: the bytes must exist.
        const bool fits =
            thin == 1 ? samples <= units && (samples == 0 || units <= most / samples)
                      : units <= most && (units + 1) / 2 <= most / (std::max<std::uint64_t>)(units, 1);
        if (units == 0 || thin > 2 || !fits) throw format_error(in.name() + ": not a state of a covariance");
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
        state.narrow_products_ = thin == 2;
        state.fourth_ = in.get<double>();
        state.scatter_.resize(units * units);
        for (std::size_t i = 0; i < units; ++i) {
            in.get_all(std::span(state.scatter_).subspan(i * units, i + 1));
        }
        // Not saved; it is at least the mean.
        if (samples > 0) state.largest_square_ = state.scatter_trace() / static_cast<double>(samples);
        return state;
    }

  private:
    static constexpr std::size_t rows_per_task = 64;

    /// Rows that enter the products together; depends on the number of units only.
    [[nodiscard]] std::size_t rows_per_block() const noexcept {
        return std::clamp<std::size_t>((std::size_t{1} << 20U) / units_ / 4 * 4, 64, 512);
    }
    /// Rows that are in memory at a time; a multiple of the block.
    [[nodiscard]] std::size_t rows_per_chunk() const noexcept {
        constexpr std::size_t chunk_bytes = std::size_t{32} << 20U;
        const std::size_t block_size = rows_per_block();
        return (std::max<std::size_t>)(1, chunk_bytes / (block_size * units_ * sizeof(double))) * block_size;
    }

    void allow(std::string_view name, std::size_t bytes) const {
        if (bytes <= options_.max_bytes) return;
        errors::throw_value_error(name, "needs " + errors::text_of((bytes >> 20U) + 1) + " MiB for " +
                                            errors::text_of(units_) + " units, allowed are " +
                                            errors::text_of(options_.max_bytes >> 20U) + " MiB");
    }

    /// Changes from the thin to the thick form. The pilot is the mean of the first block of rows: the state's
    /// own or, if it has none, that of `next`.
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
        const std::size_t rows = own.size() / units_;
        detail::row_buffer memory;
        for (std::size_t done = 0; done < rows; done += rows_per_chunk()) {
            add_chunk<Backend>((std::min)(rows_per_chunk(), rows - done),
                               [&](std::size_t row, std::size_t n, std::size_t, double* target) {
                                   std::copy_n(own.data() + (done + row) * units_, n * units_, target);
                               },
                               memory, pool);
        }
    }

    /// Adds the rows that `values(first, count, worker, target)` writes; several threads call it for parts of
    /// them. If it throws, nothing has been added.
    template <product_backend Backend, typename Values>
    void add_chunk(std::size_t count, Values&& values, detail::row_buffer& memory, thread_pool& pool) {
        const bool narrow = options_.products == product_precision::float32;
        narrow_products_ = narrow_products_ || narrow;
        const std::size_t tasks = block_count(count, rows_per_task);
        memory.hold((narrow ? pool.size() * rows_per_task : count) * units_, narrow ? count * units_ : 0);
        double* const rows = memory.rows.get();
        float* const narrow_rows = memory.narrow_rows.get();
        std::vector<double> squared(count);
        // Sums over the rows of each task, of d and of |d|^2 d, while they are in the cache.
        std::vector<double> parts(tasks * 2 * units_);
        pool.for_each(tasks, [&](std::size_t task, std::size_t worker) {
            const std::size_t first = task * rows_per_task;
            const std::size_t here = (std::min)(rows_per_task, count - first);
            double* const own = rows + (narrow ? worker * rows_per_task : first) * units_;
            values(first, here, worker, own);
            double* const sums = parts.data() + task * 2 * units_;
            for (std::size_t i = 0; i < here; ++i) {
                double* row = own + i * units_;
                const double length = detail::subtract(row, pilot_.data(), units_);
                squared[first + i] = detail::checked_square(length, row, units_);
                for (std::size_t u = 0; u < units_; ++u) {
                    sums[u] += row[u];
                    sums[units_ + u] += length * row[u];
                }
                if (!narrow) continue;
                float* rounded = narrow_rows + (first + i) * units_;
                for (std::size_t u = 0; u < units_; ++u) rounded[u] = static_cast<float>(row[u]);
            }
        });
        for (const double s : squared) {
            fourth_ += s * s;
            largest_square_ = (std::max)(largest_square_, s);
        }
        for (std::size_t task = 0; task < tasks; ++task) {
            const double* sums = parts.data() + task * 2 * units_;
            for (std::size_t u = 0; u < units_; ++u) {
                sum_[u] += sums[u];
                third_[u] += sums[units_ + u];
            }
        }
        if (narrow)
            detail::add_scatter<Backend>(narrow_rows, count, units_, rows_per_block(), scatter_.data(), pool);
        else
            detail::add_scatter<Backend>(rows, count, units_, rows_per_block(), scatter_.data(), pool);
    }

    [[nodiscard]] double scatter_trace() const noexcept {
        double trace = 0;
        for (std::size_t u = 0; u < units_; ++u) trace += scatter_[u * units_ + u];
        return trace;
    }

    [[nodiscard]] std::vector<double> mean_about_pilot() const {
        std::vector<double> mean = sum_;
        for (double& m : mean) m /= static_cast<double>(samples_);
        return mean;
    }

    /// Changes the pilot of a thick state to pilot + delta: its sums become those of d' = d - delta.
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
    covariance_options options_;
    std::uint64_t samples_ = 0;
    /// Thin: the samples, row-major.
    std::vector<double> rows_;
    /// Thick: sums over d = x - pilot.
    std::vector<double> pilot_;
    std::vector<double> sum_;
    std::vector<double> third_;
    double fourth_ = 0;
    std::vector<double> scatter_;
    /// Whether any product of `scatter_` was computed in float.
    bool narrow_products_ = false;
    double largest_square_ =
        0; ///< of the length of a row relative to the pilot; for a state from a file, relative to the mean
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
