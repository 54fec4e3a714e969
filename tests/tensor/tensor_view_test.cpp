#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <doctest/doctest.h>
#include <numeric>
#include <type_traits>
#include <vector>

namespace tensor_view_test {

using repscope::is_row_major;
using repscope::tensor_view;

namespace {

using view3 = tensor_view<const int, 3>;

static_assert(std::is_trivially_copyable_v<view3>);
static_assert(view3::rank() == 3);
static_assert(std::same_as<view3::value_type, int>);
static_assert(std::same_as<view3::element_type, const int>);
// A view of mutable elements becomes one of constant elements, never the other way, never another type.
static_assert(std::convertible_to<tensor_view<int, 3>, view3>);
static_assert(!std::convertible_to<view3, tensor_view<int, 3>>);
static_assert(!std::convertible_to<tensor_view<float, 2>, tensor_view<const double, 2>>);
static_assert(!std::convertible_to<tensor_view<int, 2>, view3>);

constexpr bool reads_at_compile_time() {
    const std::array<int, 6> numbers{0, 1, 2, 3, 4, 5};
    const tensor_view<const int, 2> rows(numbers.data(), {2, 3});
    const tensor_view<const int, 2> columns(numbers.data(), {3, 2}, {1, 3});
    return rows(1, 2) == 5 && columns(2, 1) == 5 && rows(0, 1) == columns(1, 0) && rows.size() == 6;
}
static_assert(reads_at_compile_time());

} // namespace

TEST_CASE("elements of a dense view, by strides") {
    std::vector<int> numbers(24);
    std::iota(numbers.begin(), numbers.end(), 0);
    const tensor_view<int, 3> view(numbers.data(), {2, 3, 4});
    for (std::size_t i = 0; i < 2; ++i) {
        for (std::size_t j = 0; j < 3; ++j) {
            for (std::size_t k = 0; k < 4; ++k) CHECK(view(i, j, k) == static_cast<int>((i * 3 + j) * 4 + k));
        }
    }
    view(1, 0, 2) = -7;
    CHECK(numbers[14] == -7);
    CHECK(view.extent(1) == 3);
    CHECK(view.stride(0) == 12);
    CHECK(view.data_handle() == numbers.data());
}

TEST_CASE("strides may be negative and zero") {
    const std::vector<int> numbers{10, 11, 12, 13, 14, 15};
    const tensor_view<const int, 2> upside_down(numbers.data() + 3, {2, 3}, {-3, 1});
    CHECK(upside_down(0, 0) == 13);
    CHECK(upside_down(1, 2) == 12);
    const tensor_view<const int, 2> repeated(numbers.data(), {5, 3}, {0, 2});
    CHECK(repeated(4, 2) == 14);
    CHECK(repeated.size() == 15);
}

TEST_CASE("empty views") {
    const tensor_view<const int, 2> nothing;
    CHECK(nothing.empty());
    CHECK(nothing.data_handle() == nullptr);
    const int number = 1;
    CHECK(tensor_view<const int, 2>(&number, {0, 5}).empty());
    CHECK(tensor_view<const int, 0>(&number, {})() == 1);
    CHECK(tensor_view<const int, 0>(&number, {}).size() == 1);
}

TEST_CASE("which views are one run of memory") {
    const std::vector<int> numbers(24);
    const int* data = numbers.data();
    CHECK(is_row_major(view3(data, {2, 3, 4})));
    CHECK(is_row_major(view3(data, {2, 3, 4}, {12, 4, 1})));
    CHECK_FALSE(is_row_major(view3(data, {2, 3, 4}, {1, 2, 6})));
    CHECK_FALSE(is_row_major(view3(data, {2, 3, 3}, {12, 4, 1})));
    CHECK_FALSE(is_row_major(view3(data, {2, 3, 4}, {24, 4, 1})));
    CHECK_FALSE(is_row_major(view3(data, {2, 3, 4}, {-12, 4, 1})));
    // The stride of an axis of one element is never taken, and an empty view has no elements.
    CHECK(is_row_major(view3(data, {2, 1, 4}, {4, 99, 1})));
    CHECK(is_row_major(view3(data, {1, 3, 4}, {0, 4, 1})));
    CHECK(is_row_major(view3(data, {2, 0, 4}, {1, 2, 3})));
}

} // namespace tensor_view_test
