#pragma once

#include "repscope/detail/common/finite.hpp"
#include "repscope/detail/common/row_sums.hpp"
#include "repscope/detail/common/tiles.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Sums of values per class and unit, and with `Squares` of squares, relative to a pilot: the separate sums
/// of a part of an update. Only present classes need memory, so a batch of few samples costs little for any
/// number of classes. Reuse needs no new pages, which would cost more than the sums.
template <bool Squares>
class partial_class_sums {
  public:
    static constexpr std::size_t rows = Squares ? 2 : 1;

    /// Clears the sums, for units [first, last) of `units`; at most `samples` samples follow, in blocks of at
    /// most `block_size`.
    void begin(std::size_t first, std::size_t last, std::size_t units, std::size_t classes,
               std::size_t block_size, std::size_t samples) {
        first_ = first;
        width_ = last - first;
        units_ = units;
        places_.assign(classes, none);
        heads_.assign(classes, none);
        next_.resize(block_size);
        values_.resize(width_);
        sums_.clear();
        sums_.reserve((std::min)(classes, samples) * rows * width_);
    }

    /// Adds the samples of `block`, where `class_of(i)` is the class of the i-th. `pilot` has all units.
    template <bool Rectify, typename Scalar, typename ClassOf>
    void add(const tile<Scalar>& block, const double* pilot, ClassOf&& class_of) {
        const double* about = Squares ? pilot + first_ : nullptr;
        const auto sample = [&](std::size_t i) {
            return block.data + (i * units_ + first_) * block.positions;
        };
        if (block.positions > 1) {
            for (std::size_t i = 0; i < block.samples; ++i) {
                double* to = row_of(class_of(i));
                // The row was last used a block of samples ago: prefetch it during the computation of the
                // means.
                constexpr std::size_t line_elements = 64 / sizeof(double);
                for (std::size_t u = 0; u < width_; u += line_elements) __builtin_prefetch(to + u, 1);
                unit_values<Rectify>(sample(i), width_, block.positions, values_.data());
                add_these<false>(std::array<const double*, 1>{values_.data()}, about, to);
            }
            return;
        }
        // The samples of a class together: four at once cost little more than one.
        for (std::size_t i = block.samples; i-- > 0;) {
            std::size_t& head = heads_[class_of(i)];
            next_[i] = head;
            head = i;
        }
        for (std::size_t i = 0; i < block.samples; ++i) {
            const std::size_t c = class_of(i);
            std::size_t member = std::exchange(heads_[c], none);
            if (member == none) continue;
            double* to = row_of(c);
            while (member != none) {
                std::array<const Scalar*, 4> from;
                std::size_t count = 0;
                for (; count < from.size() && member != none; member = next_[member])
                    from[count++] = sample(member);
                if (count == 4) {
                    add_these<Rectify>(from, about, to);
                    continue;
                }
                if (count >= 2) add_these<Rectify>(std::array{from[0], from[1]}, about, to);
                if (count % 2 == 1) add_these<Rectify>(std::array{from[count - 1]}, about, to);
            }
        }
    }

    /// Adds the sums of `other`, which has the same units.
    void add(const partial_class_sums& other) {
        for (std::size_t c = 0; c < places_.size(); ++c) {
            if (other.places_[c] == none) continue;
            const double* from = other.sums_.data() + other.places_[c];
            double* to = row_of(c);
            for (std::size_t k = 0; k < rows * width_; ++k) to[k] += from[k];
        }
    }

    /// Adds the rows of the state of all units to the sums of the present classes.
    void add_state(const double* state) {
        for_each_row([&](double* mine, std::size_t place) {
            for (std::size_t u = 0; u < width_; ++u) mine[u] += state[place + u];
        });
    }
    /// Copies the sums to their place in the state.
    void write_to(double* state) {
        for_each_row(
            [&](const double* mine, std::size_t place) { std::copy_n(mine, width_, state + place); });
    }
    [[nodiscard]] bool is_finite() const noexcept { return all_finite(sums_.data(), sums_.size()); }

  private:
    static constexpr std::size_t none = (std::numeric_limits<std::size_t>::max)();

    /// Calls `each(sums, place)`, where `place` is their offset in a state [class][row][unit].
    template <typename Each>
    void for_each_row(Each&& each) {
        for (std::size_t c = 0; c < places_.size(); ++c) {
            if (places_[c] == none) continue;
            for (std::size_t row = 0; row < rows; ++row)
                each(sums_.data() + places_[c] + row * width_, (c * rows + row) * units_ + first_);
        }
    }

    [[nodiscard]] double* row_of(std::size_t c) {
        if (places_[c] == none) {
            places_[c] = sums_.size();
            sums_.resize(sums_.size() + rows * width_);
        }
        return sums_.data() + places_[c];
    }

    template <bool Rectify, typename Scalar, std::size_t Rows>
    void add_these(const std::array<const Scalar*, Rows>& from, const double* about,
                   double* to) const noexcept {
        add_rows<Rectify, Squares, Rows, value_width>(from, width_, about, to,
                                                      Squares ? to + width_ : nullptr);
    }

    std::size_t first_ = 0, width_ = 0, units_ = 0;
    std::vector<std::size_t> places_; // offset of a class's rows in sums_
    std::vector<std::size_t> heads_, next_;
    std::vector<double> values_, sums_;
};

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
