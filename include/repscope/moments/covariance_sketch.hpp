#pragma once

#include "repscope/bytes.hpp"
#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/error.hpp"
#include "repscope/linalg/products.hpp"
#include "repscope/moments/update_options.hpp"
#include "repscope/random/philox.hpp"
#include "repscope/random/streams.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `covariance_sketch`; states that differ in `probes` or `seed` do not merge.
struct covariance_sketch_options {
    /// Number of random directions that units are projected on.
    std::size_t probes = 256;
    std::uint64_t seed = 0; ///< seed of the random probes
    /// Maximum size of probes and state in bytes; they need (units + probes) x probes doubles.
    std::size_t max_bytes = std::size_t{8} << 30U;
};

/// The input of a participation ratio, with an estimate of the squared norm of the scatter matrix.
struct sketched_products {
    std::uint64_t samples = 0; ///< number of samples
    std::size_t units = 0;     ///< number of units
    /// T: the trace of the scatter matrix; exact.
    double trace = 0;
    /// R: its squared Frobenius norm, estimated without bias, and the jackknife standard error over the
    /// probes.
    double frobenius2 = 0;
    double frobenius2_error = 0; ///< standard error of `frobenius2`
    /// D = sum over samples of |x - mean|^4; one small term of it is estimated, without bias.
    double fourth = 0;
};

/// A sketch of the covariance for layers whose scatter and Gram matrices are both too large: units are
/// projected on random signs, and the probes x probes products of the projections are kept.
///
/// With Y = X Omega, K = Y^T Y and k probes, R is estimated by (|K|^2 - sum K_aa^2) / (k (k - 1)), unbiased
/// over the probes; its relative error is about .05 with 256 of them and .1 with 64, for a spectrum of which
/// no single direction dominates. Sums are relative to a pilot, the mean of the first block. A merged state
/// keeps its parts with their own pilots, (3 units + probes^2) doubles each. Threads own tiles of the sums,
/// so the result does not depend on their number. The division of samples into calls changes it by rounding;
/// the division into states also changes the small estimated term of D.
class covariance_sketch {
  public:
    /// For `units` units. Throws `value_error` without units, for fewer than 3 probes, and if the memory
    /// would exceed `max_bytes`.
    explicit covariance_sketch(std::size_t units, const covariance_sketch_options& options = {})
        : units_(units), options_(options) {
        constexpr const char* name = "covariance_sketch";
        if (units == 0) errors::throw_value_error(name, "expected at least 1 unit, got 0");
        if (options.probes < 3) {
            errors::throw_value_error(name,
                                      "expected at least 3 probes, got " + errors::text_of(options.probes));
        }
        const std::size_t bytes = bytes_needed(units, options.probes);
        if (bytes > options.max_bytes) {
            errors::throw_value_error(name, errors::text_of(options.probes) + " probes of " +
                                                errors::text_of(units) + " units need " +
                                                errors::text_of((bytes >> 20U) + 1) + " MiB, allowed are " +
                                                errors::text_of(options.max_bytes >> 20U) + " MiB");
        }
        probes_ = draw_probes();
    }

    /// Size of probes and state in bytes. Throws `shape_error` if it does not fit in an index.
    [[nodiscard]] static std::size_t bytes_needed(std::size_t units, std::size_t probes) {
        const std::array<std::size_t, 3> extents{units + probes, probes, sizeof(double)};
        return element_count(extents);
    }

    /// Number of units.
    [[nodiscard]] std::size_t units() const noexcept { return units_; }
    /// Number of random probes.
    [[nodiscard]] std::size_t probes() const noexcept { return options_.probes; }
    /// Number of samples.
    [[nodiscard]] std::uint64_t samples() const noexcept {
        std::uint64_t total = 0;
        for (const part& p : parts_) total += p.samples;
        return total;
    }

