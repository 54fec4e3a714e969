#pragma once

#include "repscope/bytes.hpp"
#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/detail/target/simd.hpp"
#include "repscope/error.hpp"
#include "repscope/moments/update_options.hpp"
#include "repscope/parallel/blocks.hpp"
#include "repscope/random/normal_quantile.hpp"
#include "repscope/tensor/as_view.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `value_histogram`; part of the state, since states that differ in them do not merge.
struct histogram_options {
    /// Whether max(a, 0) of every element is taken before the spatial mean, as behind a ReLU.
    bool rectify = false;
    friend bool operator==(const histogram_options&, const histogram_options&) = default;
};

/// A distribution of a few values: `count[i]` samples are within half of `width[i]` of the value `value[i]`.
/// Values ascend.
struct value_distribution {
    std::vector<double> value; ///< centers
    std::vector<double> count; ///< numbers of samples; not integers after a random choice
    std::vector<double> width; ///< widths
};

/// A histogram of the values of each unit, which determines the distribution under a random choice of
/// samples.
///
/// A unit's value for a sample is the mean of its positions, in double. An octave has 32
/// bins: from 2^k (1 + j / 32) to 2^k (1 + (j + 1) / 32), separately for values above and below 0. A unit has
/// the 512 bins up to its largest absolute value; values below 2^-15 of the largest share one bin with 0.
/// Counts are integers, so the state has the same bits for any number of threads, order of samples, and
/// division into calls and states. It needs 2052 bytes per unit, twice as many if any value is negative.
class value_histogram {
  public:
    /// Throws `value_error` without units.
    explicit value_histogram(std::size_t units, const histogram_options& options = {})
        : units_(units), options_(options) {
        if (units == 0) errors::throw_value_error("value_histogram", "expected at least 1 unit, got 0");
        counts_.resize(bytes_needed(units, false) / sizeof(std::uint32_t));
        top_.resize(units);
    }

    /// Size of the counts of a state in bytes. Throws `shape_error` if they do not fit in an index.
    [[nodiscard]] static std::size_t bytes_needed(std::size_t units, bool has_negative) {
        const std::array<std::size_t, 3> extents{units, stride, sizeof(std::uint32_t)};
        return element_count(extents) * (has_negative ? 2 : 1);
    }

    /// Number of units.
    [[nodiscard]] std::size_t units() const noexcept { return units_; }
    /// Number of samples.
    [[nodiscard]] std::uint64_t samples() const noexcept { return samples_; }
    /// The options of the constructor.
    [[nodiscard]] const histogram_options& options() const noexcept { return options_; }

    /// Adds samples: `activations` (samples, units), (samples, channels, height, width), or as `options.axes`
    /// states.
    ///
    /// Throws `shape_error` if the units differ, and `value_error` for an activation that is not finite and
    /// for more than 2^32 - 1 samples in all. After a throw the state is unchanged. Copies the rows to double
    /// unless they are double already. O(elements).
    template <tensor_like Activations>
    void update(const Activations& activations, const update_options& options = {}) {
        constexpr const char* name = "value_histogram::update";
        const auto x = as_activations(activations, options.axes, name);
        if (x.extent(1) != units_ || x.extent(2) * x.extent(3) == 0) {
            errors::throw_shape_error(name, "expected " + errors::text_of(units_) + " units", x.extents());
        }
        check_samples(name, x.extent(0));
        const scoped_pool pool(options.threads);
        if constexpr (std::is_same_v<element_type_of<Activations>, double>) {
            const bool rows = x.extent(2) * x.extent(3) == 1 && x.stride(1) == 1 &&
                              x.stride(0) == static_cast<std::ptrdiff_t>(units_);
            if (rows && !options_.rectify) {
                const scan seen = scan_rows(x.data_handle(), x.extent(0), *pool);
                if (seen.finite) {
                    add(x.data_handle(), x.extent(0), seen.negative, *pool);
                    return;
                }
            }
        }
        std::vector<double> values(x.extent(0) * units_);
        detail::unit_rows_into(name, x, 0, x.extent(0), options_.rectify, *pool, values.data(), samples_);
        const scan seen = scan_rows(values.data(), x.extent(0), *pool);
        add(values.data(), x.extent(0), seen.negative, *pool);
    }

