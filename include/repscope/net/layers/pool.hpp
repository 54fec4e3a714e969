#pragma once

#include "repscope/net/feature_maps.hpp"
#include "repscope/net/layers/conv2d.hpp"
#include "repscope/net/layers/relu.hpp"
#include "repscope/net/workspace.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

namespace detail {

/// Calls `body(input row, input column)` for the pixels of the window of one output pixel, without the
/// padding.
template <typename Body>
inline void for_window(const window& win, const feature_map_shape& in, std::size_t y, std::size_t x,
                       Body&& body) {
    for (std::size_t ky = 0; ky < win.kernel.rows; ++ky) {
        const std::size_t iy = y * win.stride.rows + ky;
        if (iy < win.padding.rows || iy - win.padding.rows >= in.h) continue;
        for (std::size_t kx = 0; kx < win.kernel.cols; ++kx) {
            const std::size_t ix = x * win.stride.cols + kx;
            if (ix < win.padding.cols || ix - win.padding.cols >= in.w) continue;
            body(iy - win.padding.rows, ix - win.padding.cols);
        }
    }
}

/// Sets the gradient of the input to 0 before the windows add to it.
template <typename T>
inline void clear_unless(bool accumulate, const feature_map_view<T>& map, std::size_t first,
                         std::size_t last) {
    if (!accumulate) fill_zero(map, first, last);
}

} // namespace detail

/// Largest value of each window, NaN if there is one. Padding is never the largest, and of equal values the
/// first counts. Throws
/// for a padding of more than half the kernel, since a window could be empty.
template <typename Scalar>
class max_pool : public detail::without_parameters {
  public:
    using scalar = Scalar;
    static constexpr std::size_t tap_count = 0;
    /// Memory of one workspace.
    struct scratch : detail::map_scratch<Scalar> {
        buffer<std::size_t>
            winner; ///< (samples, rows, columns, channels): row and column of the input, as one number
    };

    /// `win`: kernel, stride and padding.
    explicit max_pool(window win) : win_(win) {}

    /// Kernel, stride and padding.
    [[nodiscard]] const window& settings() const noexcept { return win_; }

    [[nodiscard]] feature_map_shape output_shape(const feature_map_shape& in) const {
        if (2 * win_.padding.rows > win_.kernel.rows || 2 * win_.padding.cols > win_.kernel.cols) {
            errors::throw_shape_error("net::max_pool", "expected a padding of at most half the kernel");
        }
        return detail::window_output("net::max_pool", win_, in, in.c);
    }
    [[nodiscard]] extent_2d input_halo() const noexcept { return {}; }
    void prepare(scratch& s, const feature_map_view<const Scalar>& in, const extent_2d& halo,
                 std::size_t) const {
        const feature_map_shape out = output_shape(in.shape);
        s.prepare(out, halo);
        s.winner.resize(out.n * out.c * out.h * out.w);
    }

    feature_map_view<const Scalar> forward(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        const feature_map_view<Scalar> out = s.out.view(run.samples);
        for_outputs(s, run, [&](std::size_t n, std::size_t y, std::size_t x, std::size_t* winner) {
            Scalar* const best = out.at(n, y, x);
            std::fill_n(best, in.shape.c, -std::numeric_limits<Scalar>::infinity());
            std::fill_n(winner, in.shape.c, std::size_t{0});
            bool any = false;
            detail::for_window(win_, in.shape, y, x, [&](std::size_t iy, std::size_t ix) {
                const Scalar* value = in.at(n, iy, ix);
                for (std::size_t c = 0; c < in.shape.c; ++c) {
                    const bool is_nan = value[c] != value[c];
                    if (any && !is_nan && !(value[c] > best[c])) continue;
                    best[c] = value[c];
                    winner[c] = iy * in.shape.w + ix;
                }
                any = true;
            });
        });
        return out;
    }

