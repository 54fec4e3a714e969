// Class selectivity of activations in memory, compared with a plain read of the same array.

#include "layer.hpp"
#include "registration.hpp"

#include <repscope/moments/class_moments.hpp>
#include <repscope/moments/class_sums.hpp>
#include <repscope/parallel/thread_pool.hpp>
#include <repscope/selectivity/class_selectivity.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace {

using namespace benchmarks;
using extents_type = std::array<std::size_t, 4>;

const layer& activations(const extents_type& extents) {
    return held_layer(extents, [&] { return rectified_layer(extents); });
}

template <typename State>
void measure_selectivity(benchmark::State& state, const extents_type& extents, std::size_t classes,
                         std::size_t threads) {
    const layer& x = activations(extents);
    const std::vector<int> labels = cyclic_labels(extents[0], classes);
    repscope::thread_pool pool(threads);
    for (auto _ : state) {
        State sums(extents[1], classes);
        sums.update(x.view(), labels, {.threads = pool});
        double mean = repscope::class_selectivity(sums).mean;
        benchmark::DoNotOptimize(mean);
    }
    set_bytes(state, x.bytes());
}

// The least that can be done with an array: eight sums at a time of all its elements.
void read(benchmark::State& state, const extents_type& extents, std::size_t threads) {
    const layer& x = activations(extents);
    repscope::thread_pool pool(threads);
    std::vector<float> sums(pool.size() * 16);
    constexpr std::size_t part = std::size_t{1} << 18U;
    for (auto _ : state) {
        pool.for_each((x.values.size() + part - 1) / part, [&](std::size_t k, std::size_t worker) {
            typedef float eight __attribute__((vector_size(32)));
            eight partial[8] = {};
            const float* from = x.values.data() + k * part;
            const std::size_t count = std::min(part, x.values.size() - k * part) / 64 * 64;
            for (std::size_t i = 0; i < count; i += 64) {
                for (std::size_t j = 0; j < 8; ++j) {
                    eight values;
                    __builtin_memcpy(&values, from + i + 8 * j, sizeof values);
                    partial[j] += values;
                }
            }
            float sum = 0;
            for (const eight& p : partial) sum += p[0] + p[3] + p[7];
            sums[worker * 16] += sum;
        });
        benchmark::DoNotOptimize(sums.data());
    }
    set_bytes(state, x.bytes());
}

template <typename State>
void add_work(const std::string& work, const extents_type& extents, std::size_t classes,
              std::size_t threads) {
    add(work, library, threads,
        [=](benchmark::State& state) { measure_selectivity<State>(state, extents, classes, threads); });
    add(work, limit("plain read"), threads, [=](benchmark::State& state) { read(state, extents, threads); });
}

} // namespace

int main(int argc, char** argv) {
    struct shape {
        const char* name;
        extents_type extents;
    };
    for (const std::size_t threads : thread_counts()) {
        for (const shape& x :
             {shape{"10000 x 256 x 8 x 8", {10000, 256, 8, 8}}, shape{"50000 x 2048", {50000, 2048, 1, 1}}}) {
            for (const std::size_t classes : std::array<std::size_t, 3>{10, 100, 1000}) {
                const std::string work = std::string(x.name) + ", " + std::to_string(classes) + " classes";
                add_work<repscope::class_sums>(work, x.extents, classes, threads);
            }
            add_work<repscope::class_moments>(std::string(x.name) + ", 10 classes, with squares", x.extents,
                                              10, threads);
        }
    }
    return run(argc, argv);
}
