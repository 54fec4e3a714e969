#pragma once

#include "repscope/bytes.hpp"
#include "repscope/detail/common/check_class_numbers.hpp"
#include "repscope/detail/common/check_labels.hpp"
#include "repscope/detail/common/finite_tiles.hpp"
#include "repscope/detail/common/tiles.hpp"
#include "repscope/detail/moments/partial_class_sums.hpp"
#include "repscope/error.hpp"
#include "repscope/moments/update_options.hpp"
#include "repscope/parallel/blocks.hpp"
#include "repscope/parallel/ordered_section.hpp"
#include "repscope/tensor/as_view.hpp"
#include "repscope/tensor/unit_values.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

/// The common part of `class_sums` and `class_moments`: counts, and per (class, unit) the sum of values and,
/// with `Squares`, the sum of squares, both relative to a per-unit pilot.
///
/// An update is divided into lanes of samples, by extents alone, and their sums are added in the order of the
/// lanes, so the result does not depend on the assignment to threads. With fewer lanes than threads the units
/// are divided among threads as well.
template <bool Squares>
class class_accumulator {
  public:
    [[nodiscard]] std::size_t units() const noexcept { return units_; }
    [[nodiscard]] std::size_t classes() const noexcept { return classes_; }
    [[nodiscard]] const class_options& options() const noexcept { return options_; }
    /// Samples seen.
    [[nodiscard]] std::uint64_t samples() const noexcept {
        std::uint64_t total = 0;
        for (const std::uint64_t count : counts_) total += count;
        return total;
    }
    /// Number of samples of class `c`.
    [[nodiscard]] std::uint64_t count(std::size_t c) const noexcept { return counts_[c]; }
    [[nodiscard]] const std::vector<std::uint64_t>& counts() const noexcept { return counts_; }

    /// Sum of the values of unit `u` over the samples of class `c`. Not checked.
    [[nodiscard]] double sum(std::size_t c, std::size_t u) const noexcept {
        return about_pilot(c, u, 0) + static_cast<double>(counts_[c]) * pilot(u);
    }
    /// Mean of unit `u` over the samples of class `c`; NaN without samples.
    [[nodiscard]] double mean(std::size_t c, std::size_t u) const noexcept {
        return pilot(u) + about_pilot(c, u, 0) / static_cast<double>(counts_[c]);
    }

    /// Divides the samples of further updates into partial sums as for `classes` classes. With a fixed number
    /// the bits of the sums do not depend on the number of classes, nor on their numbers. 0, the default, is
    /// the number of classes of the state. Not saved.
    void divide_updates_as(std::size_t classes) noexcept { division_classes_ = classes; }

    /// Gives class `c` the number `numbers[c]`, in a state of `classes` classes; all others have no samples.
    /// Classes beyond `numbers` are dropped. Throws `value_error` if a dropped class has samples, if a number
    /// is not below `classes`, or occurs twice. O(classes x units).
    void renumber_classes(std::span<const std::size_t> numbers, std::size_t classes) {
        constexpr const char* name = "renumber_classes";
        check_class_numbers(name, numbers, classes, classes_);
        for (std::size_t c = numbers.size(); c < classes_; ++c) {
            if (counts_[c] == 0) continue;
            errors::throw_value_error(name, "expected a number for class " + errors::text_of(c) +
                                                ", which has samples");
        }
        std::vector<std::uint64_t> counts(classes);
        const std::array<std::size_t, 3> extents{classes, units_, rows * sizeof(double)};
        std::vector<double> sums(element_count(extents) / sizeof(double));
        for (std::size_t c = 0; c < numbers.size(); ++c) {
            counts[numbers[c]] = counts_[c];
            std::copy_n(row_of(c), rows * units_, sums.data() + numbers[c] * rows * units_);
        }
        classes_ = classes;
        counts_ = std::move(counts);
        sums_ = std::move(sums);
    }

  protected:
    class_accumulator(std::string_view name, std::size_t units, std::size_t classes,
                      const class_options& options)
        : units_(units), classes_(classes), options_(options), counts_(classes) {
        if (units == 0 || classes == 0) {
            errors::throw_value_error(name, "expected at least 1 unit and 1 class, got " +
                                                errors::text_of(units) + " and " + errors::text_of(classes));
        }
        const std::array<std::size_t, 3> extents{classes, units, rows * sizeof(double)};
        sums_.resize(element_count(extents) / sizeof(double));
        if constexpr (Squares) pilot_.resize(units);
    }

