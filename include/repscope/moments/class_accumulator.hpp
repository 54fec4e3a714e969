#pragma once

#include "repscope/bytes.hpp"
#include "repscope/error.hpp"
#include "repscope/moments/finite.hpp"
#include "repscope/moments/update_options.hpp"
#include "repscope/numeric/blocks.hpp"
#include "repscope/numeric/tiles.hpp"
#include "repscope/numeric/unit_values.hpp"
#include "repscope/tensor/as_view.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace repscope {
inline namespace v0 {

/// How the units' values are taken from activations; part of a state, since states that differ in it do not
/// merge.
struct class_options {
    /// Take max(a, 0) of every element before the spatial mean: the value behind a ReLU.
    bool rectify = false;
    friend bool operator==(const class_options&, const class_options&) = default;
};

namespace detail {

/// Position and value of the first label outside 0 .. classes - 1 are named.
template <label_scalar Label>
void check_labels(std::string_view function, const tensor_view<const Label, 1>& labels, std::size_t samples,
                  std::size_t classes) {
    if (labels.extent(0) != samples) {
        throw_shape_error(function, "wanted one label per sample, got " + std::to_string(labels.extent(0)) +
                                        " labels for " + std::to_string(samples) + " samples");
    }
    for (std::size_t i = 0; i < samples; ++i) {
        const Label label = labels(i);
        bool negative = false;
        if constexpr (std::is_signed_v<Label>) negative = label < 0;
        if (negative || static_cast<std::make_unsigned_t<Label>>(label) >= classes) {
            throw_value_error(function, "wanted labels in 0 .. " + std::to_string(classes - 1) + ", got " +
                                            std::to_string(label) + " at position " + std::to_string(i));
        }
    }
}

/// What `class_sums` and `class_moments` share: counts, and per (class, unit) the sum of values and, with
/// `Squares`, the sum of squares, both about a per-unit pilot, held in lanes.
///
/// Block b of an update goes to lane b mod L, and the lanes are folded in the order of their index, so the
/// result does not depend on which thread did what. With few lanes (large states) the units are split among
/// threads as well.
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
    /// Samples of class `c`.
    [[nodiscard]] std::uint64_t count(std::size_t c) const noexcept { return counts_[c]; }
    [[nodiscard]] const std::vector<std::uint64_t>& counts() const noexcept { return counts_; }

    /// Sum of the values of unit `u` over the samples of class `c`. Not checked; O(lanes).
    [[nodiscard]] double sum(std::size_t c, std::size_t u) const noexcept {
        return about_pilot(c, u, 0) + static_cast<double>(counts_[c]) * pilot(u);
    }
    /// Mean of unit `u` over the samples of class `c`; NaN when it has none.
    [[nodiscard]] double mean(std::size_t c, std::size_t u) const noexcept {
        return pilot(u) + about_pilot(c, u, 0) / static_cast<double>(counts_[c]);
    }

  protected:
    class_accumulator(std::string_view name, std::size_t units, std::size_t classes,
                      const class_options& options)
        : units_(units), classes_(classes), options_(options), counts_(classes) {
        if (units == 0 || classes == 0) {
            throw_value_error(name, "wanted at least 1 unit and 1 class, got " + std::to_string(units) +
                                        " and " + std::to_string(classes));
        }
        constexpr std::size_t budget = std::size_t{64} << 20U;
        const std::array<std::size_t, 3> extents{classes, units, columns * sizeof(double)};
        const std::size_t bytes = element_count(extents);
        lanes_ = std::clamp<std::size_t>(budget / bytes, 1, 16);
        sums_.resize(lanes_ * classes * units * columns);
        if constexpr (Squares) pilot_.resize(units);
    }

    template <typename Activations, typename Labels>
    void update_with(std::string_view name, const Activations& activations, const Labels& labels,
                     const update_options& options) {
        using element = element_type_of<Activations>;
        const auto x = as_activations(activations, options.axes, name);
        if (x.extent(1) != units_ || x.extent(2) * x.extent(3) == 0) {
            throw_shape_error(name, "wanted " + std::to_string(units_) + " units", x.extents());
        }
        const auto y = as_view<1>(labels);
        check_labels(name, y, x.extent(0), classes_);
        const pool_lease pool(options.threads);
        std::vector<std::vector<tile_scalar_t<element>>> scratch(pool->size());
        update_from(name, x.extent(0), x.extent(2) * x.extent(3), y, *pool,
                    [&](std::size_t first, std::size_t count, std::size_t worker) {
                        return fetch_tile<element>(x, first, count, scratch[worker]);
                    });
    }

    template <typename Labels, typename Fetch>
    void update_blocks_with(std::string_view name, std::size_t samples, std::size_t positions,
                            const Labels& labels, const execution& threads, Fetch& fetch) {
        const auto y = as_view<1>(labels);
        check_labels(name, y, samples, classes_);
        if (positions == 0) throw_value_error(name, "wanted at least 1 position, got 0");
        const pool_lease pool(threads);
        update_from(name, samples, positions, y, *pool, fetch);
    }

    /// Adds samples read through `fetch(first, count, worker)`, which returns a tile of them and may be
    /// called by several workers at once. `labels` are checked.
    template <typename Label, typename Fetch>
    void update_from(std::string_view name, std::size_t samples, std::size_t positions,
                     const tensor_view<const Label, 1>& labels, thread_pool& pool, Fetch&& fetch) {
        const std::size_t a_block = samples_per_block(units_ * positions);
        const std::size_t blocks = block_count(samples, a_block);
        if (blocks == 0) return;
        if constexpr (Squares)
            take_pilot(fetch(std::size_t{0}, (std::min)(samples, a_block), std::size_t{0}));

        const std::size_t parts = lanes_ >= pool.size() ? 1 : (std::min)(units_, pool.size());
        const bool empty = this->samples() == 0;
        std::vector<undo_log> undo(lanes_ * parts);
        const auto roll_back = [&] {
            for (const undo_log& log : undo) log.restore();
        };
        try {
            pool.for_each(lanes_ * parts, [&](std::size_t task, std::size_t worker) {
                const std::size_t lane = task / parts;
                const std::size_t part = task % parts;
                const std::size_t first_unit = units_ * part / parts;
                const std::size_t last_unit = units_ * (part + 1) / parts;
                std::vector<double> values(units_);
                undo[task] = undo_log(classes_, (last_unit - first_unit) * columns, empty);
                // Block b of this call is block next_block_ + b of the state.
                const std::size_t first_block = (lane + lanes_ - next_block_ % lanes_) % lanes_;
                for (std::size_t block = first_block; block < blocks; block += lanes_) {
                    const std::size_t first = block * a_block;
                    const auto data = fetch(first, (std::min)(a_block, samples - first), worker);
                    for (std::size_t i = 0; i < data.samples; ++i) {
                        const auto c = static_cast<std::size_t>(labels(first + i));
                        double* row = row_of(lane, c) + first_unit * columns;
                        undo[task].save(c, row);
                        const auto* sample = data.data + (i * units_ + first_unit) * data.positions;
                        add_sample(sample, first_unit, last_unit - first_unit, data.positions, values.data(),
                                   row);
                    }
                }
            });
            for (const undo_log& log : undo) {
                if (!log.rows_are_finite()) {
                    find_not_finite(name, samples, a_block, fetch);
                }
            }
        } catch (...) {
            roll_back();
            throw;
        }
        next_block_ = (next_block_ + blocks) % lanes_;
        for (std::size_t i = 0; i < samples; ++i) ++counts_[static_cast<std::size_t>(labels(i))];
    }

    void merge_with(std::string_view name, const class_accumulator& other) {
        if (other.units_ != units_ || other.classes_ != classes_) {
            throw_shape_error(name, "states of " + std::to_string(units_) + " units and " +
                                        std::to_string(classes_) + " classes, and of " +
                                        std::to_string(other.units_) + " and " +
                                        std::to_string(other.classes_) + ", do not merge");
        }
        if (other.options_ != options_) {
            throw_value_error(name, "a state of rectified and one of plain activations do not merge");
        }
        if (other.samples() == 0) return;
        if constexpr (Squares) {
            if (samples() == 0) pilot_ = other.pilot_;
        }
        for (std::size_t lane = 0; lane < lanes_; ++lane) {
            for (std::size_t c = 0; c < classes_; ++c) {
                double* mine = row_of(lane, c);
                const double* theirs = other.row_of(lane, c);
                if constexpr (!Squares) {
                    for (std::size_t u = 0; u < units_; ++u) mine[u] += theirs[u];
                } else {
                    // The lanes of a state hold no counts of their own, so the shift of pilots, which needs
                    // them, is made once, in the first lane.
                    const double n = lane == 0 ? static_cast<double>(other.counts_[c]) : 0;
                    for (std::size_t u = 0; u < units_; ++u) {
                        const double shift = other.pilot_[u] - pilot_[u];
                        mine[2 * u] += theirs[2 * u] + n * shift;
                        mine[2 * u + 1] += theirs[2 * u + 1] + 2 * shift * theirs[2 * u] + n * shift * shift;
                    }
                }
            }
        }
        for (std::size_t c = 0; c < classes_; ++c) counts_[c] += other.counts_[c];
    }

    void save_to(byte_writer& out) const {
        out.put<std::uint64_t>(units_);
        out.put<std::uint64_t>(classes_);
        out.put<std::uint8_t>(options_.rectify ? 1 : 0);
        out.put<std::uint64_t>(next_block_);
        out.put_all(std::span<const std::uint64_t>(counts_));
        out.put_all(std::span<const double>(pilot_));
        out.put_all(std::span<const double>(sums_));
    }

    template <typename State>
    [[nodiscard]] static State load_state(byte_reader& in) {
        const auto units = in.get<std::uint64_t>();
        const auto classes = in.get<std::uint64_t>();
        const auto rectify = in.get<std::uint8_t>();
        // Before anything is allocated: a state has at least this much behind its header.
        const std::array<std::size_t, 3> extents{static_cast<std::size_t>(units),
                                                 static_cast<std::size_t>(classes), columns * sizeof(double)};
        in.need(element_count(extents));
        if (units == 0 || classes == 0 || rectify > 1)
            throw format_error(in.name() + ": not a state of class sums");
        State state(units, classes, class_options{.rectify = rectify == 1});
        state.load_from(in);
        return state;
    }

    void load_from(byte_reader& in) {
        next_block_ = in.get<std::uint64_t>() % lanes_;
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
    /// Column 0: the sum about the pilot; column 1 (with `Squares`): of squares about it.
    [[nodiscard]] double about_pilot(std::size_t c, std::size_t u, std::size_t column) const noexcept {
        double total = 0;
        for (std::size_t lane = 0; lane < lanes_; ++lane) total += row_of(lane, c)[u * columns + column];
        return total;
    }

  private:
    static constexpr std::size_t columns = Squares ? 2 : 1;

    /// The rows of one lane that an update has touched, as they were before: zeros, of an empty state, are not
    /// kept.
    class undo_log {
      public:
        undo_log() = default;
        undo_log(std::size_t classes, std::size_t width, bool zeros)
            : touched_(classes), width_(width), zeros_(zeros) {
            if (!zeros) saved_.reserve(classes * width);
            rows_.reserve(classes);
        }
        void save(std::size_t c, double* row) {
            if (touched_[c]) return;
            if (!zeros_) saved_.insert(saved_.end(), row, row + width_);
            rows_.push_back(row);
            touched_[c] = true;
        }
        void restore() const noexcept {
            for (std::size_t r = 0; r < rows_.size(); ++r) {
                if (zeros_)
                    std::fill_n(rows_[r], width_, 0.0);
                else
                    std::copy_n(saved_.data() + r * width_, width_, rows_[r]);
            }
        }
        [[nodiscard]] bool rows_are_finite() const noexcept {
            for (const double* row : rows_) {
                if (!all_finite(row, width_)) return false;
            }
            return true;
        }

      private:
        std::vector<bool> touched_;
        std::vector<double*> rows_;
        std::vector<double> saved_;
        std::size_t width_ = 0;
        bool zeros_ = false;
    };

    [[nodiscard]] double* row_of(std::size_t lane, std::size_t c) noexcept {
        return sums_.data() + (lane * classes_ + c) * units_ * columns;
    }
    [[nodiscard]] const double* row_of(std::size_t lane, std::size_t c) const noexcept {
        return sums_.data() + (lane * classes_ + c) * units_ * columns;
    }

    template <typename Scalar>
    void values_of(const Scalar* sample, std::size_t units, std::size_t positions, double* values) const {
        if (options_.rectify)
            unit_values<true>(sample, units, positions, values);
        else
            unit_values<false>(sample, units, positions, values);
    }

    template <typename Scalar>
    void add_sample(const Scalar* sample, std::size_t first_unit, std::size_t units, std::size_t positions,
                    double* values, double* row) const {
        if constexpr (Squares) {
            values_of(sample, units, positions, values);
            const double* about = pilot_.data() + first_unit;
            for (std::size_t u = 0; u < units; ++u) {
                const double d = values[u] - about[u];
                row[2 * u] += d;
                row[2 * u + 1] += d * d;
            }
        } else if (positions == 1 && !options_.rectify) {
            for (std::size_t u = 0; u < units; ++u) row[u] += static_cast<double>(sample[u]);
        } else {
            // The row was last used a block of samples ago: it comes while the means are taken.
            constexpr std::size_t a_line = 64 / sizeof(double);
            for (std::size_t u = 0; u < units; u += a_line) __builtin_prefetch(row + u, 1);
            values_of(sample, units, positions, values);
            for (std::size_t u = 0; u < units; ++u) row[u] += values[u];
        }
    }

    /// The mean of the first block that a state sees; any value near the data serves, as long as it is the
    /// same for any number of threads.
    template <typename Scalar>
    void take_pilot(const tile<Scalar>& block) {
        if (samples() != 0) return;
        std::vector<double> values(units_);
        std::vector<double> mean(units_);
        for (std::size_t i = 0; i < block.samples; ++i) {
            values_of(block.data + i * units_ * block.positions, units_, block.positions, values.data());
            for (std::size_t u = 0; u < units_; ++u)
                mean[u] += values[u] / static_cast<double>(block.samples);
        }
        if (all_finite(mean.data(), units_)) pilot_ = mean; // else the update is about to throw
    }

    template <typename Fetch>
    [[noreturn]] void find_not_finite(std::string_view name, std::size_t samples, std::size_t a_block,
                                      Fetch& fetch) const {
        for (std::size_t first = 0; first < samples; first += a_block) {
            name_not_finite(name, fetch(first, (std::min)(a_block, samples - first), std::size_t{0}),
                            this->samples() + first);
        }
        throw_value_error(name, "the sums of these activations are too large for a double");
    }

    std::size_t units_;
    std::size_t classes_;
    class_options options_;
    std::size_t lanes_ = 1;
    std::size_t next_block_ = 0;
    std::vector<std::uint64_t> counts_;
    std::vector<double> pilot_;
    std::vector<double> sums_;
};

} // namespace detail
} // namespace v0
} // namespace repscope
