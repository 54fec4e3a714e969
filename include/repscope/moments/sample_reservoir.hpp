#pragma once

#include "repscope/bytes.hpp"
#include "repscope/detail/common/check_labels.hpp"
#include "repscope/detail/common/unit_rows.hpp"
#include "repscope/error.hpp"
#include "repscope/random/philox.hpp"
#include "repscope/random/streams.hpp"
#include "repscope/tensor/layout.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `sample_reservoir::update`.
struct reservoir_update_options {
    /// Threads to use; the result is bit-identical for any value.
    thread_source threads = 1;
    /// What the axes of the activations mean; rank 3 needs it.
    layout axes = layout::unstated;
    /// Index of the first sample in the whole data set; without a value, the number of samples so far.
    std::optional<std::uint64_t> first_index = std::nullopt;
    /// Unless empty, sample i has the index first_index (else 0) + places[i], for data that omit samples.
    std::span<const std::size_t> places = {};
};

/// Samples of a reservoir, in the order of their indices.
struct reservoir_samples {
    std::vector<std::uint64_t> index; ///< in the data set
    std::vector<std::int32_t> labels; ///< 0 for samples without
    std::vector<double> values;       ///< (samples, units)
};

/// A random subset of fixed size of the samples of a layer, from one pass, for measures that need the samples
/// themselves.
///
/// It keeps the samples with the smallest hash of their index in the data set. Every subset of that size is
/// as likely as another. Neither the order of samples nor threads, calls and shards change a bit, and two
/// layers of the same inputs have the same samples. The hash is independent of the folds of cross-fitting.
/// Needs capacity x units doubles.
class sample_reservoir {
  public:
    /// For `units` units and at most `capacity` samples. Throws `value_error` if either is 0.
    explicit sample_reservoir(std::size_t units, std::size_t capacity = 2048)
        : units_(units), capacity_(capacity) {
        if (units == 0 || capacity == 0) {
            errors::throw_value_error("sample_reservoir",
                                      "expected at least 1 unit and a capacity of 1, got " +
                                          errors::text_of(units) + " and " + errors::text_of(capacity));
        }
    }

    /// Number of units.
    [[nodiscard]] std::size_t units() const noexcept { return units_; }
    /// Maximum number of samples that are kept.
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    /// Samples that were added, kept or not.
    [[nodiscard]] std::uint64_t samples() const noexcept { return samples_; }
    /// Samples that are kept: min(samples, capacity).
    [[nodiscard]] std::size_t size() const noexcept { return kept_.size(); }

    /// Adds labeled samples: `activations` (samples, units), (samples, channels, height, width), a channel
    /// read as its spatial mean, or as `options.axes` states; `labels` one non-negative integer per sample.
    ///
    /// Throws `shape_error` if the extents do not fit. Throws `value_error` for a label below 0 or above
    /// 2^31 - 2, and for an activation that is NaN or infinite, with its sample and unit. After a throw the
    /// state is unchanged. O(elements).
    template <tensor_like Activations, labels_like Labels>
    void update(const Activations& activations, const Labels& labels,
                const reservoir_update_options& options = {}) {
        constexpr std::string_view name = "sample_reservoir::update";
        const auto x = as_activations(activations, options.axes, name);
        const auto y = as_view<1>(labels);
        detail::check_labels(name, y, x.extent(0), 0x7fffffff);
        add(name, x, options, [&](std::size_t i) { return static_cast<std::int32_t>(y(i)); });
    }
    /// Adds samples without labels.
    template <tensor_like Activations>
    void update(const Activations& activations, const reservoir_update_options& options = {}) {
        constexpr std::string_view name = "sample_reservoir::update";
        add(name, as_activations(activations, options.axes, name), options,
            [](std::size_t) { return std::int32_t{0}; });
    }
    /// Selected if the activations are not a tensor; does not compile.
    template <typename T, labels_like Labels>
        requires(!tensor_like<T>)
    void update(const T&, const Labels&, const reservoir_update_options& = {}) {
        detail::refuse_non_tensor<T>();
    }

