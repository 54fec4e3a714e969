#pragma once

#include "repscope/detail/net/graph/kernel.hpp"
#include "repscope/detail/net/graph/windows.hpp"
#include "repscope/detail/net/kernels.hpp"
#include "repscope/detail/net/products.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// Rows and columns of windows, and the groups of channels, of a convolution.
struct convolution_geometry {
    std::size_t in_channels = 1, out_channels = 1, groups = 1;
    std::array<window_axis, 2> axes{}; // rows, columns

    [[nodiscard]] std::size_t group_in() const noexcept { return in_channels / groups; }
    [[nodiscard]] std::size_t group_out() const noexcept { return out_channels / groups; }
};

/// A product that computes some pixels of a map from another map, whose border of zeros is wide enough.
template <typename T>
struct map_product {
    struct tap {
        std::ptrdiff_t row = 0, col = 0; // in pixels of the source
        std::size_t ky = 0, kx = 0;
    };
    std::vector<tap> taps;
    product_plan<T> plan;
    std::array<std::vector<std::size_t>, 2> target, source; // rows and columns of the pixels

    /// Offsets of the pixels and the stretches, for maps with these steps.
    void place(const map_layout& from, const map_layout& to, std::size_t group_channels) {
        plan.in.clear();
        plan.out.clear();
        plan.stretches.clear();
        for (std::size_t y = 0; y < target[0].size(); ++y) {
            for (std::size_t x = 0; x < target[1].size(); ++x) {
                plan.in.push_back(from.at(0, source[0][y], source[1][x]) - from.offset);
                plan.out.push_back(to.at(0, target[0][y], target[1][x]) - to.offset);
            }
        }
        for (const tap& one : taps) {
            const std::ptrdiff_t offset = one.row * from.row + one.col * from.pixel;
            if (!plan.stretches.empty()) {
                segment& last = plan.stretches.back();
                if (last.offset + static_cast<std::ptrdiff_t>(last.length) == offset) {
                    last.length += group_channels;
                    continue;
                }
            }
            plan.stretches.push_back({offset, group_channels});
        }
        plan.depth = taps.size() * group_channels;
    }
};

/// The weights of a convolution in the order of its products, shared by the kernels of one node.
template <typename T>
struct packed_convolution {
    std::vector<std::vector<T>> forward;               // per group
    std::vector<std::vector<std::vector<T>>> backward; // per phase and group
    std::vector<T> bias;                               // per group, padded to whole vectors
};

/// A convolution as products of pixels and packed weights; see `product_plan`. Inputs with a border are
/// copied, a few samples at a time.
template <typename T>
class convolution_kernel final : public node_kernel<T> {
  public:
    convolution_kernel(const convolution_geometry& geometry, const layout& in, const layout& out,
                       std::span<const T> weights, std::span<const T> bias,
                       std::shared_ptr<packed_convolution<T>> packed)
        : geometry_(geometry), in_(in), out_(out), weights_(weights), packed_(std::move(packed)) {
        plan_forward();
        pack_forward(bias);
        plan_backward();
        const std::size_t back = source_.is_copy ? source_.size() : 0;
        this->scratch_size = (std::max)(back, gradient_.size() + target_size());
    }

