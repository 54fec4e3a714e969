#pragma once

#include "repscope/model/concepts.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {
namespace detail {

/// A `differentiable` model without its type, so that an attack is compiled once per scalar and not once per
/// model. Does not own the model. One indirect call per batch.
template <typename Scalar>
class erased_model {
  public:
    template <typename Model>
        requires differentiable<Model, Scalar>
    explicit erased_model(Model& model) noexcept
        : model_(&model), call_([](const void* address, const tensor_view<const Scalar, 4>& x,
                                   std::span<const int> labels, std::span<double> losses,
                                   std::span<int> predicted, const tensor_view<Scalar, 4>& gradient) {
              model_at<Model>(address)(x, labels, losses, predicted, gradient);
          }),
          classes_([](const void* address, const std::array<std::size_t, 4>& extents) -> std::uint64_t {
              if constexpr (requires(Model & m) { m.classes(extents); })
                  return model_at<Model>(address).classes(extents);
              else
                  return std::uint64_t{1} << 31U;
          }) {}

    void operator()(const tensor_view<const Scalar, 4>& x, std::span<const int> labels,
                    std::span<double> losses, std::span<int> predicted,
                    const tensor_view<Scalar, 4>& gradient) const {
        call_(model_, x, labels, losses, predicted, gradient);
    }

    /// Number of classes of the model; 2^31 for a model without a member `classes`.
    [[nodiscard]] std::uint64_t classes(const std::array<std::size_t, 4>& extents) const {
        return classes_(model_, extents);
    }

  private:
    /// The model with its original constness: a const model is called as const.
    template <typename Model>
    [[nodiscard]] static Model& model_at(const void* address) noexcept {
        return *const_cast<Model*>(static_cast<const Model*>(address));
    }

    const void* model_;
    void (*call_)(const void*, const tensor_view<const Scalar, 4>&, std::span<const int>, std::span<double>,
                  std::span<int>, const tensor_view<Scalar, 4>&);
    std::uint64_t (*classes_)(const void*, const std::array<std::size_t, 4>&);
};

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
