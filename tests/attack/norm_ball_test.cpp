#include "repscope/attack/norm_ball.hpp"

#include "repscope/random/random_stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace norm_ball_test {

using namespace repscope;
using attack::norm;

namespace {

std::vector<double> draw(random_stream& random, std::size_t size, double scale = 1) {
    std::vector<double> values(size);
    for (double& value : values) value = scale * random.normal();
    return values;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return std::sqrt(sum);
}

double product(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

/// The nearest point of the l1 ball by trying every set of components that may be other than 0.
std::vector<double> nearest_in_l1_ball(const std::vector<double>& x, double eps) {
    if (attack::norm_of(norm::l1, x) <= eps) return x;
    std::vector<double> best;
    double shortest = std::numeric_limits<double>::infinity();
    for (std::uint32_t set = 1; set < (1U << x.size()); ++set) {
        double sum = 0, size = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            if ((set >> i & 1U) == 0) continue;
            sum += std::abs(x[i]);
            ++size;
        }
        // On the face of these signs the nearest point of the plane sum |z| = eps.
        std::vector<double> z(x.size());
        bool on_face = true;
        for (std::size_t i = 0; i < x.size(); ++i) {
            if ((set >> i & 1U) == 0) continue;
            const double reach = std::abs(x[i]) - (sum - eps) / size;
            on_face = on_face && reach >= 0;
            z[i] = x[i] < 0 ? -reach : reach;
        }
        if (!on_face || distance(x, z) >= shortest) continue;
        shortest = distance(x, z);
        best = z;
    }
    return best;
}

/// Largest distance of the empirical distribution of `values` from the uniform one on (0, 1), times sqrt(n).
double kolmogorov_smirnov(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const auto n = static_cast<double>(values.size());
    double largest = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        largest = std::max(
            {largest, values[i] - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - values[i]});
    }
    return largest * std::sqrt(n);
}

} // namespace

TEST_CASE("projection onto the l1 ball is the nearest point that brute force finds") {
    random_stream random(1, 1);
    std::vector<double> scratch;
    for (int round = 0; round < 200; ++round) {
        const std::vector<double> x = draw(random, 1 + random.below(7));
        const double eps = 0.05 + 2 * random.uniform();
        const auto expected = nearest_in_l1_ball(x, eps);
        std::vector<double> z = x;
        attack::project(norm::l1, eps, z, scratch);
        REQUIRE(distance(z, expected) <= 1e-12);
    }
    // Ties, a component alone, and many components against the threshold found by halving.
    std::vector<double> equal{-2, 2, 2, 0};
    attack::project(norm::l1, 3, equal, scratch);
    CHECK(distance(equal, {-1, 1, 1, 0}) <= 1e-15);
    const std::vector<double> x = draw(random, 784);
    double low = 0, high = 10;
    for (int step = 0; step < 200; ++step) {
        const double theta = (low + high) / 2;
        double sum = 0;
        for (const double value : x) sum += std::max(std::abs(value) - theta, 0.0);
        (sum > 12 ? low : high) = theta;
    }
    std::vector<double> z = x;
    attack::project(norm::l1, 12, z, scratch);
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double expected = std::copysign(std::max(std::abs(x[i]) - low, 0.0), x[i]);
        worst = std::max(worst, std::abs(z[i] - expected));
    }
    CHECK(worst <= 1e-13);
    CHECK(attack::norm_of(norm::l1, z) == doctest::Approx(12).epsilon(1e-12));
}

