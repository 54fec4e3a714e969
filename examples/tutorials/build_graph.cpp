// A network of your own, node by node: its classes, layers and gradients, and an attack. The filters are
// written out here; those of a trained network come from its file.
#include <repscope/attack/fgsm.hpp>
#include <repscope/net/graph.hpp>
#include <repscope/net/inference_model.hpp>
#include <repscope/random/random_stream.hpp>
#include <repscope/selectivity/class_selectivity.hpp>
#include <repscope/tensor/unit_values.hpp>

#include <array>
#include <cstdio>
#include <string_view>
#include <vector>

namespace net = repscope::net;
namespace op = net::op;

int main() {
    // 60 noisy images of 8 x 8 pixels: stripes along the rows (class 0) or along the columns (class 1).
    const std::array<std::size_t, 4> extents{60, 1, 8, 8};
    std::vector<float> pixels;
    std::vector<int> labels;
    for (std::uint32_t n = 0; n < 60; ++n) {
        repscope::random_stream random(1, 0, n);
        labels.push_back(static_cast<int>(n % 2));
        for (std::size_t i = 0; i < 64; ++i) {
            const std::size_t line = n % 2 == 0 ? i / 8 : i % 8;
            const double stripe = line % 2 == 0 ? 0.4 : 0.6;
            pixels.push_back(static_cast<float>(stripe + 0.3 * (random.uniform() - 0.5)));
        }
    }
    const repscope::tensor_view<const float, 4> images(pixels.data(), extents);

    // Three filters: the change from row to row, that from column to column, and the mean of a window.
    const std::vector<float> filters{1, 1, -1, -1, 1, -1, 1, -1, 0.25F, 0.25F, 0.25F, 0.25F};
    const std::vector<float> readout{2, -2, 0, -2, 2, 0}; // (classes, filters)

    net::graph<float> graph({1, 8, 8});
    const auto weights = graph.constant("filters", {3, 1, 2, 2}, filters);
    const auto maps = graph.add("conv", op::convolution{}, {graph.input(), weights});
    const auto active = graph.add("relu", op::unary{op::unary_kind::relu}, {maps});
    const auto means =
        graph.add("pool", op::pooling{.kind = op::pooling_kind::average, .global = true}, {active});
    // The first extent is one per sample: the graph runs batches of any size.
    const auto flat = graph.add("flatten", op::reshape{{{1, true}, 3}}, {means});
    const auto matrix = graph.constant("readout", {2, 3}, readout);
    graph.set_output(graph.add("logits", op::matrix_product{.transpose_b = true}, {flat, matrix}));
    graph.tap(active, "relu");

    // The layers that are tapped come with the logits.
    net::graph<float>::workspace workspace;
    graph.forward(images, workspace, [&](std::size_t, std::string_view name, const auto& activation) {
        const auto selectivity = repscope::class_selectivity(activation, labels);
        std::printf("%s: selectivity", name.data());
        for (const double index : selectivity.index) std::printf(" %.3f", index);
        std::printf("\n");
    });

    // A graph with its memory and threads is a model of attacks and gradients.
    net::inference_model model(graph);
    for (const double eps : {0.01, 0.05}) {
        const auto result = repscope::attack::fgsm(model, images, labels, {.eps = eps});
        std::printf("right under attack, eps %.2f: %.3f\n", eps, result.robust_accuracy());
    }

    // The gradient of a unit with respect to the image: the filter of rows answers to rows only.
    model.unit_gradients(0, images, [&](std::size_t unit, const auto& gradient) {
        double along_rows = 0;
        for (std::size_t x = 0; x < 8; ++x) along_rows += gradient(0, 0, 3, x);
        std::printf("unit %zu: gradient along row 3 of image 0: %+.3f\n", unit, along_rows);
    });
}
