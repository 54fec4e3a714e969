#include "repscope/tensor/shape.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <limits>
#include <string>
#include <vector>

namespace shape_test {

using repscope::element_count;

namespace {

constexpr std::size_t count(std::initializer_list<std::size_t> extents) {
    return element_count({extents.begin(), extents.size()});
}

static_assert(count({}) == 1);
static_assert(count({7}) == 7);
static_assert(count({2, 3, 5}) == 30);
static_assert(count({2, 0, 5}) == 0);

static_assert(repscope::row_major_strides<3>({2, 3, 5}) == std::array<std::ptrdiff_t, 3>{15, 5, 1});
static_assert(repscope::column_major_strides<3>({2, 3, 5}) == std::array<std::ptrdiff_t, 3>{1, 2, 6});
static_assert(repscope::row_major_strides<1>({4}) == std::array<std::ptrdiff_t, 1>{1});
static_assert(repscope::row_major_strides<0>({}).empty());

} // namespace

TEST_CASE("a product of extents that does not fit in a signed index is refused") {
    constexpr std::size_t half = std::size_t{1} << 62U;
    CHECK(count({half}) == half);
    CHECK(count({half - 1, 2}) == 2 * (half - 1));
    CHECK(count({static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max())}) == 2 * half - 1);
    CHECK_THROWS_AS((void)count({half, 2}), repscope::shape_error);
    CHECK_THROWS_AS((void)count({std::size_t{1} << 32U, std::size_t{1} << 32U}), repscope::shape_error);
    CHECK_THROWS_AS((void)count({std::numeric_limits<std::size_t>::max()}), repscope::shape_error);
    // The last factor brings the wrapped product back into range.
    CHECK_THROWS_AS((void)count({std::size_t{1} << 33U, std::size_t{1} << 33U, 3}), repscope::shape_error);
}

TEST_CASE("zero-sized shapes have no elements") {
    CHECK(count({std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max(), 0}) == 0);
    CHECK(count({0, std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max()}) == 0);
}

TEST_CASE("shapes are printed as NumPy prints them") {
    const std::vector<std::size_t> none{}, one{5}, three{2, 0, 4};
    CHECK(repscope::format_shape(none) == "()");
    CHECK(repscope::format_shape(one) == "(5,)");
    CHECK(repscope::format_shape(three) == "(2, 0, 4)");
    try {
        (void)count({std::size_t{1} << 40U, std::size_t{1} << 40U});
        FAIL("nothing thrown");
    } catch (const repscope::shape_error& e) {
        CHECK(std::string(e.what()) ==
              "repscope::element_count: the product of the extents does not fit in an "
              "index, got shape (1099511627776, 1099511627776)");
    }
}

} // namespace shape_test
