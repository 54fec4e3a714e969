#include "attack/support.hpp"
#include "repscope/attack/fgsm.hpp"
#include "repscope/attack/msd.hpp"
#include "repscope/attack/pgd.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace result_test {

using namespace repscope;
using attack::iterate;
using attack::norm;
using namespace attack_check;

TEST_CASE("a point that fools the model is kept against one of larger loss that does not") {
    // One feature moved upwards along the loss: class 1 wins in a window that the attack passes through, and
    // the loss of label 0 is largest beyond it.
    const auto window = [&](const tensor_view<const double, 4>& x, std::span<const int> labels,
                            std::span<double> losses, std::span<int> predicted,
                            const tensor_view<double, 4>& gradient) {
        for (std::size_t n = 0; n < x.extent(0); ++n) {
            const double value = x(n, 0, 0, 0), sign = labels[n] == 0 ? 1 : -1;
            losses[n] = sign * value;
            predicted[n] = value > 0.55 && value < 0.65 ? 1 : 0;
            if (!gradient.empty()) gradient(n, 0, 0, 0) = sign;
        }
    };
    const std::vector<double> pixels{0.5, 0.3, 0.7};
    const tensor_view<const double, 4> x(pixels.data(), {3, 1, 1, 1});
    for (const bool targeted : {false, true}) {
        // Targeted, label 1 is the aim and its loss, -x, goes down: the same path.
        const std::vector<int> labels(3, targeted ? 1 : 0);
        attack::pgd_options options{
            .eps = 0.3, .steps = 3, .step_size = 0.1, .random_start = false, .targeted = targeted};
        const auto best = attack::pgd(window, x, labels, options);
        CHECK(best.success == std::vector<bool>{true, true, false});
        CHECK(best.adversarial(0, 0, 0, 0) == doctest::Approx(0.6));
        CHECK(best.adversarial(1, 0, 0, 0) == doctest::Approx(0.6));
        CHECK(best.adversarial(2, 0, 0, 0) == doctest::Approx(1.0));
        // No success is lost against leaving at the first one.
        options.early_stop = true;
        CHECK(attack::pgd(window, x, labels, options).success == best.success);
        options.early_stop = false;
        options.returned = iterate::largest_loss;
        const auto largest = attack::pgd(window, x, labels, options);
        CHECK(largest.success == std::vector<bool>{false, true, false});
        CHECK(largest.adversarial(0, 0, 0, 0) == doctest::Approx(0.8));
        const auto several = attack::msd(
            window, x, labels,
            {.balls = {{norm::linf, 0.3, 0.1}, {norm::l2, 0.3, 0.1}}, .steps = 3, .targeted = targeted});
        CHECK(several.success == best.success);
    }
}

TEST_CASE("progress is reported after each batch") {
    const inputs<float> data(23);
    two_layers<float> model;
    std::vector<attack::batch_progress> reports;
    const auto report = [&](const attack::batch_progress& progress) { reports.push_back(progress); };
    const auto check = [&](const attack::result<float>& found, double eps) {
        REQUIRE(reports.size() == 3);
        std::size_t robust = 0, n = 0;
        for (const attack::batch_progress& at : reports) {
            CHECK(at.samples == 23);
            CHECK(at.processed == std::min<std::size_t>(n + 10, 23));
            for (; n < at.processed; ++n) robust += found.success[n] ? 0U : 1U;
            CHECK(at.robust == robust);
            CHECK(at.eps == eps);
        }
        CHECK(robust > 0);
        CHECK(robust < 23);
        reports.clear();
    };
    attack::pgd_options options{.eps = 0.02, .steps = 3, .batch = 10};
    const auto silent = attack::pgd(model, data.x(), data.labels, options);
    options.on_batch = report;
    const auto found = attack::pgd(model, data.x(), data.labels, options);
    CHECK(same(silent, found));
    check(found, 0.02);
    check(attack::msd(
              model, data.x(), data.labels,
              {.balls = {{norm::l2, 0.1}, {norm::linf, 0.01}}, .steps = 3, .batch = 10, .on_batch = report}),
          0.1);
    check(attack::fgsm(model, data.x(), data.labels, {.eps = 0.02, .batch = 10, .on_batch = report}), 0.02);
    // Several eps: a report for each after each batch.
    const std::array<double, 2> eps{0.02, 0.01};
    const auto both = attack::fgsm(model, data.x(), data.labels, eps, {.batch = 10, .on_batch = report});
    REQUIRE(reports.size() == 6);
    const auto all = reports;
    for (std::size_t k = 0; k < 2; ++k) {
        reports = {all[k], all[k + 2], all[k + 4]};
        check(both[k], eps[k]);
    }
    // An exception ends the attack. The callable need not be copyable.
    struct stop {};
    options.on_batch = [calls = std::make_unique<int>(0)](const attack::batch_progress&) {
        if (++*calls == 2) throw stop();
    };
    model.calls = 0;
    CHECK_THROWS_AS((void)attack::pgd(model, data.x(), data.labels, options), stop);
    CHECK(model.calls == 2 * 4);
}

} // namespace result_test
