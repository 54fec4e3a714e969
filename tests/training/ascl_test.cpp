#include "repscope/net/optim/sgd.hpp"
#include "repscope/training/ascl.hpp"
#include "repscope/training/layers/projection_head.hpp"
#include "repscope/training/losses/divergence.hpp"
#include "repscope/training/losses/supervised_contrastive.hpp"
#include "training/support.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
#include <span>
#include <vector>

namespace ascl_test {

using namespace repscope;
using training::contrast_selection;
using training::latent_distance;
using training_check::normals;

namespace {

using matrix = std::vector<std::vector<double>>;

double distance(latent_distance kind, const std::vector<double>& a, const std::vector<double>& b) {
    double largest = 0, sum = 0, square = 0, aa = 0, bb = 0, ab = 0;
    for (std::size_t k = 0; k < a.size(); ++k) {
        largest = std::max(largest, std::abs(a[k] - b[k]));
        sum += std::abs(a[k] - b[k]);
        square += std::pow(a[k] - b[k], 2);
        aa += a[k] * a[k];
        bb += b[k] * b[k];
        ab += a[k] * b[k];
    }
    switch (kind) {
    case latent_distance::linf:
        return largest;
    case latent_distance::l1:
        return sum;
    case latent_distance::l2:
        return std::sqrt(square);
    case latent_distance::cosine:
        break;
    }
    return -ab / std::sqrt(aa) / std::sqrt(bb);
}

/// The loss written down term by term from sets of positives and negatives.
training::contrast_value brute_force(const matrix& z, const std::vector<int>& y, const std::vector<int>& p,
                                     const training::contrast_options& options) {
    training::contrast_value found;
    double kept_positives = 0, kept_negatives = 0, all_positives = 0, all_negatives = 0;
    for (std::size_t i = 0; i < z.size(); ++i) {
        std::set<std::size_t> positives, negatives;
        for (std::size_t j = 0; j < z.size(); ++j) {
            if (j == i) continue;
            (y[j] == y[i] ? all_positives : all_negatives) += 1;
            switch (options.selection) {
            case contrast_selection::all:
                if (y[j] == y[i]) positives.insert(j);
                if (y[j] != y[i]) negatives.insert(j);
                break;
            case contrast_selection::hard:
                if (y[j] == y[i]) positives.insert(j);
                if (y[j] != y[i] && p[j] == y[i]) negatives.insert(j);
                break;
            case contrast_selection::soft:
                if (y[j] == y[i]) positives.insert(j);
                if (y[j] != y[i] && p[j] == p[i]) negatives.insert(j);
                break;
            case contrast_selection::leaked:
                if (y[j] == y[i] && p[j] == p[i]) positives.insert(j);
                if (y[j] != y[i] && p[j] == p[i]) negatives.insert(j);
                break;
            }
        }
        kept_positives += static_cast<double>(positives.size());
        kept_negatives += static_cast<double>(negatives.size());
        const auto e = [&](std::size_t j) {
            return std::exp(-distance(options.distance, z[i], z[j]) / options.temperature);
        };
        double below = 0, sum = 0;
        for (const std::size_t a : positives) below += e(a);
        for (const std::size_t a : negatives) below += e(a);
        for (const std::size_t a : positives) sum += std::log(e(a) / below);
        found.loss -= sum / std::max(1.0, static_cast<double>(positives.size()));
    }
    found.loss /= static_cast<double>(z.size());
    found.positives = kept_positives / all_positives;
    found.negatives = kept_negatives / all_negatives;
    return found;
}

/// A head has parameters like a network, but is not visited as a constant one.
struct wrapped {
    training::projection<double>* head;
    template <typename Visit>
    void visit_parameters(Visit&& visit) const {
        head->visit_parameters(visit);
    }
    template <typename Visit>
    void visit_state(Visit&&) const {}
};

constexpr contrast_selection selections[] = {contrast_selection::all, contrast_selection::hard,
                                             contrast_selection::soft, contrast_selection::leaked};
constexpr latent_distance distances[] = {latent_distance::linf, latent_distance::l1, latent_distance::l2,
                                         latent_distance::cosine};

double log_softmax(const tensor_view<const double, 2>& z, std::size_t i, std::size_t k) {
    double sum = 0;
    for (std::size_t j = 0; j < z.extent(1); ++j) sum += std::exp(z(i, j));
    return z(i, k) - std::log(sum);
}

double divergence(const tensor_view<const double, 2>& p, const tensor_view<const double, 2>& q) {
    double sum = 0;
    for (std::size_t i = 0; i < p.extent(0); ++i) {
        for (std::size_t k = 0; k < p.extent(1); ++k) {
            sum += std::exp(log_softmax(p, i, k)) * (log_softmax(p, i, k) - log_softmax(q, i, k));
        }
    }
    return sum / static_cast<double>(p.extent(0));
}

} // namespace

TEST_CASE("the contrast equals its definition for every selection and distance") {
    const std::size_t n = 12, width = 5;
    std::vector<double> values = normals(n * width, 4, .5);
    const std::vector<int> labels{0, 1, 2, 0, 1, 2, 0, 0, 1, 3, 2, 1},
        predicted{0, 1, 1, 0, 0, 2, 1, 0, 1, 0, 0, 1};
    const tensor_view<const double, 2> z(values.data(), {n, width});
    for (const auto selection : selections) {
        for (const auto kind : distances) {
            INFO(static_cast<int>(selection) << " " << static_cast<int>(kind));
            const training::contrast_options options{selection, kind, .3};
            matrix rows;
            for (std::size_t i = 0; i < n; ++i) {
                rows.emplace_back(values.begin() + static_cast<std::ptrdiff_t>(i * width),
                                  values.begin() + static_cast<std::ptrdiff_t>((i + 1) * width));
            }
            std::vector<double> gradient(n * width, 7);
            const auto found = training::supervised_contrastive_loss(
                z, labels, predicted, options, 1.5, tensor_view<double, 2>(gradient.data(), {n, width}));
            const auto expected = brute_force(rows, labels, predicted, options);
            CHECK(expected.loss > 0);
            CHECK(found.loss == doctest::Approx(expected.loss).epsilon(1e-12));
            CHECK(found.positives == doctest::Approx(expected.positives).epsilon(1e-14));
            CHECK(found.negatives == doctest::Approx(expected.negatives).epsilon(1e-14));
            const auto check = gradient_check::compare(
                std::span(values), std::span<const double>(gradient),
                [&] {
                    return 1.5 * training::supervised_contrastive_loss(z, labels, predicted, options).loss;
                },
                [] { return 0; });
            CHECK(check.error <= 1e-6);
        }
    }
}

TEST_CASE(
    "latents in one place, anchors without positives and far latents have finite losses and gradients") {
    for (const auto kind : distances) {
        std::vector<double> values{0, 0, 0, 0, 1e3, -1e3, 2, 2}, gradient(8, 7);
        const auto found = training::supervised_contrastive_loss<double>(
            {values.data(), {4, 2}}, std::vector{0, 0, 1, 2}, std::vector{0, 0, 0, 0},
            {contrast_selection::leaked, kind, .01}, 1, {gradient.data(), {4, 2}});
        CHECK(std::isfinite(found.loss));
        for (const double value : gradient) CHECK(std::isfinite(value));
        CHECK(found.positives == 1);
    }
    const std::vector<double> two{1, 2};
    const auto lonely = training::supervised_contrastive_loss<double>({two.data(), {2, 1}}, std::vector{0, 1},
                                                                      std::vector{0, 0}, {});
    CHECK(lonely.loss == 0);
    CHECK(std::isnan(lonely.positives));
    CHECK_THROWS_AS((void)training::supervised_contrastive_loss<double>(
                        {two.data(), {2, 1}}, std::vector{0, 1}, std::vector{0, 0}, {.temperature = 0}),
                    value_error);
    CHECK_THROWS_AS((void)training::supervised_contrastive_loss<double>({two.data(), {2, 1}}, std::vector{0},
                                                                        std::vector{0, 0}, {}),
                    shape_error);
}

TEST_CASE("divergences and their gradients") {
    std::vector<double> p = normals(12, 1, 2), q = normals(12, 2, 2), gp(12, .5), gq(12, .25);
    const auto view = [](auto& values) {
        return tensor_view(values.data(), std::array<std::size_t, 2>{4, 3});
    };
    const auto kl = [&] { return training::kl_divergence<double>(view(p), view(q)); };
    CHECK(kl() == doctest::Approx(divergence(view(p), view(q))).epsilon(1e-12));
    CHECK(training::kl_divergence<double>(view(p), view(p)) == doctest::Approx(0));
    (void)training::kl_divergence<double>(view(p), view(q), 1, view(gp), view(gq));
    for (double& value : gp) value -= .5; // it is added to what was there
    for (double& value : gq) value -= .25;
    const auto none = [] { return 0; };
    CHECK(gradient_check::compare(std::span(p), std::span<const double>(gp), kl, none).error <= 1e-7);
    CHECK(gradient_check::compare(std::span(q), std::span<const double>(gq), kl, none).error <= 1e-7);

    std::vector<double> z = normals(18, 3, 2), gradient(18);
    const auto views = [](auto& values) {
        return tensor_view(values.data(), std::array<std::size_t, 2>{6, 3});
    };
    const auto js = [&] { return training::jensen_shannon<double>(views(z), 3); };
    double expected = 0;
    const tensor_view<const double, 2> logits = views(z);
    for (std::size_t i = 0; i < 2; ++i) {
        for (std::size_t k = 0; k < 3; ++k) {
            double mean = 0;
            for (std::size_t v = 0; v < 3; ++v) mean += std::exp(log_softmax(logits, 2 * v + i, k)) / 3;
            for (std::size_t v = 0; v < 3; ++v) {
                const double l = log_softmax(logits, 2 * v + i, k);
                expected += std::exp(l) * (l - std::log(mean)) / 6;
            }
        }
    }
    CHECK(js() == doctest::Approx(expected).epsilon(1e-12));
    (void)training::jensen_shannon<double>(views(z), 3, 1, views(gradient));
    CHECK(gradient_check::compare(std::span(z), std::span<const double>(gradient), js, none).error <= 1e-7);
    std::vector<double> certain{900, 0, 0, 900};
    CHECK(training::jensen_shannon<double>({certain.data(), {2, 2}}, 2) == doctest::Approx(std::log(2)));
    CHECK_THROWS_AS((void)training::jensen_shannon<double>(views(z), 4), shape_error);
}

TEST_CASE("a step goes down the gradient of cross-entropy, contrast and divergence together") {
    const std::vector<double> clean = normals(6 * 36, 1), attacked = normals(6 * 36, 2);
    const std::vector<int> labels{0, 1, 2, 0, 1, 0};
    const auto images = [](const std::vector<double>& v) {
        return tensor_view<const double, 4>(v.data(), {6, 1, 6, 6});
    };
    for (const auto kind : {latent_distance::l2, latent_distance::linf}) {
        const training::ascl_options options{
            .contrast = {.selection = contrast_selection::all, .distance = kind, .temperature = .4},
            .contrast_weight = .8,
            .divergence_weight = 2.5};
        auto network = training_check::small_network(), moved = network;
        training::projection<double> head(4, 3);
        head.initialize(8);
        auto moved_head = head;
        const double rate = 1e-3;
        training::ascl_trainer run(moved, moved_head, net::sgd<double>({.momentum = 0}), options);
        const auto done = run.step(images(clean), images(attacked), labels, rate);
        CHECK(done.contrast.positives == 1);
        CHECK(done.divergence > 0);

        decltype(network)::workspace ws;
        training_check::signs mask;
        const auto loss = [&] {
            mask.all.clear();
            matrix z;
            std::vector<double> logits[2];
            for (const auto* pixels : {&clean, &attacked}) {
                const auto found = network.forward_training(images(*pixels), ws, mask);
                auto& all = logits[pixels == &clean ? 0 : 1];
                for (std::size_t i = 0; i < 6; ++i) {
                    for (std::size_t k = 0; k < 3; ++k) all.push_back(found(i, k));
                }
                const auto a = network.taps(ws).back().activation;
                for (std::size_t i = 0; i < 6; ++i) {
                    std::vector<double> row(3);
                    double square = 0;
                    for (std::size_t k = 0; k < 3; ++k) {
                        row[k] = head.bias()[k];
                        for (std::size_t u = 0; u < 4; ++u) {
                            for (std::size_t p = 0; p < 4; ++p) {
                                row[k] += head.weights()[k * 4 + u] * a(i, u, p / 2, p % 2) / 4;
                            }
                        }
                        square += row[k] * row[k];
                    }
                    for (double& value : row) value /= std::sqrt(square);
                    z.push_back(row);
                }
            }
            const std::array<std::size_t, 2> extents{6, 3};
            const tensor_view<const double, 2> c(logits[0].data(), extents), a(logits[1].data(), extents);
            double sum = 2.5 * divergence(c, a) / 3;
            for (std::size_t i = 0; i < 6; ++i)
                sum -= log_softmax(a, i, static_cast<std::size_t>(labels[i])) / 6;
            std::vector<int> twice = labels;
            twice.insert(twice.end(), labels.begin(), labels.end());
            return sum + .8 * brute_force(z, twice, std::vector<int>(12), options.contrast).loss;
        };
        training_check::check_step(
            network, moved, rate, loss, [&] { return mask.all; }, 2e-6);
        wrapped before{&head}, after{&moved_head};
        training_check::check_step(
            before, after, rate, loss, [&] { return mask.all; }, 2e-6);
    }
}

} // namespace ascl_test
