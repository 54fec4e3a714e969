// What class geometry adds to a pass over a layer, and the participation ratio alone beside its product.

#include "layer.hpp"
#include "registration.hpp"

#include <repscope/analysis/layer_accumulator.hpp>
#include <repscope/dimensionality/participation_ratio.hpp>
#include <repscope/moments/covariance.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace {

using namespace benchmarks;
using repscope::analysis::measure;

constexpr std::size_t classes = 10;

const layer& activations(std::size_t samples, std::size_t units) {
    return held_layer({samples, units, 1, 1}, [=] { return falling_layer(samples, units); });
}

/// A pass that computes these measures, its update and its report.
void add_pass(const std::string& work, const std::string& implementation, std::size_t samples,
              std::size_t units, const repscope::analysis::measure_set& measures, std::size_t threads) {
    add(work, implementation, threads, [=](benchmark::State& state) {
        const layer& x = activations(samples, units);
        const std::vector<int> labels = cyclic_labels(samples, classes);
        repscope::thread_pool pool(threads);
        for (auto _ : state) {
            repscope::analysis::layer_accumulator pass(
                units, {.threads = pool, .classes = classes, .measures = measures});
            pass.update(x.view(), labels);
            const repscope::analysis::layer_report report = pass.finish();
            benchmark::DoNotOptimize(report.dimensionality.participation_ratio);
        }
        if (implementation == library) set_items(state, samples, "samples");
    });
}

void add_geometry(std::size_t samples, std::size_t threads) {
    constexpr std::size_t units = 2048;
    const repscope::analysis::measure_set base{measure::selectivity, measure::participation_ratio};
    const std::string work =
        "selectivity, covariance and geometry, " + std::to_string(samples) + " x " + std::to_string(units);
    add_pass(work, library, samples, units, base | repscope::analysis::geometry_measures, threads);
    add_pass(work, limit("without geometry"), samples, units, base, threads);
}

void add_ratio(std::size_t threads) {
    constexpr std::size_t samples = 12500, units = 10000;
    const std::string work = "participation ratio alone, 12500 x 10000";
    add_pass(work, library, samples, units, {measure::participation_ratio}, threads);
    add(work, limit("scatter product"), threads, [=](benchmark::State& state) {
        const layer& x = activations(samples, units);
        repscope::thread_pool pool(threads);
        for (auto _ : state) {
            repscope::covariance products(units);
            products.update(x.view(), {.threads = pool});
            benchmark::DoNotOptimize(products.samples());
        }
    });
}

} // namespace

int main(int argc, char** argv) {
    for (const std::size_t threads : thread_counts()) {
        for (const std::size_t samples : {8192U, 50000U}) add_geometry(samples, threads);
        add_ratio(threads);
    }
    return run(argc, argv);
}
