#include "repscope/selectivity/label_entropy.hpp"

#include "repscope/tensor/as_view.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace label_entropy_test {

using repscope::as_view;

TEST_CASE("label entropy: exact cases, silent and negative units, classes without samples") {
    // Units: one class only; all equal; means 1, 1, 2 of three classes; silent; a negative class mean.
    const std::vector<double> x{4, 1, 0, 0, 1,  //
                                0, 1, 2, 0, 1,  //
                                0, 1, 1, 0, -2, //
                                0, 1, 2, 0, 3};
    repscope::class_sums sums(5, 4);
    sums.update(as_view(x, {4, 5}), std::vector<int>{0, 0, 1, 3});
    const std::vector<double> entropy = repscope::label_entropy(sums);
    CHECK(entropy[0] == 0);
    CHECK(entropy[1] == doctest::Approx(std::log(3.0)).epsilon(1e-14));
    CHECK(entropy[2] == doctest::Approx(1.5 * std::log(2.0)).epsilon(1e-14));
    CHECK(std::isnan(entropy[3]));
    CHECK(std::isnan(entropy[4]));
    CHECK(std::isnan(repscope::label_entropy(repscope::class_sums(1, 2))[0]));
}

} // namespace label_entropy_test
