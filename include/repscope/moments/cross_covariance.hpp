#pragma once

#include "repscope/bytes.hpp"
#include "repscope/detail/common/centered_rows.hpp"
#include "repscope/detail/common/finite.hpp"
#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/detail/moments/cross_sums.hpp"
#include "repscope/error.hpp"
#include "repscope/linalg/products.hpp"
#include "repscope/moments/update_options.hpp"
#include "repscope/parallel/blocks.hpp"
#include "repscope/tensor/as_view.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Mixed sums of two layers about their means: a matrix of products, or of few samples the rows.
struct cross_products {
    std::uint64_t samples = 0;            ///< number of samples
    std::size_t units_x = 0, units_y = 0; ///< number of units of each layer
    /// (units_x, units_y), row-major: sum over samples of (x - mean) (y - mean)^T. Empty with rows.
    std::vector<double> products;
    /// Sum over samples of |x - mean|^2 |y - mean|^2; of a matrix only.
    double fourth = 0;
    /// Centered rows, (samples, units_x) and (samples, units_y); empty with a matrix.
    std::vector<double> rows_x, rows_y;
};

/// Options of `cross_covariance`.
struct cross_covariance_options {
    /// Maximum size of the state in bytes; it needs at most (units_x + 2) (units_y + 2) doubles.
    std::size_t max_bytes = std::size_t{8} << 30U;
};

/// Mixed second moments of two layers for the same samples, and the mixed fourth moment of an unbiased
/// similarity. With the covariances of both layers it gives their similarity in one pass.
///
/// A thin state, whose rows need no more memory than the matrix of products, keeps the rows. A thick state
/// keeps sums of differences to a pilot per layer, so a large offset costs no digits. The number of threads
/// changes no bit of the result; the division of samples into calls and states changes it by 1e-12 at most.
class cross_covariance {
  public:
    /// For layers of `units_x` and `units_y` units. Throws `value_error` if one of them is 0.
    cross_covariance(std::size_t units_x, std::size_t units_y, const cross_covariance_options& options = {})
        : units_x_(units_x), units_y_(units_y), options_(options) {
        if (units_x == 0 || units_y == 0) {
            errors::throw_value_error("cross_covariance", "expected at least 1 unit per layer, got " +
                                                              errors::text_of(units_x) + " and " +
                                                              errors::text_of(units_y));
        }
    }

    /// Number of units of the first layer.
    [[nodiscard]] std::size_t units_x() const noexcept { return units_x_; }
    /// Number of units of the second layer.
    [[nodiscard]] std::size_t units_y() const noexcept { return units_y_; }
    /// Number of samples.
    [[nodiscard]] std::uint64_t samples() const noexcept { return samples_; }
    /// Whether the rows themselves are kept.
    [[nodiscard]] bool is_thin() const noexcept { return sums_.products.empty(); }

