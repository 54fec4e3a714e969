#include "repscope/tensor/as_view.hpp"

#include "support/views.hpp"

#include <doctest/doctest.h>

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace as_view_raw_test {

using repscope::as_view;
using repscope::tensor_view;
using repscope_test::can_be_shaped;
using repscope_test::can_be_viewed;
using repscope_test::can_be_viewed_as_rank;
using repscope_test::contents;

namespace {

template <std::size_t Rank>
using extents = std::array<std::size_t, Rank>;
template <std::size_t Rank>
using strides = std::array<std::ptrdiff_t, Rank>;
using numbers = std::vector<double>;

} // namespace

TEST_CASE_TEMPLATE("a raw pointer with extents is a dense row-major tensor", Scalar, float, double,
                   std::int8_t, std::uint8_t, std::int64_t) {
    const std::vector<Scalar> memory{1, 2, 3, 4, 5, 6};
    const Scalar* pointer = memory.data();
    const auto view = as_view(pointer, {2, 3});
    static_assert(std::is_same_v<decltype(view), const tensor_view<const Scalar, 2>>);
    CHECK(view.data_handle() == pointer);
    CHECK(view.extents() == extents<2>{2, 3});
    CHECK(view.strides() == strides<2>{3, 1});
    CHECK(contents(view) == numbers{1, 2, 3, 4, 5, 6});
    CHECK(view(1, 0) == Scalar{4});
}

TEST_CASE("a pointer to mutable elements gives a view of constant ones") {
    std::array<float, 4> memory{1, 2, 3, 4};
    float* pointer = memory.data();
    const auto view = as_view(pointer, {2, 2});
    static_assert(std::is_same_v<decltype(view), const tensor_view<const float, 2>>);
    memory[3] = 9;
    CHECK(view(1, 1) == 9.0F);
}

TEST_CASE(
    "a raw pointer with extents and strides reaches padded, interleaved, reversed and repeated elements") {
    const std::array<float, 12> memory{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    const float* start = memory.data();

    const auto padded = as_view(start, {3, 2}, {4, 1});
    CHECK(contents(padded) == numbers{0, 1, 4, 5, 8, 9});
    CHECK_FALSE(repscope::is_row_major(padded));

    const auto column_major = as_view(start, {3, 4}, {1, 3});
    CHECK(contents(column_major) == numbers{0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11});

    const auto reversed = as_view(start + 11, {2, 3}, {-6, -2});
    CHECK(contents(reversed) == numbers{11, 9, 7, 5, 3, 1});

    const auto repeated = as_view(start + 2, {3, 2}, {0, 1});
    CHECK(contents(repeated) == numbers{2, 3, 2, 3, 2, 3});
}

TEST_CASE("a view is recognized and keeps extents and strides") {
    std::array<double, 24> memory{};
    for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<double>(i);
    const tensor_view<double, 3> nhw(memory.data(), {2, 3, 4});
    const auto view = as_view(nhw);
    static_assert(std::is_same_v<decltype(view), const tensor_view<const double, 3>>);
    CHECK(view.extents() == nhw.extents());
    CHECK(view.strides() == strides<3>{12, 4, 1});
    CHECK(view(1, 2, 3) == 23.0);

    const tensor_view<const double, 2> slanted(memory.data() + 23, {2, 2}, {-12, -5});
    CHECK(as_view(slanted).strides() == strides<2>{-12, -5});
    CHECK(contents(as_view(slanted)) == numbers{23, 18, 11, 6});
}

TEST_CASE("vector, array and span are rank 1, and any rank with extents") {
    const std::vector<float> vector{1, 2, 3, 4, 5, 6, 7, 8};
    CHECK(as_view(vector).extents() == extents<1>{8});
    CHECK(as_view(vector).strides() == strides<1>{1});
    CHECK(as_view(vector).data_handle() == vector.data());

    const auto cube = as_view(vector, {2, 2, 2});
    CHECK(cube.strides() == strides<3>{4, 2, 1});
    CHECK(cube(1, 0, 1) == 6.0F);

    std::array<double, 6> array{1, 2, 3, 4, 5, 6};
    CHECK(contents(as_view(array, {3, 2})) == numbers{1, 2, 3, 4, 5, 6});

    const std::span<double> part = std::span(array).subspan(2);
    static_assert(std::is_same_v<decltype(as_view(part)), tensor_view<const double, 1>>);
    CHECK(contents(as_view(part, {2, 2})) == numbers{3, 4, 5, 6});
    const std::span<const double, 6> fixed(array);
    CHECK(as_view(fixed, {1, 1, 6}).extents() == extents<3>{1, 1, 6});
}

TEST_CASE("a range with another number of elements than its extents throws") {
    const std::vector<float> vector(6);
    CHECK_THROWS_WITH_AS(static_cast<void>(as_view(vector, {2, 4})),
                         "repscope::as_view: expected extents of 6 numbers in all, got shape (2, 4)",
                         repscope::shape_error);
    CHECK_THROWS_AS(static_cast<void>(as_view(vector, {2, 2})), repscope::shape_error);
    CHECK_THROWS_AS(static_cast<void>(as_view(vector, {0, 6})), repscope::shape_error);
    const std::vector<float> none;
    CHECK(as_view(none, {0, 6}).empty());
}

TEST_CASE("extents with a product that does not fit in an index throw") {
    const float one = 1;
    const float* pointer = &one;
    constexpr std::size_t huge = std::size_t{1} << 32;
    CHECK_THROWS_AS(static_cast<void>(as_view(pointer, {huge, huge})), repscope::shape_error);
    CHECK_THROWS_AS(static_cast<void>(as_view(pointer, {huge, huge}, {0, 0})), repscope::shape_error);
    CHECK(as_view(pointer, {huge, huge, 0}).empty());
}

TEST_CASE("a required rank drops unit axes, the last first and the sample axis last") {
    const std::array<float, 6> memory{1, 2, 3, 4, 5, 6};
    const float* pointer = memory.data();

    CHECK(as_view<2>(as_view(pointer, {2, 3})).extents() == extents<2>{2, 3});
    CHECK(as_view<1>(as_view(pointer, {6, 1})).extents() == extents<1>{6});
    CHECK(as_view<1>(as_view(pointer, {1, 6})).extents() == extents<1>{6});
    CHECK(as_view<1>(as_view(pointer, {1, 1})).extents() == extents<1>{1});
    CHECK(as_view<2>(as_view(pointer, {2, 3, 1, 1})).extents() == extents<2>{2, 3});
    CHECK(as_view<2>(as_view(pointer, {1, 1, 6})).extents() == extents<2>{1, 6});
    CHECK(as_view<2>(as_view(pointer, {1, 2, 3})).extents() == extents<2>{2, 3});
    CHECK(as_view<2>(as_view(pointer, {6, 1, 1})).extents() == extents<2>{6, 1});
    CHECK(as_view<1>(as_view(pointer, {3, 1}, {2, 7})).strides() == strides<1>{2});

    CHECK_THROWS_WITH_AS(static_cast<void>(as_view<1>(as_view(pointer, {2, 3}))),
                         "repscope::as_view: expected rank 1, got shape (2, 3)", repscope::shape_error);
    CHECK_THROWS_AS(static_cast<void>(as_view<2>(as_view(pointer, {1, 2, 3, 1, 2}))), repscope::shape_error);
}

TEST_CASE("views work in constant expressions") {
    static constexpr std::array<int, 6> values{1, 2, 3, 4, 5, 6};
    constexpr auto view = as_view(values, {3, 2});
    static_assert(view(2, 1) == 6 && view.stride(0) == 2 && view.extent(0) == 3);
    static_assert(as_view(values.data(), {2, 2}, {1, 3})(1, 1) == 5);
    static_assert(repscope::element_count(view.extents()) == 6);
    static_assert(as_view<1>(as_view(values, {1, 6}))(4) == 5);
}

namespace {

// What a type must show to pass as a std::mdspan: run by hand, for the standard library here has none.
template <typename Element, std::size_t Rank>
struct hand_written_mdspan {
    Element* pointer;
    std::array<int, Rank> sizes;
    std::array<int, Rank> steps;
    using reference = Element&;
    static constexpr std::size_t rank() noexcept { return Rank; }
    [[nodiscard]] constexpr int extent(std::size_t axis) const { return sizes[axis]; }
    [[nodiscard]] constexpr int stride(std::size_t axis) const { return steps[axis]; }
    [[nodiscard]] constexpr Element* data_handle() const { return pointer; }
};

// The same over memory of its own.
struct owning_mdspan : hand_written_mdspan<float, 2> {
    std::vector<float> memory;
};

// The same with an accessor that multiplies: what is stored in memory is not what the tensor holds.
struct scaled_mdspan : hand_written_mdspan<float, 2> {
    using reference = float;
};

} // namespace

TEST_CASE("an mdspan-like type is recognized by its members") {
    std::array<float, 6> memory{1, 2, 3, 4, 5, 6};
    const hand_written_mdspan<float, 2> layout_left{memory.data(), {2, 3}, {1, 2}};
    const auto view = as_view(layout_left);
    static_assert(std::is_same_v<decltype(view), const tensor_view<const float, 2>>);
    CHECK(view.extents() == extents<2>{2, 3});
    CHECK(view.strides() == strides<2>{1, 2});
    CHECK(contents(view) == numbers{1, 3, 5, 2, 4, 6});
    static_assert(!repscope::tensor_like<scaled_mdspan>);
}

TEST_CASE("temporaries that own memory cannot be viewed, temporary views can") {
    static_assert(can_be_viewed<std::vector<float>&> && can_be_viewed<const std::vector<float>&>);
    static_assert(!can_be_viewed<std::vector<float>> && !can_be_viewed<const std::vector<float>>);
    static_assert(!can_be_viewed<std::array<float, 6>>);
    static_assert(!can_be_viewed_as_rank<std::vector<float>, 1>);
    static_assert(can_be_viewed<std::span<float>> && can_be_viewed<tensor_view<float, 2>>);
    static_assert(can_be_viewed<hand_written_mdspan<const double, 3>>);
    static_assert(can_be_viewed<owning_mdspan&> && !can_be_viewed<owning_mdspan>);

    static_assert(can_be_shaped<std::vector<float>&> && !can_be_shaped<std::vector<float>>);
    static_assert(can_be_shaped<std::span<const float>> && can_be_shaped<const float*>);
    static_assert(can_be_viewed_as_rank<tensor_view<const float, 4>, 2>);
    CHECK(can_be_viewed<std::span<float>>);
}

TEST_CASE("types that are not tensors") {
    using repscope::tensor_like;
    static_assert(!tensor_like<float> && !tensor_like<const float*> && !tensor_like<std::vector<bool>>);
    static_assert(!tensor_like<std::vector<std::string>> && !tensor_like<std::vector<std::vector<float>>>);
    static_assert(!tensor_like<std::vector<std::complex<float>>> && !tensor_like<std::vector<float*>>);
    static_assert(!can_be_shaped<const std::string*>);
    // An array of C would decay to a pointer and lose its size; std::span keeps it.
    static_assert(!can_be_shaped<float(&)[6]>);
    CHECK_FALSE(tensor_like<float>);
}

TEST_CASE("labels are integers of any type") {
    using repscope::labels_like;
    static_assert(labels_like<std::vector<int>> && labels_like<std::span<const std::uint8_t>>);
    static_assert(labels_like<tensor_view<const std::int64_t, 1>> &&
                  labels_like<std::array<unsigned long, 3>>);
    static_assert(!labels_like<std::vector<float>> && !labels_like<std::array<bool, 3>>);
    CHECK(std::is_same_v<repscope::element_type_of<std::span<const short>>, short>);
}

} // namespace as_view_raw_test
