#include "support/known_layer.hpp"

#include <doctest/doctest.h>

#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xfixed.hpp>
#include <xtensor/xstrided_view.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

using repscope_test::check_layer;
using repscope_test::check_selectivity;
using repscope_test::known_layer;

namespace {

constexpr std::size_t n = known_layer::samples, units = known_layer::units;
constexpr std::size_t height = known_layer::height, width = known_layer::width;

template <typename Tensor>
Tensor filled() {
    Tensor x = Tensor::from_shape({n, units});
    known_layer::fill([&](std::size_t i, std::size_t u, int value) {
        x(i, u) = static_cast<typename Tensor::value_type>(value);
    });
    return x;
}

} // namespace

TEST_CASE_TEMPLATE("every statistic of xtensor's types", Scalar, float, double) {
    const auto rows = filled<xt::xtensor<Scalar, 2>>();
    check_layer(rows);
    check_layer(filled<xt::xtensor<Scalar, 2, xt::layout_type::column_major>>());
    check_layer(filled<xt::xarray<Scalar>>());

    xt::xtensor<Scalar, 2> wide = xt::ones<Scalar>({n + 2, 2 * units});
    xt::view(wide, xt::range(1, n + 1), xt::range(0, 2 * units, 2)) = rows;
    check_layer(xt::view(wide, xt::range(1, n + 1), xt::range(0, 2 * units, 2)));
    const xt::xarray<Scalar> any_rank = wide;
    check_layer(xt::view(any_rank, xt::range(1, n + 1), xt::range(0, 2 * units, 2)));
    check_layer(xt::strided_view(wide, {xt::range(1, n + 1), xt::range(0, 2 * units, 2)}));

    const std::vector<Scalar> memory(rows.begin(), rows.end());
    check_layer(xt::adapt(memory, std::array<std::size_t, 2>{n, units}));
    check_layer(xt::adapt(memory, std::vector<std::size_t>{n, units}));
    check_layer(
        xt::adapt(memory.data(), memory.size(), xt::no_ownership(), std::array<std::size_t, 2>{n, units}));

    const xt::xtensor_fixed<Scalar, xt::xshape<n, units>> fixed = rows;
    check_layer(fixed);
}

TEST_CASE_TEMPLATE("every statistic of maps in xtensor's types", Scalar, float, double) {
    xt::xtensor<Scalar, 4> maps({n, units, height, width});
    xt::xtensor<Scalar, 4> bordered = xt::ones<Scalar>({n, units, height + 2, width + 1});
    known_layer::fill_maps([&](std::size_t i, std::size_t u, std::size_t row, std::size_t column, int value) {
        maps(i, u, row, column) = bordered(i, u, row + 1, column) = static_cast<Scalar>(value);
    });
    check_layer(maps);
    check_layer(xt::xarray<Scalar>(maps));
    check_layer(xt::view(bordered, xt::all(), xt::all(), xt::range(1, height + 1), xt::range(0, width)));
}

TEST_CASE_TEMPLATE("selectivity of small integers in xtensor's types", Scalar, std::int8_t, std::uint8_t) {
    check_selectivity(filled<xt::xtensor<Scalar, 2>>(), known_layer::labels());
    check_selectivity(filled<xt::xarray<Scalar>>(), known_layer::labels());
}

TEST_CASE("labels in xtensor's types") {
    const auto x = filled<xt::xtensor<float, 2>>();
    const std::vector<int> labels = known_layer::labels();
    const xt::xtensor<int, 1> vector = xt::adapt(labels, std::array<std::size_t, 1>{n});
    check_selectivity(x, vector);
    check_selectivity(x, xt::xarray<int>(vector));
    xt::xtensor<std::uint8_t, 2> table({n, 3});
    xt::view(table, xt::all(), 2) = vector;
    check_selectivity(x, xt::view(table, xt::all(), 2));
}
