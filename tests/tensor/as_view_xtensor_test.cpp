#include "repscope/tensor/as_view.hpp"
#include "repscope/tensor/layout.hpp"

#include "support/views.hpp"

#include <doctest/doctest.h>

#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xfixed.hpp>
#include <xtensor/xmanipulation.hpp>
#include <xtensor/xstrided_view.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace as_view_xtensor_test {

using repscope::as_view;
using repscope::static_rank;
using repscope::tensor_like;
using repscope::tensor_view;
using repscope_test::contents;

namespace {

using extents = std::array<std::size_t, 2>;
using strides = std::array<std::ptrdiff_t, 2>;

// 10 i + j at (i, j), so that a value identifies its place.
template <typename Scalar>
xt::xtensor<Scalar, 2> numbered(std::size_t rows, std::size_t columns) {
    xt::xtensor<Scalar, 2> x({rows, columns});
    for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < columns; ++j) x(i, j) = static_cast<Scalar>(10 * i + j);
    }
    return x;
}

} // namespace

TEST_CASE_TEMPLATE("xt::xtensor in either layout", Scalar, float, double, std::int8_t, std::uint8_t, int) {
    const xt::xtensor<Scalar, 2> rows = numbered<Scalar>(3, 4);
    const auto by_rows = as_view(rows);
    static_assert(std::is_same_v<decltype(by_rows), const tensor_view<const Scalar, 2>>);
    CHECK(by_rows.extents() == extents{3, 4});
    CHECK(by_rows.strides() == strides{4, 1});
    CHECK(by_rows.data_handle() == rows.data());
    const std::vector<double> expected{0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23};
    CHECK(contents(by_rows) == expected);

    const xt::xtensor<Scalar, 2, xt::layout_type::column_major> columns = rows;
    CHECK(as_view(columns).strides() == strides{1, 3});
    CHECK(contents(as_view(columns)) == expected);
}

TEST_CASE("an extent of 1 has stride 0 and reads the same") {
    const xt::xtensor<float, 2> row = xt::xtensor<float, 2>{{1, 2, 3}};
    CHECK(as_view(row).extents() == extents{1, 3});
    CHECK(as_view(row).strides() == strides{0, 1});
    CHECK(contents(as_view(row)) == std::vector<double>{1, 2, 3});
    CHECK(repscope::is_row_major(as_view(row)));
    CHECK(contents(as_view<1>(row)) == std::vector<double>{1, 2, 3});
}

TEST_CASE("xt::xarray: the rank is stated and checked") {
    const xt::xarray<double> array = numbered<double>(3, 4);
    static_assert(tensor_like<xt::xarray<double>>);
    static_assert(static_rank<xt::xarray<double>> == repscope::dynamic_rank);
    const auto view = as_view<2>(array);
    static_assert(std::is_same_v<decltype(view), const tensor_view<const double, 2>>);
    CHECK(view.strides() == strides{4, 1});
    CHECK(view(2, 3) == 23.0);
    CHECK_THROWS_WITH_AS(static_cast<void>(as_view<3>(array)),
                         "repscope::as_view: expected rank 3, got shape (3, 4)", repscope::shape_error);
    CHECK_THROWS_AS(static_cast<void>(as_view<1>(array)), repscope::shape_error);

    const xt::xarray<float> maps = xt::ones<float>({2, 3, 1, 1});
    CHECK(as_view<2>(maps).extents() == extents{2, 3});
    CHECK(as_view<4>(maps).rank() == 4);

    const xt::xarray<float> nine_axes = xt::ones<float>(std::vector<std::size_t>(9, 1));
    CHECK_THROWS_WITH_AS(static_cast<void>(as_view<2>(nine_axes)),
                         "repscope::as_view: expected rank 2, got rank 9", repscope::shape_error);
}

