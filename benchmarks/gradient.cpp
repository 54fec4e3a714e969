// Gradients of the network `small` with respect to its input: of the loss, and of all 144 units, exact and
// from 16 probes.

#include "blas.hpp"
#include "registration.hpp"
#include "small_network.hpp"

#include <repscope/gradient/input_unit.hpp>
#include <repscope/net/inference_model.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <vector>

namespace {

using namespace benchmarks;

void loss_gradient(benchmark::State& state, std::size_t threads) {
    small_network data;
    repscope::thread_pool pool(threads);
    repscope::net::inference_model model(data.network, pool);
    std::vector<float> gradient(data.pixels.size());
    std::vector<double> losses(small_network::batch);
    std::vector<int> predicted(small_network::batch);
    const repscope::tensor_view<float, 4> target(gradient.data(), data.images().extents());
    for (auto _ : state) model(data.images(), data.labels, losses, predicted, target);
    set_items(state, small_network::batch, "images");
}

void unit_gradients(benchmark::State& state, std::size_t probes, std::size_t threads) {
    small_network data;
    repscope::thread_pool pool(threads);
    repscope::net::inference_model model(data.network, pool);
    for (auto _ : state) {
        (void)repscope::input_unit_gradients(model, data.images(), {.threads = pool, .probes = probes});
    }
    set_items(state, small_network::batch, "images");
}

} // namespace

int main(int argc, char** argv) {
    for (const std::size_t threads : thread_counts()) {
        add("gradient of the loss", library, threads,
            [=](benchmark::State& state) { loss_gradient(state, threads); });
        add_product_limit("gradient of the loss", 2 * small_network::forward, threads);
        add("gradients of all units", library, threads,
            [=](benchmark::State& state) { unit_gradients(state, 0, threads); });
        add("gradients of all units, 16 probes", library, threads,
            [=](benchmark::State& state) { unit_gradients(state, 16, threads); });
    }
    return run(argc, argv);
}
