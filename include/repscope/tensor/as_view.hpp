#pragma once

#include "repscope/detail/tensor/adapt/eigen.hpp"
#include "repscope/detail/tensor/adapt/mdspan.hpp"
#include "repscope/detail/tensor/adapt/range.hpp"
#include "repscope/detail/tensor/adapt/xtensor.hpp"
#include "repscope/tensor/tensor_traits.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

template <typename T>
concept has_tensor_traits = requires(const T& x) {
    tensor_traits<T>::view(x).data_handle();
};

enum class tensor_kind { none, traits, mdspan, eigen, static_xtensor, dynamic_xtensor, range };

/// The first recognizer that accepts T, in the documented order.
template <typename T>
[[nodiscard]] consteval tensor_kind kind_of() {
    if constexpr (has_tensor_traits<T>)
        return tensor_kind::traits;
    else if constexpr (mdspan_like<T>)
        return tensor_kind::mdspan;
    else if constexpr (eigen_like<T>)
        return tensor_kind::eigen;
    else if constexpr (static_xtensor_like<T>)
        return tensor_kind::static_xtensor;
    else if constexpr (xtensor_like<T>)
        return tensor_kind::dynamic_xtensor;
    else if constexpr (contiguous_numbers<T>)
        return tensor_kind::range;
    else
        return tensor_kind::none;
}

template <typename T, tensor_kind Kind = kind_of<T>()>
inline constexpr bool has_static_rank = Kind != tensor_kind::none&& Kind != tensor_kind::dynamic_xtensor;

template <typename T>
    requires has_static_rank<T>
[[nodiscard]] constexpr auto view_of(const T& x) {
    constexpr tensor_kind kind = kind_of<T>();
    if constexpr (kind == tensor_kind::traits) {
        const auto view = tensor_traits<T>::view(x);
        using view_type = std::remove_cvref_t<decltype(view)>;
        return tensor_view<const typename view_type::value_type, view_type::rank()>(view);
    } else if constexpr (kind == tensor_kind::mdspan) {
        return view_of_mdspan(x);
    } else if constexpr (kind == tensor_kind::eigen) {
        return view_of_eigen(x);
    } else if constexpr (kind == tensor_kind::static_xtensor) {
        return view_of_xtensor<std::tuple_size_v<xtensor_shape_t<T>>>(x);
    } else {
        return view_of_range(x);
    }
}

/// Views whose lifetime is not tied to the object, so a temporary of them may be viewed. A type that owns
/// memory is not trivially copyable, so a trivially copyable mdspan-like type is a view.
template <typename T>
inline constexpr bool
    never_owns = (mdspan_like<T> && std::is_trivially_copyable_v<T>) || std::ranges::enable_borrowed_range<T>;

template <typename T>
concept pointer_to_numbers = std::is_pointer_v<T> && real_scalar<std::remove_cv_t<std::remove_pointer_t<T>>>;

template <typename>
inline constexpr bool always_false = false;

// Compilers print this name if a function takes a tensor and gets another type.
template <typename T>
inline constexpr bool is_recognized_or_has_tensor_traits = kind_of<T>() != tensor_kind::none;

/// The body of overloads for types that are not tensors; it causes an error of one sentence.
template <typename T>
constexpr void refuse_non_tensor() {
    static_assert(is_recognized_or_has_tensor_traits<T>,
                  "repscope: this type is not tensor_like. If it is an expression, evaluate it first (Eigen: "
                  ".eval(), xtensor: xt::eval). If it is a tensor type of your own, specialize "
                  "repscope::tensor_traits for it (docs/guide/tensors.md).");
}

} // namespace detail

/// Any type that the library can read as a tensor. Types are supported by `tensor_traits`, or by their
/// structure: mdspan-like, Eigen-like, xtensor-like, or a contiguous range of numbers (rank 1). See
/// docs/guide/tensors.md.
template <typename T>
concept tensor_like = detail::is_recognized_or_has_tensor_traits<T>;

/// The rank of a tensor type; `dynamic_rank` if it is set at run time.
inline constexpr std::size_t dynamic_rank = (std::numeric_limits<std::size_t>::max)();