    /// Adds the samples of another state. Throws `shape_error` if the units differ, `value_error` if the
    /// options do, and for more than 2^32 - 1 samples in all.
    void merge(const value_histogram& other) {
        constexpr const char* name = "value_histogram::merge";
        if (other.units_ != units_) {
            errors::throw_shape_error(name, "expected " + errors::text_of(units_) + " units, got " +
                                                errors::text_of(other.units_));
        }
        if (other.options_ != options_) {
            errors::throw_value_error(name, "a state of rectified and one of plain activations do not merge");
        }
        check_samples(name, other.samples_);
        if (!other.negative_.empty() && negative_.empty()) negative_.resize(counts_.size());
        for (std::size_t u = 0; u < units_; ++u) {
            if (other.top_[u] > top_[u]) raise(u, other.top_[u]);
            merge_side(counts_, other.counts_, u, other.top_[u]);
            if (!other.negative_.empty()) merge_side(negative_, other.negative_, u, other.top_[u]);
        }
        samples_ += other.samples_;
    }

    /// The values of unit `u`: the middle of each bin that has samples, 0 for the bin of 0. Not checked.
    [[nodiscard]] value_distribution distribution(std::size_t u) const {
        value_distribution result;
        const std::uint32_t top = top_[u];
        const std::uint32_t low = top < bins ? 1 : top - bins + 1; // key 0 is the key of 0
        const auto put = [&](double value, std::uint32_t count, double width) {
            if (count == 0) return;
            result.value.push_back(value);
            result.count.push_back(static_cast<double>(count));
            result.width.push_back(width);
        };
        std::uint32_t zeros = 0;
        for (const auto* side : {&negative_, &counts_}) {
            if (side->empty()) continue;
            zeros += (*side)[u * stride + bins];
            if (top < bins) zeros += (*side)[u * stride];
        }
        if (!negative_.empty()) {
            for (std::uint32_t key = top; key >= low; --key)
                put(-middle(key), negative_[u * stride + key % bins], width(key));
        }
        put(0, zeros, 0);
        for (std::uint32_t key = low; key <= top; ++key)
            put(middle(key), counts_[u * stride + key % bins], width(key));
        return result;
    }

    /// Writes the state.
    void save(byte_writer& out) const {
        out.put<std::uint64_t>(units_);
        out.put<std::uint8_t>(options_.rectify ? 1 : 0);
        out.put<std::uint8_t>(negative_.empty() ? 0 : 1);
        out.put<std::uint64_t>(samples_);
        // Most bins are empty. For each unit the format has its largest key, the number of stored bins, and
        // the place and count of each of them.
        for (std::size_t u = 0; u < units_; ++u) {
            out.put<std::uint16_t>(static_cast<std::uint16_t>(top_[u]));
            std::uint32_t filled = 0;
            for (std::size_t place = 0; place < places(); ++place) filled += at(u, place) != 0 ? 1U : 0U;
            out.put<std::uint16_t>(static_cast<std::uint16_t>(filled));
            for (std::size_t place = 0; place < places(); ++place) {
                if (at(u, place) == 0) continue;
                out.put<std::uint16_t>(static_cast<std::uint16_t>(place));
                out.put<std::uint32_t>(at(u, place));
            }
        }
    }

