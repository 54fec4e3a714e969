#include <array>
#include <cstdio>

#include <repscope/dimensionality/participation_ratio.hpp>
#include <repscope/selectivity/class_selectivity.hpp>

int main() {
    // Six images, three units: the first responds to class 0 only, the second to both classes alike, the
    // third more to class 1.
    const std::array<float, 18> activations{2, 1, 0, 3, 1, 1, 1, 1, 0, 0, 1, 3, 0, 1, 2, 0, 1, 4};
    const std::array<int, 6> labels{0, 0, 0, 1, 1, 1};
    const auto x = repscope::as_view(activations, {6, 3});
    const auto selectivity = repscope::class_selectivity(x, labels);
    for (double index : selectivity.index) std::printf("%.3f ", index);
    std::printf("mean %.3f, participation ratio %.3f\n", selectivity.mean, repscope::participation_ratio(x));
}
