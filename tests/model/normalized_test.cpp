#include "repscope/model/normalized.hpp"

#include "attack/support.hpp"
#include "repscope/error.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <vector>

namespace normalized_test {

using namespace repscope;
using namespace attack_check;

TEST_CASE("the model contains the normalization") {
    const inputs<double> data(5);
    two_layers<double> inner;
    const std::vector<double> mean{0.2, 0.4}, std{0.5, 0.25};
    normalized<two_layers<double>&, double> model(inner, mean, std);
    CHECK(model.classes({1, 2, 3, 4}) == 3);
    // The same arithmetic in the weights: (x - m) / s - .5 = ((x - .5) - (m + .5 s - .5)) / s.
    two_layers<double> folded;
    std::vector<double> losses(5), expected(5), gradient(5 * size), by_hand(5 * size);
    std::vector<int> predicted(5);
    const std::array<std::size_t, 4> extents{5, channels, height, width};
    model(data.x(), data.labels, losses, predicted, {gradient.data(), extents});
    std::vector<double> z = data.pixels;
    for (std::size_t i = 0; i < z.size(); ++i) z[i] = (z[i] - mean[i / 12 % 2]) / std[i / 12 % 2];
    folded({z.data(), extents}, data.labels, expected, predicted, {by_hand.data(), extents});
    for (std::size_t n = 0; n < 5; ++n) CHECK(losses[n] == doctest::Approx(expected[n]).epsilon(1e-12));
    for (std::size_t i = 0; i < z.size(); ++i) {
        CHECK(gradient[i] == doctest::Approx(by_hand[i] / std[i / 12 % 2]).epsilon(1e-12));
    }
    CHECK_THROWS_WITH_AS((normalized<two_layers<double>&, double>(inner, {0.5}, {0.0})),
                         "repscope::normalized: expected std above 0, got 0", value_error);
    CHECK_THROWS_AS((normalized<two_layers<double>&, double>(inner, {0.5}, {})), shape_error);
}

} // namespace normalized_test
