// Speed of attacks on the network `small`: PGD of 20 steps in each norm, FGSM, the gradients of all units,
// exact and from 16 probes, in images a second.
//
//     attack [THREADS [SECONDS [CHANNELS SIDE]]]
//
// Prints "name value" lines, which attack_peers.py reads; values are medians of the passes that fit into
// SECONDS.
#include "repscope/attack/fgsm.hpp"
#include "repscope/attack/pgd.hpp"
#include "repscope/gradient/input_unit.hpp"
#include "repscope/net/inference_model.hpp"
#include "repscope/net/models.hpp"
#include "repscope/random/random_stream.hpp"
#include "timing.hpp"

#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int count, char** arguments) {
    using namespace repscope;
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
    std::vector<float> pixels(batch * channels * side * side);
    for (float& value : pixels) value = static_cast<float>(random.uniform());
    std::vector<int> labels(batch);
    for (int& label : labels) label = static_cast<int>(random.below(10));
    const tensor_view<const float, 4> x(pixels.data(), {batch, channels, side, side});

    thread_pool pool(static_cast<std::size_t>(threads));
    net::inference_model model(network, pool);
    const auto report = [&](const char* name, auto&& work) {
        std::printf("%s %.1f\n", name, static_cast<double>(batch) / benchmark::median_time(seconds, work));
    };
    const auto pgd = [&](attack::norm ball, double eps) {
        return [&, ball, eps] {
            (void)attack::pgd(model, x, labels,
                              {.threads = pool, .ball = ball, .eps = eps, .returned = attack::iterate::last});
        };
    };
    report("pgd_linf", pgd(attack::norm::linf, 8 / 255.));
    report("pgd_l2", pgd(attack::norm::l2, 1));
    report("pgd_l1", pgd(attack::norm::l1, 12));
    report("fgsm", [&] { (void)attack::fgsm(model, x, labels, {.threads = pool, .eps = 8 / 255.}); });
    report("unit_gradients", [&] { (void)input_unit_gradients(model, x, {.threads = pool}); });
    report("unit_probes", [&] { (void)input_unit_gradients(model, x, {.threads = pool, .probes = 16}); });
}
