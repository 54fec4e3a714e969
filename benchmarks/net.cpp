// Training steps of the network `small`, with and without the selectivity term, and forward passes, beside
// OpenBLAS's products with the same number of multiply-adds.

#include "blas.hpp"
#include "registration.hpp"
#include "small_network.hpp"

#include <repscope/net/optim/sgd.hpp>
#include <repscope/net/trainer.hpp>
#include <repscope/parallel/thread_pool.hpp>
#include <repscope/selectivity/regularizer.hpp>

#include <cstddef>

namespace {

using namespace benchmarks;
namespace net = repscope::net;

template <bool Penalized>
void train(benchmark::State& state, std::size_t threads) {
    small_network data;
    repscope::thread_pool pool(threads);
    net::trainer trainer(data.network, net::sgd<float>({.weight_decay = 1e-4}), pool);
    const repscope::selectivity_regularizer penalty{.alpha = -0.5, .threads = pool};
    for (auto _ : state) {
        if constexpr (Penalized) {
            trainer.step(data.images(), data.labels, 0.01, penalty);
        } else {
            trainer.step(data.images(), data.labels, 0.01);
        }
    }
    set_items(state, small_network::batch, "images");
}

void forward(benchmark::State& state, std::size_t threads) {
    small_network data;
    repscope::thread_pool pool(threads);
    small_network::network_type::workspace workspace(pool);
    for (auto _ : state) data.network.forward(data.images(), workspace);
    set_items(state, small_network::batch, "images");
}

} // namespace

int main(int argc, char** argv) {
    // A step has the gradients of all weights, and of all inputs but the images.
    constexpr double step = 3 * small_network::forward - small_network::first_layer;
    for (const std::size_t threads : thread_counts()) {
        add("training step", library, threads, [=](benchmark::State& s) { train<false>(s, threads); });
        add_product_limit("training step", step, threads);
        add("training step with selectivity", library, threads,
            [=](benchmark::State& s) { train<true>(s, threads); });
        add_product_limit("training step with selectivity", step, threads);
        add("forward", library, threads, [=](benchmark::State& s) { forward(s, threads); });
        add_product_limit("forward", small_network::forward, threads);
    }
    return run(argc, argv);
}
