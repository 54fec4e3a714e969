#include "repscope/tensor/array.hpp"

#include "repscope/tensor/as_view.hpp"
#include "support/views.hpp"

#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <string>
#include <utility>
#include <vector>

namespace array_test {

using repscope::array;

namespace {

static_assert(repscope::tensor_like<array<float, 3>>);
static_assert(repscope::static_rank<array<float, 3>> == 3);
static_assert(repscope::labels_like<array<std::int32_t, 1>>);
// It owns its elements, so a temporary one cannot be viewed.
static_assert(repscope_test::can_be_viewed<array<float, 2>&>);
static_assert(!repscope_test::can_be_viewed<array<float, 2>>);

} // namespace

TEST_CASE("a new array is zero, and its elements are in row-major order") {
    array<double, 3> a({2, 3, 4});
    CHECK(a.size() == 24);
    CHECK(repscope_test::contents(repscope::as_view(a)) == std::vector<double>(24, 0.0));
    a(1, 2, 3) = 5.0;
    a.view()(0, 1, 0) = 6.0;
    CHECK(a.data_handle()[23] == 5.0);
    CHECK(std::as_const(a)(0, 1, 0) == 6.0);
    CHECK(std::as_const(a).view()(0, 1, 0) == 6.0);
    CHECK(a.data_handle()[4] == 6.0);
    CHECK(a.extents() == std::array<std::size_t, 3>{2, 3, 4});
    CHECK(a.stride(0) == 12);
}

TEST_CASE("an array takes over elements that fill it") {
    std::vector<float> elements{1, 2, 3, 4, 5, 6};
    const float* where = elements.data();
    const array<float, 2> a({3, 2}, std::move(elements));
    CHECK(a.data_handle() == where);
    CHECK(a(2, 0) == 5.0F);
    CHECK(repscope_test::contents(repscope::as_view(a)) == std::vector<double>{1, 2, 3, 4, 5, 6});
    try {
        const array<float, 2> wrong({3, 2}, std::vector<float>(5));
        FAIL("nothing thrown");
    } catch (const repscope::shape_error& e) {
        CHECK(std::string(e.what()) == "repscope::array: expected extents of 5 elements, got shape (3, 2)");
    }
}

TEST_CASE("empty arrays, and more than there is") {
    CHECK(array<float, 2>().size() == 0);
    const array<float, 2> none({0, 7});
    CHECK(none.size() == 0);
    CHECK(none.view().empty());
    CHECK(none.extent(1) == 7);
    CHECK_THROWS_AS((array<float, 2>({std::size_t{1} << 40U, std::size_t{1} << 40U})), repscope::shape_error);
}

TEST_CASE("copies are apart, a moved array takes its elements along") {
    array<int, 1> a({3}, {1, 2, 3});
    array<int, 1> b = a;
    b(0) = 9;
    CHECK(a(0) == 1);
    const int* where = a.data_handle();
    const array<int, 1> c = std::move(a);
    CHECK(c.data_handle() == where);
    CHECK(c(2) == 3);
}

} // namespace array_test