    /// Adds samples: `x` and `y` (samples, units), (samples, channels, height, width), a channel read as its
    /// spatial mean, or as `options.axes` states. Sample i of both has the same input.
    ///
    /// Throws `shape_error` if the extents do not fit. Throws `value_error` if the state would exceed
    /// `max_bytes`, for an activation that is NaN or infinite, with its sample and unit, and if products
    /// overflow. After a throw the state is unchanged. O(samples x units_x x units_y).
    template <tensor_like X, tensor_like Y, product_backend Backend = eigen_products>
    void update(const X& x, const Y& y, const update_options& options = {}, Backend = {}) {
        constexpr std::string_view name = "cross_covariance::update";
        const auto a = as_activations(x, options.axes, name);
        const auto b = as_activations(y, options.axes, name);
        if (a.extent(1) != units_x_ || a.extent(2) * a.extent(3) == 0)
            errors::throw_shape_error(name, "expected " + errors::text_of(units_x_) + " units", a.extents());
        if (b.extent(1) != units_y_ || b.extent(2) * b.extent(3) == 0)
            errors::throw_shape_error(name, "expected " + errors::text_of(units_y_) + " units", b.extents());
        const std::size_t added = a.extent(0);
        if (b.extent(0) != added) {
            errors::throw_shape_error(name, "expected " + errors::text_of(added) +
                                                " samples of both layers, got " +
                                                errors::text_of(b.extent(0)) + " of the second");
        }
        if (added == 0) return;
        const scoped_pool pool(options.threads);
        const auto values = [&](std::size_t first, std::size_t count, double* to_x, double* to_y) {
            detail::unit_rows_into(name, a, first, count, false, *pool, to_x, samples_);
            detail::unit_rows_into(name, b, first, count, false, *pool, to_y, samples_);
        };
        if (is_thin() && samples_ + added <= max_rows()) {
            allow(name, (samples_ + added) * (units_x_ + units_y_) * sizeof(double));
            std::vector<double> more_x(added * units_x_), more_y(added * units_y_);
            values(0, added, more_x.data(), more_y.data());
            rows_x_.insert(rows_x_.end(), more_x.begin(), more_x.end());
            rows_y_.insert(rows_y_.end(), more_y.begin(), more_y.end());
            samples_ += added;
            return;
        }
        allow(name, (units_x_ + 2) * (units_y_ + 2) * sizeof(double));
        const std::size_t chunk_size = rows_per_chunk();
        std::vector<double> chunk_x((std::min)(added, chunk_size) * units_x_);
        std::vector<double> chunk_y((std::min)(added, chunk_size) * units_y_);
        // A chunk that is refused throws before any of it is added; a copy restores what earlier ones
        // changed.
        const bool on_copy = added > chunk_size || is_thin();
        cross_covariance copy = on_copy ? *this : cross_covariance(units_x_, units_y_);
        cross_covariance& state = on_copy ? copy : *this;
        for (std::size_t first = 0; first < added; first += chunk_size) {
            const std::size_t count = (std::min)(chunk_size, added - first);
            values(first, count, chunk_x.data(), chunk_y.data());
            const auto rows_x = std::span(chunk_x).first(count * units_x_);
            const auto rows_y = std::span(chunk_y).first(count * units_y_);
            if (state.is_thin()) state.template become_thick<Backend>(rows_x, rows_y, *pool);
            state.sums_.template add<Backend>(rows_x, rows_y, *pool);
        }
        state.samples_ = samples_ + added;
        if (on_copy) *this = std::move(copy);
    }
    /// Selected if the activations are not tensors; does not compile.
    template <typename X, typename Y>
        requires(!tensor_like<X> || !tensor_like<Y>)
    void update(const X&, const Y&, const update_options& = {}) {
        if constexpr (tensor_like<X>)
            detail::refuse_non_tensor<Y>();
        else
            detail::refuse_non_tensor<X>();
    }

    /// Adds the samples of another state. Throws `shape_error` if the units differ, `value_error` if the
    /// result would exceed the `max_bytes` of this state.
    template <product_backend Backend = eigen_products>
    void merge(const cross_covariance& other, Backend = {}) {
        constexpr std::string_view name = "cross_covariance::merge";
        if (other.units_x_ != units_x_ || other.units_y_ != units_y_) {
            errors::throw_shape_error(name, "states of " + errors::text_of(units_x_) + " and " +
                                                errors::text_of(units_y_) + " units, and of " +
                                                errors::text_of(other.units_x_) + " and " +
                                                errors::text_of(other.units_y_) + ", do not merge");
        }
        if (other.samples_ == 0) return;
        if (is_thin() && other.is_thin() && samples_ + other.samples_ <= max_rows()) {
            allow(name, (samples_ + other.samples_) * (units_x_ + units_y_) * sizeof(double));
            const std::vector<double> x = other.rows_x_, y = other.rows_y_; // a state may merge with itself
            rows_x_.insert(rows_x_.end(), x.begin(), x.end());
            rows_y_.insert(rows_y_.end(), y.begin(), y.end());
            samples_ += other.samples_;
            return;
        }
        allow(name, (units_x_ + 2) * (units_y_ + 2) * sizeof(double));
        thread_pool alone(1);
        cross_covariance theirs = other;
        theirs.template become_thick<Backend>(theirs.rows_x_, theirs.rows_y_, alone);
        if (samples_ == 0) {
            theirs.options_ = options_;
            *this = std::move(theirs);
            return;
        }
        become_thick<Backend>(rows_x_, rows_y_, alone);
        const auto mine = static_cast<double>(samples_);
        sums_.merge(theirs.sums_, mine, static_cast<double>(other.samples_));
        samples_ += other.samples_;
    }

