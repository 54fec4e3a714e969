// Speed of the network `small`: training steps, with and without the selectivity penalty, forward passes, and
// forward passes with the gradient of the input, in images a second, beside the SGEMM of the same moment.
//
//     training [THREADS [SECONDS [CHANNELS SIDE]]]
//
// Prints "name value" lines, which training_peers.py reads; values are medians of the passes that fit into
// SECONDS.
#include "repscope/linalg/products.hpp"
#include "repscope/net/inference_model.hpp"
#include "repscope/net/models.hpp"
#include "repscope/net/optim/sgd.hpp"
#include "repscope/net/trainer.hpp"
#include "repscope/selectivity/regularizer.hpp"
#include "timing.hpp"

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using namespace repscope;
using benchmark::median_time;

} // namespace

int main(int count, char** arguments) {
    const auto argument = [&](int index, double otherwise) {
        return count > index ? std::atof(arguments[index]) : otherwise;
    };
    const int threads = static_cast<int>(argument(1, 1));
    const double seconds = argument(2, 1);
    const auto channels = static_cast<std::size_t>(argument(3, 1)),
               side = static_cast<std::size_t>(argument(4, 28));
    constexpr std::size_t batch = 128;

    auto network = net::small_cnn<float>(channels, 10, std::vector<double>(channels, 0.286),
                                         std::vector<double>(channels, 0.353));
    network.initialize(1);
    random_stream random(1, streams::id(streams::purpose::probe));
    std::vector<float> pixels(batch * channels * side * side), gradient(pixels.size());
    for (float& value : pixels) value = static_cast<float>(random.uniform());
    std::vector<int> labels(batch), predicted(batch);
    for (int& label : labels) label = static_cast<int>(random.below(10));
    std::vector<double> losses(batch);
    const tensor_view<const float, 4> x(pixels.data(), {batch, channels, side, side});

    thread_pool pool(static_cast<std::size_t>(threads));
    net::trainer run(network, net::sgd<float>({.weight_decay = 1e-4}), pool);
    const auto report = [](const char* name, double time) {
        std::printf("%s %.1f\n", name, static_cast<double>(batch) / time);
    };
    report("train", median_time(seconds, [&] { run.step(x, labels, 0.01); }));
    const selectivity_regularizer penalty{.alpha = -0.5, .threads = pool};
    report("train_penalty", median_time(seconds, [&] { run.step(x, labels, 0.01, penalty); }));
    decltype(network)::workspace ws(pool);
    report("forward", median_time(seconds, [&] { network.forward(x, ws); }));
    net::inference_model model(network, pool);
    report("input_gradient", median_time(seconds, [&] {
               model(x, labels, losses, predicted, tensor_view<float, 4>(gradient.data(), x.extents()));
           }));

    // One product a thread, as the layers are computed.
    constexpr std::size_t n = 768;
    std::vector<float> a(n * n, 0.5F), b(n * n, 0.25F), c(n * n * pool.size());
    const double time = median_time(seconds, [&] {
        pool.for_each(pool.size(), [&](std::size_t index) {
            eigen_products::gemm<factor::as_is, factor::as_is>(n, n, n, 1.0F, a.data(), n, b.data(), n, 0.0F,
                                                               c.data() + index * n * n, n);
        });
    });
    std::printf("sgemm_gflops %.1f\n", 2e-9 * static_cast<double>(n * n * n * pool.size()) / time);
}
