#pragma once

#include "repscope/error.hpp"
#include "repscope/model/layer_tap.hpp"
#include "repscope/net/init.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace training {

/// The input of a contrastive loss: the mean over positions of the network's last layer, mapped linearly and
/// scaled to length 1. z = (W a + b) / |W a + b|; a vector of zeros is kept.
///
/// It has separate parameters, in the order W (width, units), b (width), and can be optimized like a network.
template <typename Scalar>
class projection {
  public:
    using scalar = Scalar;

    /// From `units` units to latents of `width` numbers. Throws `value_error` for 0.
    projection(std::size_t units, std::size_t width)
        : units_(units), width_(width), parameters_((units + 1) * width) {
        if (units == 0 || width == 0) {
            errors::throw_value_error("training::projection", "expected units and a width above 0, got " +
                                                                  errors::text_of(units) + " and " +
                                                                  errors::text_of(width));
        }
    }
    void initialize(std::uint64_t seed, net::initialization how = net::initialization::fan_in) {
        net::initializer random(seed, how);
        random.weights(weights(), units_, width_);
        random.bias(bias(), units_);
    }
    template <typename Visitor>
    void visit_parameters(Visitor&& visit) {
        visit(std::string("projection.weight"), weights());
        visit(std::string("projection.bias"), bias());
    }
    /// Number of elements of a latent.
    [[nodiscard]] std::size_t width() const noexcept { return width_; }
    [[nodiscard]] std::size_t parameter_count() const noexcept { return parameters_.size(); }
    /// The matrix W, (width, units).
    [[nodiscard]] std::span<Scalar> weights() noexcept {
        return std::span(parameters_).first(units_ * width_);
    }
    /// The vector b.
    [[nodiscard]] std::span<Scalar> bias() noexcept { return std::span(parameters_).last(width_); }

    /// Writes the latents of the samples of `layer` to rows [first, first + samples) of `z`, which must have
    /// these rows and `width` columns. Throws `shape_error` for a layer of another number of units.
    void forward(const layer_tap<Scalar>& layer, std::size_t first, const tensor_view<Scalar, 2>& z) {
        const auto& a = layer.activation;
        if (a.extent(1) != units_) {
            errors::throw_shape_error("training::projection",
                                      "expected a layer of " + errors::text_of(units_) + " units",
                                      a.extents());
        }
        means_.resize((first + a.extent(0)) * units_);
        lengths_.resize(first + a.extent(0));
        const Scalar share = Scalar(1) / static_cast<Scalar>(a.extent(2) * a.extent(3));
        for (std::size_t n = 0; n < a.extent(0); ++n) {
            Scalar* const mean = means_.data() + (first + n) * units_;
            for (std::size_t u = 0; u < units_; ++u) mean[u] = 0;
            for (std::size_t y = 0; y < a.extent(2); ++y) {
                for (std::size_t x = 0; x < a.extent(3); ++x) {
                    for (std::size_t u = 0; u < units_; ++u) mean[u] += share * a(n, u, y, x);
                }
            }
            double square = 0;
            for (std::size_t k = 0; k < width_; ++k) {
                const Scalar* const w = parameters_.data() + k * units_;
                Scalar sum = parameters_[units_ * width_ + k];
                for (std::size_t u = 0; u < units_; ++u) sum += w[u] * mean[u];
                z(first + n, k) = sum;
                square += static_cast<double>(sum) * static_cast<double>(sum);
            }
            const double length = std::sqrt(square);
            lengths_[first + n] = length;
            for (std::size_t k = 0; k < width_ && length > 0; ++k) {
                z(first + n, k) = static_cast<Scalar>(static_cast<double>(z(first + n, k)) / length);
            }
        }
    }

    /// From the gradient of those rows of `z`: adds to the gradient of `layer`, and to `parameters`.
    void backward(const layer_tap<Scalar>& layer, std::size_t first, const tensor_view<const Scalar, 2>& z,
                  const tensor_view<const Scalar, 2>& z_gradient, std::span<Scalar> parameters) const {
        const auto& to = layer.gradient;
        const Scalar share = Scalar(1) / static_cast<Scalar>(to.extent(2) * to.extent(3));
        std::vector<Scalar> by_mean(units_);
        for (std::size_t n = 0; n < to.extent(0); ++n) {
            const std::size_t row = first + n;
            if (!(lengths_[row] > 0)) continue;
            const Scalar* const mean = means_.data() + row * units_;
            double along = 0;
            for (std::size_t k = 0; k < width_; ++k) {
                along += static_cast<double>(z(row, k)) * static_cast<double>(z_gradient(row, k));
            }
            for (Scalar& value : by_mean) value = 0;
            for (std::size_t k = 0; k < width_; ++k) {
                const auto g = static_cast<Scalar>(
                    (static_cast<double>(z_gradient(row, k)) - along * static_cast<double>(z(row, k))) /
                    lengths_[row]);
                const Scalar* const w = parameters_.data() + k * units_;
                Scalar* const by_w = parameters.data() + k * units_;
                for (std::size_t u = 0; u < units_; ++u) {
                    by_mean[u] += g * w[u];
                    by_w[u] += g * mean[u];
                }
                parameters[units_ * width_ + k] += g;
            }
            for (std::size_t y = 0; y < to.extent(2); ++y) {
                for (std::size_t x = 0; x < to.extent(3); ++x) {
                    for (std::size_t u = 0; u < units_; ++u) to(n, u, y, x) += share * by_mean[u];
                }
            }
        }
    }

  private:
    std::size_t units_, width_;
    std::vector<Scalar> parameters_, means_;
    std::vector<double> lengths_;
};

} // namespace training
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