    void backward(const feature_map_view<const Scalar>& in, scratch& s, const pass& run, Scalar*,
                  const feature_map_view<Scalar>& in_gradient, bool accumulate) const {
        if (in_gradient.data == nullptr) return;
        const feature_map_view<const Scalar> gradient = s.gradient.view(run.samples);
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            detail::clear_unless(accumulate, in_gradient, first, last);
        });
        for_outputs(s, run, [&](std::size_t n, std::size_t y, std::size_t x, const std::size_t* winner) {
            const Scalar* from = gradient.at(n, y, x);
            for (std::size_t c = 0; c < in.shape.c; ++c) {
                in_gradient.at(n, winner[c] / in.shape.w, winner[c] % in.shape.w)[c] += from[c];
            }
        });
    }

    feature_map_view<const Scalar> tangent(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        s.tangent.resize(s.out.shape(), s.out.halo());
        const feature_map_view<Scalar> out = s.tangent.view(run.samples);
        for_outputs(s, run, [&](std::size_t n, std::size_t y, std::size_t x, const std::size_t* winner) {
            Scalar* to = out.at(n, y, x);
            for (std::size_t c = 0; c < in.shape.c; ++c) {
                to[c] = in.at(n, winner[c] / in.shape.w, winner[c] % in.shape.w)[c];
            }
        });
        return out;
    }

    template <typename Visitor>
    void visit_taps(scratch&, std::size_t, Visitor&&) const {}

  private:
    template <typename Body>
    static void for_outputs(scratch& s, const pass& run, Body&& body) {
        const feature_map_shape shape = s.out.shape();
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            for (std::size_t n = first; n < last; ++n) {
                for (std::size_t y = 0; y < shape.h; ++y) {
                    for (std::size_t x = 0; x < shape.w; ++x) {
                        body(n, y, x, s.winner.data() + ((n * shape.h + y) * shape.w + x) * shape.c);
                    }
                }
            }
        });
    }

    window win_;
};

/// Mean of each window; padding counts as zeros.
template <typename Scalar>
class average_pool : public detail::without_parameters {
  public:
    using scalar = Scalar;
    using scratch = detail::map_scratch<Scalar>;
    static constexpr std::size_t tap_count = 0;

    /// `win`: kernel, stride and padding.
    explicit average_pool(window win) : win_(win) {}

    /// Kernel, stride and padding.
    [[nodiscard]] const window& settings() const noexcept { return win_; }

    [[nodiscard]] feature_map_shape output_shape(const feature_map_shape& in) const {
        return detail::window_output("net::average_pool", win_, in, in.c);
    }
    [[nodiscard]] extent_2d input_halo() const noexcept { return {}; }
    void prepare(scratch& s, const feature_map_view<const Scalar>& in, const extent_2d& halo,
                 std::size_t) const {
        s.prepare(output_shape(in.shape), halo);
    }

    feature_map_view<const Scalar> forward(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        return mean(in, s.out.view(run.samples), run);
    }

    void backward(const feature_map_view<const Scalar>& in, scratch& s, const pass& run, Scalar*,
                  const feature_map_view<Scalar>& in_gradient, bool accumulate) const {
        if (in_gradient.data == nullptr) return;
        const feature_map_view<const Scalar> gradient = s.gradient.view(run.samples);
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            detail::clear_unless(accumulate, in_gradient, first, last);
            for (std::size_t n = first; n < last; ++n) {
                for (std::size_t y = 0; y < gradient.shape.h; ++y) {
                    for (std::size_t x = 0; x < gradient.shape.w; ++x) {
                        const Scalar* from = gradient.at(n, y, x);
                        detail::for_window(win_, in.shape, y, x, [&](std::size_t iy, std::size_t ix) {
                            Scalar* to = in_gradient.at(n, iy, ix);
                            for (std::size_t c = 0; c < in.shape.c; ++c) to[c] += from[c] * weight();
                        });
                    }
                }
            }
        });
    }

    feature_map_view<const Scalar> tangent(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        s.tangent.resize(s.out.shape(), s.out.halo());
        return mean(in, s.tangent.view(run.samples), run);
    }

    template <typename Visitor>
    void visit_taps(scratch&, std::size_t, Visitor&&) const {}

  private:
    [[nodiscard]] Scalar weight() const noexcept {
        return Scalar(1) / static_cast<Scalar>(win_.kernel.rows * win_.kernel.cols);
    }
    feature_map_view<const Scalar> mean(const feature_map_view<const Scalar>& in,
                                        const feature_map_view<Scalar>& out, const pass& run) const {
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            for (std::size_t n = first; n < last; ++n) {
                for (std::size_t y = 0; y < out.shape.h; ++y) {
                    for (std::size_t x = 0; x < out.shape.w; ++x) {
                        Scalar* to = out.at(n, y, x);
                        std::fill_n(to, out.shape.c, Scalar(0));
                        detail::for_window(win_, in.shape, y, x, [&](std::size_t iy, std::size_t ix) {
                            const Scalar* from = in.at(n, iy, ix);
                            for (std::size_t c = 0; c < out.shape.c; ++c) to[c] += from[c];
                        });
                        for (std::size_t c = 0; c < out.shape.c; ++c) to[c] *= weight();
                    }
                }
            }
        });
        return out;
    }

    window win_;
};

