// Data that come in batches, or on several machines: states are updated batch by batch, and merged.
#include <repscope/dimensionality/participation_ratio.hpp>
#include <repscope/selectivity/class_selectivity.hpp>

#include <cmath>
#include <cstdio>
#include <vector>

namespace {

constexpr std::size_t units = 5;
constexpr std::size_t classes = 4;
constexpr std::size_t batch_size = 250;

// Activations of samples [first, first + batch_size): unit u responds to class u, on top of a slow wave; unit
// 4 to no class.
std::vector<float> activations_from(std::size_t first) {
    std::vector<float> batch;
    for (std::size_t i = first; i < first + batch_size; ++i) {
        for (std::size_t u = 0; u < units; ++u) {
            const double wave = 1 + std::sin(0.37 * static_cast<double>(i) * static_cast<double>(u + 1));
            batch.push_back(static_cast<float>((i % classes == u ? 2 : 0) + wave));
        }
    }
    return batch;
}

std::vector<int> labels_from(std::size_t first) {
    std::vector<int> labels;
    for (std::size_t i = first; i < first + batch_size; ++i) labels.push_back(static_cast<int>(i % classes));
    return labels;
}

} // namespace

int main() {
    repscope::thread_pool pool(2); // the number of threads never changes a bit of a result

    // Two workers, half of the batches each; a state takes memory for classes and units, not for samples.
    repscope::class_sums even_sums(units, classes), odd_sums(units, classes);
    repscope::covariance even(units), odd(units);
    for (std::size_t batch = 0; batch < 8; ++batch) {
        const auto values = activations_from(batch * batch_size);
        const auto labels = labels_from(batch * batch_size);
        const auto x = repscope::as_view(values, {batch_size, units});
        (batch % 2 == 0 ? even_sums : odd_sums).update(x, labels, {.threads = pool});
        (batch % 2 == 0 ? even : odd).update(x, {.threads = pool});
    }

    // Measures are functions of states, merged or not.
    std::printf("even batches: selectivity %.4f, participation ratio %.4f\n",
                repscope::class_selectivity(even_sums).mean, repscope::participation_ratio(even));
    even_sums.merge(odd_sums);
    even.merge(odd);
    std::printf("all %zu samples: selectivity %.4f, participation ratio %.4f, unbiased %.4f\n",
                static_cast<std::size_t>(even_sums.samples()), repscope::class_selectivity(even_sums).mean,
                repscope::participation_ratio(even), repscope::participation_ratio_unbiased(even));
}
