#pragma once

#include "repscope/detail/net/convolution.hpp"
#include "repscope/error.hpp"
#include "repscope/net/feature_maps.hpp"
#include "repscope/net/init.hpp"
#include "repscope/net/workspace.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

namespace detail {

/// Extents of the output of a window, with checks.
[[nodiscard]] inline feature_map_shape window_output(const char* function, const window& win,
                                                     const feature_map_shape& in, std::size_t channels) {
    const auto along = [&](std::size_t size, std::size_t kernel, std::size_t stride, std::size_t padding) {
        if (kernel == 0 || stride == 0 || size + 2 * padding < kernel) {
            const std::size_t got[] = {in.n, in.c, in.h, in.w};
            errors::throw_shape_error(function, "expected maps that a kernel of " + errors::text_of(kernel) +
                                                    ", stride " + errors::text_of(stride) + " and padding " +
                                                    errors::text_of(padding) + " fits into, got shape " +
                                                    format_shape(got));
        }
        return (size + 2 * padding - kernel) / stride + 1;
    };
    return {in.n, channels, along(in.h, win.kernel.rows, win.stride.rows, win.padding.rows),
            along(in.w, win.kernel.cols, win.stride.cols, win.padding.cols)};
}

inline void check_channels(const char* function, std::size_t expected, const feature_map_shape& got) {
    if (got.c == expected) return;
    const std::size_t extents[] = {got.n, got.c, got.h, got.w};
    errors::throw_shape_error(function, "expected " + errors::text_of(expected) + " channels", extents);
}

/// Memory of a convolution between its passes, shared by all layers with a convolution.
template <typename T>
struct conv_scratch {
    convolution<T> product;
    map_buffer<T> out, gradient, tangent;
    map_buffer<T> padded; // gradients of the output with their border, a chunk of samples per worker
    buffer<T> sums, bias;
    buffer<double> bias_sums; // (lanes, out channels)

    void prepare(const window& win, const feature_map_view<const T>& in, const feature_map_shape& out_shape,
                 const extent_2d& halo, std::size_t workers) {
        out.resize(out_shape, halo);
        gradient.resize(out_shape);
        product.plan(win, in, std::as_const(out).view(in.shape.n));
        padded.resize({workers * product.chunk(), out_shape.c, out_shape.h, out_shape.w},
                      convolution<T>::gradient_halo(win, in.shape, out_shape));
        feature_map_view<const T> in_gradient{nullptr, in.shape, static_cast<std::ptrdiff_t>(in.row_length()),
                                              static_cast<std::ptrdiff_t>(in.shape.h * in.row_length())};
        product.plan_backward(padded.view(1), in_gradient);
        sums.resize(max_lanes * product.weight_sum_size());
        bias.resize(padded_columns<T>(out_shape.c));
        bias_sums.resize(max_lanes * out_shape.c);
    }

    /// Both gradients of the product. `fill(n, to, to_n)` writes the gradient of sample n of the output of
    /// the product; a null pointer skips it.
    template <typename Fill>
    void backward(const feature_map_view<const T>& in, const pass& run, bool wants_weights,
                  const feature_map_view<T>& in_gradient, bool accumulate, Fill&& fill) {
        const feature_map_view<T> chunks = padded.view(padded.shape().n);
        const std::size_t chunk = product.chunk();
        const std::size_t size = product.weight_sum_size();
        for_each_lane(run, [&](std::size_t lane, std::size_t first, std::size_t last, std::size_t worker) {
            if (wants_weights) std::memset(sums.data() + lane * size, 0, size * sizeof(T));
            for (std::size_t n = first; n < last; n += chunk) {
                const std::size_t count = (std::min)(chunk, last - n);
                for (std::size_t i = 0; i < count; ++i) fill(n + i, chunks, worker * chunk + i);
                if (wants_weights) {
                    product.backward_weights(in, n, chunks, worker * chunk, count, sums.data() + lane * size);
                }
                if (in_gradient.data != nullptr) {
                    product.backward_input(chunks, worker * chunk, in_gradient, n, count, accumulate);
                }
            }
        });
    }

    /// Sums of the gradient of the output over samples and positions, for each channel.
    void bias_gradient(const pass& run, const feature_map_view<const T>& from, T* to) {
        const std::size_t channels = from.shape.c;
        for_each_lane(run, [&](std::size_t lane, std::size_t first, std::size_t last, std::size_t) {
            double* sum = bias_sums.data() + lane * channels;
            std::fill_n(sum, channels, 0.0);
            for_rows(
                first, last,
                [&](std::size_t count, const T* row) {
                    for (std::size_t x = 0; x < count; x += channels) {
                        for (std::size_t c = 0; c < channels; ++c) sum[c] += static_cast<double>(row[x + c]);
                    }
                },
                from);
        });
        for (std::size_t c = 0; c < channels; ++c) {
            double sum = 0;
            for (std::size_t lane = 0; lane < lane_count(run.samples); ++lane)
                sum += bias_sums[lane * channels + c];
            to[c] = static_cast<T>(sum);
        }
    }
};

} // namespace detail

