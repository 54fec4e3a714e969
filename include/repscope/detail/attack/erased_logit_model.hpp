#pragma once

#include "repscope/model/concepts.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {
namespace detail {

/// A function of logits without its type: the second argument of `logit_vjp`. Does not own the function.
template <typename Scalar>
class logit_function {
  public:
    template <typename Function>
    explicit logit_function(const Function& function) noexcept
        : function_(&function),
          call_([](const void* address, std::size_t first, const tensor_view<const Scalar, 2>& logits,
                   const tensor_view<Scalar, 2>& upstream) {
              (*static_cast<const Function*>(address))(first, logits, upstream);
          }) {}

    void operator()(std::size_t first, const tensor_view<const Scalar, 2>& logits,
                    const tensor_view<Scalar, 2>& upstream) const {
        call_(function_, first, logits, upstream);
    }

  private:
    const void* function_;
    void (*call_)(const void*, std::size_t, const tensor_view<const Scalar, 2>&,
                  const tensor_view<Scalar, 2>&);
};

/// A `scored` or `logit_differentiable` model without its type, so that an attack is compiled once per scalar
/// and not once per model. Does not own the model. One indirect call per batch.
template <typename Scalar>
class erased_logit_model {
  public:
    template <typename Model>
        requires scored<Model, Scalar>
    explicit erased_logit_model(Model& model) noexcept
        : model_(&model),
          logits_([](const void* address, const tensor_view<const Scalar, 4>& x,
                     const tensor_view<Scalar, 2>& to) { model_at<Model>(address).logits(x, to); }),
          classes_([](const void* address, const std::array<std::size_t, 4>& extents) {
              return static_cast<std::uint64_t>(model_at<Model>(address).classes(extents));
          }) {
        if constexpr (logit_differentiable<Model, Scalar>) {
            gradient_ = [](const void* address, const tensor_view<const Scalar, 4>& x,
                           const logit_function<Scalar>& upstream_of,
                           const tensor_view<Scalar, 4>& gradient) {
                model_at<Model>(address).logit_vjp(x, upstream_of, gradient);
            };
        }
    }

    void logits(const tensor_view<const Scalar, 4>& x, const tensor_view<Scalar, 2>& to) const {
        logits_(model_, x, to);
    }
    /// Undefined for a model that is not `logit_differentiable`.
    template <typename Function>
    void logit_vjp(const tensor_view<const Scalar, 4>& x, const Function& upstream_of,
                   const tensor_view<Scalar, 4>& gradient) const {
        gradient_(model_, x, logit_function<Scalar>(upstream_of), gradient);
    }
    /// Whether the model is `logit_differentiable`.
    [[nodiscard]] bool has_gradients() const noexcept { return gradient_ != nullptr; }
    [[nodiscard]] std::uint64_t classes(const std::array<std::size_t, 4>& extents) const {
        return classes_(model_, extents);
    }

  private:
    /// The model with its original constness.
    template <typename Model>
    [[nodiscard]] static Model& model_at(const void* address) noexcept {
        return *const_cast<Model*>(static_cast<const Model*>(address));
    }

    const void* model_;
    void (*logits_)(const void*, const tensor_view<const Scalar, 4>&, const tensor_view<Scalar, 2>&);
    void (*gradient_)(const void*, const tensor_view<const Scalar, 4>&, const logit_function<Scalar>&,
                      const tensor_view<Scalar, 4>&) = nullptr;
    std::uint64_t (*classes_)(const void*, const std::array<std::size_t, 4>&);
};

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