TEST_CASE("points inside stay where they are; l2 and linf projections") {
    random_stream random(2, 1);
    std::vector<double> scratch;
    for (const norm kind : {norm::linf, norm::l2, norm::l1}) {
        CAPTURE(to_string(kind));
        const std::vector<double> x = draw(random, 20);
        const double size = attack::norm_of(kind, x);
        std::vector<double> z = x;
        attack::project(kind, size, z, scratch);
        CHECK(z == x);
        attack::project(kind, size / 3, z, scratch);
        CHECK(attack::norm_of(kind, z) == doctest::Approx(size / 3).epsilon(1e-14));
        std::vector<double> none(20);
        attack::project(kind, 0.5, none, scratch);
        CHECK(none == std::vector<double>(20));
    }
    std::vector<double> x{3, -4};
    attack::project(norm::l2, 1, x, scratch);
    CHECK(distance(x, {0.6, -0.8}) <= 1e-15);
    x = {3, -0.5};
    attack::project(norm::linf, 1, x, scratch);
    CHECK(x == std::vector<double>{1, -0.5});
    CHECK(std::isnan(attack::norm_of(norm::linf, std::vector<double>{1, std::nan(""), 2})));
}

TEST_CASE("random points are uniform in their ball") {
    for (const std::size_t size : {2U, 3U, 50U}) {
        for (const norm kind : {norm::linf, norm::l2, norm::l1}) {
            CAPTURE(size);
            CAPTURE(to_string(kind));
            std::vector<double> radii, first, positive;
            for (std::uint32_t sample = 0; sample < 2000; ++sample) {
                random_stream random(7, 3, sample);
                std::vector<double> x(size);
                attack::random_point(kind, 0.3, random, x);
                const double radius = attack::norm_of(kind, x) / 0.3;
                REQUIRE(radius <= 1 + 1e-12);
                // The share of the ball inside a radius is radius^size.
                radii.push_back(std::pow(radius, static_cast<double>(size)));
                first.push_back(x[0] / 0.3);
                positive.push_back(x[0] > 0 ? 1 : 0);
            }
            // 1.63 is exceeded once in 100 times.
            CHECK(kolmogorov_smirnov(radii) < 1.63);
            double mean = 0, share = 0;
            for (const double value : first) mean += value / 2000;
            for (const double value : positive) share += value / 2000;
            CHECK(std::abs(mean) < 0.05);
            CHECK(std::abs(share - 0.5) < 0.04);
            if (kind == norm::linf) {
                for (double& value : first) value = (value + 1) / 2;
                CHECK(kolmogorov_smirnov(first) < 1.63);
            }
        }
    }
    // In two dimensions the direction too: the angle of l2, and the place along an edge of l1.
    std::vector<double> angles, places;
    for (std::uint32_t sample = 0; sample < 2000; ++sample) {
        random_stream random(8, 3, sample);
        std::vector<double> x(2);
        attack::random_point(norm::l2, 1, random, x);
        angles.push_back((std::atan2(x[1], x[0]) + 3.141592653589793) / (2 * 3.141592653589793));
        attack::random_point(norm::l1, 1, random, x);
        places.push_back(std::abs(x[0]) / (std::abs(x[0]) + std::abs(x[1])));
    }
    CHECK(kolmogorov_smirnov(angles) < 1.63);
    CHECK(kolmogorov_smirnov(places) < 1.63);
}

TEST_CASE("the steepest step of every norm") {
    std::vector<std::uint32_t> indices;
    const auto everywhere = [](std::size_t) { return attack::headroom{9, 9}; };
    const std::vector<double> g{0.5, -2, 0, 2, 1e-200};
    const auto step = [&](norm kind, std::size_t coordinates, auto limits) {
        std::vector<double> delta(g.size());
        attack::steepest_ascent_step(kind, 0.6, coordinates, g, limits, delta, indices);
        return delta;
    };
    CHECK(step(norm::linf, 1, everywhere) == std::vector<double>{0.6, -0.6, 0, 0.6, 0.6});
    const auto l2 = step(norm::l2, 1, everywhere);
    CHECK(attack::norm_of(norm::l2, l2) == doctest::Approx(0.6).epsilon(1e-14));
    CHECK(l2[1] == doctest::Approx(-0.6 * 2 / std::sqrt(8.25)).epsilon(1e-14));
    // Of the equal components the one before goes first.
    CHECK(step(norm::l1, 1, everywhere) == std::vector<double>{0, -0.6, 0, 0, 0});
    CHECK(step(norm::l1, 2, everywhere) == std::vector<double>{0, -0.3, 0, 0.3, 0});
    // Without room for its whole move a component is passed over; the one without gradient never moves.
    const auto at_the_floor = [](std::size_t i) {
        return i == 1 ? attack::headroom{0.1, 0.9} : attack::headroom{0.5, 0.5};
    };
    CHECK(step(norm::l1, 2, at_the_floor) == std::vector<double>{0.3, 0, 0, 0.3, 0});
    CHECK(step(norm::l1, 5, at_the_floor)[2] == 0);
    // Gradients with vanishing squares still have a direction; a gradient of 0 does not.
    std::vector<double> delta(2);
    attack::steepest_ascent_step(norm::l2, 1, 1, std::vector<double>{3e-200, -4e-200}, everywhere, delta,
                                 indices);
    CHECK(distance(delta, {0.6, -0.8}) <= 1e-15);
    for (const norm kind : {norm::linf, norm::l2, norm::l1}) {
        std::vector<double> still(2);
        attack::steepest_ascent_step(kind, 1, 1, std::vector<double>{0, -0.0}, everywhere, still, indices);
        CHECK(still == std::vector<double>(2));
        attack::maximize_linear(kind, 1, std::vector<double>{0, -0.0}, everywhere, still, indices);
        CHECK(still == std::vector<double>(2));
    }
}

