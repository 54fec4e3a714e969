#include "repscope/geometry/class_scatter.hpp"

#include "class_samples.hpp"
#include "repscope/error.hpp"
#include "repscope/geometry/lidar.hpp"
#include "repscope/geometry/neural_collapse.hpp"
#include "symmetric_matrix.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace class_scatter_test {

using namespace repscope_test;
using repscope::as_view;
using repscope::class_center;
using repscope::class_moments;
using repscope::class_scatter;
using repscope::class_scatter_result;
using repscope::covariance;
using repscope::lidar;

const std::vector<std::size_t> few_sizes{12, 3, 0, 9, 8};

covariance second_moments(const class_samples& data, std::size_t first = 0, std::size_t count = 0) {
    covariance state(data.units);
    if (count == 0) count = data.y.size() - first;
    state.update(as_view(std::span<const double>(data.x).subspan(first * data.units, count * data.units),
                         {count, data.units}));
    return state;
}

// The definitions, from matrices of the units.
struct by_units {
    std::size_t classes;
    real samples = 0;
    square_matrix within, between; // S_W, and the sum over classes of m m^T
    real numerator = 0, denominator = 0;

    by_units(const class_samples& data, const by_samples& parts, bool about_mean_of_classes)
        : classes(parts.means.size()), within(data.units), between(data.units) {
        const std::size_t units = data.units;
        std::size_t c = 0;
        for (std::size_t i = 0; i < data.y.size(); ++i) {
            if (i > 0 && data.y[i] != data.y[i - 1]) ++c;
            for (std::size_t u = 0; u < units; ++u)
                for (std::size_t v = 0; v < units; ++v)
                    within(u, v) += (data.x[i * units + u] - parts.means[c][u]) *
                                    (data.x[i * units + v] - parts.means[c][v]);
        }
        for (const auto& mean : parts.means)
            for (std::size_t u = 0; u < units; ++u)
                for (std::size_t v = 0; v < units; ++v)
                    between(u, v) += (mean[u] - parts.center[u]) * (mean[v] - parts.center[v]);
        for (const real count : parts.counts) samples += count;
        // L = J N^-1 J^T with J = I - 1 w^T.
        square_matrix j(classes), noise(classes);
        for (std::size_t a = 0; a < classes; ++a) {
            for (std::size_t b = 0; b < classes; ++b)
                j(a, b) = (a == b ? 1 : 0) - (about_mean_of_classes ? 1 / static_cast<real>(classes)
                                                                    : parts.counts[b] / samples);
        }
        for (std::size_t a = 0; a < classes; ++a)
            for (std::size_t b = 0; b < classes; ++b)
                for (std::size_t k = 0; k < classes; ++k) noise(a, b) += j(a, k) * j(b, k) / parts.counts[k];
        const real nu = samples - static_cast<real>(classes), t = within.trace() / nu;
        const real q = nu * nu / ((nu - 1) * (nu + 2)) * (within.square_sum() / nu / nu - t * t / nu);
        const real tt = t * t - 2 * q / nu, g = between.trace();
        real lg = 0, lp = 0;
        for (std::size_t a = 0; a < classes; ++a) {
            for (std::size_t b = 0; b < classes; ++b) {
                lg += noise(a, b) * parts.product(a, b);
                for (std::size_t u = 0; u < units; ++u)
                    for (std::size_t v = 0; v < units; ++v)
                        lp += noise(a, b) * (parts.means[a][u] - parts.center[u]) * within(u, v) / nu *
                              (parts.means[b][v] - parts.center[v]);
            }
        }
        const real p = (between * within).trace() / nu, l = noise.trace(), ll = noise.square_sum();
        numerator = g * g - 2 * l * t * g + l * l * tt - 4 * lp + 2 * ll * q;
        denominator = between.square_sum() - 2 * t * lg + ll * tt - 2 * l * p - 2 * lp + (l * l + ll) * q;
    }
    [[nodiscard]] real nc1() const {
        square_matrix copy = between;
        jacobi(copy);
        real largest = 0;
        for (std::size_t u = 0; u < copy.order; ++u) largest = std::max(largest, copy(u, u));
        const auto inverse = [&](real value) { return value > 1e-12L * largest ? 1 / value : 0; };
        return (within * function_of(between, inverse)).trace() / samples;
    }
    // About the mean of the class means.
    [[nodiscard]] real lidar(real ridge, real epsilon) const {
        square_matrix covariance = within, means = between;
        for (real& value : covariance.at) value /= samples - static_cast<real>(classes);
        for (std::size_t u = 0; u < covariance.order; ++u) covariance(u, u) += ridge;
        for (real& value : means.at) value /= static_cast<real>(classes) - 1;
        const square_matrix root = function_of(covariance, [](real value) { return 1 / std::sqrt(value); });
        square_matrix whitened = root * means * root;
        jacobi(whitened);
        real sum = 0, entropy = 0;
        for (std::size_t u = 0; u < whitened.order; ++u) sum += std::max<real>(whitened(u, u), 0) + epsilon;
        for (std::size_t u = 0; u < whitened.order; ++u) {
            const real share = (std::max<real>(whitened(u, u), 0) + epsilon) / sum;
            if (share > 0) entropy -= share * std::log(share);
        }
        return std::exp(entropy);
    }
};