    /// Adds samples, as `covariance::update`. O(samples x units x probes).
    template <tensor_like Activations, product_backend Backend = eigen_products>
    void update(const Activations& activations, const update_options& options = {}, Backend = {}) {
        constexpr const char* name = "covariance_sketch::update";
        const auto x = as_activations(activations, options.axes, name);
        if (x.extent(1) != units_ || x.extent(2) * x.extent(3) == 0) {
            errors::throw_shape_error(name, "expected " + errors::text_of(units_) + " units", x.extents());
        }
        const std::size_t added = x.extent(0);
        if (added == 0) return;
        const scoped_pool pool(options.threads);
        constexpr std::size_t chunk_bytes = std::size_t{32} << 20U;
        const std::size_t chunk_size = (std::max<std::size_t>)(64, chunk_bytes / (units_ * sizeof(double)));
        std::vector<double> rows((std::min)(added, chunk_size) * units_);
        // All values of a chunk are read and checked before anything is added.
        std::vector<part> before;
        if (added > chunk_size) before = parts_;
        const bool fresh = parts_.empty();
        try {
            for (std::size_t first = 0; first < added; first += chunk_size) {
                const std::size_t count = (std::min)(chunk_size, added - first);
                detail::unit_rows_into(name, x, first, count, false, *pool, rows.data(), samples());
                if (parts_.empty()) start_part(rows, count);
                add_rows<Backend>(rows, count, *pool);
            }
        } catch (...) {
            if (added > chunk_size) parts_ = std::move(before);
            if (fresh) parts_.clear();
            throw;
        }
    }

    /// Adds the samples of another state. Throws `shape_error` if the units or probes differ, `value_error`
    /// if the seeds do.
    void merge(const covariance_sketch& other) {
        constexpr const char* name = "covariance_sketch::merge";
        if (other.units_ != units_ || other.options_.probes != options_.probes) {
            errors::throw_shape_error(name, "states of " + errors::text_of(units_) + " units and " +
                                                errors::text_of(options_.probes) + " probes, and of " +
                                                errors::text_of(other.units_) + " and " +
                                                errors::text_of(other.options_.probes) + ", do not merge");
        }
        if (other.options_.seed != options_.seed) {
            errors::throw_value_error(name, "states of different seeds do not merge");
        }
        const std::vector<part> more = other.parts_; // a state may be merged with itself
        parts_.insert(parts_.end(), more.begin(), more.end());
    }

    /// The sums relative to the mean. O(parts x probes^2 + units x probes).
    [[nodiscard]] sketched_products centered() const {
        sketched_products result;
        result.samples = samples();
        result.units = units_;
        const std::size_t k = options_.probes;
        const auto n = static_cast<double>(result.samples);
        if (result.samples == 0) return result;
        std::vector<double> mean(units_);
        for (std::size_t u = 0; u < units_; ++u) {
            // Relative to the first part's pilot, so that a large offset costs no digits.
            for (const part& p : parts_) {
                mean[u] += p.sum[u] + static_cast<double>(p.samples) * (p.pilot[u] - parts_[0].pilot[u]);
            }
            mean[u] = parts_[0].pilot[u] + mean[u] / n;
        }
        std::vector<double> products(k * k);
        std::vector<double> delta(units_);
        for (const part& p : parts_) {
            const auto own = static_cast<double>(p.samples);
            double length = 0, along_sum = 0, along_third = 0;
            for (std::size_t u = 0; u < units_; ++u) {
                delta[u] = mean[u] - p.pilot[u];
                length += delta[u] * delta[u];
                along_sum += delta[u] * p.sum[u];
                along_third += delta[u] * p.third[u];
            }
            const std::vector<double> shift = project(delta);
            const std::vector<double> sum = project(p.sum);
            // delta . S delta; two different probes give an unbiased estimate from the sketch.
            double quadratic = 0;
            for (std::size_t a = 0; a < k; ++a) {
                for (std::size_t b = 0; b < k; ++b) {
                    if (a != b) quadratic += shift[a] * p.products[a * k + b] * shift[b];
                    products[a * k + b] += p.products[a * k + b] - sum[a] * shift[b] - shift[a] * sum[b] +
                                           own * shift[a] * shift[b];
                }
            }
            quadratic /= static_cast<double>(k) * static_cast<double>(k - 1);
            result.trace += p.trace - 2 * along_sum + own * length;
            result.fourth += p.fourth + 4 * quadratic + own * length * length - 4 * along_third +
                             2 * length * p.trace - 4 * length * along_sum;
        }
        std::vector<double> of_probe(k); // off the diagonal
        double all = 0;
        for (std::size_t a = 0; a < k; ++a) {
            for (std::size_t b = 0; b < k; ++b) {
                if (a != b) of_probe[a] += products[a * k + b] * products[a * k + b];
            }
            all += of_probe[a];
        }
        const auto count = static_cast<double>(k);
        result.frobenius2 = all / (count * (count - 1));
        // Without probe a: (all - 2 of_probe[a]) / ((k - 1)(k - 2)).
        double squares = 0;
        for (const double one : of_probe) {
            const double apart = 2 * (one - all / count) / ((count - 1) * (count - 2));
            squares += apart * apart;
        }
        result.frobenius2_error = std::sqrt((count - 1) / count * squares);
        return result;
    }