    void forward(const node_memory<T>& at, std::size_t, std::size_t) const override {
        const T* const bias = packed_->bias.empty() ? nullptr : packed_->bias.data();
        for (std::size_t first = 0; first < in_.n; first += together_) {
            const std::size_t count = (std::min)(together_, in_.n - first);
            product(at.in[0], first, count, bias, at.relu, at.out, at.scratch);
            for (const follower<T>& next : at.followers) next.kernel->forward(next.at, first, first + count);
        }
    }
    void tangent(const node_memory<T>& at, const T* const* in, T* out) const override {
        for (std::size_t first = 0; first < in_.n; first += together_) {
            product(in[0], first, (std::min)(together_, in_.n - first), nullptr, false, out, at.scratch);
        }
    }
    void backward(std::size_t, const node_memory<T>& at, const T* out_gradient, T* in_gradient,
                  bool accumulate) const override {
        const epilogue<T> end{.accumulate = accumulate && direct_};
        for (std::size_t first = 0; first < in_.n; first += back_together_) {
            const std::size_t count = (std::min)(back_together_, in_.n - first);
            const T* source = gradient_.prepare(out_gradient, out_, first, count, at.scratch);
            T* const target = direct_ ? in_gradient + in_.at(first) : at.scratch + gradient_.size();
            const map_layout& to = direct_ ? in_ : target_;
            for (std::size_t p = 0; p < phases_.size(); ++p) {
                const product_plan<T>& plan = phases_[p].plan;
                if (plan.in.empty()) continue;
                for (std::size_t g = 0; g < geometry_.groups; ++g) {
                    multiply_rows(plan, packed_->backward[p][g].data(), source + g * geometry_.group_out(),
                                  gradient_.maps.sample, target + g * geometry_.group_in(), to.sample,
                                  count * plan.in.size(), geometry_.group_in(), end);
                }
            }
            if (!direct_) copy_back(target, in_gradient, first, count, accumulate);
        }
    }
    [[nodiscard]] bool fuses_relu() const override { return true; }
    [[nodiscard]] bool calls_followers() const override { return true; }
    void prepare_backward() override {
        if (!packed_->backward.empty()) return;
        for (const map_product<T>& phase : phases_) {
            auto& groups = packed_->backward.emplace_back();
            for (std::size_t g = 0; g < geometry_.groups; ++g) {
                product_plan<T> plan;
                plan.depth = phase.plan.depth;
                const std::size_t channels = geometry_.group_out();
                arrange_columns(plan, geometry_.group_in(), [&](std::size_t row, std::size_t column) {
                    const auto& tap = phase.taps[row / channels];
                    return weight(g * channels + row % channels, column, tap.ky, tap.kx);
                });
                groups.push_back(std::move(plan.weights));
            }
        }
    }

  private:
    /// A map with a border of zeros: a copy of a few samples, or the map itself if it needs no border.
    struct bordered_map {
        map_layout maps;
        std::size_t top = 0, left = 0, together = 1;
        bool is_copy = false;

        [[nodiscard]] std::size_t size() const noexcept {
            return is_copy ? together * static_cast<std::size_t>(maps.sample) : 0;
        }
        /// The samples from `first` on: the first pixel of the border.
        [[nodiscard]] const T* prepare(const T* from, const map_layout& view, std::size_t first,
                                       std::size_t count, T* scratch) const {
            if (!is_copy) return from + view.at(first);
            const std::size_t row = static_cast<std::size_t>(maps.row), before = left * maps.c;
            const std::size_t width = view.w * maps.c;
            for (std::size_t n = 0; n < count; ++n) {
                T* to = scratch + n * static_cast<std::size_t>(maps.sample);
                std::memset(to, 0, top * row * sizeof(T));
                to += top * row;
                for (std::size_t y = 0; y < view.h; ++y, to += row) {
                    std::memset(to, 0, before * sizeof(T));
                    copy_pixels(from + view.at(first + n, y), view, to + before);
                    std::memset(to + before + width, 0, (row - before - width) * sizeof(T));
                }
                std::memset(to, 0, (maps.h - top - view.h) * row * sizeof(T));
            }
            return scratch;
        }
        static void copy_pixels(const T* from, const map_layout& view, T* to) {
            if (view.rows_dense()) {
                std::memcpy(to, from, view.w * view.c * sizeof(T));
                return;
            }
            for (std::size_t x = 0; x < view.w; ++x) {
                for (std::size_t c = 0; c < view.c; ++c) {
                    *to++ = from[static_cast<std::ptrdiff_t>(x) * view.pixel +
                                 static_cast<std::ptrdiff_t>(c) * view.channel];
                }
            }
        }
    };

