#pragma once

#include "repscope/detail/corruption/arena.hpp"
#include "repscope/random/random_field.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {
namespace detail {

/// Number of elements per draw of noise, so that it stays in the cache.
inline constexpr std::size_t noise_part = 4096;
static_assert(noise_part % random_field::part == 0);

/// Reads a field of `size` draws in parts, which `make(values, first)` draws. Each part is drawn once if the
/// positions follow each other.
template <typename Make>
class part_reader {
  public:
    /// The memory belongs to the caller's frame.
    part_reader(std::size_t size, scratch& memory, Make make)
        : size_(size), part_(memory.take<double>((std::min)(size, noise_part))), make_(std::move(make)) {}

    /// Draws first, first + 1, ...
    void read(std::size_t first, std::size_t count, double* to) {
        while (count > 0) {
            const std::size_t begin = first / noise_part * noise_part;
            const std::size_t length = (std::min)(noise_part, size_ - begin);
            if (begin != begin_) make_(std::span(part_, length), begin);
            begin_ = begin;
            const std::size_t now = (std::min)(count, begin + length - first);
            to = std::copy_n(part_ + (first - begin), now, to);
            first += now;
            count -= now;
        }
    }

  private:
    std::size_t size_;
    double* part_;
    Make make_;
    std::size_t begin_ = (std::numeric_limits<std::size_t>::max)();
};

} // namespace detail
} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
