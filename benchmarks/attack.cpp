// Attacks on the network `small`: PGD of 20 steps in each norm and FGSM, beside OpenBLAS's products with the
// same number of multiply-adds.

#include "blas.hpp"
#include "registration.hpp"
#include "small_network.hpp"

#include <repscope/attack/fgsm.hpp>
#include <repscope/attack/pgd.hpp>
#include <repscope/net/inference_model.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <string>

namespace {

using namespace benchmarks;
namespace attack = repscope::attack;

/// Adds an attack of `steps` gradients: `body(model, images, labels, pool)` per iteration.
template <typename Body>
void add_attack(const std::string& work, int steps, std::size_t threads, Body body) {
    add(work, library, threads, [=](benchmark::State& state) {
        small_network data;
        repscope::thread_pool pool(threads);
        repscope::net::inference_model model(data.network, pool);
        for (auto _ : state) body(model, data.images(), data.labels, pool);
        set_items(state, small_network::batch, "images");
    });
    // A gradient is a forward and a backward pass; the result is classified once.
    add_product_limit(work, (2 * steps + 1) * small_network::forward, threads);
}

void add_pgd(const std::string& work, attack::norm ball, double eps, std::size_t threads) {
    add_attack(
        work, 20, threads, [=](auto& model, const auto& x, const auto& labels, repscope::thread_pool& pool) {
            (void)attack::pgd(model, x, labels,
                              {.threads = pool, .ball = ball, .eps = eps, .returned = attack::iterate::last});
        });
}

} // namespace

int main(int argc, char** argv) {
    for (const std::size_t threads : thread_counts()) {
        add_pgd("PGD linf, 20 steps", attack::norm::linf, 8 / 255., threads);
        add_pgd("PGD l2, 20 steps", attack::norm::l2, 1, threads);
        add_pgd("PGD l1, 20 steps", attack::norm::l1, 12, threads);
        add_attack("FGSM", 1, threads,
                   [](auto& model, const auto& x, const auto& labels, repscope::thread_pool& pool) {
                       (void)attack::fgsm(model, x, labels, {.threads = pool, .eps = 8 / 255.});
                   });
    }
    return run(argc, argv);
}
