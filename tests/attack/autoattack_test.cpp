#include "repscope/attack/autoattack.hpp"

#include "attack/logit_network.hpp"
#include "repscope/attack/apgd.hpp"
#include "repscope/attack/square.hpp"
#include "repscope/model/concepts.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace autoattack_test {

using namespace repscope;
using namespace logit_check;
using attack::component_kind;
using warning = attack::autoattack_warning_kind;
using state_type = attack::autoattack_result<float>;

constexpr std::size_t images = 21;
constexpr std::array<norm, 3> norms{norm::linf, norm::l2, norm::l1};

/// A short list with every kind of component.
std::vector<attack::autoattack_component> short_list() {
    return {{component_kind::apgd_ce, 5, 1, 9}, {component_kind::apgd_dlr, 5, 2, 9},
            {component_kind::apgd_t, 10, 1, 3}, {component_kind::fab, 5, 1, 9},
            {component_kind::fab_t, 10, 2, 5},  {component_kind::square, 60, 1, 9}};
}

bool same(const state_type& a, const state_type& b) {
    return std::memcmp(a.adversarial.data_handle(), b.adversarial.data_handle(),
                       a.adversarial.size() * sizeof(float)) == 0 &&
           a.attack == b.attack && a.distance == b.distance && a.predicted == b.predicted &&
           a.success == b.success && a.loss == b.loss && a.after == b.after && a.warnings == b.warnings &&
           a.clean_accuracy == b.clean_accuracy && a.forward_passes == b.forward_passes &&
           a.backward_passes == b.backward_passes;
}

bool warns(const state_type& state, warning kind) {
    return std::any_of(state.warnings.begin(), state.warnings.end(),
                       [&](const auto& one) { return one.kind == kind; });
}

TEST_CASE("AutoAttack: every component attacks the survivors of those before it") {
    logit_inputs<float> data(images);
    data.labels[4] = (data.labels[4] + 1) % static_cast<int>(class_count); // misclassified
    for (const norm kind : norms) {
        logit_network<float> network;
        const double eps = 1.2 * eps_of(kind);
        const attack::autoattack_options options{
            .ball = kind, .eps = eps, .components = short_list(), .seed = 6};
        const state_type found = attack::autoattack(network, data.x(), data.labels, options);
        REQUIRE(found.after.size() == 6);
        CHECK(found.complete());
        CHECK(found.clean_accuracy == doctest::Approx(20 / 21.0));
        CHECK(inside(found, data, kind, eps));
        CHECK(found.attack[4] == attack::misclassified_clean);
        CHECK(found.distance[4] == 0);
        std::vector<std::size_t> fooled_by(6);
        std::vector<float> z(images * class_count);
        network.logits(tensor_view<const float, 4>(found.adversarial.data_handle(), data.x().extents()),
                       {z.data(), {images, class_count}});
        for (std::size_t n = 0; n < images; ++n) {
            const float* const point = found.adversarial.data_handle() + n * size;
            const float* const clean = data.pixels.data() + n * size;
            const auto row = z.begin() + static_cast<std::ptrdiff_t>(n * class_count);
            CHECK(found.predicted[n] == static_cast<int>(std::max_element(row, row + class_count) - row));
            CHECK(found.success[n] == (found.predicted[n] != data.labels[n]));
            CHECK(found.success[n] == (found.attack[n] != attack::not_fooled));
            if (found.attack[n] < 0) CHECK(std::equal(point, point + size, clean));
            if (found.attack[n] == attack::not_fooled) {
                CHECK(found.distance[n] == std::numeric_limits<double>::infinity());
                continue;
            }
            CHECK(found.distance[n] == doctest::Approx(distance(kind, point, clean)).epsilon(1e-12));
            if (found.attack[n] >= 0) ++fooled_by[static_cast<std::size_t>(found.attack[n])];
        }
        std::size_t held = 20;
        for (std::size_t k = 0; k < 6; ++k) {
            held -= fooled_by[k];
            CHECK(found.after[k] == doctest::Approx(static_cast<double>(held) / images));
        }
        CHECK(found.robust_accuracy() == found.after.back());
        CHECK(held > 0);
        CHECK(fooled_by[0] > 0);

        auto other = options;
        other.threads = 3;
        other.batch = 4;
        CHECK(same(attack::autoattack(network, data.x(), data.labels, other), found));
        // Stopped after each step and continued from a copy, with another batch size each time.
        state_type state;
        std::size_t steps = 0;
        for (bool more = true; more; ++steps) {
            const state_type saved = state;
            state_type resumed = saved;
            other.batch = 3 + steps % 5;
            more = attack::autoattack_step(network, data.x(), data.labels, other, resumed);
            state = resumed;
        }
        CHECK(steps > 12);
        CHECK(same(state, found));
        other.seed = 7;
        CHECK_THROWS_AS(attack::autoattack_step(network, data.x(), data.labels, other, state), value_error);
    }
}

TEST_CASE("AutoAttack without targets and restarts is its first component") {
    const logit_inputs<float> data(images);
    logit_network<float> network;
    const double eps = eps_of(norm::linf);
    const auto ensemble =
        attack::autoattack(network, data.x(), data.labels,
                           {.eps = eps, .components = {{component_kind::apgd_ce, 30, 1, 9}}, .seed = 2});
    const auto alone = attack::apgd(network, data.x(), data.labels, {.eps = eps, .steps = 30, .seed = 2});
    CHECK(ensemble.success == alone.success);
    // Square with logits only.
    scored_function model(class_count, [&](const auto& x, const auto& to) { network.logits(x, to); });
    const attack::autoattack_options queries{
        .eps = eps, .components = {{component_kind::square, 80, 1, 9}}, .seed = 2};
    const auto black_box = attack::autoattack(model, data.x(), data.labels, queries);
    const auto square = attack::square(model, data.x(), data.labels, {.eps = eps, .queries = 80, .seed = 2});
    CHECK(black_box.success == square.success);
    CHECK_THROWS_WITH_AS((void)attack::autoattack(model, data.x(), data.labels, {.eps = eps}),
                         "repscope::attack::autoattack: expected a model with gradients for apgd-ce, got one "
                         "with logits only",
                         value_error);
}