/// Mean of each map: (n, c, h, w) to (n, c, 1, 1).
template <typename Scalar>
class global_average_pool : public detail::without_parameters {
  public:
    using scalar = Scalar;
    using scratch = detail::map_scratch<Scalar>;
    static constexpr std::size_t tap_count = 0;

    [[nodiscard]] feature_map_shape output_shape(const feature_map_shape& in) const {
        return {in.n, in.c, 1, 1};
    }
    [[nodiscard]] extent_2d input_halo() const noexcept { return {}; }
    void prepare(scratch& s, const feature_map_view<const Scalar>& in, const extent_2d& halo,
                 std::size_t) const {
        s.prepare(output_shape(in.shape), halo);
    }

    feature_map_view<const Scalar> forward(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        return mean(in, s.out.view(run.samples), run);
    }

    void backward(const feature_map_view<const Scalar>& in, scratch& s, const pass& run, Scalar*,
                  const feature_map_view<Scalar>& in_gradient, bool accumulate) const {
        if (in_gradient.data == nullptr) return;
        const feature_map_view<const Scalar> gradient = s.gradient.view(run.samples);
        const Scalar weight = Scalar(1) / static_cast<Scalar>(in.shape.positions());
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            for (std::size_t n = first; n < last; ++n) {
                const Scalar* from = gradient.at(n);
                for (std::size_t y = 0; y < in.shape.h; ++y) {
                    for (std::size_t x = 0; x < in.shape.w; ++x) {
                        Scalar* to = in_gradient.at(n, y, x);
                        if (accumulate) {
                            for (std::size_t c = 0; c < in.shape.c; ++c) to[c] += from[c] * weight;
                        } else {
                            for (std::size_t c = 0; c < in.shape.c; ++c) to[c] = from[c] * weight;
                        }
                    }
                }
            }
        });
    }

    feature_map_view<const Scalar> tangent(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        s.tangent.resize(s.out.shape(), s.out.halo());
        return mean(in, s.tangent.view(run.samples), run);
    }

    template <typename Visitor>
    void visit_taps(scratch&, std::size_t, Visitor&&) const {}

  private:
    static feature_map_view<const Scalar> mean(const feature_map_view<const Scalar>& in,
                                               const feature_map_view<Scalar>& out, const pass& run) {
        const Scalar weight = Scalar(1) / static_cast<Scalar>(in.shape.positions());
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            for (std::size_t n = first; n < last; ++n) {
                Scalar* to = out.at(n);
                std::fill_n(to, out.shape.c, Scalar(0));
                for (std::size_t y = 0; y < in.shape.h; ++y) {
                    for (std::size_t x = 0; x < in.shape.w; ++x) {
                        const Scalar* from = in.at(n, y, x);
                        for (std::size_t c = 0; c < out.shape.c; ++c) to[c] += from[c];
                    }
                }
                for (std::size_t c = 0; c < out.shape.c; ++c) to[c] *= weight;
            }
        });
        return out;
    }
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