    template <typename Activations, typename Labels>
    void update_with(std::string_view name, const Activations& activations, const Labels& labels,
                     const update_options& options) {
        using element = element_type_of<Activations>;
        const auto x = as_activations(activations, options.axes, name);
        if (x.extent(1) != units_ || x.extent(2) * x.extent(3) == 0) {
            errors::throw_shape_error(name, "expected " + errors::text_of(units_) + " units", x.extents());
        }
        const auto y = as_view<1>(labels);
        check_labels(name, y, x.extent(0), classes_);
        const scoped_pool pool(options.threads);
        std::vector<std::vector<tile_scalar_t<element>>> scratch(pool->size());
        update_from(name, x.extent(0), x.extent(2) * x.extent(3), y, *pool,
                    [&](std::size_t first, std::size_t count, std::size_t worker) {
                        return fetch_tile<element>(x, first, count, scratch[worker]);
                    });
    }

    template <typename Labels, typename Fetch>
    void update_blocks_with(std::string_view name, std::size_t samples, std::size_t positions,
                            const Labels& labels, const thread_source& threads, Fetch& fetch) {
        const auto y = as_view<1>(labels);
        check_labels(name, y, samples, classes_);
        if (positions == 0) errors::throw_value_error(name, "expected at least 1 position, got 0");
        const scoped_pool pool(threads);
        update_from(name, samples, positions, y, *pool, fetch);
    }

    /// Adds samples read through `fetch(first, count, worker)`, which returns a tile of them and may be
    /// called by several workers at once. `labels` are checked.
    template <typename Label, typename Fetch>
    void update_from(std::string_view name, std::size_t samples, std::size_t positions,
                     const tensor_view<const Label, 1>& labels, thread_pool& pool, Fetch&& fetch) {
        const std::size_t block_size = block_for(positions);
        const std::size_t blocks = block_count(samples, block_size);
        if (blocks == 0) return;
        if constexpr (Squares)
            take_pilot(fetch(std::size_t{0}, (std::min)(samples, block_size), std::size_t{0}));

        const std::size_t lanes = lanes_for(samples, positions, blocks);
        const std::size_t parts = (std::min)(units_, block_count(pool.size(), lanes));
        std::vector<partial_class_sums<Squares>> sums(pool.size()), totals(parts);
        std::vector<ordered_section> order(parts);
        const auto begin = [&](partial_class_sums<Squares>& rows_of_part, std::size_t part) {
            rows_of_part.begin(units_ * part / parts, units_ * (part + 1) / parts, units_, classes_,
                               block_size, samples);
        };
        for (std::size_t part = 0; part < parts; ++part) begin(totals[part], part);
        pool.for_each(lanes * parts, [&](std::size_t task, std::size_t worker) {
            const std::size_t lane = task / parts, part = task % parts;
            try {
                begin(sums[worker], part);
                for (std::size_t block = blocks * lane / lanes; block < blocks * (lane + 1) / lanes;
                     ++block) {
                    const std::size_t first = block * block_size;
                    const auto data = fetch(first, (std::min)(block_size, samples - first), worker);
                    const auto class_of = [&](std::size_t i) {
                        return static_cast<std::size_t>(labels(first + i));
                    };
                    if (options_.rectify)
                        sums[worker].template add<true>(data, pilot_.data(), class_of);
                    else
                        sums[worker].template add<false>(data, pilot_.data(), class_of);
                }
                order[part].enter(lane, [&] { totals[part].add(sums[worker]); });
            } catch (...) {
                order[part].abort();
                throw;
            }
        });
        for (partial_class_sums<Squares>& total : totals) {
            total.add_state(sums_.data());
            if (!total.is_finite()) find_not_finite(name, samples, block_size, fetch);
        }
        for (partial_class_sums<Squares>& total : totals) total.write_to(sums_.data());
        for (std::size_t i = 0; i < samples; ++i) ++counts_[static_cast<std::size_t>(labels(i))];
    }

    void merge_with(std::string_view name, const class_accumulator& other) {
        if (other.units_ != units_ || other.classes_ != classes_) {
            errors::throw_shape_error(name, "states of " + errors::text_of(units_) + " units and " +
                                                errors::text_of(classes_) + " classes, and of " +
                                                errors::text_of(other.units_) + " and " +
                                                errors::text_of(other.classes_) + ", do not merge");
        }
        if (other.options_ != options_) {
            errors::throw_value_error(name, "a state of rectified and one of plain activations do not merge");
        }
        if (other.samples() == 0) return;
        if constexpr (Squares) {
            if (samples() == 0) pilot_ = other.pilot_;
        }
        for (std::size_t c = 0; c < classes_; ++c) {
            double* mine = row_of(c);
            const double* theirs = other.row_of(c);
            if constexpr (!Squares) {
                for (std::size_t u = 0; u < units_; ++u) mine[u] += theirs[u];
            } else {
                const auto n = static_cast<double>(other.counts_[c]);
                for (std::size_t u = 0; u < units_; ++u) {
                    const double shift = other.pilot_[u] - pilot_[u];
                    mine[u] += theirs[u] + n * shift;
                    mine[units_ + u] += theirs[units_ + u] + 2 * shift * theirs[u] + n * shift * shift;
                }
            }
        }
        for (std::size_t c = 0; c < classes_; ++c) counts_[c] += other.counts_[c];
    }

