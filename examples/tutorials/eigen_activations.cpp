// Eigen matrices, blocks and maps go into every function as they are, in either storage order.
#include <repscope/dimensionality/participation_ratio.hpp>
#include <repscope/selectivity/class_selectivity.hpp>

#include <Eigen/Core>

#include <cstdio>

int main() {
    // 60 samples of 4 units behind a ReLU: class c drives unit c, and a little of everything drives all of
    // them.
    constexpr Eigen::Index samples = 60;
    Eigen::VectorXi labels(samples);
    Eigen::MatrixXf before(samples, 4); // column-major, as Eigen's matrices are by default
    for (Eigen::Index i = 0; i < samples; ++i) {
        labels(i) = static_cast<int>(i % 3);
        for (Eigen::Index u = 0; u < 4; ++u) {
            const float drive = labels(i) == u ? 1.0F : 0.0F;
            before(i, u) = drive + 0.1F * static_cast<float>((7 * i + 3 * u) % 11) - 0.5F;
        }
    }

    // An expression is not a tensor: evaluate it.
    const Eigen::MatrixXf activations = before.cwiseMax(0.0F);
    const auto layer = repscope::class_selectivity(activations, labels);
    for (std::size_t u = 0; u < layer.index.size(); ++u) {
        std::printf("unit %zu: index %.3f", u, layer.index[u]);
        if (layer.preferred_class[u]) std::printf(", prefers class %zu", *layer.preferred_class[u]);
        std::printf("\n");
    }

    // Blocks look into the same memory, and a temporary may be passed: it outlives the call.
    const auto first_two = repscope::class_selectivity(activations.leftCols(2), labels);
    std::printf("first two units: mean %.3f\n", first_two.mean);

    // Negative activations leave the index undefined; rectify on the fly to get the one behind the ReLU.
    const auto raw = repscope::class_selectivity(before, labels);
    const auto rectified =
        repscope::class_selectivity(before, labels, {.negatives = repscope::negative_policy::rectify});
    std::printf("before the ReLU: %zu units undefined, rectified mean %.3f\n", raw.undefined_units,
                rectified.mean);

    std::printf("participation ratio %.3f\n", repscope::participation_ratio(activations));
}
