#include "repscope/attack/apgd.hpp"
#include "repscope/attack/fab.hpp"

#include "attack/logit_network.hpp"
#include "attack/replay_reference.hpp"
#include "repscope/detail/attack/logit_losses.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace replay_test {

using namespace repscope;
using namespace logit_check;
namespace reference = replay_reference;
using attack::apgd_loss;

constexpr std::size_t images = 4;
constexpr std::array<norm, 3> norms{norm::linf, norm::l2, norm::l1};

/// What the independent evaluation gives for a norm and a loss.
struct expected_run {
    std::span<const double> iterates, best_loss, fooled;
};

std::span<const double> starts_of(norm kind) {
    if (kind == norm::linf) return reference::linf_starts;
    return kind == norm::l2 ? std::span<const double>(reference::l2_starts) : reference::l1_starts;
}
expected_run expected_of(norm kind, apgd_loss loss) {
    const bool ce = loss == apgd_loss::cross_entropy;
    switch (kind) {
    case norm::linf:
        if (ce) return {reference::linf_ce_iterates, reference::linf_ce_best_loss, reference::linf_ce_fooled};
        return {reference::linf_dlr_iterates, reference::linf_dlr_best_loss, reference::linf_dlr_fooled};
    case norm::l2:
        if (ce) return {reference::l2_ce_iterates, reference::l2_ce_best_loss, reference::l2_ce_fooled};
        return {reference::l2_dlr_iterates, reference::l2_dlr_best_loss, reference::l2_dlr_fooled};
    case norm::l1:
        break;
    }
    if (ce) return {reference::l1_ce_iterates, reference::l1_ce_best_loss, reference::l1_ce_fooled};
    return {reference::l1_dlr_iterates, reference::l1_dlr_best_loss, reference::l1_dlr_fooled};
}

TEST_CASE("APGD repeats the iterates of an independent evaluation") {
    const logit_inputs<double> data(images);
    for (const norm kind : norms) {
        for (const apgd_loss loss : {apgd_loss::cross_entropy, apgd_loss::targeted_dlr}) {
            CAPTURE(to_string(kind));
            CAPTURE(int(loss));
            const expected_run expected = expected_of(kind, loss);
            logit_network<double> network;
            std::size_t call = 0, compared = 0;
            double largest = 0;
            network.seen = [&](const tensor_view<const double, 4>& x) {
                for (std::size_t k = 0; k < reference::calls.size(); ++k) {
                    if (reference::calls[k] != call) continue;
                    ++compared;
                    for (std::size_t i = 0; i < images * size; ++i) {
                        const double difference =
                            x.data_handle()[i] - expected.iterates[k * images * size + i];
                        largest = std::max(largest, std::abs(difference));
                    }
                }
                ++call;
            };
            const tensor_view<const double, 4> starts(starts_of(kind).data(),
                                                      {images, channels, height, width});
            const auto found =
                attack::apgd_from(network, data.x(), data.labels, starts,
                                  {.ball = kind, .eps = eps_of(kind), .steps = 100, .loss = loss});
            CHECK(call == 101);
            REQUIRE(compared == reference::calls.size());
            CHECK(largest < 1e-6);
            for (std::size_t n = 0; n < images; ++n) {
                CHECK(found.success[n] == (expected.fooled[n] != 0));
                CHECK(found.best_loss[n] == doctest::Approx(expected.best_loss[n]).epsilon(1e-6));
            }
            CHECK(inside(found, data, kind, eps_of(kind)));
        }
    }
}

TEST_CASE("FAB finds the distances of an independent evaluation") {
    const logit_inputs<double> data(images);
    logit_network<double> network;
    const std::array<std::span<const double>, 3> expected{
        reference::linf_fab_distance, reference::l2_fab_distance, reference::l1_fab_distance};
    for (std::size_t k = 0; k < norms.size(); ++k) {
        const auto found = attack::fab(network, data.x(), data.labels,
                                       {.ball = norms[k], .eps = eps_of(norms[k]), .targets = 1});
        const auto nearest = attack::fab(network, data.x(), data.labels,
                                         {.ball = norms[k], .eps = eps_of(norms[k]), .targets = 5});
        const auto untargeted = attack::fab(network, data.x(), data.labels,
                                            {.ball = norms[k], .eps = eps_of(norms[k]), .targeted = false});
        for (std::size_t n = 0; n < images; ++n) {
            CHECK(found.distance[n] == doctest::Approx(expected[k][n]).epsilon(1e-6));
            CHECK(nearest.distance[n] <= found.distance[n]);
            CHECK(untargeted.distance[n] < 1.2 * nearest.distance[n]);
            CHECK(found.success[n] == (found.distance[n] <= eps_of(norms[k])));
            const double* const point = found.adversarial.data_handle() + n * size;
            CHECK(distance(norms[k], point, data.pixels.data() + n * size) ==
                  doctest::Approx(found.distance[n]).epsilon(1e-12));
            CHECK(found.predicted[n] != data.labels[n]);
            CHECK(found.loss[n] > 0);
        }
    }
}

