// Neural collapse and class-distance variance, against sums over samples and exact cases.

#include "repscope/geometry/class_distance_variance.hpp"
#include "repscope/geometry/neural_collapse.hpp"

#include "repscope/error.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/tensor/as_view.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

namespace class_geometry_test {

using repscope::as_view;
using repscope::class_center;
using repscope::class_distance_variance;
using repscope::class_moments;
using repscope::neural_collapse;

namespace {

// Classes of different sizes, one of them without samples; `offset` is added to every value.
struct layer {
    static constexpr std::size_t units = 7, classes = 5;
    std::vector<double> x;
    std::vector<int> y;

    explicit layer(double offset, double spread = 1) {
        const std::vector<std::size_t> sizes{40, 3, 0, 25, 11};
        repscope::random_stream random(5, 2);
        for (std::size_t c = 0; c < classes; ++c) {
            std::vector<double> mean(units);
            for (double& value : mean) value = 2 * random.normal();
            for (std::size_t i = 0; i < sizes[c]; ++i) {
                y.push_back(static_cast<int>(c));
                for (const double value : mean) x.push_back(offset + value + spread * random.normal());
            }
        }
    }
    [[nodiscard]] class_moments moments() const {
        class_moments state(units, classes);
        state.update(as_view(x, {y.size(), units}), y);
        return state;
    }
};

// The measures written out, from the samples, in extended precision.
struct by_samples {
    using real = long double;
    std::vector<std::vector<real>> means; // of classes with samples
    std::vector<real> counts, spreads;    // mean squared distance from the class mean
    std::vector<real> center;
    real within = 0;

