#pragma once

#include "repscope/error.hpp"
#include "repscope/model/concepts.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// A model for inputs in data units, made from one for inputs (x - mean) / std. Thus eps and gradients have
/// the same meaning for any normalization of the inner model.
///
/// `mean` and `std` have one entry per channel, or one for all. An lvalue is held by reference and must
/// outlive the wrapper; an rvalue is moved in. It is `differentiable`, and `layered`, `scored` or
/// `logit_differentiable` when the inner model is.
/// Not thread-safe.
template <typename Model, typename Scalar = float>
    requires differentiable<std::remove_reference_t<Model>, Scalar>
class normalized {
  public:
    /// Throws `value_error` for a `std` that is not above 0, `shape_error` if the lengths differ.
    normalized(Model&& model, std::vector<double> mean, std::vector<double> std)
        : model_(std::forward<Model>(model)), mean_(std::move(mean)), std_(std::move(std)) {
        if (mean_.empty() || mean_.size() != std_.size()) {
            errors::throw_shape_error("normalized", "expected one mean and one std per channel, got " +
                                                        errors::text_of(mean_.size()) + " and " +
                                                        errors::text_of(std_.size()));
        }
        for (const double value : std_) {
            if (value > 0) continue;
            errors::throw_value_error("normalized", "expected std above 0, got " + errors::text_of(value));
        }
    }

    void operator()(const tensor_view<const Scalar, 4>& x, std::span<const int> labels,
                    std::span<double> losses, std::span<int> predicted,
                    const tensor_view<Scalar, 4>& gradient) {
        model_(inner(x), labels, losses, predicted, gradient);
        scale(gradient);
    }

    [[nodiscard]] std::size_t classes(const std::array<std::size_t, 4>& x) const requires
        requires(const std::remove_reference_t<Model>& m) {
        m.classes(x);
    }
    { return model_.classes(x); }
    void logits(const tensor_view<const Scalar, 4>& x,
                const tensor_view<Scalar, 2>& to) requires scored<std::remove_reference_t<Model>, Scalar> {
        model_.logits(inner(x), to);
    }
    template <typename Upstream>
    void logit_vjp(const tensor_view<const Scalar, 4>& x, Upstream&& upstream_of,
                   const tensor_view<Scalar, 4>& gradient) requires
        logit_differentiable<std::remove_reference_t<Model>, Scalar> {
        model_.logit_vjp(inner(x), upstream_of, gradient);
        scale(gradient);
    }
    [[nodiscard]] std::size_t layers() const requires layered<std::remove_reference_t<Model>, Scalar> {
        return model_.layers();
    }
    [[nodiscard]] std::array<std::size_t, 4> extents(std::size_t layer, const std::array<std::size_t, 4>& x)
        const requires layered<std::remove_reference_t<Model>, Scalar> {
        return model_.extents(layer, x);
    }
    /// Computes vector-Jacobian products of a layer; see `layered`.
    void
    vjp(std::size_t layer, const tensor_view<const Scalar, 4>& x,
        const tensor_view<const Scalar, 4>& upstream,
        const tensor_view<Scalar, 4>& gradient) requires layered<std::remove_reference_t<Model>, Scalar> {
        model_.vjp(layer, inner(x), upstream, gradient);
        scale(gradient);
    }
    void jvp(std::size_t layer, const tensor_view<const Scalar, 4>& x,
             const tensor_view<const Scalar, 4>& tangent,
             const tensor_view<Scalar, 4>& out) requires layered<std::remove_reference_t<Model>, Scalar> {
        const auto within = inner(x);
        tangent_.resize(tangent.size());
        const tensor_view<Scalar, 4> scaled(tangent_.data(), tangent.extents());
        each(scaled, [&](Scalar& value, std::size_t n, std::size_t c, std::size_t y, std::size_t column) {
            value = tangent(n, c, y, column);
        });
        scale(scaled);
        model_.jvp(layer, within, scaled, out);
    }

  private:
    [[nodiscard]] std::size_t entry(std::size_t channel) const noexcept {
        return mean_.size() == 1 ? 0 : channel;
    }
    template <typename Body>
    static void each(const tensor_view<Scalar, 4>& view, Body&& body) {
        for (std::size_t n = 0; n < view.extent(0); ++n) {
            for (std::size_t c = 0; c < view.extent(1); ++c) {
                for (std::size_t y = 0; y < view.extent(2); ++y) {
                    for (std::size_t x = 0; x < view.extent(3); ++x) body(view(n, c, y, x), n, c, y, x);
                }
            }
        }
    }
    [[nodiscard]] tensor_view<const Scalar, 4> inner(const tensor_view<const Scalar, 4>& x) {
        if (mean_.size() != 1 && mean_.size() != x.extent(1)) {
            errors::throw_shape_error("normalized", "expected " + errors::text_of(mean_.size()) + " channels",
                                      x.extents());
        }
        scratch_.resize(x.size());
        const tensor_view<Scalar, 4> to(scratch_.data(), x.extents());
        each(to, [&](Scalar& value, std::size_t n, std::size_t c, std::size_t y, std::size_t column) {
            value = (x(n, c, y, column) - static_cast<Scalar>(mean_[entry(c)])) *
                    static_cast<Scalar>(1 / std_[entry(c)]);
        });
        return to;
    }
    void scale(const tensor_view<Scalar, 4>& gradient) const {
        if (gradient.empty()) return;
        each(gradient, [&](Scalar& value, std::size_t, std::size_t c, std::size_t, std::size_t) {
            value *= static_cast<Scalar>(1 / std_[entry(c)]);
        });
    }

    Model model_;
    std::vector<double> mean_, std_;
    std::vector<Scalar> scratch_, tangent_;
};

/// Of numbers in float.
template <typename Model>
normalized(Model&&, std::vector<double>, std::vector<double>) -> normalized<Model, float>;

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