/// The rank of a tensor type, `dynamic_rank` if it is set at run time.
template <tensor_like T>
inline constexpr std::size_t static_rank = [] {
    if constexpr (detail::has_static_rank<T>) {
        return decltype(detail::view_of(std::declval<const T&>()))::rank();
    } else {
        return dynamic_rank;
    }
}();

/// A tensor of any type as `tensor_view<const T, Rank>`: pointer, extents and strides of the same memory,
/// without a copy. The rank is that of the type; state a rank that is set at run time (`xt::xarray`):
/// `as_view<2>(x)`. O(Rank).
template <tensor_like T>
    requires detail::has_static_rank<T>
[[nodiscard]] constexpr auto as_view(const T& x) { return detail::view_of(x); }

/// A temporary that may own its elements cannot be viewed, because the view would outlive them.
template <tensor_like T>
    requires(detail::has_static_rank<T> && !std::is_lvalue_reference_v<T> && !detail::never_owns<T>)
constexpr auto as_view(const T&& x) = delete;

/// Selected if the rank is set at run time; its error states what to write.
template <tensor_like T>
    requires(!detail::has_static_rank<T>)
constexpr void as_view(const T&) {
    static_assert(detail::always_false<T>, "repscope: expected a rank that is known at compile time, "
                                           "as as_view<2>(x).");
}

/// Selected for every type that is not a tensor; does not compile.
template <typename T>
    requires(!tensor_like<T>)
constexpr void as_view(const T&) { detail::refuse_non_tensor<T>(); }

/// Like `as_view(x)`, with a required rank. Checks a rank that is set at run time. If `x` has more than
/// `Rank` axes, axes of extent 1 are dropped (an Eigen vector becomes rank 1): the last first, but never the
/// first of several axes.
///
/// Throws `shape_error` if `x` has fewer axes, or more than can be dropped. O(Rank).
template <std::size_t Rank, tensor_like T>
[[nodiscard]] constexpr auto as_view(const T& x);

template <std::size_t Rank, tensor_like T>
    requires(!detail::never_owns<T>)
constexpr auto as_view(const T&& x) = delete;

namespace detail {

/// Drops axes of extent 1 until `Rank` axes remain. A single sample keeps its sample axis as long as another
/// axis can be dropped.
template <std::size_t Rank, typename E>
[[nodiscard]] constexpr tensor_view<E, Rank> drop_unit_axes(E* data, std::span<const std::size_t> extents,
                                                            std::span<const std::ptrdiff_t> strides) {
    std::size_t surplus = extents.size() < Rank ? 0 : extents.size() - Rank;
    bool drop_first = false;
    std::size_t unit_axes_behind_first = 0;
    for (std::size_t axis = 1; axis < extents.size(); ++axis) {
        if (extents[axis] == 1) ++unit_axes_behind_first;
    }
    if (surplus > unit_axes_behind_first && !extents.empty() && extents[0] == 1) {
        drop_first = true;
        --surplus;
    }
    if (extents.size() < Rank || surplus > unit_axes_behind_first) {
        errors::throw_shape_error("as_view", "expected rank " + errors::text_of(Rank), extents);
    }
    std::array<std::size_t, Rank> kept_extents{};
    std::array<std::ptrdiff_t, Rank> kept_strides{};
    std::size_t kept = Rank;
    for (std::size_t axis = extents.size(); axis-- > 0;) {
        if (axis == 0 && drop_first) continue;
        if (axis != 0 && extents[axis] == 1 && surplus > 0) {
            --surplus;
            continue;
        }
        --kept;
        kept_extents[kept] = extents[axis];
        kept_strides[kept] = strides[axis];
    }
    return {data, kept_extents, kept_strides};
}

} // namespace detail

