#pragma once

#include "repscope/tensor/shape.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <type_traits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// A non-owning view of a strided tensor: pointer, extents and strides in elements.
///
/// The member names are a subset of `std::mdspan`'s, so a view is itself mdspan-like. Strides may be zero or
/// negative and extents may be zero; indices are not checked. Copying costs as much as copying 1 + 2 Rank
/// words. The view is valid as long as the memory it points to.
template <typename T, std::size_t Rank>
class tensor_view {
  public:
    using element_type = T;
    using value_type = std::remove_cv_t<T>;
    using index_type = std::size_t;
    using extents_type = std::array<std::size_t, Rank>;
    using strides_type = std::array<std::ptrdiff_t, Rank>;

    /// An empty view.
    constexpr tensor_view() noexcept = default;

    /// A dense row-major tensor at `data`: `tensor_view<const float, 2>(data, {samples, units})`.
    ///
    /// Extents are of any integer type, in braces or as a `std::array`. A negative one throws `shape_error`.
    constexpr tensor_view(T* data, const detail::extent_list<Rank>& extents) noexcept
        : data_(data), extents_(extents.values()), strides_(row_major_strides(extents.values())) {}

    /// A strided tensor whose element (0, ..., 0) is at `data`. Strides are of any integer type.
    constexpr tensor_view(T* data, const detail::extent_list<Rank>& extents,
                          const detail::stride_list<Rank>& strides) noexcept
        : data_(data), extents_(extents.values()), strides_(strides.values()) {}

    /// A view of mutable elements is also a view of constant ones.
    template <typename U>
        requires(!std::same_as<U, T> && std::convertible_to<U (*)[], T (*)[]>)
    constexpr tensor_view(const tensor_view<U, Rank>& other) noexcept // NOLINT(google-explicit-constructor)
        : data_(other.data_handle()), extents_(other.extents()), strides_(other.strides()) {}

    /// Number of axes.
    [[nodiscard]] static constexpr std::size_t rank() noexcept { return Rank; }
    /// Number of elements along an axis.
    [[nodiscard]] constexpr std::size_t extent(std::size_t axis) const noexcept { return extents_[axis]; }
    /// Elements from one index of an axis to the next.
    [[nodiscard]] constexpr std::ptrdiff_t stride(std::size_t axis) const noexcept { return strides_[axis]; }
    /// The first element.
    [[nodiscard]] constexpr T* data_handle() const noexcept { return data_; }
    /// All extents.
    [[nodiscard]] constexpr const extents_type& extents() const noexcept { return extents_; }
    /// All strides.
    [[nodiscard]] constexpr const strides_type& strides() const noexcept { return strides_; }

    /// Number of elements.
    [[nodiscard]] constexpr std::size_t size() const noexcept {
        std::size_t count = 1;
        for (const std::size_t extent : extents_) count *= extent;
        return count;
    }
    /// Whether there are no elements.
    [[nodiscard]] constexpr bool empty() const noexcept { return size() == 0; }

    /// An element; indices are not checked.
    template <std::convertible_to<std::size_t>... Indices>
        requires(sizeof...(Indices) == Rank)
    [[nodiscard]] constexpr T& operator()(Indices... indices) const noexcept {
        std::ptrdiff_t offset = 0;
        std::size_t axis = 0;
        ((offset += static_cast<std::ptrdiff_t>(indices) * strides_[axis++]), ...);
        return data_[offset];
    }

  private:
    T* data_ = nullptr;
    extents_type extents_{};
    strides_type strides_{};
};

/// Of dense elements.
template <typename T, std::size_t Rank>
tensor_view(T*, const std::array<std::size_t, Rank>&) -> tensor_view<T, Rank>;
/// Of elements with strides.
template <typename T, std::size_t Rank>
tensor_view(T*, const std::array<std::size_t, Rank>&, const std::array<std::ptrdiff_t, Rank>&)
    -> tensor_view<T, Rank>;

/// Whether the elements are dense in row-major order, so that the whole tensor is one run of memory. Strides
/// of axes of extent 0 or 1 do not matter.
template <typename T, std::size_t Rank>
[[nodiscard]] constexpr bool is_row_major(const tensor_view<T, Rank>& view) noexcept {
    if (view.empty()) return true;
    std::ptrdiff_t step = 1;
    for (std::size_t axis = Rank; axis-- > 0;) {
        if (view.extent(axis) != 1 && view.stride(axis) != step) return false;
        step *= static_cast<std::ptrdiff_t>(view.extent(axis));
    }
    return true;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