    /// Adds the samples of another state. Throws `shape_error` if the units differ, `value_error` if the
    /// capacities do and if a kept sample of both has the same index.
    void merge(const sample_reservoir& other) {
        constexpr const char* name = "sample_reservoir::merge";
        if (units_ != other.units_) {
            errors::throw_shape_error(name, "expected a state of " + errors::text_of(units_) +
                                                " units, got " + errors::text_of(other.units_));
        }
        if (capacity_ != other.capacity_) {
            errors::throw_value_error(name, "expected a state of capacity " + errors::text_of(capacity_) +
                                                ", got " + errors::text_of(other.capacity_));
        }
        std::vector<entry> all = kept_;
        all.insert(all.end(), other.kept_.begin(), other.kept_.end());
        std::sort(all.begin(), all.end());
        const auto twice = std::adjacent_find(
            all.begin(), all.end(), [](const entry& a, const entry& b) { return a.index == b.index; });
        if (twice != all.end()) {
            errors::throw_value_error(name, "expected states of different samples, got sample " +
                                                errors::text_of(twice->index) + " in both");
        }
        const std::vector<entry> added = other.kept_; // `other` may be this state
        const std::vector<double> rows = other.rows_;
        for (const entry& each : added) keep(each, rows.data() + each.slot * units_);
        samples_ += other.samples_;
    }

    /// Gives label `c` the number `numbers[c]`. Throws `value_error` for a kept sample of another label and
    /// for a number that is too large for a label.
    void renumber_labels(std::span<const std::size_t> numbers) {
        constexpr const char* name = "sample_reservoir::renumber_labels";
        for (const entry& each : kept_) {
            const auto label = static_cast<std::size_t>(each.label);
            if (label < numbers.size() && numbers[label] < 0x7fffffff) continue;
            errors::throw_value_error(name, "expected a number below 2^31 - 1 for label " +
                                                errors::text_of(each.label) + ", which has samples");
        }
        for (entry& each : kept_)
            each.label = static_cast<std::int32_t>(numbers[static_cast<std::size_t>(each.label)]);
    }

    /// Copies the kept samples, sorted by index.
    [[nodiscard]] reservoir_samples sorted() const {
        std::vector<entry> order = kept_;
        std::sort(order.begin(), order.end(),
                  [](const entry& a, const entry& b) { return a.index < b.index; });
        reservoir_samples result;
        result.values.reserve(order.size() * units_);
        for (const entry& each : order) {
            const auto row = rows_.begin() + static_cast<std::ptrdiff_t>(each.slot * units_);
            result.index.push_back(each.index);
            result.labels.push_back(each.label);
            result.values.insert(result.values.end(), row, row + static_cast<std::ptrdiff_t>(units_));
        }
        return result;
    }

    /// Writes the state.
    void save(byte_writer& out) const {
        const reservoir_samples kept = sorted();
        out.put(static_cast<std::uint64_t>(units_));
        out.put(static_cast<std::uint64_t>(capacity_));
        out.put(samples_);
        out.put_all(std::span<const std::uint64_t>(kept.index));
        out.put_all(std::span<const std::int32_t>(kept.labels));
        out.put_all(std::span<const double>(kept.values));
    }

    /// Reads the bytes of `save`. Throws `format_error` if they are cut or are not such a state.
    [[nodiscard]] static sample_reservoir load(byte_reader& in) {
        const auto units = in.get<std::uint64_t>();
        const auto capacity = in.get<std::uint64_t>();
        const auto samples = in.get<std::uint64_t>();
        const std::uint64_t size = (std::min)(samples, capacity);
        const auto require = [&](bool holds) {
            if (!holds) throw format_error(in.name() + ": not a state of a reservoir");
        };
        require(units > 0 && capacity > 0 && units < (std::uint64_t{1} << 40U));
        // The bytes of a sample: nothing is allocated because of a number in the file.
        require(size <= in.left() / (units * sizeof(double) + sizeof(std::uint64_t) + sizeof(std::int32_t)));
        sample_reservoir state(static_cast<std::size_t>(units), static_cast<std::size_t>(capacity));
        std::vector<std::uint64_t> index(static_cast<std::size_t>(size));
        std::vector<std::int32_t> labels(index.size());
        std::vector<double> values(index.size() * state.units_);
        in.get_all(std::span(index));
        in.get_all(std::span(labels));
        in.get_all(std::span(values));
        require(detail::all_finite(values.data(), values.size()));
        for (std::size_t i = 0; i < index.size(); ++i) {
            require(labels[i] >= 0 && (i == 0 || index[i - 1] < index[i]));
            state.keep({hash(index[i]), index[i], labels[i], 0}, values.data() + i * state.units_);
        }
        state.samples_ = samples;
        return state;
    }

