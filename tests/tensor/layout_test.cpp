#include "repscope/tensor/layout.hpp"

#include "support/views.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <vector>

namespace layout_test {

using repscope::as_activations;
using repscope::as_view;
using repscope::layout;
using repscope_test::contents;

namespace {

using extents = std::array<std::size_t, 4>;

std::vector<float> counted(std::size_t count) {
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i);
    return values;
}

} // namespace

TEST_CASE("rank 2 is samples and units, rank 4 is nchw unless stated") {
    const std::vector<float> values = counted(24);
    const auto nu = as_activations(as_view(values, {4, 6}));
    CHECK(nu.extents() == extents{4, 6, 1, 1});
    CHECK(nu(3, 2, 0, 0) == 20.0F);

    const auto nchw = as_activations(as_view(values, {2, 3, 2, 2}));
    CHECK(nchw.extents() == extents{2, 3, 2, 2});
    CHECK(nchw(1, 2, 1, 0) == 22.0F);

    const auto nhwc = as_activations(as_view(values, {2, 3, 2, 2}), layout::nhwc);
    CHECK(nhwc.extents() == extents{2, 2, 3, 2});
    CHECK(nhwc(1, 0, 2, 1) == 22.0F);
}

TEST_CASE("rank 3 is read in the stated layout, tokens or positions last") {
    const std::vector<float> values = counted(24);
    const auto cube = as_view(values, {2, 3, 4});
    const auto tokens = as_activations(cube, layout::ntd); // (samples, tokens, features)
    CHECK(tokens.extents() == extents{2, 4, 1, 3});
    CHECK(tokens(1, 3, 0, 2) == cube(1, 2, 3));
    const auto positions = as_activations(cube, layout::nup); // (samples, units, positions)
    CHECK(positions.extents() == extents{2, 3, 1, 4});
    CHECK(positions(1, 2, 0, 3) == cube(1, 2, 3));
}

TEST_CASE("layouts keep the strides of views that are not dense") {
    const std::vector<float> values = counted(48);
    const auto column_major = as_view(values.data(), {3, 2, 2, 2}, {1, 3, 6, 12});
    const auto nhwc = as_activations(column_major, layout::nhwc);
    CHECK(nhwc(2, 1, 1, 0) == column_major(2, 1, 0, 1));
    const auto reversed = as_activations(as_view(values.data() + 7, {2, 4}, {-4, -1}));
    CHECK(contents(reversed) == std::vector<double>{7, 6, 5, 4, 3, 2, 1, 0});
}

TEST_CASE("a rank that does not fit the layout is refused in the caller's name") {
    const std::vector<float> values = counted(24);
    const auto cube = as_view(values, {2, 3, 4});
    CHECK_THROWS_WITH_AS(
        static_cast<void>(as_activations(cube, layout::unstated, "class_selectivity")),
        "repscope::class_selectivity: expected (samples, units) or (samples, channels, height, "
        "width); other ranks need a layout, got shape (2, 3, 4)",
        repscope::shape_error);
    CHECK_THROWS_WITH_AS(static_cast<void>(as_activations(cube, layout::nhwc)),
                         "repscope::as_activations: layout nhwc has 4 axes, got shape (2, 3, 4)",
                         repscope::shape_error);
    CHECK_THROWS_AS(static_cast<void>(as_activations(as_view(values, {4, 6}), layout::ntd)),
                    repscope::shape_error);
}

TEST_CASE("layouts work in constant expressions") {
    static constexpr std::array<int, 8> values{0, 1, 2, 3, 4, 5, 6, 7};
    static_assert(as_activations(as_view(values, {2, 4})).extent(1) == 4);
    static_assert(as_activations(as_view(values, {2, 2, 1, 2}), layout::nhwc)(1, 1, 1, 0) == 7);
    static_assert(repscope::to_string(layout::ntd) == "ntd" && repscope::to_string(layout::nu) == "nu");
    static_assert(repscope::to_string(layout::nup) == "nup" && repscope::to_string(layout::nhwc) == "nhwc");
    static_assert(repscope::rank_of(layout::nchw) == 4 && repscope::rank_of(layout::unstated) == 0);
    CHECK(repscope::to_string(layout::unstated) == "unstated");
}

} // namespace layout_test
