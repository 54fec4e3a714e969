#include "repscope/random/normal_quantile.hpp"
#include "repscope/random/philox.hpp"
#include "repscope/random/portable_math.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace portable_math_test {

namespace portable = repscope::portable;
using repscope::normal_quantile;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Distance to a reference of higher precision in units of the last place of the double next to it.
double ulps(double value, long double reference) {
    const double rounded = static_cast<double>(reference);
    const double ulp = std::nextafter(std::abs(rounded), infinity) - std::abs(rounded);
    return static_cast<double>(std::abs(static_cast<long double>(value) - reference)) / ulp;
}

std::uint64_t bits_of(std::uint32_t i, std::uint32_t what) {
    const auto words = repscope::philox4x32({i, what, 0, 0}, {7, 0});
    return words[0] | (static_cast<std::uint64_t>(words[1]) << 32U);
}

/// Uniform in [low, high).
double draw(std::uint32_t i, std::uint32_t what, double low, double high) {
    return low + (high - low) * (static_cast<double>(bits_of(i, what) >> 11U) * 0x1p-53);
}

} // namespace

TEST_CASE("exp is within an ulp over its whole range") {
    double worst = 0.0;
    for (std::uint32_t i = 0; i < 100000; ++i) {
        for (const double range : {0.35, 5.0, 708.0}) {
            const double x = draw(i, 0, -range, range);
            worst = std::max(worst, ulps(portable::exp(x), std::exp(static_cast<long double>(x))));
        }
    }
    MESSAGE("worst: " << worst << " ulp");
    CHECK(worst < 1.0);
}

TEST_CASE("log is within an ulp over its whole range") {
    double worst = 0.0;
    for (std::uint32_t i = 0; i < 100000; ++i) {
        // Near 1, where the result is small, between powers of two, and any positive normal number.
        const double near = 1.0 + draw(i, 1, -1e-3, 1e-3);
        const double middle = draw(i, 2, 0.4, 3.0);
        const double any = std::bit_cast<double>((bits_of(i, 3) % 0x7fe0000000000000U) + 0x0010000000000000U);
        for (const double x : {near, middle, any}) {
            worst = std::max(worst, ulps(portable::log(x), std::log(static_cast<long double>(x))));
        }
    }
    MESSAGE("worst: " << worst << " ulp");
    CHECK(worst < 1.0);
}

TEST_CASE("exp and log at the edges") {
    static_assert(portable::exp(0.0) == 1.0);
    static_assert(portable::log(1.0) == 0.0);
    CHECK(portable::exp(-infinity) == 0.0);
    CHECK(portable::exp(infinity) == infinity);
    CHECK(portable::exp(710.0) == infinity);
    CHECK(portable::exp(709.78) == doctest::Approx(std::exp(709.78)).epsilon(1e-15));
    CHECK(portable::exp(-746.0) == 0.0);
    CHECK(portable::exp(-745.0) == std::exp(-745.0)); // subnormal
    CHECK(portable::exp(-720.5) == doctest::Approx(std::exp(-720.5)).epsilon(1e-12));
    CHECK(std::isnan(portable::exp(std::numeric_limits<double>::quiet_NaN())));
    CHECK(portable::log(0.0) == -infinity);
    CHECK(portable::log(infinity) == infinity);
    CHECK(std::isnan(portable::log(-1.0)));
    CHECK(std::isnan(portable::log(std::numeric_limits<double>::quiet_NaN())));
    CHECK(portable::log(5e-324) == doctest::Approx(std::log(5e-324)).epsilon(1e-15));
    CHECK(portable::log(1e-310) == doctest::Approx(std::log(1e-310)).epsilon(1e-15));
}

TEST_CASE("normal quantiles agree with values of 40 digits") {
    const double known[][2] = {{1.0e-300, -37.047096299361199237},
                               {9.9999999999999995e-21, -9.2623400897984075796},
                               {1.0000000000000001e-5, -4.2648907939228246},
                               {0.01, -2.3263478740408410931},
                               {0.025000000000000001, -1.9599639845400542},
                               {0.074999999999999997, -1.4395314709384559349},
                               {0.10000000000000001, -1.2815515655446004},
                               {0.29999999999999999, -0.52440051270804081597},
                               {0.41999999999999998, -0.2018934791418509},
                               {0.59999999999999998, 0.25334710313579974132},
                               {0.90000000000000002, 1.2815515655446006},
                               {0.97499999999999998, 1.9599639845400538556},
                               {0.999, 3.0902323061678132778}};
    for (const auto& pair : known) {
        const double probability = pair[0];
        const double z = pair[1];
        CAPTURE(probability);
        CHECK(std::abs(normal_quantile(probability) - z) <= 2e-15 * std::abs(z));
    }
    CHECK(normal_quantile(0.5) == 0.0);
    CHECK(normal_quantile(0.0) == -infinity);
    CHECK(normal_quantile(1.0) == infinity);
    CHECK(std::isnan(normal_quantile(-0.1)));
    CHECK(std::isnan(normal_quantile(1.1)));
    CHECK(std::isnan(normal_quantile(std::numeric_limits<double>::quiet_NaN())));
}

TEST_CASE("normal quantiles rise across the borders of their three regions") {
    for (const double border : {0.075, 0.925, 1.3887943864964021e-11}) { // the last: sqrt(-log p) = 5
        double x = border;
        for (int step = 0; step < 100; ++step) x = std::nextafter(x, 0.0);
        double before = normal_quantile(x);
        for (int step = 0; step < 200; ++step) {
            for (int skip = 0; skip < 16; ++skip) x = std::nextafter(x, 1.0);
            const double z = normal_quantile(x);
            CHECK(z >= before - 2e-15 * std::abs(before));
            before = z;
        }
    }
}

TEST_CASE("the bits are the same for every compiler and every optimization") {
    std::uint64_t hash = 14695981039346656037U;
    const auto take = [&hash](double value) {
        hash = (hash ^ std::bit_cast<std::uint64_t>(value)) * 1099511628211U;
    };
    for (std::uint32_t i = 0; i < 20000; ++i) {
        take(portable::exp(draw(i, 4, -740.0, 705.0)));
        take(portable::log(draw(i, 5, 0.0, 4.0)));
        take(normal_quantile(draw(i, 6, 0.0, 1.0)));
    }
    CHECK(hash == 7243863039569287106U);
}

} // namespace portable_math_test
