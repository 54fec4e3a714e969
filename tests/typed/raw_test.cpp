#include "support/known_layer.hpp"

#include "repscope/tensor/array.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

using repscope::as_view;
using repscope_test::check_layer;
using repscope_test::check_selectivity;
using repscope_test::known_layer;
using repscope_test::plain_statistics;

namespace {

constexpr std::size_t n = known_layer::samples, units = known_layer::units;
constexpr std::size_t height = known_layer::height, width = known_layer::width;
constexpr auto signed_n = static_cast<std::ptrdiff_t>(n), signed_units = static_cast<std::ptrdiff_t>(units);

template <typename Scalar>
std::vector<Scalar> dense() {
    std::vector<Scalar> values(n * units);
    known_layer::fill(
        [&](std::size_t i, std::size_t u, int value) { values[i * units + u] = Scalar(value); });
    return values;
}

template <typename Scalar>
struct samples_last {
    std::vector<Scalar> values;
};

} // namespace

template <typename Scalar>
struct repscope::tensor_traits<samples_last<Scalar>> {
    static repscope::tensor_view<const Scalar, 2> view(const samples_last<Scalar>& x) {
        return {x.values.data(), {n, units}, {1, signed_n}};
    }
};

TEST_CASE("statistics of dense rows of double equal their definitions") {
    const plain_statistics& plain = plain_statistics::get();
    REQUIRE(plain.index.size() == units);
    for (std::size_t u = 0; u < units; ++u) {
        CAPTURE(u);
        CHECK(plain.index[u] == doctest::Approx(known_layer::index(u)).epsilon(1e-13));
        for (std::size_t v = 0; v < u; ++v) CHECK(plain.index[u] != plain.index[v]);
    }
    CHECK(plain.participation_ratio == doctest::Approx(known_layer::participation_ratio()).epsilon(1e-13));
    CHECK(plain.participation_ratio_unbiased ==
          doctest::Approx(known_layer::participation_ratio_unbiased()).epsilon(1e-12));
}

TEST_CASE_TEMPLATE("every statistic of pointers, ranges, strided views and a custom type", Scalar, float,
                   double) {
    const std::vector<Scalar> values = dense<Scalar>();
    check_layer(as_view(values.data(), {n, units}));
    check_layer(as_view(values, {n, units}));
    check_layer(as_view(std::span(values), {n, units}));
    check_layer(repscope::array<Scalar, 2>({n, units}, values));

    // Every second element of rows that are longer than the units, and the same backwards.
    std::vector<Scalar> sparse(n * 2 * (units + 1), Scalar(-1));
    known_layer::fill([&](std::size_t i, std::size_t u, int value) {
        sparse[i * 2 * (units + 1) + 2 * u] = Scalar(value);
    });
    check_layer(as_view(sparse.data(), {n, units}, {2 * (signed_units + 1), 2}));

    std::vector<Scalar> reversed(values.rbegin(), values.rend());
    check_layer(as_view(reversed.data() + reversed.size() - 1, {n, units}, {-signed_units, -1}));

    samples_last<Scalar> own{std::vector<Scalar>(n * units)};
    known_layer::fill(
        [&](std::size_t i, std::size_t u, int value) { own.values[u * n + i] = Scalar(value); });
    check_layer(own);
}

TEST_CASE_TEMPLATE("every statistic of maps, for any order of their axes", Scalar, float, double) {
    constexpr auto h = static_cast<std::ptrdiff_t>(height), w = static_cast<std::ptrdiff_t>(width);
    std::vector<Scalar> channels_first(n * units * height * width), channels_last = channels_first;
    known_layer::fill_maps([&](std::size_t i, std::size_t u, std::size_t row, std::size_t column, int value) {
        channels_first[((i * units + u) * height + row) * width + column] = Scalar(value);
        channels_last[((i * height + row) * width + column) * units + u] = Scalar(value);
    });
    check_layer(as_view(channels_first, {n, units, height, width}));
    check_layer(as_view(channels_last.data(), {n, units, height, width},
                        {h * w * signed_units, 1, w * signed_units, signed_units}));

    const auto nhwc = as_view(channels_last, {n, height, width, units});
    const auto stated =
        repscope::class_selectivity(nhwc, known_layer::labels(), {.axes = repscope::layout::nhwc});
    CHECK(stated.index == plain_statistics::get().index);
    const auto ntd = as_view(channels_last, {n, height * width, units});
    const auto tokens =
        repscope::class_selectivity(ntd, known_layer::labels(), {.axes = repscope::layout::ntd});
    CHECK(tokens.index == plain_statistics::get().index);
}

TEST_CASE_TEMPLATE("selectivity of integers", Scalar, std::int8_t, std::uint8_t, std::int16_t, int,
                   std::int64_t) {
    const std::vector<Scalar> values = dense<Scalar>();
    check_selectivity(as_view(values, {n, units}), known_layer::labels());
    check_selectivity(as_view(values.data(), {n, units}), known_layer::labels());
}

TEST_CASE_TEMPLATE("labels of any integer type", Label, std::int8_t, std::uint8_t, short, unsigned, long,
                   unsigned long long) {
    const std::vector<float> values = dense<float>();
    const std::vector<Label> labels = known_layer::labels<Label>();
    check_selectivity(as_view(values, {n, units}), labels);
    check_selectivity(as_view(values, {n, units}), std::span(labels));
    check_selectivity(as_view(values, {n, units}), as_view(labels, {n, 1}));
    std::vector<Label> sparse(3 * n, Label(99));
    for (std::size_t i = 0; i < n; ++i) sparse[3 * i] = labels[i];
    check_selectivity(as_view(values, {n, units}), as_view(sparse.data(), {n}, {3}));
}
