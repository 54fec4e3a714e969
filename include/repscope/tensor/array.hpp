#pragma once

#include "repscope/tensor/shape.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// A tensor with its own elements, dense and row-major, which readers and generators return.
///
/// It has the members of a view, so every function of the library takes it. Indices are not checked.
template <typename T, std::size_t Rank>
    requires(!std::same_as<T, bool>)
class array {
  public:
    using element_type = T;
    using value_type = T;
    using extents_type = std::array<std::size_t, Rank>;

    /// All extents are 0; there are no elements.
    array() = default;
    /// All elements are zero. Throws `shape_error` if their number does not fit in an index.
    explicit array(const extents_type& extents)
        : extents_(extents), strides_(row_major_strides(extents)), elements_(element_count(extents)) {}
    /// Moves the elements in, in row-major order. Throws `shape_error` for another number of elements.
    array(const extents_type& extents, std::vector<T> elements)
        : extents_(extents), strides_(row_major_strides(extents)), elements_(std::move(elements)) {
        if (elements_.size() != element_count(extents)) {
            errors::throw_shape_error(
                "array", "expected extents of " + errors::text_of(elements_.size()) + " elements", extents);
        }
    }

    /// Number of axes.
    [[nodiscard]] static constexpr std::size_t rank() noexcept { return Rank; }
    /// Number of elements along an axis.
    [[nodiscard]] std::size_t extent(std::size_t axis) const noexcept { return extents_[axis]; }
    /// Elements from one index of an axis to the next.
    [[nodiscard]] std::ptrdiff_t stride(std::size_t axis) const noexcept { return strides_[axis]; }
    /// All extents.
    [[nodiscard]] const extents_type& extents() const noexcept { return extents_; }
    /// Number of elements.
    [[nodiscard]] std::size_t size() const noexcept { return elements_.size(); }
    /// The first element.
    [[nodiscard]] T* data_handle() noexcept { return elements_.data(); }
    /// The first element.
    [[nodiscard]] const T* data_handle() const noexcept { return elements_.data(); }

    /// The same elements, without ownership.
    [[nodiscard]] tensor_view<T, Rank> view() noexcept { return {elements_.data(), extents_}; }
    /// The same elements, without ownership.
    [[nodiscard]] tensor_view<const T, Rank> view() const noexcept { return {elements_.data(), extents_}; }

    /// An element; indices are not checked.
    template <std::convertible_to<std::size_t>... Indices>
        requires(sizeof...(Indices) == Rank)
    [[nodiscard]] T& operator()(Indices... indices) noexcept { return view()(indices...); }
    /// An element; indices are not checked.
    template <std::convertible_to<std::size_t>... Indices>
        requires(sizeof...(Indices) == Rank)
    [[nodiscard]] const T& operator()(Indices... indices) const noexcept { return view()(indices...); }

  private:
    extents_type extents_{};
    std::array<std::ptrdiff_t, Rank> strides_{};
    std::vector<T> elements_;
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