TEST_CASE("class scatter and LiDAR equal their definitions over samples, thin and thick, with an offset") {
    for (const bool thin : {false, true}) {
        for (const double offset : {0.0, 1e4}) {
            for (const class_center center : {class_center::samples, class_center::classes}) {
                CAPTURE(thin);
                CAPTURE(offset);
                const bool about_classes = center == class_center::classes;
                const class_samples data =
                    thin ? class_samples(offset, 1, 60, few_sizes) : class_samples(offset);
                const covariance state = second_moments(data);
                REQUIRE(state.is_thin() == thin);
                const by_samples parts(data, about_classes);
                const by_units expected(data, parts, about_classes);
                const auto got = class_scatter(state, data.moments(), {.center = center});
                check_near(got.nc1, expected.nc1());
                check_near(got.within_participation_ratio,
                           expected.within.trace() * expected.within.trace() / expected.within.square_sum());
                check_near(got.between_participation_ratio, expected.between.trace() *
                                                                expected.between.trace() /
                                                                expected.between.square_sum());
                check_near(got.between_participation_ratio_corrected,
                           expected.numerator / expected.denominator);
                if (!about_classes) continue;
                check_near(lidar(state, data.moments()), expected.lidar(1e-4L, 1e-8L));
                check_near(lidar(state, data.moments(), {.ridge = .5, .epsilon = 0}), expected.lidar(.5L, 0));
            }
        }
    }
}

void check_equal(const class_scatter_result& a, const class_scatter_result& b, double tolerance) {
    const auto near = [&](double x, double y) { CHECK(std::abs(x / y - 1) <= tolerance); };
    near(a.nc1, b.nc1);
    near(a.within_participation_ratio, b.within_participation_ratio);
    near(a.between_participation_ratio, b.between_participation_ratio);
    near(a.between_participation_ratio_corrected, b.between_participation_ratio_corrected);
}

TEST_CASE("class scatter has the same bits for any threads and agrees for merged states") {
    for (const std::size_t units : {7U, 60U, 300U}) {
        const class_samples data(3, 1, units, {150, 90, 0, 75, 60});
        const covariance whole = second_moments(data);
        const class_moments moments = data.moments();
        const auto expected = class_scatter(whole, moments);
        const double expected_lidar = lidar(whole, moments);
        for (const int threads : {2, 3}) {
            check_equal(class_scatter(whole, moments, {.threads = threads}), expected, 0);
            CHECK(lidar(whole, moments, {.threads = threads}) == expected_lidar);
        }
        covariance merged = second_moments(data, 0, 200);
        merged.merge(second_moments(data, 200));
        check_equal(class_scatter(merged, moments), expected, 1e-12);
        CHECK(std::abs(lidar(merged, moments) / expected_lidar - 1) < 1e-12);
    }
}

TEST_CASE("the corrected participation ratio of class means removes the noise of the means") {
    constexpr std::size_t classes = 10, units = 30, size = 10;
    repscope::random_stream random(7, 1);
    std::vector<double> true_means(classes * units);
    for (std::size_t k = 0; k < true_means.size(); ++k)
        true_means[k] = random.normal() / std::sqrt(static_cast<double>(k % units + 1));
    std::vector<int> labels;
    for (std::size_t i = 0; i < classes * size; ++i) labels.push_back(static_cast<int>(i / size));
    class_moments exact(units, classes);
    covariance exact_products(units);
    std::vector<double> repeated;
    for (std::size_t i = 0; i < 40 * classes; ++i)
        for (std::size_t u = 0; u < units; ++u) repeated.push_back(true_means[i % classes * units + u]);
    std::vector<int> repeated_labels;
    for (std::size_t i = 0; i < 40 * classes; ++i) repeated_labels.push_back(static_cast<int>(i % classes));
    exact.update(as_view(repeated, {40 * classes, units}), repeated_labels);
    exact_products.update(as_view(repeated, {40 * classes, units}));
    const auto truth = class_scatter(exact_products, exact);
    CHECK(truth.between_participation_ratio_corrected ==
          doctest::Approx(truth.between_participation_ratio).epsilon(1e-9));
    double plain = 0, corrected = 0;
    constexpr int draws = 200;
    for (int draw = 0; draw < draws; ++draw) {
        std::vector<double> x(classes * size * units);
        for (std::size_t i = 0; i < classes * size; ++i)
            for (std::size_t u = 0; u < units; ++u)
                x[i * units + u] = true_means[i / size * units + u] + random.normal();
        class_moments moments(units, classes);
        covariance products(units);
        moments.update(as_view(x, {classes * size, units}), labels);
        products.update(as_view(x, {classes * size, units}));
        const auto one = class_scatter(products, moments);
        plain += one.between_participation_ratio / draws;
        corrected += one.between_participation_ratio_corrected / draws;
    }
    CAPTURE(plain);
    CAPTURE(corrected);
    CAPTURE(truth.between_participation_ratio);
    CHECK(std::abs(plain / truth.between_participation_ratio - 1) > .1);
    CHECK(std::abs(corrected / truth.between_participation_ratio - 1) < .03);
}

