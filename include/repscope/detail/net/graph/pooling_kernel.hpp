#pragma once

#include "repscope/detail/net/graph/kernel.hpp"
#include "repscope/detail/net/graph/windows.hpp"
#include "repscope/detail/net/packs.hpp"
#include "repscope/error.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// The largest element of each window, NaN if there is one; the first of equals in row-major order, which
/// alone has a gradient.
template <typename T>
class max_pool_kernel final : public node_kernel<T> {
  public:
    max_pool_kernel(const std::array<window_axis, 2>& axes, const layout& in, const layout& out)
        : in_(in), out_(out), rows_(inputs_of(axes[0])), cols_(inputs_of(axes[1])) {
        // The winner is stored as a number of the scalar type.
        constexpr auto max_positions = std::size_t{1}
                                       << static_cast<unsigned>(std::numeric_limits<T>::digits);
        if (in_.h * in_.w > max_positions) {
            errors::throw_value_error("net::graph", "expected at most " + errors::text_of(max_positions) +
                                                        " positions of a map, got " +
                                                        errors::text_of(in_.h * in_.w));
        }
        this->record_size = out_.n * out_.h * out_.w * out_.c;
    }

    void forward(const node_memory<T>& at, std::size_t, std::size_t) const override {
        for_windows([&](std::size_t window, std::size_t n, std::size_t y, std::size_t x) {
            T* const best = at.out + out_.at(n, y, x);
            T* const winner = at.record + window * out_.c;
            std::fill_n(best, out_.c, std::numeric_limits<T>::lowest());
            std::fill_n(winner, out_.c, T(-1));
            for (const tapped_index& row : rows_[y]) {
                for (const tapped_index& col : cols_[x]) {
                    take(at.in[0] + in_.at(n, row.index, col.index),
                         static_cast<T>(row.index * in_.w + col.index), best, winner);
                }
            }
        });
    }
    void backward(std::size_t, const node_memory<T>& at, const T* out_gradient, T* in_gradient,
                  bool accumulate) const override {
        if (!accumulate) clear(in_gradient);
        for_winners(at.record,
                    [&](std::ptrdiff_t from, std::ptrdiff_t to) { in_gradient[to] += out_gradient[from]; });
    }
    void tangent(const node_memory<T>& at, const T* const* in, T* out) const override {
        for_windows([&](std::size_t, std::size_t n, std::size_t y, std::size_t x) {
            std::fill_n(out + out_.at(n, y, x), out_.c, T(0));
        });
        for_winners(at.record, [&](std::ptrdiff_t from, std::ptrdiff_t to) { out[from] = in[0][to]; });
    }

  private:
    template <typename Body>
    void for_windows(Body&& body) const {
        std::size_t window = 0;
        for (std::size_t n = 0; n < out_.n; ++n) {
            for (std::size_t y = 0; y < out_.h; ++y) {
                for (std::size_t x = 0; x < out_.w; ++x) body(window++, n, y, x);
            }
        }
    }
    /// Calls `body(offset in the output, offset in the input)` for each window with elements.
    template <typename Body>
    void for_winners(const T* record, Body&& body) const {
        const bool dense = in_.h == 1 || in_.row == static_cast<std::ptrdiff_t>(in_.w) * in_.pixel;
        for_windows([&](std::size_t window, std::size_t n, std::size_t y, std::size_t x) {
            const std::ptrdiff_t start = in_.at(n), from = out_.at(n, y, x);
            for (std::size_t c = 0; c < out_.c; ++c) {
                const auto index = static_cast<std::ptrdiff_t>(record[window * out_.c + c]);
                if (index < 0) continue;
                const auto width = static_cast<std::ptrdiff_t>(in_.w);
                const std::ptrdiff_t pixel =
                    dense ? index * in_.pixel : index / width * in_.row + index % width * in_.pixel;
                body(from + static_cast<std::ptrdiff_t>(c),
                     start + pixel + static_cast<std::ptrdiff_t>(c) * in_.channel);
            }
        });
    }
    void clear(T* gradient) const {
        for (std::size_t n = 0; n < in_.n; ++n) {
            for (std::size_t y = 0; y < in_.h; ++y) {
                for (std::size_t x = 0; x < in_.w; ++x) {
                    for (std::size_t c = 0; c < in_.c; ++c) {
                        gradient[in_.at(n, y, x) + static_cast<std::ptrdiff_t>(c) * in_.channel] = T(0);
                    }
                }
            }
        }
    }
    void take(const T* from, T index, T* best, T* winner) const {
        if (!in_.channels_adjacent()) {
            for (std::size_t c = 0; c < out_.c; ++c) {
                const T value = from[static_cast<std::ptrdiff_t>(c) * in_.channel];
                if (!(value > best[c]) && value == value && winner[c] >= T(0)) continue;
                best[c] = value;
                winner[c] = index;
            }
            return;
        }
        for_channels<T>(out_.c, [&]<typename Ops>(std::size_t c) {
            const auto value = Ops::load(from + c), old = Ops::load(best + c), place = Ops::load(winner + c);
            const auto zero = typename Ops::type{};
            // Also true for NaN, and for the first element, which may be the lowest number or less.
            const auto chosen = (value > old) | (value != value) | (place < zero);
            Ops::store(best + c, chosen ? value : old);
            Ops::store(winner + c, chosen ? Ops::broadcast(index) : place);
        });
    }

