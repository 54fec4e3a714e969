#pragma once

#include "repscope/detail/net/kernels.hpp"
#include "repscope/detail/net/products.hpp"
#include "repscope/net/feature_maps.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// The window of a convolution or a pooling.
struct window {
    extent_2d kernel{3, 3};
    extent_2d stride{1, 1};
    extent_2d padding{0, 0};
};

namespace detail {

/// The three products of a convolution without a copy of its input: every operand is read in place, through
/// offsets. The input needs a border of zeros as wide as the padding, the gradient of the output one of
/// `gradient_halo()`.
template <typename T>
class convolution {
  public:
    /// Plans for these geometries; `weights` are (out, in, kernel rows, kernel columns).
    void plan(const window& win, const feature_map_view<const T>& in, const feature_map_view<const T>& out) {
        win_ = win;
        in_channels_ = in.shape.c;
        out_channels_ = out.shape.c;
        plan_forward(in, out);
    }

    /// The border of zeros that the gradient of the output needs for the gradient of the input.
    [[nodiscard]] static extent_2d gradient_halo(const window& win, const feature_map_shape& in,
                                                 const feature_map_shape& out) {
        return {halo_along(win.kernel.rows, win.stride.rows, win.padding.rows, in.h, out.h),
                halo_along(win.kernel.cols, win.stride.cols, win.padding.cols, in.w, out.w)};
    }

    /// Plans the gradient of the input, from that of the output.
    void plan_backward(const feature_map_view<const T>& out_gradient,
                       const feature_map_view<const T>& in_gradient) {
        phases_.clear();
        for (std::size_t py = 0; py < win_.stride.rows; ++py) {
            for (std::size_t px = 0; px < win_.stride.cols; ++px)
                plan_phase(py, px, out_gradient, in_gradient);
        }
    }

    /// Weights, each output channel times `scale` if given, in the order of `forward`.
    void pack_forward(std::span<const T> weights, const T* scale = nullptr) {
        const std::size_t taps = win_.kernel.rows * win_.kernel.cols;
        arrange_columns(forward_, out_channels_, [&](std::size_t row, std::size_t column) {
            const std::size_t tap = row / in_channels_, c = row % in_channels_;
            const T weight = weights[(column * in_channels_ + c) * taps + tap];
            return scale != nullptr ? weight * scale[column] : weight;
        });
    }
    void pack_backward(std::span<const T> weights, const T* scale = nullptr) {
        const std::size_t taps = win_.kernel.rows * win_.kernel.cols;
        std::size_t index = 0;
        for (std::size_t py = 0; py < win_.stride.rows; ++py) {
            for (std::size_t px = 0; px < win_.stride.cols; ++px, ++index) {
                const std::size_t across = taps_along(win_.kernel.cols, win_.stride.cols, px);
                const std::size_t down = taps_along(win_.kernel.rows, win_.stride.rows, py);
                arrange_columns(phases_[index], in_channels_, [&](std::size_t row, std::size_t column) {
                    const std::size_t tap = row / out_channels_, c = row % out_channels_;
                    const std::size_t ky = py + win_.stride.rows * (down - 1 - tap / across);
                    const std::size_t kx = px + win_.stride.cols * (across - 1 - tap % across);
                    const T weight = weights[(c * in_channels_ + column) * taps + ky * win_.kernel.cols + kx];
                    return scale != nullptr ? weight * scale[c] : weight;
                });
            }
        }
    }

    /// Samples [first, last) of the output.
    void forward(const feature_map_view<const T>& in, const feature_map_view<T>& out, std::size_t first,
                 std::size_t last, const epilogue<T>& end) const {
        multiply(forward_, in, first, out, first, last - first, out_channels_, end);
    }

    /// Samples of the gradient of the input: `count` from `first`, from the gradients that begin at `from`.
    void backward_input(const feature_map_view<const T>& out_gradient, std::size_t from,
                        const feature_map_view<T>& in_gradient, std::size_t first, std::size_t count,
                        bool accumulate) const {
        const epilogue<T> end{.accumulate = accumulate};
        for (const product_plan<T>& phase : phases_) {
            multiply(phase, out_gradient, from, in_gradient, first, count, in_channels_, end);
        }
    }

    /// Adds the gradient of the weights over `count` samples to `sum`, (taps x in channels, padded out
    /// channels).
    void backward_weights(const feature_map_view<const T>& in, std::size_t first,
                          const feature_map_view<const T>& out_gradient, std::size_t from, std::size_t count,
                          T* sum) const {
        const auto rows = static_cast<std::ptrdiff_t>(win_.stride.rows);
        const auto step = static_cast<std::ptrdiff_t>(win_.stride.cols * in_channels_);
        pixel_grid<T> left{in.at(first), in.image, rows * in.row, step};
        pixel_grid<T> right{out_gradient.at(from), out_gradient.image, out_gradient.row,
                            static_cast<std::ptrdiff_t>(out_channels_)};
        // Few pixels at a time: whole pixels apart, they would evict each other from the nearest cache.
        const std::size_t together = (std::max<std::size_t>)(1, 64 / out_gradient.shape.positions());
        for (std::size_t done = 0; done < count; done += together) {
            outer_product<T>(left, forward_.stretches, right, out_channels_,
                             (std::min)(together, count - done), out_gradient.shape.h, out_gradient.shape.w,
                             sum);
            left.data += static_cast<std::ptrdiff_t>(together) * left.image;
            right.data += static_cast<std::ptrdiff_t>(together) * right.image;
        }
    }
    [[nodiscard]] std::size_t weight_sum_size() const noexcept {
        return forward_.depth * padded_columns<T>(out_channels_);
    }

