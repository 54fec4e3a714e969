#pragma once

#include "repscope/net/feature_maps.hpp"
#include "repscope/net/init.hpp"
#include "repscope/net/layers/conv2d.hpp"
#include "repscope/net/workspace.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace training {

namespace detail {

/// to = from, with `Add` to += factor from; maps of one shape.
template <bool Add, typename T>
inline void combine(const net::pass& run, const net::feature_map_view<T>& to,
                    const net::feature_map_view<const T>& from, T factor = T(1)) {
    net::detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
        net::detail::for_rows(
            first, last,
            [&](std::size_t count, T* row, const T* source) {
                for (std::size_t i = 0; i < count; ++i)
                    row[i] = Add ? row[i] + factor * source[i] : factor * source[i];
            },
            to, from);
    });
}

} // namespace detail

/// Convolutional dictionary: B maps activations (n, out, h', w') to their reconstruction (n, in, h, w), with
/// one atom (in, kernel rows, kernel columns) per output channel; B^T is the convolution with the atoms. With
/// a kernel of one pixel on maps of one pixel it is a matrix.
///
/// Parameters: the atoms, of unit length, and a shrinkage lambda of 0 or more per channel, which is the
/// negative bias of the convolution. `renew()` restores both constraints after an optimizer step. State:
/// `curvature`, approximately the largest eigenvalue of B^T B.
template <typename Scalar>
class dictionary {
  public:
    /// Settings of the layer.
    struct config {
        std::size_t in = 1, out = 1; ///< channels of the input and of the output
        net::window win{};           ///< kernel, stride and padding
        double shrinkage = .01;      ///< lambda at first
        std::string name = "atoms";  ///< name of the layer
    };
    /// Memory of one workspace.
    struct scratch {
        net::detail::conv_scratch<Scalar> conv; ///< memory of the convolution
        net::map_buffer<Scalar> lower; ///< a reconstruction, with the border that the convolution reads
        std::vector<Scalar> weights;   ///< of one product
    };

    /// A dictionary with atoms 0.
    explicit dictionary(config values)
        : config_(std::move(values)), conv_({.in = config_.in,
                                             .out = config_.out,
                                             .win = config_.win,
                                             .bias = false,
                                             .name = config_.name}),
          shrinkage_name_(config_.name + ".shrinkage"), curvature_name_(config_.name + ".curvature"),
          shrinkage_(config_.out, static_cast<Scalar>(config_.shrinkage)), curvature_(1, Scalar(1)) {}

    /// The settings of the layer.
    [[nodiscard]] const config& settings() const noexcept { return config_; }
    /// The atoms, (out, in, kernel rows, kernel columns).
    [[nodiscard]] std::span<Scalar> atoms() noexcept { return conv_.weights(); }
    /// The atoms, (out, in, kernel rows, kernel columns).
    [[nodiscard]] std::span<const Scalar> atoms() const noexcept { return conv_.weights(); }
    /// Lambda of each channel.
    [[nodiscard]] std::span<Scalar> shrinkage() noexcept { return shrinkage_; }
    /// Lambda of each channel.
    [[nodiscard]] std::span<const Scalar> shrinkage() const noexcept { return shrinkage_; }
    /// Approximately the largest eigenvalue of B^T B.
    [[nodiscard]] Scalar curvature() const noexcept { return curvature_[0]; }
    [[nodiscard]] std::size_t parameter_count() const noexcept {
        return conv_.parameter_count() + shrinkage_.size();
    }
    [[nodiscard]] net::feature_map_shape output_shape(const net::feature_map_shape& in) const {
        return conv_.output_shape(in);
    }

