#pragma once

#include "repscope/bytes.hpp"
#include "repscope/detail/common/check_class_numbers.hpp"
#include "repscope/detail/common/fold_hash.hpp"
#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/detail/moments/class_accumulator.hpp"
#include "repscope/error.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `blocked_class_sums`; all but `max_bytes` are part of the state, and states that differ in them
/// do not merge.
struct class_blocks_options {
    /// Number of blocks that samples are hashed into; a multiple of the number of folds.
    std::size_t blocks = 20;
    /// Whether max(a, 0) of every element is taken before the spatial mean, as behind a ReLU.
    bool rectify = false;
    /// Maximum size of the state in bytes; see `blocked_class_sums::bytes_needed`.
    std::size_t max_bytes = std::size_t{8} << 30U;
};

/// Options of `blocked_class_sums::update`.
struct blocked_update_options {
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;
    /// What the axes of the activations mean; rank 3 needs it.
    layout axes = layout::unstated;
    /// Index of the first sample in the whole data set; without a value, the number of samples in the state.
    std::optional<std::uint64_t> first_index = std::nullopt;
    /// Unless empty, sample i has the index first_index (else 0) + places[i], for data that omit samples.
    std::span<const std::size_t> places = {};
};

/// Count and sum of every unit's value for every class in each of a few blocks of samples, for cross-fitting
/// and the jackknife.
///
/// The block of a sample is a hash of its index in the data set (`sample_block`), so the order of samples
/// changes the state by rounding only. Shards of a data set, each with its first index, merge into the state
/// of the whole. The state needs blocks x classes x units doubles. Threads own units and add samples in
/// order: the result does not depend on the number of threads, nor on the division of samples into calls.
class blocked_class_sums {
  public:
    /// For `units` units and labels 0 .. `classes` - 1. Throws `value_error` if either is 0, for fewer than 2
    /// or more than 4096 blocks, and if the state would exceed `max_bytes`.
    explicit blocked_class_sums(std::size_t units, std::size_t classes,
                                const class_blocks_options& options = {})
        : units_(units), classes_(classes), options_(options) {
        constexpr const char* name = "blocked_class_sums";
        if (units == 0 || classes == 0) {
            errors::throw_value_error(name, "expected at least 1 unit and 1 class, got " +
                                                errors::text_of(units) + " and " + errors::text_of(classes));
        }
        if (options.blocks < 2 || options.blocks > 4096) {
            errors::throw_value_error(name,
                                      "expected 2 to 4096 blocks, got " + errors::text_of(options.blocks));
        }
        const std::size_t bytes = bytes_needed(units, classes, options.blocks);
        if (bytes > options.max_bytes) {
            errors::throw_value_error(name, errors::text_of(options.blocks) + " blocks of " +
                                                errors::text_of(classes) + " classes and " +
                                                errors::text_of(units) + " units need " +
                                                errors::text_of((bytes >> 20U) + 1) + " MiB, allowed are " +
                                                errors::text_of(options.max_bytes >> 20U) + " MiB");
        }
        sums_.resize(options.blocks * classes * units);
        counts_.resize(options.blocks * classes);
    }

    /// Bytes that a state takes. Throws `shape_error` if it does not fit in an index.
    [[nodiscard]] static std::size_t bytes_needed(std::size_t units, std::size_t classes,
                                                  std::size_t blocks) {
        const std::array<std::size_t, 4> extents{blocks, classes, units, sizeof(double)};
        return element_count(extents);
    }