template <std::size_t Rank, tensor_like T>
[[nodiscard]] constexpr auto as_view(const T& x) {
    if constexpr (detail::has_static_rank<T>) {
        const auto view = detail::view_of(x);
        if constexpr (static_rank<T> == Rank) {
            return view;
        } else {
            static_assert(static_rank<T> > Rank,
                          "repscope: wrong rank: this tensor has fewer axes than as_view<Rank> asks for");
            return detail::drop_unit_axes<Rank>(view.data_handle(), view.extents(), view.strides());
        }
    } else {
        const std::size_t rank = x.shape().size();
        using element = std::remove_pointer_t<std::remove_cvref_t<decltype(x.data())>>;
        const element* data = x.data() + static_cast<std::ptrdiff_t>(x.data_offset());
        constexpr std::size_t most = 8;
        std::array<std::size_t, most> extents{};
        std::array<std::ptrdiff_t, most> strides{};
        if (rank > most) {
            errors::throw_shape_error("as_view", "expected rank " + errors::text_of(Rank) + ", got rank " +
                                                     errors::text_of(rank));
        }
        for (std::size_t axis = 0; axis < rank; ++axis) {
            extents[axis] = static_cast<std::size_t>(x.shape()[axis]);
            strides[axis] = static_cast<std::ptrdiff_t>(x.strides()[axis]);
        }
        return detail::drop_unit_axes<Rank, const element>(data, {extents.data(), rank},
                                                           {strides.data(), rank});
    }
}

/// The numbers of a contiguous range (`std::vector`, `std::span`, ...) as a row-major tensor of the given
/// extents: `as_view(values, {samples, units})`. Extents are of any integer type. Throws `shape_error` if an
/// extent is negative or the range has another number of elements.
template <typename Range, std::size_t Rank>
    requires detail::contiguous_numbers<Range>
[[nodiscard]] constexpr auto as_view(const Range& values, const detail::extent_value (&extents)[Rank]) {
    const std::array<std::size_t, Rank> shape = detail::to_array(extents);
    if (element_count(shape) != static_cast<std::size_t>(values.size())) {
        errors::throw_shape_error(
            "as_view", "expected extents of " + errors::text_of(values.size()) + " numbers in all", shape);
    }
    using element = std::remove_pointer_t<std::remove_cvref_t<decltype(values.data())>>;
    return tensor_view<const element, Rank>(values.data(), shape);
}

template <typename Range, std::size_t Rank>
    requires(detail::contiguous_numbers<Range> && !detail::never_owns<Range>)
constexpr auto as_view(const Range&& values, const detail::extent_value (&extents)[Rank]) = delete;

/// The row-major tensor of the given extents at `data`: `as_view(pointer, {samples, units})`. The caller
/// ensures that so many elements are stored there. Extents are of any integer type. Throws `shape_error` if
/// an extent is negative or the number of elements does not fit in an index.
template <typename Pointer, std::size_t Rank>
    requires detail::pointer_to_numbers<Pointer>
[[nodiscard]] constexpr auto as_view(const Pointer& data, const detail::extent_value (&extents)[Rank]) {
    const std::array<std::size_t, Rank> shape = detail::to_array(extents);
    static_cast<void>(element_count(shape));
    return tensor_view<const std::remove_pointer_t<Pointer>, Rank>(data, shape);
}

/// The tensor of the given extents with element (0, ..., 0) at `data` and strides in elements:
/// `as_view(pointer, {samples, units}, {row_length, 1})`. Strides may be zero or negative.
template <typename Pointer, std::size_t Rank>
    requires detail::pointer_to_numbers<Pointer>
[[nodiscard]] constexpr auto as_view(const Pointer& data, const detail::extent_value (&extents)[Rank],
                                     const detail::stride_value (&strides)[Rank]) {
    const std::array<std::size_t, Rank> shape = detail::to_array(extents);
    static_cast<void>(element_count(shape));
    return tensor_view<const std::remove_pointer_t<Pointer>, Rank>(data, shape, detail::to_array(strides));
}

namespace detail {

template <tensor_like T>
[[nodiscard]] consteval auto element_tag() {
    if constexpr (has_static_rank<T>) {
        return std::type_identity<typename decltype(view_of(std::declval<const T&>()))::value_type>{};
    } else {
        return std::type_identity<std::remove_cvref_t<decltype(*std::declval<const T&>().data())>>{};
    }
}

} // namespace detail

/// The type of the elements of a tensor type, without const.
template <tensor_like T>
using element_type_of = typename decltype(detail::element_tag<T>())::type;

/// Labels: one integer per sample, of any integer type, in any rank-1 tensor type (or one that is rank 1 but
/// for axes of extent 1).
template <typename T>
concept labels_like = tensor_like<T> && label_scalar<element_type_of<T>>;

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