    /// Reads the bytes of `save`. Throws `format_error` if they are cut or are not such a state.
    [[nodiscard]] static value_histogram load(byte_reader& in) {
        const auto require = [&](bool holds) {
            if (!holds) throw format_error(in.name() + ": not a state of a value histogram");
        };
        const auto units = in.get<std::uint64_t>();
        const auto rectify = in.get<std::uint8_t>();
        const auto has_negative = in.get<std::uint8_t>();
        const auto samples = in.get<std::uint64_t>();
        require(units > 0 && rectify <= 1 && has_negative <= 1 && samples <= max_samples);
        // Checked before any allocation: a state has at least 4 bytes per unit.
        const std::array<std::size_t, 2> least{static_cast<std::size_t>(units), 4};
        in.need(element_count(least));
        value_histogram state(static_cast<std::size_t>(units), {.rectify = rectify == 1});
        if (has_negative == 1) state.negative_.resize(state.counts_.size());
        state.samples_ = samples;
        for (std::size_t u = 0; u < state.units_; ++u) {
            state.top_[u] = in.get<std::uint16_t>();
            require(state.top_[u] <= max_key);
            const auto filled = in.get<std::uint16_t>();
            std::uint64_t total = 0;
            for (std::uint16_t k = 0; k < filled; ++k) {
                const auto place = in.get<std::uint16_t>();
                require(place < state.places());
                std::uint32_t& count = place < stride ? state.counts_[u * stride + place]
                                                      : state.negative_[u * stride + place - stride];
                count = in.get<std::uint32_t>();
                total += count;
            }
            require(total == samples);
        }
        return state;
    }

  private:
    // The key of a value: the exponent and five bits of the mantissa of its absolute value. Bin number key
    // mod 512 of a unit counts it; the last bin counts values that are too small.
    static constexpr std::uint32_t bins = 512;
    static constexpr std::size_t stride = bins + 1;
    static constexpr std::uint32_t max_key = 0xffdfU;
    static constexpr std::uint32_t key_mask = 0xffffU;
    static constexpr unsigned shift = 47;
    static constexpr std::uint64_t max_samples = (std::numeric_limits<std::uint32_t>::max)();

    [[nodiscard]] static double low_end(std::uint32_t key) noexcept {
        return key > max_key ? (std::numeric_limits<double>::max)()
                             : std::bit_cast<double>(std::uint64_t{key} << shift);
    }
    [[nodiscard]] static double middle(std::uint32_t key) noexcept {
        return low_end(key) / 2 + low_end(key + 1) / 2;
    }
    [[nodiscard]] static double width(std::uint32_t key) noexcept { return low_end(key + 1) - low_end(key); }

    [[nodiscard]] std::size_t places() const noexcept { return negative_.empty() ? stride : 2 * stride; }
    [[nodiscard]] std::uint32_t at(std::size_t u, std::size_t place) const noexcept {
        return place < stride ? counts_[u * stride + place] : negative_[u * stride + place - stride];
    }

    void check_samples(const char* name, std::uint64_t more) const {
        if (more > max_samples - samples_) {
            errors::throw_value_error(name, "expected at most 4294967295 samples in all, got " +
                                                errors::text_of(samples_) + " and " + errors::text_of(more));
        }
    }

    struct scan {
        bool finite = true, negative = false;
    };

    [[nodiscard]] scan scan_rows(const double* rows, std::size_t count, thread_pool& pool) const {
        constexpr std::size_t rows_per_task = 64;
        std::vector<scan> of_task(block_count(count, rows_per_task));
        pool.for_each(of_task.size(), [&](std::size_t task) {
            const std::size_t first = task * rows_per_task;
            const std::size_t size = (std::min)(rows_per_task, count - first) * units_;
            const double* values = rows + first * units_;
            of_task[task] = {detail::all_finite(values, size), detail::any_below_zero(values, size)};
        });
        scan all;
        for (const scan& each : of_task) {
            all.finite = all.finite && each.finite;
            all.negative = all.negative || each.negative;
        }
        return all;
    }

    // Units whose counts stay in the cache of a thread while the rows pass.
    static constexpr std::size_t units_per_task = 64;