TEST_CASE("the largest linear function in ball and box") {
    random_stream random(3, 1);
    std::vector<std::uint32_t> indices;
    for (int round = 0; round < 60; ++round) {
        const std::size_t size = 2 + random.below(4);
        const std::vector<double> g = draw(random, size);
        std::vector<attack::headroom> rooms(size);
        for (attack::headroom& space : rooms)
            space = {random.uniform(), round % 3 == 0 ? 0.0 : random.uniform()};
        const auto limits = [&](std::size_t i) { return rooms[i]; };
        const double eps = 0.1 + random.uniform();
        for (const norm kind : {norm::linf, norm::l2, norm::l1}) {
            CAPTURE(to_string(kind));
            std::vector<double> best(size);
            attack::maximize_linear(kind, eps, g, limits, best, indices);
            REQUIRE(attack::norm_of(kind, best) <= eps * (1 + 1e-12));
            for (std::size_t i = 0; i < size; ++i) {
                REQUIRE(best[i] <= rooms[i].up);
                REQUIRE(best[i] >= -rooms[i].down);
            }
            // No allowed point is better, among many, and near the best one.
            double largest = -1;
            std::vector<double> scratch;
            for (int attempt = 0; attempt < 400; ++attempt) {
                std::vector<double> z = attempt % 2 == 0 ? draw(random, size) : draw(random, size, 0.02);
                if (attempt % 2 == 1) {
                    for (std::size_t i = 0; i < size; ++i) z[i] += best[i];
                }
                attack::project(kind, eps, z, scratch);
                for (std::size_t i = 0; i < size; ++i) z[i] = std::clamp(z[i], -rooms[i].down, rooms[i].up);
                largest = std::max(largest, product(g, z));
            }
            REQUIRE(largest <= product(g, best) + 1e-12);
        }
    }
    // Two components by hand: the first may go .6, the second has the rest of the unit circle.
    std::vector<double> delta(2);
    const auto narrow = [](std::size_t i) {
        return i == 0 ? attack::headroom{1, 0.6} : attack::headroom{9, 9};
    };
    attack::maximize_linear(norm::l2, 1, std::vector<double>{10, 1}, narrow, delta, indices);
    CHECK(distance(delta, {0.6, 0.8}) <= 1e-15);
    attack::maximize_linear(norm::l1, 1, std::vector<double>{10, 1}, narrow, delta, indices);
    CHECK(distance(delta, {0.6, 0.4}) <= 1e-15);
    const auto free = [](std::size_t) {
        constexpr double all = std::numeric_limits<double>::infinity();
        return attack::headroom{all, all};
    };
    attack::maximize_linear(norm::l2, 5, std::vector<double>{3, -4}, free, delta, indices);
    CHECK(distance(delta, {3, -4}) <= 1e-14);
}

} // namespace norm_ball_test