    /// Number of units.
    [[nodiscard]] std::size_t units() const noexcept { return units_; }
    /// Number of classes.
    [[nodiscard]] std::size_t classes() const noexcept { return classes_; }
    /// Number of blocks.
    [[nodiscard]] std::size_t blocks() const noexcept { return options_.blocks; }
    /// The options of the constructor.
    [[nodiscard]] const class_blocks_options& options() const noexcept { return options_; }
    /// Number of samples.
    [[nodiscard]] std::uint64_t samples() const noexcept {
        std::uint64_t total = 0;
        for (const std::uint64_t count : counts_) total += count;
        return total;
    }
    /// Number of samples of class `c` in block `b`. Not checked.
    [[nodiscard]] std::uint64_t count(std::size_t b, std::size_t c) const noexcept {
        return counts_[b * classes_ + c];
    }
    /// Number of samples of class `c`. Not checked.
    [[nodiscard]] std::uint64_t count(std::size_t c) const noexcept {
        std::uint64_t total = 0;
        for (std::size_t b = 0; b < options_.blocks; ++b) total += count(b, c);
        return total;
    }
    /// Sums of the values of all units over the samples of class `c` in block `b`. Not checked.
    [[nodiscard]] std::span<const double> sums(std::size_t b, std::size_t c) const noexcept {
        return std::span<const double>(sums_).subspan((b * classes_ + c) * units_, units_);
    }

    /// Adds samples: `activations` (samples, units), (samples, channels, height, width), or as `options.axes`
    /// states; `labels` one integer per sample.
    ///
    /// Throws `shape_error` if the extents do not fit. Throws `value_error` for a label outside 0 .. classes
    /// - 1, with its position, and for an activation that is NaN or infinite, with its sample and unit. After
    /// a throw the state is unchanged; for this, a call with more than 32 MiB of values works on a copy of
    /// it. O(elements).
    template <tensor_like Activations, labels_like Labels>
    void update(const Activations& activations, const Labels& labels,
                const blocked_update_options& options = {}) {
        constexpr const char* name = "blocked_class_sums::update";
        const auto x = as_activations(activations, options.axes, name);
        if (x.extent(1) != units_ || x.extent(2) * x.extent(3) == 0) {
            errors::throw_shape_error(name, "expected " + errors::text_of(units_) + " units", x.extents());
        }
        const std::size_t samples = x.extent(0);
        const auto y = as_view<1>(labels);
        detail::check_labels(name, y, samples, classes_);
        if (!options.places.empty() && options.places.size() != samples) {
            errors::throw_shape_error(name, "expected a place per sample, got " +
                                                errors::text_of(options.places.size()) + " for " +
                                                errors::text_of(samples) + " samples");
        }
        const std::uint64_t first_index =
            options.first_index.value_or(options.places.empty() ? next_index_ : 0);
        const auto index_of = [&](std::size_t i) {
            return first_index + (options.places.empty() ? i : options.places[i]);
        };
        const scoped_pool pool(options.threads);
        constexpr std::size_t chunk_bytes = std::size_t{32} << 20U;
        const std::size_t chunk_size = (std::max<std::size_t>)(1, chunk_bytes / (units_ * sizeof(double)));
        std::vector<double> before;
        if (samples > chunk_size) before = sums_;
        std::vector<double> rows((std::min)(samples, chunk_size) * units_);
        std::vector<std::size_t> places((std::min)(samples, chunk_size));
        try {
            for (std::size_t first = 0; first < samples; first += chunk_size) {
                const std::size_t count = (std::min)(chunk_size, samples - first);
                detail::unit_rows_into(name, x, first, count, options_.rectify, *pool, rows.data(),
                                       this->samples());
                for (std::size_t i = 0; i < count; ++i) {
                    places[i] = sample_block(index_of(first + i), options_.blocks) * classes_ +
                                static_cast<std::size_t>(y(first + i));
                }
                add_rows(rows, std::span(places).first(count), *pool);
            }
        } catch (...) {
            if (!before.empty()) sums_ = std::move(before);
            throw;
        }
        for (std::size_t i = 0; i < samples; ++i) {
            ++counts_[sample_block(index_of(i), options_.blocks) * classes_ + static_cast<std::size_t>(y(i))];
        }
        if (samples > 0) next_index_ = index_of(samples - 1) + 1;
    }

