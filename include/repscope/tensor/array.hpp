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

    [[nodiscard]] static constexpr std::size_t rank() noexcept { return Rank; }
    [[nodiscard]] std::size_t extent(std::size_t axis) const noexcept { return extents_[axis]; }
    [[nodiscard]] std::ptrdiff_t stride(std::size_t axis) const noexcept { return strides_[axis]; }
    [[nodiscard]] const extents_type& extents() const noexcept { return extents_; }
    [[nodiscard]] std::size_t size() const noexcept { return elements_.size(); }
    [[nodiscard]] T* data_handle() noexcept { return elements_.data(); }
    [[nodiscard]] const T* data_handle() const noexcept { return elements_.data(); }

    [[nodiscard]] tensor_view<T, Rank> view() noexcept { return {elements_.data(), extents_}; }
    [[nodiscard]] tensor_view<const T, Rank> view() const noexcept { return {elements_.data(), extents_}; }

    template <std::convertible_to<std::size_t>... Indices>
        requires(sizeof...(Indices) == Rank)
    [[nodiscard]] T& operator()(Indices... indices) noexcept { return view()(indices...); }
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