    /// The sums about the means of both layers; of a thin state the centered rows.
    [[nodiscard]] cross_products centered() const {
        cross_products result;
        result.samples = samples_;
        result.units_x = units_x_;
        result.units_y = units_y_;
        if (is_thin()) {
            result.rows_x = detail::centered_rows(rows_x_, units_x_);
            result.rows_y = detail::centered_rows(rows_y_, units_y_);
            return result;
        }
        detail::cross_sums about_means = sums_;
        about_means.move_to_means(static_cast<double>(samples_));
        result.fourth = about_means.fourth;
        result.products = std::move(about_means.products);
        return result;
    }

    /// Writes the state.
    void save(byte_writer& out) const {
        out.put<std::uint64_t>(units_x_);
        out.put<std::uint64_t>(units_y_);
        out.put<std::uint64_t>(samples_);
        out.put<std::uint8_t>(is_thin() ? 1 : 0);
        if (is_thin()) {
            out.put_all(std::span<const double>(rows_x_));
            out.put_all(std::span<const double>(rows_y_));
            return;
        }
        sums_.save(out);
    }
    /// Reads the bytes of `save`. Throws `format_error` if they are cut or are not such a state.
    [[nodiscard]] static cross_covariance load(byte_reader& in,
                                               const cross_covariance_options& options = {}) {
        const auto units_x = in.get<std::uint64_t>();
        const auto units_y = in.get<std::uint64_t>();
        const auto samples = in.get<std::uint64_t>();
        const auto thin = in.get<std::uint8_t>();
        const std::uint64_t most = in.left() / sizeof(double);
        // Checked before any allocation: the bytes must exist.
        const bool fits = units_x > 0 && units_y > 0 && units_x <= most && units_y <= most &&
                          (thin == 1 ? samples == 0 || units_x + units_y <= most / samples
                                     : samples > 0 && units_x <= most / units_y);
        if (thin > 1 || (!fits && !(thin == 1 && samples == 0 && units_x > 0 && units_y > 0)))
            throw format_error(in.name() + ": not a state of a cross covariance");
        cross_covariance state(units_x, units_y, options);
        state.samples_ = samples;
        if (thin == 1) {
            if (samples > state.max_rows())
                throw format_error(in.name() + ": not a state of a cross covariance");
            state.rows_x_.resize(samples * units_x);
            state.rows_y_.resize(samples * units_y);
            in.get_all(std::span(state.rows_x_));
            in.get_all(std::span(state.rows_y_));
            return state;
        }
        state.allow("cross_covariance::load", (units_x + 2) * (units_y + 2) * sizeof(double));
        state.sums_ = detail::cross_sums::load(in, units_x, units_y);
        return state;
    }

  private:
    /// Rows that need no more memory than the products.
    [[nodiscard]] std::uint64_t max_rows() const noexcept {
        return static_cast<std::uint64_t>(static_cast<double>(units_x_) * static_cast<double>(units_y_) /
                                          (static_cast<double>(units_x_) + static_cast<double>(units_y_)));
    }
    [[nodiscard]] std::size_t rows_per_chunk() const noexcept {
        constexpr std::size_t chunk_values = std::size_t{1} << 22U;
        return (std::max<std::size_t>)(1, chunk_values / (units_x_ + units_y_) / 64) * 64;
    }
    void allow(std::string_view name, std::size_t bytes) const {
        if (bytes <= options_.max_bytes) return;
        errors::throw_value_error(name, "needs " + errors::text_of((bytes >> 20U) + 1) + " MiB for " +
                                            errors::text_of(units_x_) + " and " + errors::text_of(units_y_) +
                                            " units, allowed are " +
                                            errors::text_of(options_.max_bytes >> 20U) + " MiB");
    }

    /// Changes from the thin to the thick form. The pilots are the means of the first rows: the state's own
    /// or, if it has none, `next`.
    template <product_backend Backend>
    void become_thick(std::span<const double> next_x, std::span<const double> next_y, thread_pool& pool) {
        if (!is_thin()) return;
        std::vector<double> x = std::exchange(rows_x_, {}), y = std::exchange(rows_y_, {});
        sums_ = detail::cross_sums(units_x_, units_y_, samples_ == 0 ? next_x : std::span<const double>(x),
                                   samples_ == 0 ? next_y : std::span<const double>(y));
        if (samples_ > 0) sums_.template add<Backend>(x, y, pool);
    }

    std::size_t units_x_;
    std::size_t units_y_;
    cross_covariance_options options_;
    std::uint64_t samples_ = 0;
    std::vector<double> rows_x_, rows_y_; ///< thin: the samples, row-major
    detail::cross_sums sums_;             ///< thick
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