    /// gradient (out, in, kernel rows, kernel columns) = the sums of the lanes, added in order.
    void fold_weights(const T* sums, std::size_t lanes, T* gradient) const {
        const std::size_t pitch = padded_columns<T>(out_channels_);
        const std::size_t taps = win_.kernel.rows * win_.kernel.cols;
        constexpr std::size_t width = pack<T>::width;
        for (std::size_t row = 0; row < forward_.depth; ++row) {
            const std::size_t tap = row / in_channels_, c = row % in_channels_;
            for (std::size_t first = 0; first < out_channels_; first += width) {
                const T* from = sums + row * pitch + first;
                auto sum = pack<T>::load(from);
                for (std::size_t lane = 1; lane < lanes; ++lane) {
                    sum += pack<T>::load(from + lane * weight_sum_size());
                }
                const std::size_t last = (std::min)(out_channels_, first + width);
                for (std::size_t j = first; j < last; ++j) {
                    gradient[(j * in_channels_ + c) * taps + tap] = sum[j - first];
                }
            }
        }
    }

    /// Number of samples that are multiplied together, so that tiles of pixels are full and the maps stay in
    /// the cache.
    [[nodiscard]] std::size_t chunk() const noexcept { return samples_together(forward_.in.size()); }

  private:
    [[nodiscard]] static std::size_t taps_along(std::size_t kernel, std::size_t stride,
                                                std::size_t phase) noexcept {
        return phase < kernel ? (kernel - phase + stride - 1) / stride : 0;
    }
    [[nodiscard]] std::ptrdiff_t tap_offset(std::size_t ky, std::size_t kx,
                                            const feature_map_view<const T>& in) const {
        return (static_cast<std::ptrdiff_t>(ky) - static_cast<std::ptrdiff_t>(win_.padding.rows)) * in.row +
               (static_cast<std::ptrdiff_t>(kx) - static_cast<std::ptrdiff_t>(win_.padding.cols)) *
                   static_cast<std::ptrdiff_t>(in.shape.c);
    }

    /// Input pixel i reads output pixels q - j, q = (i + padding) / stride, for every tap j of its phase.
    [[nodiscard]] static std::size_t halo_along(std::size_t kernel, std::size_t stride, std::size_t padding,
                                                std::size_t in, std::size_t out) {
        std::ptrdiff_t halo = 0;
        for (std::size_t i = 0; i < in; ++i) {
            const std::size_t taps = taps_along(kernel, stride, (i + padding) % stride);
            if (taps == 0) continue;
            const auto q = static_cast<std::ptrdiff_t>((i + padding) / stride);
            halo = (std::max)(
                {halo, static_cast<std::ptrdiff_t>(taps) - 1 - q, q - static_cast<std::ptrdiff_t>(out) + 1});
        }
        return static_cast<std::size_t>(halo);
    }

    void plan_forward(const feature_map_view<const T>& in, const feature_map_view<const T>& out) {
        product_plan<T>& plan = forward_;
        plan.stretches.clear();
        for (std::size_t ky = 0; ky < win_.kernel.rows; ++ky) {
            plan.stretches.push_back({tap_offset(ky, 0, in), win_.kernel.cols * in.shape.c});
        }
        plan.depth = win_.kernel.rows * win_.kernel.cols * in.shape.c;
        plan.in.clear();
        plan.out.clear();
        for (std::size_t y = 0; y < out.shape.h; ++y) {
            for (std::size_t x = 0; x < out.shape.w; ++x) {
                plan.in.push_back(in.offset(0, y * win_.stride.rows, x * win_.stride.cols));
                plan.out.push_back(out.offset(0, y, x));
            }
        }
    }

    void plan_phase(std::size_t py, std::size_t px, const feature_map_view<const T>& from,
                    const feature_map_view<const T>& to) {
        product_plan<T> plan;
        const std::size_t down = taps_along(win_.kernel.rows, win_.stride.rows, py);
        const std::size_t across = taps_along(win_.kernel.cols, win_.stride.cols, px);
        const auto channels = static_cast<std::ptrdiff_t>(from.shape.c);
        for (std::size_t j = down; across > 0 && j-- > 0;) {
            plan.stretches.push_back({-static_cast<std::ptrdiff_t>(j) * from.row -
                                          static_cast<std::ptrdiff_t>(across - 1) * channels,
                                      across * from.shape.c});
        }
        plan.depth = down * across * from.shape.c;
        for (std::size_t y = 0; y < to.shape.h; ++y) {
            if ((y + win_.padding.rows) % win_.stride.rows != py) continue;
            for (std::size_t x = 0; x < to.shape.w; ++x) {
                if ((x + win_.padding.cols) % win_.stride.cols != px) continue;
                const std::size_t qy = (y + win_.padding.rows) / win_.stride.rows;
                const std::size_t qx = (x + win_.padding.cols) / win_.stride.cols;
                plan.in.push_back(from.offset(0, qy, qx));
                plan.out.push_back(to.offset(0, y, x));
            }
        }
        phases_.push_back(std::move(plan));
    }

    static void multiply(const product_plan<T>& plan, const feature_map_view<const T>& in, std::size_t from,
                         const feature_map_view<T>& out, std::size_t first, std::size_t count,
                         std::size_t columns, const epilogue<T>& end) {
        const std::size_t pixels = plan.in.size();
        if (pixels == 0) return;
        const std::size_t together = samples_together(pixels);
        for (std::size_t done = 0; done < count; done += together) {
            multiply_rows(plan, plan.weights.data(), in.at(from + done), in.image, out.at(first + done),
                          out.image, (std::min)(together, count - done) * pixels, columns, end);
        }
    }

    window win_{};
    std::size_t in_channels_ = 0, out_channels_ = 0;
    product_plan<T> forward_;
    std::vector<product_plan<T>> phases_;
};

} // namespace detail
} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
