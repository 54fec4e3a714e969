#include "repscope/tensor/as_view.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

using repscope::as_view;
using repscope::tensor_view;

namespace {

/// A tensor type as inference engines declare them: extents are `int`.
struct int_tensor {
    int n, c, h, w;
    std::vector<float> values;
};

/// One that counts in several types.
struct mixed_tensor {
    long rows;
    std::uint16_t columns;
    std::size_t row_length;
    std::vector<float> values;
};

} // namespace

template <>
struct repscope::tensor_traits<int_tensor> {
    static repscope::tensor_view<const float, 4> view(const int_tensor& t) {
        return {t.values.data(), {t.n, t.c, t.h, t.w}};
    }
};

template <>
struct repscope::tensor_traits<mixed_tensor> {
    static repscope::tensor_view<const float, 2> view(const mixed_tensor& t) {
        return {t.values.data(), {t.rows, t.columns}, {t.row_length, 1}};
    }
};

TEST_CASE_TEMPLATE("extents of a view may be of any integer type", Integer, signed char, short, int, long,
                   long long, unsigned char, unsigned, std::size_t) {
    const std::vector<float> values(24);
    const Integer n{2}, c{3}, h{4};
    const std::array<std::size_t, 3> expected{2, 3, 4};
    const tensor_view<const float, 3> view(values.data(), {n, c, h});
    CHECK(view.extents() == expected);
    CHECK(view.stride(0) == 12);
    CHECK(as_view(values, {n, c, h}).extents() == expected);
    CHECK(as_view(values.data(), {n, c, h}).extents() == expected);
    const auto strided = as_view(values.data(), {n, c}, {h, n});
    CHECK(strided.strides() == std::array<std::ptrdiff_t, 2>{4, 2});
    const std::array<Integer, 3> stored{n, c, h};
    CHECK(tensor_view<const float, 3>(values.data(), stored).extents() == expected);
    CHECK(as_view(values, {values.size()}).extent(0) == 24);
}

TEST_CASE("extents of one view may be of several integer types") {
    const std::vector<float> values{0, 1, 2, 3, 4, 5};
    const int rows = 2;
    const std::size_t columns = 3;
    CHECK(as_view(values, {rows, columns})(1, 0) == 3);
    CHECK(as_view(values.data(), {rows, 3L})(1, 0) == 3);
    CHECK(tensor_view<const float, 2>(values.data(), {rows, columns}, {columns, 1})(1, 2) == 5);
    CHECK(as_view(values, {std::integral_constant<int, 2>{}, columns}).extent(0) == 2);
}

TEST_CASE("tensor types that count in int become views as they are") {
    const int_tensor images{2, 1, 1, 3, {0, 1, 2, 3, 4, 5}};
    CHECK(as_view(images)(1, 0, 0, 2) == 5);
    const mixed_tensor padded{2, 2, 3, {0, 1, 2, 3, 4, 5}};
    CHECK(as_view(padded)(1, 1) == 4);
    const int_tensor uninitialized{-1, 1, 1, 3, {}};
    CHECK_THROWS_AS(static_cast<void>(as_view(uninitialized)), repscope::shape_error);
}

TEST_CASE("an extent that is negative or a stride beyond the largest index is refused") {
    const std::vector<float> values(6);
    const int negative = -3;
    const char* message = "repscope::tensor_view: expected an extent of at least 0, got -3";
    CHECK_THROWS_WITH_AS(static_cast<void>(as_view(values, {2, negative})), message, repscope::shape_error);
    CHECK_THROWS_WITH_AS(static_cast<void>(as_view(values.data(), {negative, 2})), message,
                         repscope::shape_error);
    CHECK_THROWS_WITH_AS((tensor_view<const float, 2>(values.data(), {2L, std::int8_t{-3}})), message,
                         repscope::shape_error);
    CHECK_THROWS_AS((tensor_view<const float, 2>(values.data(), std::array<long, 2>{2, -1})),
                    repscope::shape_error);
    CHECK_THROWS_WITH_AS(
        static_cast<void>(
            as_view(values.data(), {2, 3}, {std::numeric_limits<std::size_t>::max(), std::size_t{1}})),
        "repscope::tensor_view: expected a stride that fits in an index, got 18446744073709551615",
        repscope::shape_error);
    CHECK(as_view(values.data() + 5, {2, 3}, {negative, -1}).stride(0) == -3);
}

TEST_CASE("views from extents of std::size_t do not throw and are computed at compile time") {
    using view = tensor_view<const float, 2>;
    using extents = std::array<std::size_t, 2>;
    static_assert(noexcept(view(std::declval<const float*>(), std::declval<const extents&>())));
    static constexpr std::array<float, 6> values{0, 1, 2, 3, 4, 5};
    static_assert(view(values.data(), {2, 3})(1, 2) == 5);
    static_assert(view(values.data(), {std::size_t{2}, 3})(1, 2) == 5);
    static_assert(as_view(values, {3, 2L})(2, 1) == 5);
    const tensor_view deduced(values.data(), extents{2, 3});
    static_assert(std::is_same_v<decltype(deduced), const view>);
    // Not numbers of elements: fractions and truth values.
    static_assert(!std::is_constructible_v<repscope::detail::extent_value, double>);
    static_assert(!std::is_constructible_v<repscope::detail::extent_value, bool>);
    CHECK(deduced(1, 0) == 3);
}