    void prepare(scratch& s, const net::feature_map_shape& in, std::size_t workers) const {
        s.lower.resize(in, conv_.input_halo());
        conv_.prepare(s.conv, std::as_const(s.lower).view(in.n), {}, workers);
        s.weights.resize(atoms().size());
    }
    /// B^T of the contents of `s.lower`.
    net::feature_map_view<const Scalar> encode(scratch& s, const net::pass& run) const {
        return conv_.forward(s.lower.view(run.samples), s.conv, run);
    }
    /// to = B w.
    void decode(const net::feature_map_view<const Scalar>& w, const net::feature_map_view<Scalar>& to,
                scratch& s, const net::pass& run) const {
        detail::combine<false>(run, s.conv.gradient.view(run.samples), w);
        conv_.backward(s.lower.view(run.samples), s.conv, run, nullptr, to, false);
    }
    /// Adds factor times the derivative of <w, B^T z> by the atoms to `gradient`, with z in `s.lower`.
    void add_gradient(const net::feature_map_view<const Scalar>& w, Scalar factor, scratch& s,
                      const net::pass& run, Scalar* gradient) const {
        detail::combine<false>(run, s.conv.gradient.view(run.samples), w, factor);
        conv_.backward(s.lower.view(run.samples), s.conv, run, s.weights.data(), {}, false);
        for (std::size_t i = 0; i < s.weights.size(); ++i) gradient[i] += s.weights[i];
    }
    /// Adds the sums of w over samples and positions, times factor, to `gradient`, one per channel.
    void add_shrinkage_gradient(const net::feature_map_view<const Scalar>& w, Scalar factor, scratch& s,
                                const net::pass& run, Scalar* gradient) const {
        s.conv.bias_gradient(run, w, s.weights.data());
        for (std::size_t c = 0; c < config_.out; ++c) gradient[c] += factor * s.weights[c];
    }

    template <typename Visitor>
    void visit_parameters(Visitor&& visit) {
        conv_.visit_parameters(visit);
        visit(shrinkage_name_, shrinkage());
    }
    template <typename Visitor>
    void visit_state(Visitor&& visit) {
        visit(curvature_name_, std::span<Scalar>(curvature_));
    }
    void initialize(net::initializer& random) {
        conv_.initialize(random);
        std::fill(shrinkage_.begin(), shrinkage_.end(), static_cast<Scalar>(config_.shrinkage));
        probe_.clear();
        renew(50);
    }

    /// Normalizes atoms to unit length (a zero atom is kept), clips shrinkage to 0 or more, and runs `rounds`
    /// rounds of power iteration for the curvature, starting from the end of the last call.
    ///
    /// The iteration is on a torus of 8 x 8 positions: it evaluates the operator without borders, an upper
    /// bound for maps of finite size, at 64 of its frequencies. It approaches its largest eigenvalue there
    /// from below. Steps of 1 / curvature descend as long as the curvature is above half the true value.
    void renew(std::size_t rounds = 4) {
        const std::size_t size = atoms().size() / config_.out;
        for (std::size_t k = 0; k < config_.out; ++k) {
            const auto atom = atoms().subspan(k * size, size);
            double square = 0;
            for (const Scalar value : atom) square += static_cast<double>(value) * static_cast<double>(value);
            const double factor = square > 0 ? 1 / std::sqrt(square) : 0;
            for (Scalar& value : atom) value = static_cast<Scalar>(factor * static_cast<double>(value));
            shrinkage_[k] = (std::max)(shrinkage_[k], Scalar(0));
        }
        if (rounds > 0) iterate(rounds);
    }

  private:
    struct overlap {
        std::size_t rows, cols;   // on the torus
        std::vector<double> gram; // (out, out): inner products of atoms at this distance
    };