    [[nodiscard]] T weight(std::size_t out, std::size_t in, std::size_t ky, std::size_t kx) const {
        const auto& [rows, cols] = geometry_.axes;
        return weights_[((out * geometry_.group_in() + in) * rows.kernel + ky) * cols.kernel + kx];
    }

    void plan_forward() {
        const auto& [rows, cols] = geometry_.axes;
        together_ = (std::min)(in_.n, samples_together(out_.h * out_.w));
        source_.is_copy = rows.is_padded() || cols.is_padded() || !in_.channels_adjacent();
        source_.together = together_;
        source_.top = rows.pad_begin;
        source_.left = cols.pad_begin;
        source_.maps = source_.is_copy ? map_layout(in_.n, in_.c, in_.h + rows.pad_begin + rows.pad_end,
                                                    in_.w + cols.pad_begin + cols.pad_end)
                                       : in_;
        for (std::size_t ky = 0; ky < rows.kernel; ++ky) {
            for (std::size_t kx = 0; kx < cols.kernel; ++kx) {
                forward_.taps.push_back({static_cast<std::ptrdiff_t>(ky * rows.dilation),
                                         static_cast<std::ptrdiff_t>(kx * cols.dilation), ky, kx});
            }
        }
        for (std::size_t a = 0; a < 2; ++a) {
            for (std::size_t o = 0; o < geometry_.axes[a].out; ++o) {
                forward_.target[a].push_back(o);
                forward_.source[a].push_back(o * geometry_.axes[a].stride);
            }
        }
        forward_.place(source_.maps, out_, geometry_.group_in());
    }

    void pack_forward(std::span<const T> bias) {
        const std::size_t channels = geometry_.group_in(), columns = geometry_.group_out();
        if (!packed_->forward.empty()) return;
        for (std::size_t g = 0; g < geometry_.groups; ++g) {
            product_plan<T> plan;
            plan.depth = forward_.plan.depth;
            arrange_columns(plan, columns, [&](std::size_t row, std::size_t column) {
                const auto& tap = forward_.taps[row / channels];
                return weight(g * columns + column, row % channels, tap.ky, tap.kx);
            });
            packed_->forward.push_back(std::move(plan.weights));
        }
        if (bias.empty()) return;
        packed_->bias.assign(geometry_.groups * padded_columns<T>(columns), T(0));
        for (std::size_t g = 0; g < geometry_.groups; ++g) {
            std::copy_n(bias.data() + g * columns, columns,
                        packed_->bias.data() + g * padded_columns<T>(columns));
        }
    }

    void product(const T* in, std::size_t first, std::size_t count, const T* bias, bool relu, T* out,
                 T* scratch) const {
        const T* const source = source_.prepare(in, in_, first, count, scratch);
        const std::size_t columns = geometry_.group_out();
        for (std::size_t g = 0; g < geometry_.groups; ++g) {
            const epilogue<T> end{.bias = bias == nullptr ? nullptr : bias + g * padded_columns<T>(columns),
                                  .relu = relu};
            multiply_rows(forward_.plan, packed_->forward[g].data(), source + g * geometry_.group_in(),
                          source_.maps.sample, out + out_.at(first) + g * columns, out_.sample,
                          count * forward_.plan.in.size(), columns, end);
        }
    }

