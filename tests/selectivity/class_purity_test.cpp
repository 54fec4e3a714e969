// Measures from activation counts: purity of a unit's classes, uniformity of a class's units.

#include "repscope/selectivity/class_purity.hpp"

#include "repscope/selectivity/activation_uniformity.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace class_purity_test {

using repscope::as_view;

TEST_CASE("class purity and activation uniformity: rational and undefined cases") {
    // Active: unit 0 in classes 0, 0, 1; unit 1 in class 1 only; unit 2 never; unit 3 in 0 and 1.
    const std::vector<double> x{1, 0, 0,  2, //
                                3, 0, -1, 0, //
                                2, 5, 0,  1, //
                                0, 4, 0,  0, //
                                0, 0, 0,  0};
    repscope::activation_counts counts(4, 4);
    counts.update(as_view(x, {5, 4}), std::vector<int>{0, 0, 1, 1, 2});
    const std::vector<double> purity = repscope::class_purity(counts);
    CHECK(purity[0] == 2.0 / 3);
    CHECK(purity[1] == 1);
    CHECK(std::isnan(purity[2]));
    CHECK(purity[3] == 0.5);

    const std::vector<double> uniformity = repscope::activation_uniformity(counts);
    // Class 0: frequencies 1, 0, 0, 1/2; class 1: 1/2, 1, 0, 1/2. Class 2 activates no unit, class 3 has no
    // samples.
    const double of_class_0 = -(2.0 / 3 * std::log(2.0 / 3) + 1.0 / 3 * std::log(1.0 / 3)) / std::log(4.0);
    CHECK(uniformity[0] == doctest::Approx(of_class_0).epsilon(1e-14));
    CHECK(uniformity[1] == doctest::Approx(1.5 * std::log(2.0) / std::log(4.0)).epsilon(1e-14));
    CHECK(std::isnan(uniformity[2]));
    CHECK(std::isnan(uniformity[3]));

    repscope::activation_counts single(1, 2);
    const std::vector<double> ones{1, 1};
    single.update(as_view(ones, {2, 1}), std::vector<int>{0, 1});
    CHECK(std::isnan(repscope::activation_uniformity(single)[0]));
}

} // namespace class_purity_test
