#pragma once

#include "repscope/tensor/as_view.hpp"

#include <array>
#include <cstddef>
#include <utility>
#include <vector>

namespace repscope_test {

/// The elements of a view in row-major order of its indices, as double: what a reader of the view sees,
/// wherever it is stored in memory.
template <typename T, std::size_t Rank>
std::vector<double> contents(const repscope::tensor_view<T, Rank>& view) {
    std::vector<double> values;
    std::array<std::size_t, Rank> index{};
    const std::size_t count = view.size();
    for (std::size_t element = 0; element < count; ++element) {
        std::ptrdiff_t offset = 0;
        for (std::size_t axis = 0; axis < Rank; ++axis) {
            offset += static_cast<std::ptrdiff_t>(index[axis]) * view.stride(axis);
        }
        values.push_back(static_cast<double>(static_cast<float>(view.data_handle()[offset])));
        for (std::size_t axis = Rank; axis-- > 0;) {
            if (++index[axis] < view.extent(axis)) break;
            index[axis] = 0;
        }
    }
    return values;
}

/// Whether `as_view` takes a value of this type and category (`X&`: an object, `X`: a temporary).
template <typename T>
concept can_be_viewed = requires(T&& x) {
    repscope::as_view(std::forward<T>(x));
};
template <typename T, std::size_t Rank>
concept can_be_viewed_as_rank = requires(T&& x) {
    repscope::as_view<Rank>(std::forward<T>(x));
};
template <typename T>
concept can_be_shaped = requires(T&& x) {
    repscope::as_view(std::forward<T>(x), {2, 3});
};

} // namespace repscope_test