  private:
    struct entry {
        std::uint64_t hash;
        std::uint64_t index; ///< in the data set
        std::int32_t label;
        std::size_t slot; ///< row of `rows_`

        [[nodiscard]] friend bool operator<(const entry& a, const entry& b) noexcept {
            return a.hash != b.hash ? a.hash < b.hash : a.index < b.index;
        }
    };

    [[nodiscard]] static std::uint64_t hash(std::uint64_t index) noexcept {
        const auto words =
            philox4x32({static_cast<std::uint32_t>(index >> 32U), 0, static_cast<std::uint32_t>(index),
                        streams::id(streams::purpose::reservoir)},
                       key_of(0));
        return (static_cast<std::uint64_t>(words[0]) << 32U) | words[1];
    }

    /// Keeps a sample if its hash is among the smallest.
    void keep(entry one, const double* row) {
        if (kept_.size() == capacity_) {
            if (!(one < kept_.front())) return;
            std::pop_heap(kept_.begin(), kept_.end());
            one.slot = kept_.back().slot;
            kept_.back() = one;
        } else {
            one.slot = kept_.size();
            kept_.push_back(one);
            rows_.resize(kept_.size() * units_);
        }
        std::push_heap(kept_.begin(), kept_.end());
        std::copy_n(row, units_, rows_.data() + one.slot * units_);
    }

    template <typename T, typename LabelOf>
    void add(std::string_view name, const activations_view<T>& x, const reservoir_update_options& options,
             LabelOf&& label_of) {
        const std::size_t samples_here = x.extent(0);
        if (x.extent(1) != units_ || x.extent(2) * x.extent(3) == 0)
            errors::throw_shape_error(name, "expected " + errors::text_of(units_) + " units", x.extents());
        if (!options.places.empty() && options.places.size() != samples_here) {
            errors::throw_shape_error(name, "expected one place per sample, got " +
                                                errors::text_of(options.places.size()) + " places for " +
                                                errors::text_of(samples_here) + " samples");
        }
        const std::uint64_t first =
            options.first_index.value_or(options.places.empty() ? samples_ : std::uint64_t{0});
        const scoped_pool pool(options.threads);
        constexpr std::size_t chunk_values = std::size_t{1} << 20U;
        const std::size_t chunk = (std::max<std::size_t>)(1, chunk_values / units_);
        std::vector<double> rows((std::min)(chunk, samples_here) * units_);
        sample_reservoir added(units_, capacity_);
        for (std::size_t begin = 0; begin < samples_here; begin += chunk) {
            const std::size_t count = (std::min)(chunk, samples_here - begin);
            detail::unit_rows_into(name, x, begin, count, false, *pool, rows.data(), samples_);
            for (std::size_t i = begin; i < begin + count; ++i) {
                const std::uint64_t index = first + (options.places.empty() ? i : options.places[i]);
                const entry one{hash(index), index, label_of(i), 0};
                if (kept_.size() == capacity_ && !(one < kept_.front())) continue;
                added.keep(one, rows.data() + (i - begin) * units_);
            }
        }
        added.samples_ = samples_here;
        merge(added);
    }

    std::size_t units_;
    std::size_t capacity_;
    std::uint64_t samples_ = 0;
    std::vector<entry> kept_; ///< a heap, the largest hash first
    std::vector<double> rows_;
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
