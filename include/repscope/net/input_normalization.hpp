#pragma once

#include "repscope/error.hpp"
#include "repscope/net/feature_maps.hpp"
#include "repscope/net/workspace.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// The normalization of a network's input: (x - mean) / std per channel, so that callers use data units.
///
/// One mean and one standard deviation per channel. Throws `value_error` if a stddev is not positive.
template <typename Scalar>
class normalization {
  public:
    /// Mean and standard deviation per channel.
    normalization(std::vector<double> mean, std::vector<double> stddev)
        : mean_(std::move(mean)), deviation_(std::move(stddev)) {
        if (mean_.empty() || mean_.size() != deviation_.size()) {
            errors::throw_shape_error("net::normalization",
                                      "expected one mean and one stddev per channel, got " +
                                          errors::text_of(mean_.size()) + " and " +
                                          errors::text_of(deviation_.size()));
        }
        for (const double value : deviation_) {
            if (value > 0) continue;
            errors::throw_value_error("net::normalization",
                                      "expected deviations above 0, got " + errors::text_of(value));
        }
    }

    /// Number of channels.
    [[nodiscard]] std::size_t channels() const noexcept { return mean_.size(); }
    /// The mean of each channel.
    [[nodiscard]] const std::vector<double>& mean() const noexcept { return mean_; }
    /// The standard deviation of each channel.
    [[nodiscard]] const std::vector<double>& stddev() const noexcept { return deviation_; }

    /// to = (x - mean) / stddev.
    void forward(const tensor_view<const Scalar, 4>& x, const feature_map_view<Scalar>& to,
                 const pass& run) const {
        each(x, to, run, [this](const Scalar& value, Scalar& out, std::size_t c) {
            out = (value - static_cast<Scalar>(mean_[c])) * static_cast<Scalar>(1 / deviation_[c]);
        });
    }
    /// to = tangent / stddev.
    void tangent(const tensor_view<const Scalar, 4>& x, const feature_map_view<Scalar>& to,
                 const pass& run) const {
        each(x, to, run, [this](const Scalar& value, Scalar& out, std::size_t c) {
            out = value * static_cast<Scalar>(1 / deviation_[c]);
        });
    }
    /// gradient = from / stddev.
    void backward(const feature_map_view<Scalar>& from, const tensor_view<Scalar, 4>& gradient,
                  const pass& run) const {
        each(gradient, from, run, [this](Scalar& out, const Scalar& value, std::size_t c) {
            out = value * static_cast<Scalar>(1 / deviation_[c]);
        });
    }

  private:
    template <typename T, typename Body>
    static void each(const tensor_view<T, 4>& x, const feature_map_view<Scalar>& maps, const pass& run,
                     Body&& body) {
        const feature_map_shape& shape = maps.shape;
        net::detail::for_each_lane(run, [&](std::size_t, std::size_t first, std::size_t last, std::size_t) {
            for (std::size_t n = first; n < last; ++n) {
                for (std::size_t y = 0; y < shape.h; ++y) {
                    for (std::size_t c = 0; c < shape.c; ++c) {
                        Scalar* other = maps.at(n, y) + c;
                        T* own = &x(n, c, y, std::size_t{0});
                        for (std::size_t i = 0; i < shape.w; ++i, own += x.stride(3), other += shape.c) {
                            body(*own, *other, c);
                        }
                    }
                }
            }
        });
    }

    std::vector<double> mean_, deviation_;
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
