#include "repscope/attack/square.hpp"

#include "attack/logit_network.hpp"
#include "repscope/detail/attack/square_pattern.hpp"
#include "repscope/detail/attack/square_proposal.hpp"
#include "repscope/model/concepts.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

namespace square_test {

using namespace repscope;
using namespace logit_check;
using attack::detail::square_image;

constexpr std::array<norm, 3> norms{norm::linf, norm::l2, norm::l1};

TEST_CASE("the pattern of Square is two pyramids of opposite sign") {
    // Side 5: 1 + 1/4 + 1/9 at the center, 1/4 + 1/9 around it, 1/9 outside.
    std::vector<double> pyramid(25);
    attack::detail::add_pyramid(norm::l2, 5, 5, pyramid);
    CHECK(pyramid[12] / pyramid[0] == doctest::Approx(49 / 4.0));
    CHECK(pyramid[6] / pyramid[0] == doctest::Approx(13 / 4.0));
    CHECK(pyramid[18] == pyramid[6]);
    attack::detail::add_pyramid(norm::l1, 3, 3, pyramid);
    CHECK(pyramid[4] / pyramid[0] == doctest::Approx(17));
    for (const norm kind : {norm::l2, norm::l1}) {
        const std::vector<double> pattern = attack::detail::square_pattern(kind, 5);
        CHECK(attack::norm_of(kind, pattern) == doctest::Approx(1).epsilon(1e-12));
        for (std::size_t k = 0; k < 25; ++k) CHECK((pattern[k] > 0) == (k < 10));
        // Each half has the same norm.
        CHECK(attack::norm_of(kind, std::span(pattern).first(10)) ==
              doctest::Approx(attack::norm_of(kind, std::span(pattern).subspan(10))).epsilon(1e-12));
    }
}

TEST_CASE("sides of squares shrink with the queries") {
    using attack::detail::square_side;
    CHECK(square_side(norm::linf, 0, 28, 28) == 25);
    CHECK(square_side(norm::linf, 10, 28, 28) == 25);
    CHECK(square_side(norm::linf, 11, 28, 28) == 18);
    CHECK(square_side(norm::linf, 4500, 28, 28) == 2);
    CHECK(square_side(norm::linf, 9000, 28, 28) == 1);
    CHECK(square_side(norm::l2, 11, 28, 28) == 19);
    CHECK(square_side(norm::l1, 9000, 28, 28) == 3);
    CHECK(square_side(norm::l2, 0, 2, 28) == 2);
}

TEST_CASE("proposals stay inside ball and box and move the energy of a window") {
    random_stream random(7, 1);
    constexpr std::size_t d = 2 * 6 * 7;
    const std::vector<double> clean(d, 0.5), lower(d, 0.0), upper(d, 1.0);
    for (const norm kind : norms) {
        const double eps = kind == norm::linf ? 0.1 : kind == norm::l2 ? 0.6 : 2;
        std::vector<double> delta(d), values;
        const square_image image{kind, eps, 2, 6, 7, clean, lower, upper, delta};
        attack::detail::start_square(image, random);
        // The box is not active: the start uses the whole radius.
        CHECK(attack::norm_of(kind, delta) == doctest::Approx(eps).epsilon(1e-5));
        const std::vector<double> pattern = attack::detail::square_pattern(kind, 3);
        for (int query = 0; query < 50; ++query) {
            const std::vector<double> before = delta;
            if (kind == norm::linf) {
                attack::detail::propose_square_linf(image, 3, random);
                std::size_t changed = 0;
                for (std::size_t i = 0; i < d; ++i) {
                    CHECK(std::abs(delta[i]) == doctest::Approx(eps).epsilon(1e-12));
                    changed += delta[i] != before[i];
                }
                CHECK(changed <= 18);
            } else {
                attack::detail::propose_square_moved(image, pattern, 3, random, values);
                CHECK(attack::norm_of(kind, delta) == doctest::Approx(eps).epsilon(1e-5));
                CHECK(delta != before);
            }
        }
    }
}

TEST_CASE("Square needs logits only, and its results depend only on sample and seed") {
    const logit_inputs<float> data(19);
    logit_network<float> network;
    std::size_t images = 0;
    scored_function model(class_count, [&](const auto& x, const auto& to) {
        images += x.extent(0);
        network.logits(x, to);
    });
    static_assert(scored<decltype(model)>);
    static_assert(!logit_differentiable<decltype(model)>);
    for (const norm kind : norms) {
        const double eps = 2 * eps_of(kind);
        images = 0;
        const attack::square_options options{.ball = kind, .eps = eps, .queries = 60, .seed = 3};
        const auto found = attack::square(model, data.x(), data.labels, options);
        CHECK(found.forward_passes == images);
        CHECK(inside(found, data, kind, eps));
        const auto fooled = std::count(found.success.begin(), found.success.end(), true);
        CHECK(fooled > 0);
        CHECK(fooled < 19);
        auto other = options;
        other.threads = 2;
        other.batch = 4;
        const auto again = attack::square(model, data.x(), data.labels, other);
        CHECK(found.loss == again.loss);
        CHECK(std::equal(found.adversarial.data_handle(),
                         found.adversarial.data_handle() + found.adversarial.size(),
                         again.adversarial.data_handle()));
        // The margin of the returned point is the loss, and more queries never lower it.
        std::vector<float> z(19 * class_count);
        network.logits(tensor_view<const float, 4>(found.adversarial.data_handle(), data.x().extents()),
                       {z.data(), {19, class_count}});
        auto longer = options;
        longer.queries = 120;
        const auto later = attack::square(model, data.x(), data.labels, longer);
        for (std::size_t n = 0; n < 19; ++n) {
            const auto row = z.begin() + static_cast<std::ptrdiff_t>(n * class_count);
            const float own = row[data.labels[n]];
            row[data.labels[n]] = -1e9F;
            CHECK(found.loss[n] ==
                  static_cast<double>(*std::max_element(row, row + class_count)) - static_cast<double>(own));
            CHECK((found.loss[n] > 0) == found.success[n]);
            CHECK(later.loss[n] >= found.loss[n]);
        }
    }
    CHECK_THROWS_AS((void)attack::square(model, data.x(), data.labels, {.eps = 0.1, .queries = 0}),
                    value_error);
}

} // namespace square_test
