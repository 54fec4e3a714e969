#pragma once

#include "repscope/tensor/as_view.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// What the axes of an activation tensor mean. One letter per axis: n samples, u units, c channels (a channel
/// is a unit), h and w positions of a map, t tokens, d features (a feature is a unit), p positions.
enum class layout {
    unstated, ///< rank 2 is `nu`, rank 4 is `nchw`; rank 3 must be stated
    nu,       ///< (samples, units)
    nchw,     ///< (samples, channels, height, width)
    nhwc,     ///< (samples, height, width, channels)
    ntd,      ///< (samples, tokens, features)
    nup,      ///< (samples, units, positions)
};

/// "nchw" for `layout::nchw`, and so on.
[[nodiscard]] constexpr std::string_view to_string(layout value) noexcept {
    switch (value) {
    case layout::nu:
        return "nu";
    case layout::nchw:
        return "nchw";
    case layout::nhwc:
        return "nhwc";
    case layout::ntd:
        return "ntd";
    case layout::nup:
        return "nup";
    case layout::unstated:
        break;
    }
    return "unstated";
}

/// Number of axes of a layout; 0 for `unstated`.
[[nodiscard]] constexpr std::size_t rank_of(layout value) noexcept {
    return value == layout::unstated ? 0 : to_string(value).size();
}

/// Activations in the form that all statistics read: (samples, units, rows, columns), where rows x columns
/// are the positions of a unit's map (1 x 1 for a flat layer).
template <typename T>
using activations_view = tensor_view<const T, 4>;

/// Any activation tensor as (samples, units, rows, columns), by a permutation of strides without a copy.
///
/// Throws `shape_error`, in the name of `function`, if the rank is not that of the layout and if the layout
/// of a rank-3 tensor is not stated. Ranks other than 2, 3 and 4 do not compile; if the rank is set at run
/// time, they throw as well. O(1).
template <tensor_like T>
[[nodiscard]] constexpr activations_view<element_type_of<T>>
as_activations(const T& x, layout stated = layout::unstated, std::string_view function = "as_activations") {
    using element = const element_type_of<T>;
    const auto wrong_rank = [&](std::span<const std::size_t> extents) {
        errors::throw_shape_error(
            function,
            stated == layout::unstated
                ? "expected (samples, units) or (samples, channels, height, width); other ranks need a layout"
                : "layout " + std::string(to_string(stated)) + " has " + errors::text_of(rank_of(stated)) +
                      " axes",
            extents);
    };
    const auto from = [&]<std::size_t Rank>(const tensor_view<element, Rank>& v) -> tensor_view<element, 4> {
        const auto& e = v.extents();
        const auto& s = v.strides();
        const bool fits = stated == layout::unstated ? Rank == 2 || Rank == 4 : rank_of(stated) == Rank;
        if (!fits) wrong_rank(e);
        if constexpr (Rank == 2) {
            return {v.data_handle(), {e[0], e[1], 1, 1}, {s[0], s[1], 1, 1}};
        } else if constexpr (Rank == 3) {
            if (stated == layout::ntd) return {v.data_handle(), {e[0], e[2], 1, e[1]}, {s[0], s[2], 1, s[1]}};
            return {v.data_handle(), {e[0], e[1], 1, e[2]}, {s[0], s[1], 1, s[2]}};
        } else {
            if (stated == layout::nhwc) {
                return {v.data_handle(), {e[0], e[3], e[1], e[2]}, {s[0], s[3], s[1], s[2]}};
            }
            return v;
        }
    };
    if constexpr (static_rank<T> != dynamic_rank) {
        static_assert(static_rank<T> >= 2 && static_rank<T> <= 4,
                      "repscope: wrong rank: activations are (samples, units), (samples, channels, height, "
                      "width), or of rank 3 with a stated layout");
        return from(as_view(x));
    } else {
        const std::size_t rank = x.shape().size();
        if (rank == 2) return from(as_view<2>(x));
        if (rank == 3) return from(as_view<3>(x));
        if (rank == 4) return from(as_view<4>(x));
        errors::throw_shape_error(function, "expected rank 2, 3 or 4, got rank " + errors::text_of(rank));
    }
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