    /// Gives class `c` the number `numbers[c]`, in a state of `classes` classes, as
    /// `class_sums::renumber_classes` does. O(blocks x classes x units).
    void renumber_classes(std::span<const std::size_t> numbers, std::size_t classes) {
        constexpr const char* name = "blocked_class_sums::renumber_classes";
        detail::check_class_numbers(name, numbers, classes, classes_);
        for (std::size_t c = numbers.size(); c < classes_; ++c) {
            if (count(c) == 0) continue;
            errors::throw_value_error(name, "expected a number for class " + errors::text_of(c) +
                                                ", which has samples");
        }
        std::vector<double> sums(options_.blocks * classes * units_);
        std::vector<std::uint64_t> counts(options_.blocks * classes);
        for (std::size_t b = 0; b < options_.blocks; ++b) {
            for (std::size_t c = 0; c < numbers.size(); ++c) {
                const std::size_t to = b * classes + numbers[c];
                counts[to] = counts_[b * classes_ + c];
                std::copy_n(sums_.data() + (b * classes_ + c) * units_, units_, sums.data() + to * units_);
            }
        }
        classes_ = classes;
        sums_ = std::move(sums);
        counts_ = std::move(counts);
    }

    /// Adds the samples of another state: another part of the same data set. Throws `shape_error` if units,
    /// classes or blocks differ, `value_error` if only one of them is rectified.
    void merge(const blocked_class_sums& other) {
        constexpr const char* name = "blocked_class_sums::merge";
        if (other.units_ != units_ || other.classes_ != classes_ ||
            other.options_.blocks != options_.blocks) {
            const auto text_of_state = [](const blocked_class_sums& s) {
                return errors::text_of(s.blocks()) + " blocks, " + errors::text_of(s.classes_) +
                       " classes and " + errors::text_of(s.units_) + " units";
            };
            errors::throw_shape_error(name, "states of " + text_of_state(*this) + ", and of " +
                                                text_of_state(other) + ", do not merge");
        }
        if (other.options_.rectify != options_.rectify) {
            errors::throw_value_error(name, "a state of rectified and one of plain activations do not merge");
        }
        for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
        for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
        next_index_ = (std::max)(next_index_, other.next_index_);
    }

    /// Writes the state.
    void save(byte_writer& out) const {
        out.put<std::uint64_t>(units_);
        out.put<std::uint64_t>(classes_);
        out.put<std::uint64_t>(options_.blocks);
        out.put<std::uint8_t>(options_.rectify ? 1 : 0);
        out.put<std::uint64_t>(next_index_);
        out.put_all(std::span<const std::uint64_t>(counts_));
        out.put_all(std::span<const double>(sums_));
    }

    /// Reads the bytes of `save`. Throws `format_error` if they are cut or are not such a state.
    [[nodiscard]] static blocked_class_sums load(byte_reader& in) {
        const auto units = in.get<std::uint64_t>();
        const auto classes = in.get<std::uint64_t>();
        const auto blocks = in.get<std::uint64_t>();
        const auto rectify = in.get<std::uint8_t>();
        const auto next_index = in.get<std::uint64_t>();
        if (units == 0 || classes == 0 || blocks < 2 || blocks > 4096 || rectify > 1)
            throw format_error(in.name() + ": not a state of class blocks");
        // Checked before any allocation: a state has at least this many bytes after its header.
        in.need(bytes_needed(units, classes, blocks));
        blocked_class_sums state(units, classes,
                                 {.blocks = blocks,
                                  .rectify = rectify == 1,
                                  .max_bytes = (std::numeric_limits<std::size_t>::max)()});
        in.get_all(std::span(state.counts_));
        in.get_all(std::span(state.sums_));
        state.next_index_ = next_index;
        return state;
    }

  private:
    void add_rows(const std::vector<double>& rows, std::span<const std::size_t> places, thread_pool& pool) {
        constexpr std::size_t units_per_task = 64;
        pool.for_each(block_count(units_, units_per_task), [&](std::size_t task) {
            const std::size_t begin = task * units_per_task;
            const std::size_t end = (std::min)(begin + units_per_task, units_);
            for (std::size_t i = 0; i < places.size(); ++i) {
                const double* row = rows.data() + i * units_;
                double* sum = sums_.data() + places[i] * units_;
                for (std::size_t u = begin; u < end; ++u) sum[u] += row[u];
            }
        });
    }

    std::size_t units_;
    std::size_t classes_;
    class_blocks_options options_;
    std::uint64_t next_index_ = 0;
    std::vector<std::uint64_t> counts_;
    std::vector<double> sums_;
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
