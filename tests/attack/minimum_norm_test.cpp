#include "repscope/attack/minimum_norm.hpp"

#include "attack/logit_network.hpp"
#include "repscope/attack/apgd.hpp"
#include "repscope/attack/result.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace minimum_norm_test {

using namespace repscope;
using namespace logit_check;

TEST_CASE("bisection finds the radius at which an attack succeeds") {
    const logit_inputs<double> data(5);
    // Sample n is fooled from radius 0.1 n on, sample 4 never; component 0 then moves by 0.9 of the radius.
    std::vector<std::size_t> attacked_samples;
    const auto stepwise = [&](const tensor_view<const double, 4>& x, std::span<const int> labels,
                              double eps) {
        attacked_samples.push_back(labels.size());
        attack::result<double> found;
        found.adversarial = array<double, 4>(x.extents());
        std::copy_n(x.data_handle(), x.size(), found.adversarial.data_handle());
        for (std::size_t r = 0; r < labels.size(); ++r) {
            const bool fooled = labels[r] < 4 && eps >= 0.1 * labels[r];
            found.success.push_back(fooled);
            found.loss.push_back(0);
            found.predicted.push_back(0);
            if (fooled) found.adversarial.data_handle()[r * size] += 0.9 * eps;
        }
        return found;
    };
    const std::vector<int> labels{0, 1, 2, 3, 4};
    const auto found = attack::bisect_minimum_norm(stepwise, data.x(), labels,
                                                   {.ball = norm::l2, .max_eps = 0.5, .rounds = 10});
    const double cell = 0.5 / 1024;
    CHECK(found.distance[0] == doctest::Approx(0.9 * cell));
    for (std::size_t n = 1; n < 4; ++n) {
        CHECK(found.distance[n] >= 0.09 * static_cast<double>(n) - 1e-12);
        CHECK(found.distance[n] <= 0.09 * static_cast<double>(n) + cell);
        CHECK(distance(norm::l2, found.adversarial.data_handle() + n * size, data.pixels.data() + n * size) ==
              doctest::Approx(found.distance[n]).epsilon(1e-12));
    }
    CHECK(found.distance[4] == std::numeric_limits<double>::infinity());
    CHECK(distance(norm::l2, found.adversarial.data_handle() + 4 * size, data.pixels.data() + 4 * size) == 0);
    CHECK(attacked_samples.front() == 5);
    std::size_t total = 0;
    for (const std::size_t count : attacked_samples) total += count;
    CHECK(total == 5 + 4 * 10);
    CHECK(attack::robust_accuracy_at(found.distance, 0.15) == doctest::Approx(0.6));
    CHECK(attack::robust_accuracy_at(found.distance, 1) == doctest::Approx(0.2));
    CHECK_THROWS_AS((void)attack::bisect_minimum_norm(stepwise, data.x(), labels, {.max_eps = 0}),
                    value_error);
    CHECK_THROWS_AS(
        (void)attack::bisect_minimum_norm(stepwise, data.x(), labels, {.max_eps = 1, .rounds = 31}),
        value_error);
}

TEST_CASE("FAB and a bisection over APGD agree on distances") {
    const logit_inputs<double> data(6);
    logit_network<double> network;
    const double eps = eps_of(norm::linf);
    const auto by_fab =
        attack::minimum_norm(network, data.x(), data.labels, {.eps = eps, .targets = 5, .early_stop = true});
    const auto apgd = [&](const tensor_view<const double, 4>& x, std::span<const int> labels, double radius) {
        return attack::result<double>(attack::apgd(
            network, x, labels,
            {.eps = radius, .steps = 40, .loss = attack::apgd_loss::targeted_dlr, .early_stop = true}));
    };
    const auto by_apgd =
        attack::bisect_minimum_norm(apgd, data.x(), data.labels, {.max_eps = 8 * eps, .rounds = 8});
    for (std::size_t n = 0; n < 6; ++n) {
        CHECK(by_fab.distance[n] > 0);
        CHECK(by_apgd.distance[n] == doctest::Approx(by_fab.distance[n]).epsilon(0.1));
    }
}

} // namespace minimum_norm_test
