// Attacks on the network `small`: PGD of 20 steps in each norm, FGSM, and 20 iterations of the attacks of
// AutoAttack, beside OpenBLAS's products with the same number of multiply-adds.

#include "blas.hpp"
#include "registration.hpp"
#include "small_network.hpp"

#include <repscope/attack/apgd.hpp>
#include <repscope/attack/fab.hpp>
#include <repscope/attack/fgsm.hpp>
#include <repscope/attack/pgd.hpp>
#include <repscope/attack/square.hpp>
#include <repscope/net/inference_model.hpp>
#include <repscope/net/loss.hpp>
#include <repscope/parallel/thread_pool.hpp>
#include <repscope/tensor/tensor_view.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace {

using namespace benchmarks;
namespace attack = repscope::attack;

constexpr std::size_t iterations = 20;

/// Adds an attack of `passes` forward and backward passes: `body(model, images, labels, pool)` per iteration.
template <typename Body>
void add_attack(const std::string& work, int passes, std::size_t threads, Body body) {
    add(work, library, threads, [=](benchmark::State& state) {
        small_network data;
        repscope::thread_pool pool(threads);
        repscope::net::inference_model model(data.network, pool);
        for (auto _ : state) body(model, data.images(), data.labels, pool);
        set_items(state, small_network::batch, "images");
    });
    add_product_limit(work, passes * small_network::forward, threads);
}

// A gradient is a forward and a backward pass; the result is classified once.
void add_pgd(const std::string& work, attack::norm ball, double eps, std::size_t threads) {
    add_attack(work, 2 * 20 + 1, threads,
               [=](auto& model, const auto& x, const auto& labels, repscope::thread_pool& pool) {
                   (void)attack::pgd(
                       model, x, labels,
                       {.threads = pool, .ball = ball, .eps = eps, .returned = attack::iterate::last});
               });
}

/// Adds an attack of 20 iterations on images with the labels that the network predicts: attacks leave out
/// misclassified images. `passes` forward and backward passes in all.
template <typename Body>
void add_logit_attack(const std::string& work, double passes, std::size_t threads, Body body) {
    add(work, library, threads, [=](benchmark::State& state) {
        small_network data;
        repscope::thread_pool pool(threads);
        repscope::net::inference_model model(data.network, pool);
        std::vector<float> logits(small_network::batch * 10);
        const repscope::tensor_view<float, 2> to(logits.data(), {small_network::batch, 10});
        model.logits(data.images(), to);
        repscope::net::argmax(repscope::tensor_view<const float, 2>(to), data.labels);
        for (auto _ : state) body(model, data.images(), data.labels, pool);
        set_items(state, iterations * small_network::batch, "images per iteration");
    });
    add_product_limit(work, passes * small_network::forward, threads);
}

void add_autoattack(std::size_t threads) {
    using repscope::thread_pool;
    for (const attack::norm ball : {attack::norm::linf, attack::norm::l2, attack::norm::l1}) {
        const std::string name(to_string(ball));
        const double eps = ball == attack::norm::linf ? 8 / 255. : ball == attack::norm::l2 ? 1 : 12;
        add_logit_attack("APGD " + name + ", 20 steps", 2 * iterations, threads,
                         [=](auto& model, const auto& x, const auto& labels, thread_pool& pool) {
                             (void)attack::apgd(
                                 model, x, labels,
                                 {.threads = pool, .ball = ball, .eps = eps, .steps = iterations});
                         });
        add_logit_attack(
            "FAB " + name + ", 20 steps", 3 * iterations, threads,
            [=](auto& model, const auto& x, const auto& labels, thread_pool& pool) {
                (void)attack::fab(
                    model, x, labels,
                    {.threads = pool, .ball = ball, .eps = eps, .steps = iterations, .targets = 1});
            });
        // A radius at which no image is fooled, so that all of them take all queries.
        add_logit_attack("Square " + name + ", 20 queries", iterations, threads,
                         [=](auto& model, const auto& x, const auto& labels, thread_pool& pool) {
                             (void)attack::square(
                                 model, x, labels,
                                 {.threads = pool, .ball = ball, .eps = 1e-5, .queries = iterations});
                         });
    }
}

} // namespace

int main(int argc, char** argv) {
    for (const std::size_t threads : thread_counts()) {
        add_pgd("PGD linf, 20 steps", attack::norm::linf, 8 / 255., threads);
        add_pgd("PGD l2, 20 steps", attack::norm::l2, 1, threads);
        add_pgd("PGD l1, 20 steps", attack::norm::l1, 12, threads);
        add_attack("FGSM", 3, threads,
                   [](auto& model, const auto& x, const auto& labels, repscope::thread_pool& pool) {
                       (void)attack::fgsm(model, x, labels, {.threads = pool, .eps = 8 / 255.});
                   });
        add_attack("FGSM, points only", 2, threads,
                   [](auto& model, const auto& x, const auto& labels, repscope::thread_pool& pool) {
                       (void)attack::fgsm(model, x, labels,
                                          {.threads = pool, .eps = 8 / 255., .outcome = false});
                   });
        add_autoattack(threads);
    }
    return run(argc, argv);
}
