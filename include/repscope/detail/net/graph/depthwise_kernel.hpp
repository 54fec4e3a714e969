#pragma once

#include "repscope/detail/net/graph/convolution_kernel.hpp"
#include "repscope/detail/net/graph/kernel.hpp"
#include "repscope/detail/net/graph/windows.hpp"
#include "repscope/detail/net/packs.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// Pixels of a row that are computed together: they meet the same taps, and their sources have a fixed
/// distance.
struct column_group {
    std::size_t first = 0, step = 1, count = 1;
    std::vector<tapped_index> taps; // of the first pixel
    std::size_t source_step = 0;
};

/// Groups of up to `Together` pixels, `step` apart.
template <std::size_t Together>
[[nodiscard]] inline std::vector<column_group> group_columns(const window_table& table, std::size_t step) {
    std::vector<column_group> groups;
    std::vector<bool> grouped(table.size(), false);
    const auto shift = [&](std::size_t from, std::size_t to) -> std::ptrdiff_t {
        const auto &a = table[from], &b = table[to];
        if (a.empty() || a.size() != b.size()) return 0;
        const std::size_t distance = b[0].index - a[0].index;
        for (std::size_t i = 0; i < a.size(); ++i) {
            if (a[i].tap != b[i].tap || b[i].index - a[i].index != distance) return 0;
        }
        return static_cast<std::ptrdiff_t>(distance);
    };
    for (std::size_t x = 0; x < table.size(); ++x) {
        if (grouped[x]) continue;
        column_group next{x, step, 1, table[x], 0};
        const std::size_t last = x + (Together - 1) * step;
        if (last < table.size()) {
            const std::ptrdiff_t distance = shift(x, x + step);
            bool fits = distance > 0;
            for (std::size_t j = 1; fits && j < Together; ++j) {
                fits = !grouped[x + j * step] && shift(x + (j - 1) * step, x + j * step) == distance;
            }
            if (fits) {
                next.count = Together;
                next.source_step = static_cast<std::size_t>(distance);
            }
        }
        for (std::size_t j = 0; j < next.count; ++j) grouped[x + j * step] = true;
        groups.push_back(std::move(next));
    }
    return groups;
}

/// A separate convolution for each channel; channels are adjacent in input and output.
template <typename T>
class depthwise_kernel final : public node_kernel<T> {
  public:
    depthwise_kernel(const convolution_geometry& geometry, const layout& in, const layout& out,
                     std::span<const T> weights, std::span<const T> bias)
        : in_(in), out_(out), bias_(bias.begin(), bias.end()), cols_(geometry.axes[1].kernel) {
        const auto& [rows, cols] = geometry.axes;
        const std::size_t taps = rows.kernel * cols.kernel;
        weights_.resize(taps * in_.c);
        for (std::size_t c = 0; c < in_.c; ++c) {
            for (std::size_t k = 0; k < taps; ++k) weights_[k * in_.c + c] = weights[c * taps + k];
        }
        forward_ = {inputs_of(rows), group_columns<together>(inputs_of(cols), 1)};
        backward_ = {outputs_of(rows), group_columns<together>(outputs_of(cols), cols.stride)};
    }

    void forward(const node_memory<T>& at, std::size_t, std::size_t) const override {
        const T* const bias = bias_.empty() ? nullptr : bias_.data();
        for (std::size_t n = 0; n < in_.n; ++n) {
            sum(forward_, at.in[0] + in_.at(n), in_, at.out + out_.at(n), out_, bias, false, at.relu);
            for (const follower<T>& next : at.followers) next.kernel->forward(next.at, n, n + 1);
        }
    }
    void backward(std::size_t, const node_memory<T>&, const T* out_gradient, T* in_gradient,
                  bool accumulate) const override {
        for (std::size_t n = 0; n < in_.n; ++n) {
            sum(backward_, out_gradient + out_.at(n), out_, in_gradient + in_.at(n), in_, nullptr, accumulate,
                false);
        }
    }
    void tangent(const node_memory<T>&, const T* const* in, T* out) const override {
        for (std::size_t n = 0; n < in_.n; ++n) {
            sum(forward_, in[0] + in_.at(n), in_, out + out_.at(n), out_, nullptr, false, false);
        }
    }
    [[nodiscard]] bool fuses_relu() const override { return true; }
    [[nodiscard]] bool calls_followers() const override { return true; }

  private:
    static constexpr std::size_t together = 4;
    struct direction {
        window_table rows;
        std::vector<column_group> columns;
    };

    void sum(const direction& way, const T* from, const map_layout& source, T* to, const map_layout& target,
             const T* bias, bool accumulate, bool relu) const {
        for (std::size_t y = 0; y < way.rows.size(); ++y) {
            T* const row = to + static_cast<std::ptrdiff_t>(y) * target.row;
            for (const column_group& group : way.columns) {
                for_channels<T>(in_.c, [&]<typename Ops>(std::size_t c) {
                    if (group.count == together) {
                        pixels<Ops, together>(way.rows[y], group, from + c, source, row + c, target, c, bias,
                                              accumulate, relu);
                    } else {
                        pixels<Ops, 1>(way.rows[y], group, from + c, source, row + c, target, c, bias,
                                       accumulate, relu);
                    }
                });
            }
        }
    }

    template <typename Ops, std::size_t Count>
    void pixels(const std::vector<tapped_index>& rows, const column_group& group, const T* from,
                const map_layout& source, T* to, const map_layout& target, std::size_t channel, const T* bias,
                bool accumulate, bool relu) const {
        using vector = typename Ops::type;
        const vector start = bias != nullptr ? Ops::load(bias + channel) : vector{};
        vector sums[Count];
        unrolled<Count>([&](auto j) __attribute__((always_inline)) { sums[j] = start; });
        const std::ptrdiff_t step = static_cast<std::ptrdiff_t>(group.source_step) * source.pixel;
        const T* const weights = weights_.data() + channel;
        for (const tapped_index& row : rows) {
            const T* const line = from + static_cast<std::ptrdiff_t>(row.index) * source.row;
            for (const tapped_index& col : group.taps) {
                const vector weight = Ops::load(weights + (row.tap * cols_ + col.tap) * in_.c);
                const T* const pixel = line + static_cast<std::ptrdiff_t>(col.index) * source.pixel;
                unrolled<Count>([&](auto j) __attribute__((always_inline)) {
                    const auto index = static_cast<std::ptrdiff_t>(decltype(j)::value);
                    sums[j] = Ops::multiply_add(Ops::load(pixel + index * step), weight, sums[j]);
                });
            }
        }
        unrolled<Count>([&](auto j) __attribute__((always_inline)) {
            T* const pixel = to + static_cast<std::ptrdiff_t>(group.first + j * group.step) * target.pixel;
            vector value = sums[j];
            if (accumulate) value = value + Ops::load(pixel);
            if (relu) value = Ops::rectified(value);
            Ops::store(pixel, value);
        });
    }

    map_layout in_, out_;
    std::vector<T> weights_, bias_; // weights (taps, channels)
    std::size_t cols_ = 1;
    direction forward_, backward_;
};

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