    /// Along one axis, input pixel i of phase (i + padding) mod stride reads the outputs q - m of its taps,
    /// where q = (i + padding) / stride.
    struct phase_axis {
        std::vector<std::size_t> pixels, base;                 // i and q
        std::vector<std::pair<std::size_t, std::size_t>> taps; // m and the index of the tap
    };
    [[nodiscard]] static std::vector<phase_axis> phases_along(const window_axis& axis) {
        std::vector<phase_axis> phases(axis.stride);
        for (std::size_t i = 0; i < axis.in; ++i) {
            phase_axis& phase = phases[(i + axis.pad_begin) % axis.stride];
            phase.pixels.push_back(i);
            phase.base.push_back((i + axis.pad_begin) / axis.stride);
        }
        for (std::size_t k = axis.kernel; k-- > 0;) { // the largest m first: offsets ascend
            const std::size_t reach = k * axis.dilation;
            phases[reach % axis.stride].taps.emplace_back(reach / axis.stride, k);
        }
        return phases;
    }
    /// The border before and behind the outputs that the phases read.
    [[nodiscard]] static std::array<std::size_t, 2> border(const std::vector<phase_axis>& phases,
                                                           std::size_t out) {
        std::ptrdiff_t before = 0, behind = 0;
        for (const phase_axis& phase : phases) {
            for (const auto& [reach, tap] : phase.taps) {
                for (const std::size_t q : phase.base) {
                    const auto index = static_cast<std::ptrdiff_t>(q) - static_cast<std::ptrdiff_t>(reach);
                    before = (std::max)(before, -index);
                    behind = (std::max)(behind, index - static_cast<std::ptrdiff_t>(out) + 1);
                }
            }
        }
        return {static_cast<std::size_t>(before), static_cast<std::size_t>(behind)};
    }

    void plan_backward() {
        const auto& [rows, cols] = geometry_.axes;
        back_together_ = (std::min)(in_.n, samples_together(in_.h * in_.w));
        direct_ = in_.channels_adjacent();
        target_ = map_layout(in_.n, in_.c, in_.h, in_.w);
        const auto down = phases_along(rows), across = phases_along(cols);
        const auto [top, bottom] = border(down, rows.out);
        const auto [left, right] = border(across, cols.out);
        gradient_.top = top;
        gradient_.left = left;
        gradient_.together = back_together_;
        gradient_.is_copy = top + bottom + left + right > 0;
        gradient_.maps = gradient_.is_copy
                             ? map_layout(out_.n, out_.c, out_.h + top + bottom, out_.w + left + right)
                             : out_;
        for (const phase_axis& y : down) {
            for (const phase_axis& x : across) {
                map_product<T> phase;
                phase.target = {y.pixels, x.pixels};
                for (const std::size_t q : y.base) phase.source[0].push_back(q + gradient_.top);
                for (const std::size_t q : x.base) phase.source[1].push_back(q + gradient_.left);
                for (const auto& [down_reach, ky] : y.taps) {
                    for (const auto& [reach, kx] : x.taps) {
                        phase.taps.push_back({-static_cast<std::ptrdiff_t>(down_reach),
                                              -static_cast<std::ptrdiff_t>(reach), ky, kx});
                    }
                }
                phase.place(gradient_.maps, direct_ ? in_ : target_, geometry_.group_out());
                phases_.push_back(std::move(phase));
            }
        }
    }
    [[nodiscard]] std::size_t target_size() const noexcept {
        return direct_ ? 0 : back_together_ * static_cast<std::size_t>(target_.sample);
    }
    void copy_back(const T* from, T* to, std::size_t first, std::size_t count, bool add) const {
        for (std::size_t n = 0; n < count; ++n) {
            for (std::size_t y = 0; y < in_.h; ++y) {
                for (std::size_t x = 0; x < in_.w; ++x) {
                    const T* const source = from + target_.at(n, y, x);
                    T* const target = to + in_.at(first + n, y, x);
                    for (std::size_t c = 0; c < in_.c; ++c) {
                        T& value = target[static_cast<std::ptrdiff_t>(c) * in_.channel];
                        value = add ? value + source[c] : source[c];
                    }
                }
            }
        }
    }

    convolution_geometry geometry_;
    map_layout in_, out_, target_;
    std::span<const T> weights_;
    std::shared_ptr<packed_convolution<T>> packed_;
    bordered_map source_, gradient_;
    map_product<T> forward_;
    std::vector<map_product<T>> phases_;
    std::size_t together_ = 1, back_together_ = 1;
    bool direct_ = true;
};

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