    void add(const double* rows, std::size_t count, bool has_negative, thread_pool& pool) {
        if (has_negative && negative_.empty()) negative_.resize(counts_.size());
        pool.for_each(block_count(units_, units_per_task), [&](std::size_t task) {
            const std::size_t begin = task * units_per_task;
            const std::size_t end = (std::min)(begin + units_per_task, units_);
            if (has_negative)
                count_values<true>(rows, count, begin, end);
            else
                count_values<false>(rows, count, begin, end);
        });
        samples_ += count;
    }

    [[nodiscard]] static std::uint32_t key_of(double value) noexcept {
        return static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(value) >> shift) & key_mask;
    }

    // The bins of a row are found with vectors first. Their counts are then incremented without a branch:
    // half of the values of a unit may be negative, or 0 after a ReLU.
    template <bool Negative>
    void count_values(const double* rows, std::size_t count, std::size_t begin, std::size_t end) {
        constexpr std::size_t width = detail::vector_bytes / sizeof(double);
        using doubles = detail::simd_vector<double, width>;
        using integers = detail::simd_vector<std::uint64_t, width>;
        std::uint32_t* const sides[] = {counts_.data() + begin * stride,
                                        Negative ? negative_.data() + begin * stride : nullptr};
        std::array<std::uint64_t, units_per_task> tops{}, firsts{}, places{};
        const std::size_t size = end - begin, whole = size / width * width;
        for (std::size_t k = 0; k < size; ++k) {
            tops[k] = top_[begin + k];
            firsts[k] = k * stride;
        }
        const auto keys_at = [](const double* row, std::size_t k) {
            return detail::load_vector<integers>(row + k) >> shift & key_mask;
        };
        for (std::size_t i = 0; i < count; ++i) {
            const double* const row = rows + i * units_ + begin;
            constexpr std::size_t rows_ahead = 8, line_elements = 64 / sizeof(double);
            if (i + rows_ahead < count) {
                for (std::size_t k = 0; k < size; k += line_elements)
                    __builtin_prefetch(row + rows_ahead * units_ + k);
            }
            integers above{};
            for (std::size_t k = 0; k < whole; k += width)
                above |= integers(keys_at(row, k) > detail::load_vector<integers>(tops.data() + k));
            bool is_above = detail::any_set(above);
            for (std::size_t k = whole; k < size; ++k) is_above = is_above || key_of(row[k]) > tops[k];
            for (std::size_t k = 0; is_above && k < size; ++k) {
                const std::uint32_t key = key_of(row[k]);
                if (key <= tops[k]) continue;
                raise(begin + k, key);
                tops[k] = key;
            }
            // A place is twice its index among the counts of a side, plus 1 for a negative value.
            for (std::size_t k = 0; k < whole; k += width) {
                const integers key = keys_at(row, k);
                const auto outside =
                    integers(detail::load_vector<integers>(tops.data() + k) - key >= std::uint64_t{bins});
                integers place = detail::load_vector<integers>(firsts.data() + k) +
                                 ((key & (bins - 1) & ~outside) | (bins & outside));
                if constexpr (Negative)
                    place = place << 1U | (integers(detail::load_vector<doubles>(row + k) < doubles{}) & 1U);
                std::memcpy(places.data() + k, &place, sizeof place);
            }
            for (std::size_t k = whole; k < size; ++k) {
                const std::uint32_t key = key_of(row[k]);
                places[k] = firsts[k] + (tops[k] - key >= bins ? bins : key % bins);
                if constexpr (Negative) places[k] = places[k] << 1U | (row[k] < 0 ? 1U : 0U);
            }
            for (std::size_t k = 0; k < size; ++k) {
                if constexpr (Negative)
                    ++sides[places[k] & 1U][places[k] >> 1U];
                else
                    ++sides[0][places[k]];
            }
        }
    }

    // Bins out of reach of the new largest key are added to the bin of 0.
    void raise(std::size_t u, std::uint32_t key) {
        const std::uint32_t top = top_[u];
        top_[u] = key;
        if (key < bins) return;
        for (std::uint32_t k = top < bins ? 0 : top - bins + 1; k <= key - bins && k <= top; ++k) {
            for (auto* side : {&counts_, &negative_}) {
                if (side->empty()) continue;
                std::uint32_t* counts = side->data() + u * stride;
                counts[bins] += counts[k % bins];
                counts[k % bins] = 0;
            }
        }
    }

    // `top`: largest key of the other state, not above that of this one.
    void merge_side(std::vector<std::uint32_t>& counts, const std::vector<std::uint32_t>& others,
                    std::size_t u, std::uint32_t top) {
        const std::size_t first = u * stride;
        counts[first + bins] += others[first + bins];
        for (std::uint32_t key = top < bins ? 0 : top - bins + 1; key <= top; ++key) {
            counts[first + (top_[u] - key < bins ? key % bins : bins)] += others[first + key % bins];
        }
    }

    std::size_t units_;
    histogram_options options_;
    std::uint64_t samples_ = 0;
    std::vector<std::uint32_t> counts_;   ///< (units, stride), for values from 0 on
    std::vector<std::uint32_t> negative_; ///< the same for negative values; empty without them
    std::vector<std::uint32_t> top_;      ///< largest key of each unit
};

