#include "repscope/attack/projections.hpp"

#include "attack/projection_reference.hpp"
#include "attack/support.hpp"
#include "repscope/attack/msd.hpp"
#include "repscope/attack/pgd.hpp"
#include "repscope/random/random_stream.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace projections_test {

using namespace repscope;
using namespace attack_check;
namespace reference = projection_reference;

constexpr std::array<norm, 3> norms{norm::linf, norm::l2, norm::l1};

std::span<const double> row(const reference::rows& values, std::size_t n) {
    return std::span(values).subspan(n * reference::size, reference::size);
}

double largest_difference(std::span<const double> a, std::span<const double> b) {
    double largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
    return largest;
}

TEST_CASE("projections equal those of the authors' implementation") {
    const std::vector<double> lower(reference::size, 0.0), upper(reference::size, 1.0);
    std::vector<double> step(reference::size);
    std::vector<std::uint32_t> indices;
    const std::array expected{&reference::step_linf, &reference::step_l2, &reference::step_l1};
    for (std::size_t n = 0; n < reference::points; ++n) {
        for (std::size_t k = 0; k < norms.size(); ++k) {
            attack::step_to_hyperplane(norms[k], row(reference::point, n), row(reference::w, n),
                                       reference::b[n], lower, upper, step, indices);
            CHECK(largest_difference(step, row(*expected[k], n)) < 1e-9);
        }
        const auto delta = row(reference::delta, n);
        std::vector<double> projected(delta.begin(), delta.end());
        attack::project_l1_in_box(3, row(reference::point, n), lower, upper, projected);
        CHECK(largest_difference(projected, row(reference::projected_delta, n)) < 1e-9);
    }
}

TEST_CASE("steps to the hyperplane: cases by hand") {
    const std::vector<double> lower{-1, 0, 0}, upper{2, 1, 1}, point{0, 0.5, 0.25};
    std::vector<double> step(3);
    std::vector<std::uint32_t> indices;
    const auto run = [&](norm kind, const std::vector<double>& w, double b) {
        attack::step_to_hyperplane(kind, point, w, b, lower, upper, step, indices);
        return step;
    };
    // <w, x> = 2 x0 + x1 is 0.5 at the point. The bound of component 1 is 0.5 away.
    CHECK(run(norm::linf, {2, 1, 0}, 1.4) == std::vector<double>{0.3, 0.3, 0});
    CHECK(largest_difference(run(norm::linf, {2, 1, 0}, 2.6), std::vector<double>{0.8, 0.5, 0}) < 1e-15);
    CHECK(largest_difference(run(norm::l2, {2, 1, 0}, 1.5), std::vector<double>{0.4, 0.2, 0}) < 1e-15);
    CHECK(largest_difference(run(norm::l1, {2, 1, 0}, 1.5), std::vector<double>{0.5, 0, 0}) < 1e-15);
    CHECK(largest_difference(run(norm::l1, {2, -1, 0}, 3.7), std::vector<double>{2, -0.2, 0}) < 1e-15);
    // No point of the box reaches 10: the step ends at the corner.
    for (const norm kind : norms) CHECK(run(kind, {2, 1, 0}, 10) == std::vector<double>{2, 0.5, 0});
    for (const norm kind : norms) CHECK(run(kind, {0, 0, 0}, 10) == std::vector<double>{0, 0, 0});
    for (const norm kind : norms) CHECK(run(kind, {2, 1, 0}, 0.5) == std::vector<double>{0, 0, 0});
}

