#include "repscope/random/portable_trigonometry.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace portable_trigonometry_test {

TEST_CASE("sine and cosine agree with long double to an ulp") {
    double worst = 0.0;
    for (int i = -20000; i <= 20000; ++i) {
        const double x = 0.00037 * i;
        const auto ulps = [](double got, long double exact) {
            const double near = static_cast<double>(exact);
            const double ulp = std::nextafter(std::abs(near), 2.0) - std::abs(near);
            return static_cast<double>(std::abs(static_cast<long double>(got) - exact)) / ulp;
        };
        worst = std::fmax(worst, ulps(repscope::portable::sin(x), std::sin(static_cast<long double>(x))));
        worst = std::fmax(worst, ulps(repscope::portable::cos(x), std::cos(static_cast<long double>(x))));
    }
    CHECK(worst < 1.0);
    static_assert(repscope::portable::sin(0.0) == 0.0);
    static_assert(repscope::portable::cos(0.0) == 1.0);
}

TEST_CASE("all quadrants") {
    constexpr double pi = 3.14159265358979323846;
    for (int quarter = -9; quarter <= 9; ++quarter) {
        const double angle = quarter * pi / 2 + 0.3;
        CHECK(repscope::portable::sin(angle) == doctest::Approx(std::sin(angle)).epsilon(1e-14));
        CHECK(repscope::portable::cos(angle) == doctest::Approx(std::cos(angle)).epsilon(1e-14));
    }
}

} // namespace portable_trigonometry_test