namespace detail {

/// Adjusts a unit's binned values to its exact mean and variance (divisor n - 1): values other than 0 are
/// shifted and scaled, zeros are kept. A unit with values that differ by less than the width of its bins is
/// treated as normal.
inline void fit_moments(value_distribution& values, double mean, double variance) {
    double samples = 0, others = 0, sum = 0;
    for (std::size_t i = 0; i < values.value.size(); ++i) {
        samples += values.count[i];
        if (values.value[i] == 0) continue;
        others += values.count[i];
        sum += values.count[i] * values.value[i];
    }
    if (others == 0) return;
    const double binned_mean = sum / others;
    const double exact_mean = mean * samples / others;
    double binned = 0;
    for (std::size_t i = 0; i < values.value.size(); ++i) {
        if (values.value[i] != 0)
            binned += values.count[i] * (values.value[i] - binned_mean) * (values.value[i] - binned_mean);
    }
    binned /= others;
    // Relative to the mean of the others; zeros add (samples - others) mean exact_mean to the variance.
    const double exact =
        (std::max)(0.0, ((samples - 1) * variance - (samples - others) * mean * exact_mean) / others);
    const double sd = std::sqrt(exact);
    const bool constant = !(sd > 1e-9 * std::abs(exact_mean));
    if (!constant && (binned < exact / 4 || binned > 4 * exact) && others >= 4) {
        constexpr double max_points = 64;
        value_distribution normal;
        const auto points = static_cast<std::size_t>((std::min)(others, max_points));
        double squares = 0;
        for (std::size_t k = 0; k < points; ++k) {
            const double z = normal_quantile((static_cast<double>(k) + 0.5) / static_cast<double>(points));
            normal.value.push_back(z);
            const auto share = [&](std::size_t j) {
                return std::floor(others * static_cast<double>(j) / static_cast<double>(points));
            };
            normal.count.push_back(share(k + 1) - share(k));
            squares += z * z / static_cast<double>(points);
        }
        for (double& z : normal.value) z = exact_mean + sd * z / std::sqrt(squares);
        if (samples > others) {
            const auto place = std::lower_bound(normal.value.begin(), normal.value.end(), 0.0);
            normal.count.insert(normal.count.begin() + (place - normal.value.begin()), samples - others);
            normal.value.insert(place, 0.0);
        }
        normal.width.assign(normal.value.size(), 0.0);
        values = std::move(normal);
        return;
    }
    const double stretch = constant ? 0 : binned == 0 ? 1 : sd / std::sqrt(binned);
    const bool positive = values.value.front() >= 0;
    for (double& value : values.value) {
        if (value == 0) continue;
        value = exact_mean + (value - binned_mean) * stretch;
        if (positive) value = (std::max)(value, 0.0);
    }
}

} // namespace detail

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