TEST_CASE("AutoAttack goes on after a model has thrown, with every image") {
    const logit_inputs<float> data(images);
    logit_network<float> network;
    const attack::autoattack_options options{
        .eps = eps_of(norm::linf), .components = {{component_kind::square, 40, 1, 9}}, .seed = 2, .batch = 4};
    const state_type expected = attack::autoattack(network, data.x(), data.labels, options);
    for (const int failing_call : {1, 4, 60}) {
        int calls = 0;
        scored_function model(class_count, [&](const auto& x, const auto& to) {
            if (++calls == failing_call) throw std::runtime_error("no answer");
            network.logits(x, to);
        });
        state_type state;
        int failures = 0;
        for (bool more = true; more;) {
            try {
                more = attack::autoattack_step(model, data.x(), data.labels, options, state);
            } catch (const std::runtime_error&) {
                ++failures;
            }
        }
        CHECK(failures == 1);
        CHECK(state.attack == expected.attack);
        CHECK(state.distance == expected.distance);
        CHECK(state.after == expected.after);
        CHECK(state.clean_accuracy == expected.clean_accuracy);
    }
}

TEST_CASE("the standard and the longer list") {
    const auto linf = attack::standard_components(norm::linf), l1 = attack::standard_components(norm::l1);
    std::string names;
    for (const auto& component : linf) names += std::string(to_string(component.kind)) + " ";
    CHECK(names == "apgd-ce apgd-t fab-t square ");
    CHECK(linf[0].restarts == 1);
    CHECK(l1[0].restarts == 5);
    CHECK(linf[1].targets == 9);
    CHECK(l1[1].targets == 5);
    CHECK(l1[2].targets == 9);
    CHECK(l1[3].steps == 5000);
    CHECK(attack::plus_components().size() == 6);
    CHECK(attack::plus_components()[2].kind == component_kind::fab);
}

/// A network whose logits are changed before an attack receives them.
template <typename Change>
struct changed_network {
    logit_network<float> inner;
    Change change;

    explicit changed_network(Change how) : change(how) {}
    [[nodiscard]] std::size_t classes(const std::array<std::size_t, 4>& x) const { return inner.classes(x); }
    void logits(const tensor_view<const float, 4>& x, const tensor_view<float, 2>& to) {
        inner.logits(x, to);
        change(to);
    }
    template <typename Upstream>
    void logit_vjp(const tensor_view<const float, 4>& x, const Upstream& upstream_of,
                   const tensor_view<float, 4>& gradient) {
        inner.logit_vjp(x, upstream_of, gradient);
        for (std::size_t n = 0; n < x.extent(0); ++n) {
            for (std::size_t i = 0; i < size; ++i) gradient(n, i / 20, i / 5 % 4, i % 5) = 0; // masked
        }
    }
};

TEST_CASE("AutoAttack warns of models that it cannot judge") {
    const logit_inputs<float> data(images);
    const double eps = 2 * eps_of(norm::linf);
    const auto run = [&](auto change) {
        changed_network model(change);
        return attack::autoattack(model, data.x(), data.labels,
                                  {.eps = eps,
                                   .components = {{component_kind::apgd_ce, 2, 1, 9},
                                                  {component_kind::apgd_dlr, 2, 1, 9},
                                                  {component_kind::apgd_t, 2, 1, 2},
                                                  {component_kind::square, 60, 1, 9}}});
    };
    const state_type masked = run([](const tensor_view<float, 2>&) {});
    CHECK(warns(masked, warning::zero_gradient));
    CHECK(warns(masked, warning::masked_gradients));
    CHECK(!warns(masked, warning::randomized_model));
    CHECK(!warns(masked, warning::probabilities));
    CHECK(!warns(masked, warning::few_classes));
    int calls = 0;
    const state_type randomized =
        run([&](const tensor_view<float, 2>& z) { z(0, 0) += 0.01F * static_cast<float>(calls++); });
    REQUIRE(warns(randomized, warning::randomized_model));
    CHECK(randomized.warnings.front().samples == 1);
    CHECK(to_string(randomized.warnings.front()) ==
          "two calls of the model gave different logits for 1 samples: a randomized model needs an attack on "
          "its mean");
    const state_type probabilities = run([](const tensor_view<float, 2>& z) {
        for (std::size_t n = 0; n < z.extent(0); ++n) {
            float sum = 0;
            for (std::size_t c = 0; c < class_count; ++c) sum += z(n, c) = std::exp(z(n, c));
            for (std::size_t c = 0; c < class_count; ++c) z(n, c) /= sum;
        }
    });
    CHECK(warns(probabilities, warning::probabilities));
    logit_network<float> network;
    const auto few = attack::autoattack(network, data.x(), data.labels,
                                        {.eps = eps, .components = {{component_kind::apgd_t, 2, 1, 9}}});
    CHECK(few.warnings == std::vector<attack::autoattack_warning>{{warning::few_classes, class_count}});
    CHECK(!warns(few, warning::zero_gradient));
}

} // namespace autoattack_test