    /// Inner products of all pairs of atoms that are `down` and `right` output positions apart.
    [[nodiscard]] std::vector<double> gram(std::ptrdiff_t down, std::ptrdiff_t right) const {
        const net::window& win = config_.win;
        const auto rows = static_cast<std::ptrdiff_t>(win.kernel.rows),
                   cols = static_cast<std::ptrdiff_t>(win.kernel.cols);
        const std::ptrdiff_t dy = down * static_cast<std::ptrdiff_t>(win.stride.rows),
                             dx = right * static_cast<std::ptrdiff_t>(win.stride.cols);
        const std::size_t size = atoms().size() / config_.out;
        std::vector<double> products(config_.out * config_.out);
        for (std::size_t a = 0; a < config_.out; ++a) {
            for (std::size_t b = 0; b < config_.out; ++b) {
                const Scalar *left = atoms().data() + a * size, *other = atoms().data() + b * size;
                double sum = 0;
                for (std::size_t c = 0; c < config_.in; ++c, left += rows * cols, other += rows * cols) {
                    for (std::ptrdiff_t y = (std::max)(-dy, std::ptrdiff_t{0});
                         y < (std::min)(rows - dy, rows); ++y) {
                        for (std::ptrdiff_t x = (std::max)(-dx, std::ptrdiff_t{0});
                             x < (std::min)(cols - dx, cols); ++x) {
                            sum += static_cast<double>(left[y * cols + x]) *
                                   static_cast<double>(other[(y + dy) * cols + x + dx]);
                        }
                    }
                }
                products[a * config_.out + b] = sum;
            }
        }
        return products;
    }

    void iterate(std::size_t rounds) {
        const auto reach = [](std::size_t kernel, std::size_t stride) {
            return static_cast<std::ptrdiff_t>((kernel - 1) / stride);
        };
        const std::ptrdiff_t high = reach(config_.win.kernel.rows, config_.win.stride.rows),
                             wide = reach(config_.win.kernel.cols, config_.win.stride.cols);
        const auto torus = [](std::ptrdiff_t r) {
            return r == 0 ? std::size_t{1} : (std::max)(std::size_t{8}, static_cast<std::size_t>(2 * r + 1));
        };
        const std::size_t rows = torus(high), cols = torus(wide), out = config_.out;
        std::vector<overlap> overlaps;
        for (std::ptrdiff_t down = -high; down <= high; ++down) {
            for (std::ptrdiff_t right = -wide; right <= wide; ++right) {
                overlaps.push_back(
                    {(static_cast<std::size_t>(static_cast<std::ptrdiff_t>(rows) - down)) % rows,
                     (static_cast<std::size_t>(static_cast<std::ptrdiff_t>(cols) - right)) % cols,
                     gram(down, right)});
            }
        }
        if (probe_.size() != rows * cols * out) {
            probe_.resize(rows * cols * out);
            random_stream random(0, streams::id(streams::purpose::probe));
            for (double& value : probe_) value = random.normal();
        }
        std::vector<double> next(probe_.size());
        for (std::size_t round = 0; round < rounds; ++round) {
            std::fill(next.begin(), next.end(), 0.0);
            for (const overlap& part : overlaps) {
                for (std::size_t y = 0; y < rows; ++y) {
                    for (std::size_t x = 0; x < cols; ++x) {
                        const double* const from =
                            probe_.data() + ((y + part.rows) % rows * cols + (x + part.cols) % cols) * out;
                        double* const to = next.data() + (y * cols + x) * out;
                        for (std::size_t a = 0; a < out; ++a) {
                            double sum = 0;
                            for (std::size_t b = 0; b < out; ++b) sum += part.gram[a * out + b] * from[b];
                            to[a] += sum;
                        }
                    }
                }
            }
            double before = 0, after = 0;
            for (const double value : probe_) before += value * value;
            for (const double value : next) after += value * value;
            if (!(before > 0 && after > 0)) return;
            curvature_[0] = static_cast<Scalar>(std::sqrt(after / before));
            const double factor = 1 / std::sqrt(after);
            for (std::size_t i = 0; i < next.size(); ++i) probe_[i] = factor * next[i];
        }
    }

    config config_;
    net::conv2d<Scalar> conv_;
    std::string shrinkage_name_, curvature_name_;
    std::vector<Scalar> shrinkage_, curvature_;
    std::vector<double> probe_;
};

} // namespace training
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