TEST_CASE("runs of APGD take the worst outcome and depend only on sample and seed") {
    const logit_inputs<float> data(23);
    logit_network<float> network;
    for (const norm kind : norms) {
        for (const apgd_loss loss : {apgd_loss::dlr, apgd_loss::targeted_dlr}) {
            const attack::apgd_options options{.ball = kind,
                                               .eps = eps_of(kind),
                                               .steps = 20,
                                               .restarts = 2,
                                               .loss = loss,
                                               .targets = 3,
                                               .large_radius_schedule = kind == norm::l1,
                                               .seed = 4};
            const auto found = attack::apgd(network, data.x(), data.labels, options);
            auto other = options;
            other.threads = 3;
            other.batch = 5;
            const auto again = attack::apgd(network, data.x(), data.labels, other);
            CHECK(std::equal(found.adversarial.data_handle(),
                             found.adversarial.data_handle() + found.adversarial.size(),
                             again.adversarial.data_handle()));
            CHECK(found.loss == again.loss);
            CHECK(found.success == again.success);
            CHECK(found.best_loss == again.best_loss);
            CHECK(inside(found, data, kind, eps_of(kind)));
            auto early = options;
            early.early_stop = true;
            const auto stopped = attack::apgd(network, data.x(), data.labels, early);
            CHECK(stopped.success == found.success);
            CHECK(stopped.backward_passes < found.backward_passes);
            CHECK(inside(stopped, data, kind, eps_of(kind)));
            // The second half alone, with its indices in the data set.
            auto late = options;
            late.first_sample = 11;
            const tensor_view<const float, 4> rest(data.pixels.data() + 11 * size,
                                                   {12, channels, height, width});
            const auto part = attack::apgd(network, rest, std::span(data.labels).subspan(11), late);
            for (std::size_t n = 0; n < 12; ++n) CHECK(part.loss[n] == found.loss[n + 11]);
        }
    }
}

TEST_CASE("losses of logits: values by hand, gradients by differences") {
    const std::array<double, 5> z{0.5, 2.0, -1.0, 1.5, 0.25};
    std::array<double, 5> g{};
    using attack::detail::cross_entropy, attack::detail::dlr, attack::detail::targeted_dlr;
    CHECK(dlr(z, 1, g) == doctest::Approx(-0.5 / 1.5));
    CHECK(dlr(z, 0, g) == doctest::Approx(1.5 / 1.5));
    CHECK(targeted_dlr(z, 1, 2, g) == doctest::Approx(-3.0 / (2 - 0.375)));
    CHECK(cross_entropy(z, 3, g) ==
          doctest::Approx(
              std::log(std::exp(0.5) + std::exp(2) + std::exp(-1) + std::exp(1.5) + std::exp(0.25)) - 1.5));
    const auto loss = [](int which, std::span<const double> at, std::span<double> gradient) {
        if (which == 0) return cross_entropy(at, 3, gradient);
        if (which == 1) return dlr(at, 3, gradient);
        return targeted_dlr(at, 3, 4, gradient);
    };
    for (int which = 0; which < 3; ++which) {
        std::array<double, 5> slope{}, unused{};
        (void)loss(which, z, slope);
        for (std::size_t c = 0; c < z.size(); ++c) {
            auto above = z, below = z;
            above[c] += 1e-6;
            below[c] -= 1e-6;
            const double difference = (loss(which, above, unused) - loss(which, below, unused)) / 2e-6;
            CHECK(slope[c] == doctest::Approx(difference).epsilon(1e-6));
        }
    }
}

TEST_CASE("errors of APGD and FAB") {
    const logit_inputs<float> data(2);
    logit_network<float> network;
    const auto apgd = [&](const attack::apgd_options& options) {
        (void)attack::apgd(network, data.x(), data.labels, options);
    };
    CHECK_THROWS_AS(apgd({.eps = 0}), value_error);
    CHECK_THROWS_AS(apgd({.eps = 8}), value_error);
    CHECK_THROWS_AS(apgd({.eps = 0.1, .steps = 0}), value_error);
    CHECK_THROWS_WITH_AS(apgd({.ball = norm::l2, .eps = 0.1, .large_radius_schedule = true}),
                         "repscope::attack::apgd: expected norm l1 for the large-radius schedule, got l2",
                         value_error);
    CHECK_THROWS_AS((void)attack::fab(network, data.x(), data.labels, {.eps = 0.1, .targets = 0}),
                    value_error);
    const std::vector<int> labels{0, 6};
    CHECK_THROWS_AS((void)attack::fab(network, data.x(), labels, {.eps = 0.1}), value_error);
    network.out[3] = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS(apgd({.eps = 0.1}), value_error);
    logit_inputs<float> outside(2);
    outside.pixels[size + 3] = 1.5F;
    CHECK_THROWS_WITH_AS((void)attack::apgd(network, outside.x(), outside.labels, {.eps = 0.1}),
                         "repscope::attack::apgd: expected inputs inside the box, from 0 to 1, got 1.5 in "
                         "sample 1",
                         value_error);
}

} // namespace replay_test