    void save_to(byte_writer& out) const {
        out.put<std::uint64_t>(units_);
        out.put<std::uint64_t>(classes_);
        out.put<std::uint8_t>(options_.rectify ? 1 : 0);
        out.put_all(std::span<const std::uint64_t>(counts_));
        out.put_all(std::span<const double>(pilot_));
        out.put_all(std::span<const double>(sums_));
    }

    template <typename State>
    [[nodiscard]] static State load_state(byte_reader& in) {
        const auto units = in.get<std::uint64_t>();
        const auto classes = in.get<std::uint64_t>();
        const auto rectify = in.get<std::uint8_t>();
        // Checked before any allocation: a state has at least this many bytes after its header.
        const std::array<std::size_t, 3> extents{static_cast<std::size_t>(units),
                                                 static_cast<std::size_t>(classes), rows * sizeof(double)};
        in.need(element_count(extents));
        if (units == 0 || classes == 0 || rectify > 1)
            throw format_error(in.name() + ": not a state of class sums");
        State state(units, classes, class_options{.rectify = rectify == 1});
        state.load_from(in);
        return state;
    }

    void load_from(byte_reader& in) {
        in.get_all(std::span(counts_));
        in.get_all(std::span(pilot_));
        in.get_all(std::span(sums_));
    }

    [[nodiscard]] double pilot(std::size_t u) const noexcept {
        if constexpr (Squares)
            return pilot_[u];
        else
            return 0;
    }
    /// Row 0: the sum relative to the pilot; row 1 (with `Squares`): that of squares.
    [[nodiscard]] double about_pilot(std::size_t c, std::size_t u, std::size_t row) const noexcept {
        return row_of(c)[row * units_ + u];
    }

  private:
    static constexpr std::size_t rows = partial_class_sums<Squares>::rows;

    /// Samples of one position are added class by class within a block, which is faster for more samples per
    /// class.
    [[nodiscard]] std::size_t block_for(std::size_t positions) const noexcept {
        const std::size_t least = samples_per_block(units_ * positions);
        return positions == 1 ? std::clamp(4 * division_classes(), least, 8 * least) : least;
    }

    [[nodiscard]] std::size_t division_classes() const noexcept {
        return division_classes_ == 0 ? classes_ : division_classes_;
    }

    [[nodiscard]] double* row_of(std::size_t c) noexcept { return sums_.data() + c * rows * units_; }
    [[nodiscard]] const double* row_of(std::size_t c) const noexcept {
        return sums_.data() + c * rows * units_;
    }

    /// 1 to 16: few enough that the sums of a lane are small compared to its data, and that those of all
    /// lanes stay within 64 MiB.
    [[nodiscard]] std::size_t lanes_for(std::size_t samples, std::size_t positions,
                                        std::size_t blocks) const {
        constexpr std::size_t budget = std::size_t{64} << 20U;
        const std::size_t by_memory = budget / (division_classes() * units_ * rows * sizeof(double));
        const std::size_t by_data = samples * positions / (64 * division_classes());
        return std::clamp<std::size_t>((std::min)({by_memory, by_data, blocks}), 1, 16);
    }

    /// The mean of the first block of a state; any value near the data is suitable, if it is the same for any
    /// number of threads.
    template <typename Scalar>
    void take_pilot(const tile<Scalar>& block) {
        if (samples() != 0) return;
        std::vector<double> values(units_);
        std::vector<double> mean(units_);
        for (std::size_t i = 0; i < block.samples; ++i) {
            const auto* sample = block.data + i * units_ * block.positions;
            if (options_.rectify)
                unit_values<true>(sample, units_, block.positions, values.data());
            else
                unit_values<false>(sample, units_, block.positions, values.data());
            for (std::size_t u = 0; u < units_; ++u)
                mean[u] += values[u] / static_cast<double>(block.samples);
        }
        if (all_finite(mean.data(), units_)) pilot_ = mean; // otherwise the update is about to throw
    }

    template <typename Fetch>
    [[noreturn]] void find_not_finite(std::string_view name, std::size_t samples, std::size_t block_size,
                                      Fetch& fetch) const {
        for (std::size_t first = 0; first < samples; first += block_size) {
            name_not_finite(name, fetch(first, (std::min)(block_size, samples - first), std::size_t{0}),
                            this->samples() + first);
        }
        errors::throw_value_error(name, "the sums of these activations are too large for a double");
    }

    std::size_t units_;
    std::size_t classes_;
    std::size_t division_classes_ = 0;
    class_options options_;
    std::vector<std::uint64_t> counts_;
    std::vector<double> pilot_;
    std::vector<double> sums_;
};

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
