#include "repscope/net/inference_model.hpp"

#include "repscope/model/concepts.hpp"
#include "repscope/model/normalized.hpp"
#include "repscope/net/graph.hpp"
#include "repscope/net/loss.hpp"
#include "repscope/net/models.hpp"
#include "repscope/random/random_stream.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace inference_model_test {

using namespace repscope;

TEST_CASE("logits and their gradients are those of the network") {
    constexpr std::size_t images = 131, classes = 5; // more than a piece
    auto network = net::mlp<float>(12, classes, {0.3}, {0.5});
    network.initialize(4);
    net::inference_model model(network, 2);
    static_assert(scored<decltype(model)> && logit_differentiable<decltype(model)>);
    std::vector<float> pixels(images * 12), gradient(images * 12), expected(images * 12), z(images * classes);
    std::vector<int> labels(images), predicted(images);
    std::vector<double> losses(images);
    random_stream random(2, 2);
    for (float& value : pixels) value = static_cast<float>(random.uniform());
    for (int& label : labels) label = static_cast<int>(random.below(classes));
    const std::array<std::size_t, 4> extents{images, 1, 3, 4};
    const tensor_view<const float, 4> x(pixels.data(), extents);
    const tensor_view<float, 2> logits(z.data(), {images, classes});
    model(x, labels, losses, predicted, {expected.data(), extents});
    model.logits(x, logits);
    std::vector<double> from_logits(images);
    net::softmax_cross_entropy(tensor_view<const float, 2>(logits), labels, from_logits, {});
    CHECK(from_logits == losses);
    std::size_t pieces = 0;
    const auto cross_entropy = [&](std::size_t first, const tensor_view<const float, 2>& part,
                                   const tensor_view<float, 2>& upstream) {
        ++pieces;
        CHECK(part(0, 2) == logits(first, 2));
        net::softmax_cross_entropy(part, std::span(labels).subspan(first, part.extent(0)), {}, {}, upstream);
    };
    model.logit_vjp(x, cross_entropy, {gradient.data(), extents});
    CHECK(pieces == 2);
    CHECK(gradient == expected);

    // The same model with its normalization outside.
    auto plain = net::mlp<float>(12, classes, {0.0}, {1.0});
    plain.initialize(4);
    net::inference_model inner(plain);
    normalized<decltype(inner)&, float> outer(inner, {0.3}, {0.5});
    static_assert(logit_differentiable<decltype(outer)>);
    std::vector<float> other(images * classes);
    outer.logits(x, {other.data(), {images, classes}});
    for (std::size_t k = 0; k < z.size(); ++k) CHECK(other[k] == doctest::Approx(z[k]).epsilon(1e-5));
    const auto first_logit = [](std::size_t, const tensor_view<const float, 2>& part,
                                const tensor_view<float, 2>& upstream) {
        for (std::size_t n = 0; n < part.extent(0); ++n) {
            for (std::size_t c = 0; c < classes; ++c) upstream(n, c) = c == 0 ? 1.0F : 0.0F;
        }
    };
    outer.logit_vjp(x, first_logit, {gradient.data(), extents});
    model.logit_vjp(x, first_logit, {expected.data(), extents});
    for (std::size_t i = 0; i < 12; ++i) CHECK(gradient[i] == doctest::Approx(expected[i]).epsilon(1e-4));
}

TEST_CASE("a graph gives the gradient of any function of its logits") {
    constexpr std::size_t images = 37, classes = 4, features = 6;
    random_stream random(3, 2);
    const auto numbers = [&](std::size_t count) {
        std::vector<double> values(count);
        for (double& value : values) value = random.normal();
        return values;
    };
    net::graph<double> graph({features});
    const net::op::matrix_product product{.transpose_b = true};
    const auto hidden = graph.add(
        "hidden", product, {graph.input(), graph.constant("w1", {5, features}, numbers(5 * features))});
    const auto bent = graph.add("tanh", net::op::unary{net::op::unary_kind::tanh}, {hidden});
    graph.set_output(
        graph.add("logits", product, {bent, graph.constant("w2", {classes, 5}, numbers(classes * 5))}));
    net::inference_model model(graph, 2);
    static_assert(logit_differentiable<decltype(model), double>);
    const std::vector<double> pixels = numbers(images * features);
    std::vector<int> labels(images), predicted(images);
    for (int& label : labels) label = static_cast<int>(random.below(classes));
    std::vector<double> losses(images), expected(images * features), gradient(images * features);
    const std::array<std::size_t, 4> extents{images, features, 1, 1};
    const tensor_view<const double, 4> x(pixels.data(), extents);
    model(x, labels, losses, predicted, {expected.data(), extents});
    model.logit_vjp(x,
                    [&](std::size_t first, const tensor_view<const double, 2>& part,
                        const tensor_view<double, 2>& upstream) {
                        net::softmax_cross_entropy(part, std::span(labels).subspan(first, part.extent(0)), {},
                                                   {}, upstream);
                    },
                    {gradient.data(), extents});
    CHECK(gradient == expected);
    CHECK(gradient[7] != 0);
}

} // namespace inference_model_test