TEST_CASE("the l1 projection inside the box is the nearest point of the intersection") {
    random_stream random(3, 2);
    constexpr std::size_t d = 7;
    for (int trial = 0; trial < 40; ++trial) {
        std::vector<double> clean(d), delta(d), lower(d), upper(d);
        for (std::size_t i = 0; i < d; ++i) {
            lower[i] = -random.uniform();
            upper[i] = random.uniform();
            clean[i] = lower[i] + (upper[i] - lower[i]) * random.uniform();
            delta[i] = 2 * random.normal();
        }
        const double eps = 0.2 + random.uniform();
        std::vector<double> projected = delta;
        attack::project_l1_in_box(eps, clean, lower, upper, projected);
        const auto distance = [&](const std::vector<double>& y) {
            double sum = 0;
            for (std::size_t i = 0; i < d; ++i) sum += (y[i] - delta[i]) * (y[i] - delta[i]);
            return sum;
        };
        const auto inside = [&](const std::vector<double>& y, double slack) {
            for (std::size_t i = 0; i < d; ++i) {
                if (clean[i] + y[i] < lower[i] - slack || clean[i] + y[i] > upper[i] + slack) return false;
            }
            return attack::norm_of(norm::l1, y) <= eps + slack;
        };
        REQUIRE(inside(projected, 1e-12));
        const double nearest = distance(projected);
        // A convex function has no other minimum: neighbors of the result inside the set are farther away.
        for (int attempt = 0; attempt < 200; ++attempt) {
            std::vector<double> other = projected;
            other[random.below(d)] += 1e-3 * random.normal();
            other[random.below(d)] += 1e-3 * random.normal();
            if (inside(other, 0)) CHECK(distance(other) >= nearest - 1e-12);
        }
        std::vector<double> again = projected;
        attack::project_l1_in_box(eps, clean, lower, upper, again);
        CHECK(largest_difference(again, projected) < 1e-12);
    }
}

TEST_CASE("pgd and msd project onto the intersection of l1 ball and box on request") {
    const inputs<double> data(6);
    std::vector<double> w(size);
    random_stream random(8, 2);
    for (double& value : w) value = random.normal();
    auto linear = [&](const tensor_view<const double, 4>& x, std::span<const int>, std::span<double> losses,
                      std::span<int> predicted, const tensor_view<double, 4>& gradient) {
        for (std::size_t n = 0; n < x.extent(0); ++n) {
            losses[n] = 0;
            predicted[n] = 0;
            for (std::size_t i = 0; i < size; ++i) {
                losses[n] += w[i] * x(n, i / 12, i / 4 % 3, i % 4);
                if (!gradient.empty()) gradient(n, i / 12, i / 4 % 3, i % 4) = w[i];
            }
        }
    };
    const double eps = 6, step = 21.6;
    const attack::pgd_options options{.ball = norm::l1,
                                      .eps = eps,
                                      .steps = 1,
                                      .step_size = step,
                                      .random_start = false,
                                      .returned = attack::iterate::last,
                                      .l1_coordinates = {size, size},
                                      .exact_l1 = true};
    const auto exact = attack::pgd(linear, data.x(), data.labels, options);
    attack::pgd_options cut = options;
    cut.exact_l1 = false;
    const auto approximate = attack::pgd(linear, data.x(), data.labels, cut);
    const auto by_msd = attack::msd(linear, data.x(), data.labels,
                                    {.balls = {{norm::l1, eps, step}},
                                     .steps = 1,
                                     .returned = attack::iterate::last,
                                     .l1_coordinates = {size, size},
                                     .exact_l1 = true});
    CHECK(by_msd.loss == exact.loss);
    const std::vector<double> lower(size, 0.0), upper(size, 1.0);
    std::size_t different = 0;
    for (std::size_t n = 0; n < 6; ++n) {
        std::vector<double> expected(size),
            clean(data.pixels.data() + n * size, data.pixels.data() + (n + 1) * size);
        for (std::size_t i = 0; i < size; ++i) {
            const double space = w[i] > 0 ? 1 - clean[i] : clean[i];
            // A component moves if it can move by the step or by half of the box.
            if (space >= std::min(step / size, 0.5)) expected[i] = w[i] > 0 ? step / size : -step / size;
        }
        attack::project_l1_in_box(eps, clean, lower, upper, expected);
        CHECK(largest_difference(perturbation(data.x(), exact.adversarial, n), expected) < 1e-12);
        different += largest_difference(perturbation(data.x(), approximate.adversarial, n), expected) > 1e-3;
    }
    CHECK(different > 0);
}

} // namespace projections_test
