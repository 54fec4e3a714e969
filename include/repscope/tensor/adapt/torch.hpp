#pragma once

// Opt-in: a file that includes this header includes <torch/script.h>, <torch/torch.h> or <ATen/ATen.h> before
// it and links libtorch.
#ifndef AT_FORALL_SCALAR_TYPES
#error "include <torch/script.h>, <torch/torch.h> or <ATen/ATen.h> before this header, and link libtorch"
#else

#include "repscope/error.hpp"
#include "repscope/tensor/scalar.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// A tensor of PyTorch as `tensor_view<const T, Rank>`: the same memory without a copy, with any strides
/// (sliced, permuted, expanded, channels last).
///
/// `T` and `Rank` are the expected type and rank, which a tensor has at run time only: `from_torch<float,
/// 4>(t)`. The view holds no reference: keep the tensor, and do not resize it, while the view is in use. A
/// tensor that requires a gradient is valid, too. Throws `shape_error` for another rank and `value_error` for
/// elements of another type. Throws `value_error` also for tensors without strided memory that the CPU can
/// read: undefined ones, those of other devices (call `.cpu()`), sparse ones (`.to_dense()`), and those with
/// a pending sign (`.resolve_neg()`). O(Rank).
template <real_scalar T, std::size_t Rank>
[[nodiscard]] tensor_view<const T, Rank> from_torch(const at::Tensor& tensor) {
    const auto require = [](bool holds, const std::string& expected, auto&& got) {
        if (!holds) errors::throw_value_error("from_torch", "expected " + expected + ", got " + got());
    };
    require(tensor.defined(), "a tensor", [] { return "an undefined one"; });
    require(tensor.device().is_cpu(), "a tensor on the CPU",
            [&] { return "device " + tensor.device().str(); });
    require(tensor.layout() == at::kStrided, "a strided tensor", [] { return "another layout"; });
    constexpr at::ScalarType type = c10::CppTypeToScalarType<T>::value;
    require(tensor.scalar_type() == type, std::string("elements of type ") + c10::toString(type),
            [&] { return c10::toString(tensor.scalar_type()); });
    require(!tensor.is_neg(), "a tensor without a pending sign",
            [] { return "one to be negated: call resolve_neg()"; });
    if (static_cast<std::size_t>(tensor.dim()) != Rank) {
        std::vector<std::size_t> shape;
        for (const std::int64_t extent : tensor.sizes()) shape.push_back(static_cast<std::size_t>(extent));
        errors::throw_shape_error("from_torch", "expected rank " + errors::text_of(Rank), shape);
    }
    std::array<std::size_t, Rank> extents{};
    std::array<std::ptrdiff_t, Rank> strides{};
    for (std::size_t axis = 0; axis < Rank; ++axis) {
        const auto which = static_cast<std::int64_t>(axis);
        extents[axis] = static_cast<std::size_t>(tensor.size(which));
        strides[axis] = static_cast<std::ptrdiff_t>(tensor.stride(which));
    }
    return {tensor.data_ptr<T>(), extents, strides};
}

/// A temporary tensor may be the last owner of its memory: give it a name first.
template <real_scalar T, std::size_t Rank>
tensor_view<const T, Rank> from_torch(const at::Tensor&& tensor) = delete;

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope

#endif