    by_samples(const layer& data, bool about_mean_of_classes) {
        const std::size_t units = layer::units;
        center.resize(units);
        for (std::size_t c = 0; c < layer::classes; ++c) {
            std::vector<real> mean(units);
            real count = 0;
            for (std::size_t i = 0; i < data.y.size(); ++i) {
                if (data.y[i] != static_cast<int>(c)) continue;
                ++count;
                for (std::size_t u = 0; u < units; ++u) mean[u] += data.x[i * units + u];
            }
            if (count == 0) continue;
            for (real& value : mean) value /= count;
            real squares = 0;
            for (std::size_t i = 0; i < data.y.size(); ++i) {
                if (data.y[i] != static_cast<int>(c)) continue;
                for (std::size_t u = 0; u < units; ++u) {
                    const real d = data.x[i * units + u] - mean[u];
                    squares += d * d;
                }
            }
            within += squares / static_cast<real>(data.y.size());
            means.push_back(mean);
            counts.push_back(count);
            spreads.push_back(squares / count);
        }
        for (std::size_t c = 0; c < means.size(); ++c) {
            const real weight = about_mean_of_classes ? 1 / static_cast<real>(means.size())
                                                      : counts[c] / static_cast<real>(data.y.size());
            for (std::size_t u = 0; u < units; ++u) center[u] += weight * means[c][u];
        }
    }
    [[nodiscard]] real product(std::size_t a, std::size_t b) const {
        real sum = 0;
        for (std::size_t u = 0; u < center.size(); ++u)
            sum += (means[a][u] - center[u]) * (means[b][u] - center[u]);
        return sum;
    }
};

void check_near(double got, long double expected) {
    CHECK(std::abs(got / static_cast<double>(expected) - 1) < 1e-9);
}

} // namespace

TEST_CASE("neural collapse equals its definition over samples, with a large offset too") {
    for (const double offset : {0.0, 1e5}) {
        for (const class_center center : {class_center::samples, class_center::classes}) {
            CAPTURE(offset);
            const layer data(offset);
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

TEST_CASE("the class-distance variance equals its definition over samples") {
    for (const double offset : {0.0, 1e5}) {
        const layer data(offset, .5);
        const by_samples expected(data, false);
        long double plain = 0, unbiased = 0;
        for (std::size_t a = 0; a < 4; ++a) {
            for (std::size_t b = 0; b < a; ++b) {
                const long double distance2 =
                    expected.product(a, a) + expected.product(b, b) - 2 * expected.product(a, b);
                const long double spread = expected.spreads[a] + expected.spreads[b];
                const long double noise = expected.spreads[a] / (expected.counts[a] - 1) +
                                          expected.spreads[b] / (expected.counts[b] - 1);
                plain += spread / (2 * distance2) / 6;
                unbiased += spread / (2 * (distance2 - noise)) / 6;
            }
        }
        const auto got = class_distance_variance(data.moments());
        check_near(got.cdnv, plain);
        check_near(got.cdnv_unbiased, unbiased);
    }
}

TEST_CASE("exact cases: a simplex, two classes, classes of one sample") {
    // Three class means at the corners of the standard simplex, no spread.
    const std::vector<double> corners{3, 0, 0, 0, 3, 0, 0, 0, 3};
    class_moments collapsed(3, 3);
    collapsed.update(as_view(corners, {3, 3}), std::vector<int>{0, 1, 2});
    const auto collapse = neural_collapse(collapsed);
    CHECK(collapse.nc1_trace == 0);
    CHECK(collapse.nc2_equinorm < 1e-15);
    CHECK(collapse.nc2_equiangular < 1e-15);
    CHECK(collapse.nc2_simplex < 1e-15);
    CHECK(class_distance_variance(collapsed).cdnv == 0);
    CHECK(std::isnan(class_distance_variance(collapsed).cdnv_unbiased));

    // Means 1 and 5 of one unit, 2 samples each at +-1: spreads 1 and 1, squared distance 16, of which the
    // noise of the means is 2.
    const std::vector<double> pairs{0, 2, 4, 6};
    class_moments two(1, 2);
    two.update(as_view(pairs, {4, 1}), std::vector<int>{0, 0, 1, 1});
    CHECK(class_distance_variance(two).cdnv == 1.0 / 16);
    CHECK(class_distance_variance(two).cdnv_unbiased == 1.0 / 14);
    CHECK(neural_collapse(two).nc1_trace == 1.0 / 4);
}

TEST_CASE("what is undefined is NaN, and too few classes are refused") {
    const std::vector<double> equal{1, 3, 1, 3};
    class_moments moments(1, 3);
    moments.update(as_view(equal, {4, 1}), std::vector<int>{0, 0, 1, 1});
    const auto collapse = neural_collapse(moments);
    CHECK(std::isnan(collapse.nc1_trace));
    CHECK(std::isnan(collapse.nc2_equinorm));
    CHECK(std::isnan(collapse.nc2_equiangular));
    CHECK(std::isnan(collapse.nc2_simplex));
    CHECK(std::isnan(class_distance_variance(moments).cdnv));

    // Of three class means one is the center: it has no direction.
    const std::vector<double> line{-1, 0, 1};
    class_moments centered(1, 3);
    centered.update(as_view(line, {3, 1}), std::vector<int>{0, 1, 2});
    CHECK(std::isnan(neural_collapse(centered).nc2_equiangular));
    CHECK(neural_collapse(centered).nc2_equinorm == doctest::Approx(std::sqrt(0.5)));

    class_moments single(1, 3);
    single.update(as_view(line, {3, 1}), std::vector<int>{1, 1, 1});
    CHECK_THROWS_AS((void)neural_collapse(single), repscope::value_error);
    CHECK_THROWS_AS((void)class_distance_variance(single), repscope::value_error);
}

TEST_CASE("merged states give the same geometry to 1e-12") {
    const layer data(3);
    const std::size_t half = data.y.size() / 2;
    const auto x = as_view(data.x, {data.y.size(), layer::units});
    class_moments first(layer::units, layer::classes), second(layer::units, layer::classes);
    using view = repscope::tensor_view<const double, 2>;
    first.update(view(x.data_handle(), {half, layer::units}),
                 std::vector<int>(data.y.begin(), data.y.begin() + static_cast<std::ptrdiff_t>(half)));
    second.update(view(x.data_handle() + half * layer::units, {data.y.size() - half, layer::units}),
                  std::vector<int>(data.y.begin() + static_cast<std::ptrdiff_t>(half), data.y.end()));
    first.merge(second);
    const auto merged = neural_collapse(first), whole = neural_collapse(data.moments());
    CHECK(std::abs(merged.nc1_trace / whole.nc1_trace - 1) < 1e-12);
    CHECK(std::abs(merged.nc2_simplex / whole.nc2_simplex - 1) < 1e-12);
    CHECK(std::abs(class_distance_variance(first).cdnv / class_distance_variance(data.moments()).cdnv - 1) <
          1e-12);
}

} // namespace class_geometry_test