    /// Writes the state.
    void save(byte_writer& out) const {
        out.put<std::uint64_t>(units_);
        out.put<std::uint64_t>(options_.probes);
        out.put<std::uint64_t>(options_.seed);
        out.put<std::uint64_t>(parts_.size());
        for (const part& p : parts_) {
            out.put<std::uint64_t>(p.samples);
            out.put(p.trace);
            out.put(p.fourth);
            for (const auto* v : {&p.pilot, &p.sum, &p.third, &p.products}) {
                out.put_all(std::span<const double>(*v));
            }
        }
    }

    /// Reads the bytes of `save`. Throws `format_error` if they are cut or are not such a state.
    [[nodiscard]] static covariance_sketch load(byte_reader& in) {
        const auto units = in.get<std::uint64_t>();
        const auto probes = in.get<std::uint64_t>();
        const auto seed = in.get<std::uint64_t>();
        const auto parts = in.get<std::uint64_t>();
        // Checked before any allocation: apart from the probes, a state is not larger than the remaining
        // bytes.
        constexpr std::uint64_t most = std::uint64_t{1} << 40U;
        if (units == 0 || units > most || probes < 3 || probes > 65536)
            throw format_error(in.name() + ": not a state of a covariance sketch");
        const std::uint64_t doubles = 3 + 3 * units + probes * probes;
        if (parts > in.left() / (doubles * sizeof(double)))
            throw format_error(in.name() + ": not a state of a covariance sketch");
        covariance_sketch state(
            units, {.probes = probes, .seed = seed, .max_bytes = (std::numeric_limits<std::size_t>::max)()});
        state.parts_.resize(parts);
        for (part& p : state.parts_) {
            p.samples = in.get<std::uint64_t>();
            p.trace = in.get<double>();
            p.fourth = in.get<double>();
            for (auto* v : {&p.pilot, &p.sum, &p.third}) {
                v->resize(units);
                in.get_all(std::span(*v));
            }
            p.products.resize(probes * probes);
            in.get_all(std::span(p.products));
        }
        return state;
    }

  private:
    /// Sums over d = x - pilot.
    struct part {
        std::uint64_t samples = 0;
        double trace = 0;  ///< of |d|^2
        double fourth = 0; ///< of |d|^4
        std::vector<double> pilot, sum, third;
        std::vector<double> products; ///< of the projections of d, (probes, probes)
    };

    /// Signs, (units, probes): the signs of a unit are bits of one sample of the random stream.
    [[nodiscard]] std::shared_ptr<const std::vector<double>> draw_probes() const {
        std::vector<double> signs(units_ * options_.probes);
        const std::uint32_t stream = streams::id(streams::purpose::sketch);
        for (std::size_t u = 0; u < units_; ++u) {
            std::array<std::uint32_t, 4> words{};
            for (std::size_t a = 0; a < options_.probes; ++a) {
                if (a % 128 == 0) {
                    words =
                        philox4x32({static_cast<std::uint32_t>(a / 128), static_cast<std::uint32_t>(u >> 32U),
                                    static_cast<std::uint32_t>(u), stream},
                                   key_of(options_.seed));
                }
                const bool up = (words[a % 128 / 32] >> (a % 32) & 1U) != 0;
                signs[u * options_.probes + a] = up ? 1 : -1;
            }
        }
        return std::make_shared<const std::vector<double>>(std::move(signs));
    }