TEST_CASE("class scatter: collapsed layers, equal means, two classes and single samples") {
    // Class means at 1 and 5 of one unit, spread 1: S_W / n = 1, the squared distance of a mean is 4.
    const std::vector<double> pairs{0, 2, 4, 6};
    class_moments two(1, 2);
    two.update(as_view(pairs, {4, 1}), std::vector<int>{0, 0, 1, 1});
    covariance products(1);
    products.update(as_view(pairs, {4, 1}));
    const auto got = class_scatter(products, two);
    CHECK(got.nc1 == doctest::Approx(1.0 / 8).epsilon(1e-14)); // (1 / 4) / 2
    CHECK(got.within_participation_ratio == doctest::Approx(1).epsilon(1e-14));
    CHECK(got.between_participation_ratio == doctest::Approx(1).epsilon(1e-14));
    CHECK(repscope::neural_collapse(two).nc1_trace == doctest::Approx(1.0 / 4));
    // One direction, so LiDAR is 1: the shares of a single unit.
    CHECK(lidar(products, two) == doctest::Approx(1).epsilon(1e-14));

    for (const std::size_t copies : {1U, 5U}) {
        std::vector<double> x;
        std::vector<int> y;
        for (std::size_t i = 0; i < copies * 3; ++i) {
            for (std::size_t u = 0; u < 3; ++u) x.push_back(i % 3 == u ? 3 : 0);
            y.push_back(static_cast<int>(i % 3));
        }
        class_moments moments(3, 3);
        moments.update(as_view(x, {3 * copies, 3}), y);
        covariance collapsed(3);
        collapsed.update(as_view(x, {3 * copies, 3}));
        const auto simplex = class_scatter(collapsed, moments);
        CHECK(simplex.nc1 < 1e-14);
        CHECK(std::isnan(simplex.within_participation_ratio));
        CHECK(simplex.between_participation_ratio == doctest::Approx(2).epsilon(1e-14));
        // No noise to remove; with single samples there is none to estimate.
        if (copies == 1)
            CHECK(std::isnan(simplex.between_participation_ratio_corrected));
        else
            CHECK(simplex.between_participation_ratio_corrected == doctest::Approx(2).epsilon(1e-12));
        CHECK(std::isnan(lidar(collapsed, moments)) == (copies == 1));
        if (copies > 1) CHECK(lidar(collapsed, moments) == doctest::Approx(2).epsilon(1e-6));
    }

    // Equal means, and silent units beside live ones.
    const std::vector<double> equal{1, 0, 3, 0, 1, 0, 3, 0};
    class_moments moments(2, 2);
    moments.update(as_view(equal, {4, 2}), std::vector<int>{0, 0, 1, 1});
    covariance state(2);
    state.update(as_view(equal, {4, 2}));
    CHECK(std::isnan(class_scatter(state, moments).nc1));
    CHECK(std::isnan(class_scatter(state, moments).between_participation_ratio));
    CHECK(class_scatter(state, moments).within_participation_ratio == doctest::Approx(1).epsilon(1e-14));
    CHECK(std::isnan(lidar(state, moments)));

    class_moments single(2, 2);
    single.update(as_view(equal, {4, 2}), std::vector<int>{1, 1, 1, 1});
    CHECK_THROWS_AS((void)class_scatter(state, single), repscope::value_error);
    CHECK_THROWS_AS((void)class_scatter(products, moments), repscope::shape_error);
    CHECK_THROWS_AS((void)lidar(state, moments, {.ridge = 0}), repscope::value_error);
    moments.update(as_view(equal, {4, 2}), std::vector<int>{0, 0, 1, 1});
    CHECK_THROWS_AS((void)class_scatter(state, moments), repscope::value_error);
    covariance thin(2);
    thin.update(as_view(std::span(equal).first(4), {2, 2}));
    class_moments few(2, 2);
    few.update(as_view(std::span(equal).first(4), {2, 2}), std::vector<int>{0, 1});
    CHECK_THROWS_AS((void)class_scatter(thin.centered(), few), repscope::value_error);
}

} // namespace class_scatter_test