    map_layout in_, out_;
    window_table rows_, cols_;
};

/// The mean of each window.
template <typename T>
class average_pool_kernel final : public node_kernel<T> {
  public:
    average_pool_kernel(const std::array<window_axis, 2>& axes, const layout& in, const layout& out,
                        bool count_padding)
        : in_(in), out_(out), rows_(inputs_of(axes[0])), cols_(inputs_of(axes[1])) {
        for (std::size_t a = 0; a < 2; ++a) {
            const window_table& table = a == 0 ? rows_ : cols_;
            for (std::size_t o = 0; o < table.size(); ++o) {
                std::size_t count = table[o].size();
                if (count_padding) {
                    count = 0;
                    for (std::size_t k = 0; k < axes[a].kernel; ++k) {
                        const auto end = static_cast<std::ptrdiff_t>(axes[a].in + axes[a].pad_end);
                        if (axes[a].position(o, k) < end) ++count;
                    }
                }
                counts_[a].push_back(count);
            }
        }
    }

    void forward(const node_memory<T>& at, std::size_t, std::size_t) const override {
        mean(at.in[0], at.out);
    }
    void tangent(const node_memory<T>&, const T* const* in, T* out) const override { mean(in[0], out); }
    void backward(std::size_t, const node_memory<T>&, const T* out_gradient, T* in_gradient,
                  bool accumulate) const override {
        if (!accumulate) {
            for_pixels([&](std::ptrdiff_t at) { in_gradient[at] = T(0); });
        }
        for_windows([&](std::ptrdiff_t out, T share, std::size_t n, std::size_t y, std::size_t x) {
            const T* const from = out_gradient + out;
            for (const tapped_index& row : rows_[y]) {
                for (const tapped_index& col : cols_[x]) {
                    T* const to = in_gradient + in_.at(n, row.index, col.index);
                    for (std::size_t c = 0; c < out_.c; ++c) {
                        to[static_cast<std::ptrdiff_t>(c) * in_.channel] += share * from[c];
                    }
                }
            }
        });
    }

  private:
    template <typename Body>
    void for_pixels(Body&& body) const {
        for (std::size_t n = 0; n < in_.n; ++n) {
            for (std::size_t y = 0; y < in_.h; ++y) {
                for (std::size_t x = 0; x < in_.w; ++x) {
                    for (std::size_t c = 0; c < in_.c; ++c) {
                        body(in_.at(n, y, x) + static_cast<std::ptrdiff_t>(c) * in_.channel);
                    }
                }
            }
        }
    }
    template <typename Body>
    void for_windows(Body&& body) const {
        for (std::size_t n = 0; n < out_.n; ++n) {
            for (std::size_t y = 0; y < out_.h; ++y) {
                for (std::size_t x = 0; x < out_.w; ++x) {
                    const std::size_t count = counts_[0][y] * counts_[1][x];
                    body(out_.at(n, y, x), count == 0 ? T(0) : T(1) / static_cast<T>(count), n, y, x);
                }
            }
        }
    }
    void mean(const T* in, T* out) const {
        for_windows([&](std::ptrdiff_t at, T share, std::size_t n, std::size_t y, std::size_t x) {
            T* const to = out + at;
            std::fill_n(to, out_.c, T(0));
            for (const tapped_index& row : rows_[y]) {
                for (const tapped_index& col : cols_[x]) {
                    const T* const from = in + in_.at(n, row.index, col.index);
                    for (std::size_t c = 0; c < out_.c; ++c) {
                        to[c] += from[static_cast<std::ptrdiff_t>(c) * in_.channel];
                    }
                }
            }
            for (std::size_t c = 0; c < out_.c; ++c) to[c] *= share;
        });
    }

    map_layout in_, out_;
    window_table rows_, cols_;
    std::array<std::vector<std::size_t>, 2> counts_;
};

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
