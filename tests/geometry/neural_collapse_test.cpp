#include "repscope/geometry/neural_collapse.hpp"

#include "class_samples.hpp"
#include "repscope/error.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

namespace neural_collapse_test {

using namespace repscope_test;
using repscope::as_view;
using repscope::class_center;
using repscope::class_moments;
using repscope::neural_collapse;

TEST_CASE("neural collapse equals its definition over samples, with a large offset too") {
    for (const double offset : {0.0, 1e5}) {
        for (const class_center center : {class_center::samples, class_center::classes}) {
            CAPTURE(offset);
            const class_samples data(offset);
            const by_samples expected(data, center == class_center::classes);
            const auto got = neural_collapse(data.moments(), center);
            const std::size_t classes = expected.means.size();
            const auto count = static_cast<long double>(classes);
            REQUIRE(classes == 4);
            long double between = 0, norms = 0, frobenius2 = 0, angles = 0, simplex = 0, norm_squares = 0;
            for (std::size_t a = 0; a < classes; ++a) {
                between += expected.product(a, a) / count;
                norms += std::sqrt(expected.product(a, a)) / count;
                for (std::size_t b = 0; b < classes; ++b)
                    frobenius2 += expected.product(a, b) * expected.product(a, b);
            }
            for (std::size_t a = 0; a < classes; ++a) {
                const long double norm = std::sqrt(expected.product(a, a));
                norm_squares += (norm - norms) * (norm - norms) / count;
                for (std::size_t b = 0; b < classes; ++b) {
                    const long double ideal = ((a == b ? 1.0L : 0.0L) - 1 / count) / std::sqrt(count - 1);
                    const long double difference = expected.product(a, b) / std::sqrt(frobenius2) - ideal;
                    simplex += difference * difference;
                    if (b < a) {
                        angles += std::abs(expected.product(a, b) / norm / std::sqrt(expected.product(b, b)) +
                                           1 / (count - 1)) /
                                  (count * (count - 1) / 2);
                    }
                }
            }
            check_near(got.nc1_trace, expected.within / between);
            check_near(got.nc2_equinorm, std::sqrt(norm_squares) / norms);
            check_near(got.nc2_equiangular, angles);
            check_near(got.nc2_simplex, std::sqrt(simplex));
        }
    }
}

TEST_CASE("neural collapse: a simplex is collapsed, equal means and a mean at the center are undefined") {
    const std::vector<double> corners{3, 0, 0, 0, 3, 0, 0, 0, 3};
    class_moments collapsed(3, 3);
    collapsed.update(as_view(corners, {3, 3}), std::vector<int>{0, 1, 2});
    const auto simplex = neural_collapse(collapsed);
    CHECK(simplex.nc1_trace == 0);
    CHECK(simplex.nc2_equinorm < 1e-15);
    CHECK(simplex.nc2_equiangular < 1e-15);
    CHECK(simplex.nc2_simplex < 1e-15);

    // Class means 1 and 5 of one unit, spreads 1 and 1: the mean squares are 1 and 4.
    const std::vector<double> pairs{0, 2, 4, 6};
    class_moments two(1, 2);
    two.update(as_view(pairs, {4, 1}), std::vector<int>{0, 0, 1, 1});
    CHECK(neural_collapse(two).nc1_trace == 1.0 / 4);

    const std::vector<double> equal{1, 3, 1, 3};
    class_moments moments(1, 3);
    moments.update(as_view(equal, {4, 1}), std::vector<int>{0, 0, 1, 1});
    const auto undefined = neural_collapse(moments);
    CHECK(std::isnan(undefined.nc1_trace));
    CHECK(std::isnan(undefined.nc2_equinorm));
    CHECK(std::isnan(undefined.nc2_equiangular));
    CHECK(std::isnan(undefined.nc2_simplex));

    // The sums of the same values in another order differ by rounding.
    const std::vector<double> reordered{0, .1, .2, .3, .3, .2, .1, 0};
    class_moments rounded(1, 2);
    rounded.update(as_view(reordered, {8, 1}), std::vector<int>{0, 0, 0, 0, 1, 1, 1, 1});
    CHECK(std::isnan(neural_collapse(rounded).nc1_trace));

    const std::vector<double> line{-1, 0, 1};
    class_moments centered(1, 3);
    centered.update(as_view(line, {3, 1}), std::vector<int>{0, 1, 2});
    CHECK(std::isnan(neural_collapse(centered).nc2_equiangular));
    CHECK(neural_collapse(centered).nc2_equinorm == doctest::Approx(std::sqrt(0.5)));
}

TEST_CASE("neural collapse needs two classes with samples") {
    const std::vector<double> line{-1, 0, 1};
    class_moments single(1, 3);
    single.update(as_view(line, {3, 1}), std::vector<int>{1, 1, 1});
    CHECK_THROWS_AS((void)neural_collapse(single), repscope::value_error);
}

TEST_CASE("merged states give the same collapse to 1e-12") {
    const class_samples data(3);
    const std::size_t half = data.y.size() / 2;
    const auto x = as_view(data.x, {data.y.size(), data.units});
    class_moments first(data.units, class_samples::classes), second(data.units, class_samples::classes);
    using view = repscope::tensor_view<const double, 2>;
    first.update(view(x.data_handle(), {half, data.units}),
                 std::vector<int>(data.y.begin(), data.y.begin() + static_cast<std::ptrdiff_t>(half)));
    second.update(view(x.data_handle() + half * data.units, {data.y.size() - half, data.units}),
                  std::vector<int>(data.y.begin() + static_cast<std::ptrdiff_t>(half), data.y.end()));
    first.merge(second);
    const auto merged = neural_collapse(first), whole = neural_collapse(data.moments());
    CHECK(std::abs(merged.nc1_trace / whole.nc1_trace - 1) < 1e-12);
    CHECK(std::abs(merged.nc2_simplex / whole.nc2_simplex - 1) < 1e-12);
}

} // namespace neural_collapse_test