TEST_CASE_TEMPLATE("xt::view with ranges, steps and single indices", Array, xt::xtensor<double, 2>,
                   xt::xarray<double>) {
    const Array array = numbered<double>(5, 6);

    const auto part = xt::view(array, xt::range(1, 4), xt::range(2, 6, 2));
    CHECK(as_view<2>(part).extents() == extents{3, 2});
    CHECK(as_view<2>(part).strides() == strides{6, 2});
    CHECK(contents(as_view<2>(part)) == std::vector<double>{12, 14, 22, 24, 32, 34});

    const auto row = xt::view(array, 3, xt::all());
    CHECK(contents(as_view<1>(row)) == std::vector<double>{30, 31, 32, 33, 34, 35});
    const auto column = xt::view(array, xt::all(), 4);
    CHECK(as_view<1>(column).strides() == std::array<std::ptrdiff_t, 1>{6});
    CHECK(contents(as_view<1>(column)) == std::vector<double>{4, 14, 24, 34, 44});

    const auto unit_row = xt::view(array, xt::range(2, 3), xt::range(1, 4));
    CHECK(as_view<2>(unit_row).strides() == strides{0, 1});
    CHECK(contents(as_view<2>(unit_row)) == std::vector<double>{21, 22, 23});

    const auto backwards = xt::view(array, xt::range(4, 1, -1), xt::range(0, 2));
    CHECK(as_view<2>(backwards).strides() == strides{-6, 1});
    CHECK(contents(as_view<2>(backwards)) == std::vector<double>{40, 41, 30, 31, 20, 21});

    const auto inner = xt::view(part, xt::range(1, 3), xt::all());
    CHECK(contents(as_view<2>(inner)) == std::vector<double>{22, 24, 32, 34});

    const auto strided = xt::strided_view(array, {xt::range(1, 3), xt::range(0, 6, 3)});
    CHECK(contents(as_view<2>(strided)) == std::vector<double>{10, 13, 20, 23});

    const auto transposed = xt::transpose(array);
    CHECK(as_view<2>(transposed).extents() == extents{6, 5});
    CHECK(as_view<2>(transposed)(5, 4) == 45.0);
}

TEST_CASE("xt::adapt over a vector and over a pointer, with the rank in the type and at run time") {
    const std::vector<float> memory{1, 2, 3, 4, 5, 6};
    const auto adapted = xt::adapt(memory, std::array<std::size_t, 2>{2, 3});
    CHECK(as_view(adapted).data_handle() == memory.data());
    CHECK(contents(as_view(adapted)) == std::vector<double>{1, 2, 3, 4, 5, 6});

    const auto any_rank = xt::adapt(memory, std::vector<std::size_t>{3, 2});
    CHECK(as_view<2>(any_rank).strides() == strides{2, 1});

    const auto pointer =
        xt::adapt(memory.data(), memory.size(), xt::no_ownership(), std::array<std::size_t, 3>{1, 3, 2});
    CHECK(as_view(pointer).extents() == std::array<std::size_t, 3>{1, 3, 2});
    CHECK(contents(as_view(pointer)) == std::vector<double>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("xt::xtensor_fixed") {
    const xt::xtensor_fixed<float, xt::xshape<2, 3>> fixed{{1, 2, 3}, {4, 5, 6}};
    CHECK(as_view(fixed).extents() == extents{2, 3});
    CHECK(contents(as_view(fixed)) == std::vector<double>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("activations of xtensor types, rank known or not") {
    const xt::xarray<float> maps = xt::arange<float>(24).reshape({2, 3, 2, 2});
    const auto nchw = repscope::as_activations(maps);
    CHECK(nchw.extents() == std::array<std::size_t, 4>{2, 3, 2, 2});
    CHECK(nchw(1, 2, 1, 0) == 22.0F);
    const auto nhwc = repscope::as_activations(maps, repscope::layout::nhwc);
    CHECK(nhwc.extents() == std::array<std::size_t, 4>{2, 2, 3, 2});
    CHECK(nhwc(1, 0, 2, 1) == maps(1, 2, 1, 0));
    const xt::xarray<float> vector = xt::ones<float>({5});
    CHECK_THROWS_WITH_AS(static_cast<void>(repscope::as_activations(vector)),
                         "repscope::as_activations: expected rank 2, 3 or 4, got rank 1",
                         repscope::shape_error);
}

TEST_CASE("xtensor's expressions, gathers and temporaries are not viewed") {
    const xt::xtensor<float, 2> x = numbered<float>(3, 3);
    static_assert(!tensor_like<decltype(x + x)> && !tensor_like<decltype(xt::cast<double>(x))>);
    static_assert(!tensor_like<decltype(xt::view(x + x, 0, xt::all()))>);
    static_assert(!tensor_like<decltype(xt::view(x, xt::keep(0, 2), xt::all()))>);
    static_assert(!tensor_like<decltype(xt::broadcast(x, {2, 3, 3}))>);

    using repscope_test::can_be_viewed;
    static_assert(can_be_viewed<xt::xtensor<float, 2>&> && !can_be_viewed<xt::xtensor<float, 2>>);
    static_assert(!repscope_test::can_be_viewed_as_rank<xt::xarray<float>, 2>);
    CHECK(repscope_test::can_be_viewed_as_rank<const xt::xarray<float>&, 2>);
}

} // namespace as_view_xtensor_test