    [[nodiscard]] std::vector<double> project(const std::vector<double>& values) const {
        std::vector<double> result(options_.probes);
        for (std::size_t u = 0; u < units_; ++u) {
            const double* signs = probes_->data() + u * options_.probes;
            for (std::size_t a = 0; a < options_.probes; ++a) result[a] += values[u] * signs[a];
        }
        return result;
    }

    void start_part(const std::vector<double>& rows, std::size_t count) {
        part p;
        p.pilot.assign(units_, 0);
        p.sum.assign(units_, 0);
        p.third.assign(units_, 0);
        p.products.assign(options_.probes * options_.probes, 0);
        const std::size_t first = (std::min<std::size_t>)(count, 512);
        for (std::size_t i = 0; i < first; ++i) {
            for (std::size_t u = 0; u < units_; ++u) p.pilot[u] += rows[i * units_ + u] - rows[u];
        }
        for (std::size_t u = 0; u < units_; ++u)
            p.pilot[u] = rows[u] + p.pilot[u] / static_cast<double>(first);
        parts_.push_back(std::move(p));
    }

    template <product_backend Backend>
    void add_rows(std::vector<double>& rows, std::size_t count, thread_pool& pool) {
        part& p = parts_.back();
        const std::size_t k = options_.probes;
        std::vector<double> squared(count);
        std::vector<double> projected(count * k);
        const auto run = [&](std::size_t tasks, auto&& task) {
            if constexpr (Backend::concurrent) {
                pool.for_each(tasks, task);
            } else {
                for (std::size_t t = 0; t < tasks; ++t) task(t);
            }
        };
        constexpr std::size_t rows_per_task = 128;
        run(block_count(count, rows_per_task), [&](std::size_t task) {
            const std::size_t begin = task * rows_per_task;
            const std::size_t end = (std::min)(begin + rows_per_task, count);
            for (std::size_t i = begin; i < end; ++i) {
                double* row = rows.data() + i * units_;
                for (std::size_t u = 0; u < units_; ++u) {
                    row[u] -= p.pilot[u];
                    squared[i] += row[u] * row[u];
                }
            }
            Backend::template gemm<factor::as_is, factor::as_is>(
                end - begin, k, units_, 1.0, rows.data() + begin * units_, units_, probes_->data(), k, 0.0,
                projected.data() + begin * k, k);
        });
        for (const double s : squared) {
            p.trace += s;
            p.fourth += s * s;
        }
        constexpr std::size_t units_per_task = 512;
        pool.for_each(block_count(units_, units_per_task), [&](std::size_t task) {
            const std::size_t begin = task * units_per_task;
            const std::size_t end = (std::min)(begin + units_per_task, units_);
            for (std::size_t i = 0; i < count; ++i) {
                const double* row = rows.data() + i * units_;
                for (std::size_t u = begin; u < end; ++u) {
                    p.sum[u] += row[u];
                    p.third[u] += squared[i] * row[u];
                }
            }
        });
        constexpr std::size_t probes_per_task = 64;
        run(block_count(k, probes_per_task), [&](std::size_t task) {
            const std::size_t begin = task * probes_per_task;
            Backend::template gemm<factor::transposed, factor::as_is>(
                (std::min)(probes_per_task, k - begin), k, count, 1.0, projected.data() + begin, k,
                projected.data(), k, 1.0, p.products.data() + begin * k, k);
        });
        p.samples += count;
    }

    std::size_t units_;
    covariance_sketch_options options_;
    std::shared_ptr<const std::vector<double>> probes_;
    std::vector<part> parts_;
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