/// Convolution in the sense of neural networks (a correlation), with any kernel, stride and padding.
///
/// Maps (n, in, h, w) to (n, out, h', w'), h' = floor((h + 2 padding - kernel) / stride) + 1. Parameters:
/// weights (out, in, kernel rows, kernel columns), then the bias (out) if there is one. The input is read in
/// place, so the layer below must keep a border of zeros as wide as the padding. Cost: n h' w' out in kernel
/// multiply-adds per pass, and as many for each of the two gradients.
template <typename Scalar>
class conv2d {
  public:
    using scalar = Scalar;
    using scratch = detail::conv_scratch<Scalar>;
    static constexpr std::size_t tap_count = 0;

    /// Settings of the layer.
    struct config {
        std::size_t in = 1, out = 1; ///< channels of the input and of the output
        window win{};                ///< kernel, stride and padding
        bool bias = true;            ///< the layer adds a number per channel
        std::string name = "conv";   ///< name of the layer
    };

    /// A layer with parameters 0.
    explicit conv2d(config values)
        : config_(std::move(values)), weight_name_(config_.name + ".weight"),
          bias_name_(config_.name + ".bias"),
          parameters_(weight_count() + (config_.bias ? config_.out : 0), Scalar(0)) {}

    /// The settings of the layer.
    [[nodiscard]] const config& settings() const noexcept { return config_; }
    /// The weights, (out, in, kernel rows, kernel columns).
    [[nodiscard]] std::span<Scalar> weights() noexcept { return {parameters_.data(), weight_count()}; }
    /// The weights, (out, in, kernel rows, kernel columns).
    [[nodiscard]] std::span<const Scalar> weights() const noexcept {
        return {parameters_.data(), weight_count()};
    }
    /// The bias of each channel; empty without a bias.
    [[nodiscard]] std::span<Scalar> bias() noexcept { return std::span(parameters_).subspan(weight_count()); }
    /// The bias of each channel; empty without a bias.
    [[nodiscard]] std::span<const Scalar> bias() const noexcept {
        return std::span(parameters_).subspan(weight_count());
    }
    [[nodiscard]] std::size_t parameter_count() const noexcept { return parameters_.size(); }

    [[nodiscard]] feature_map_shape output_shape(const feature_map_shape& in) const {
        detail::check_channels("net::conv2d", config_.in, in);
        return detail::window_output("net::conv2d", config_.win, in, config_.out);
    }
    [[nodiscard]] extent_2d input_halo() const noexcept { return config_.win.padding; }
    void prepare(scratch& s, const feature_map_view<const Scalar>& in, const extent_2d& halo,
                 std::size_t workers) const {
        s.prepare(config_.win, in, output_shape(in.shape), halo, workers);
    }

    feature_map_view<const Scalar> forward(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        s.product.pack_forward(weights());
        std::copy(bias().begin(), bias().end(), s.bias.data());
        const feature_map_view<Scalar> out = s.out.view(run.samples);
        const detail::epilogue<Scalar> end{.bias = s.bias.data()};
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            s.product.forward(in, out, first, last, end);
        });
        return out;
    }

    /// Computes both gradients; `parameters` and `in_gradient` may be null.
    void backward(const feature_map_view<const Scalar>& in, scratch& s, const pass& run, Scalar* parameters,
                  const feature_map_view<Scalar>& in_gradient, bool accumulate) const {
        if (in_gradient.data != nullptr) s.product.pack_backward(weights());
        const feature_map_view<const Scalar> gradient = s.gradient.view(run.samples);
        s.backward(in, run, parameters != nullptr, in_gradient, accumulate,
                   [&](std::size_t n, const feature_map_view<Scalar>& to, std::size_t to_n) {
                       for (std::size_t y = 0; y < gradient.shape.h; ++y) {
                           std::memcpy(to.at(to_n, y), gradient.at(n, y),
                                       gradient.row_length() * sizeof(Scalar));
                       }
                   });
        if (parameters == nullptr) return;
        s.product.fold_weights(s.sums.data(), detail::lane_count(run.samples), parameters);
        if (config_.bias) s.bias_gradient(run, gradient, parameters + weight_count());
    }

    /// The directional derivative of the output for a tangent of the input.
    feature_map_view<const Scalar> tangent(const feature_map_view<const Scalar>& in, scratch& s,
                                           const pass& run) const {
        s.tangent.resize(s.out.shape(), s.out.halo());
        s.product.pack_forward(weights());
        const feature_map_view<Scalar> out = s.tangent.view(run.samples);
        detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            s.product.forward(in, out, first, last, {});
        });
        return out;
    }

    template <typename Visitor>
    void visit_taps(scratch&, std::size_t, Visitor&&) const {}
    template <typename Visitor>
    void visit_parameters(Visitor&& visit) {
        visit(weight_name_, weights());
        if (config_.bias) visit(bias_name_, bias());
    }
    template <typename Visitor>
    void visit_state(Visitor&&) {}
    void update_state(const scratch&) {}
    void initialize(initializer& random) {
        const std::size_t taps = config_.win.kernel.rows * config_.win.kernel.cols;
        random.weights(weights(), config_.in * taps, config_.out * taps);
        if (config_.bias) random.bias(bias(), config_.in * taps);
    }

  private:
    [[nodiscard]] std::size_t weight_count() const noexcept {
        return config_.out * config_.in * config_.win.kernel.rows * config_.win.kernel.cols;
    }

    config config_;
    std::string weight_name_, bias_name_; // computed once, because every step visits the parameters
    std::vector<Scalar> parameters_;
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
