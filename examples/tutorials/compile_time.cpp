// The formulas are constexpr: what they give is proven here while the file is compiled.
#include <repscope/dimensionality/participation_ratio.hpp>
#include <repscope/selectivity/class_selectivity.hpp>
#include <repscope/tensor/layout.hpp>

#include <array>
#include <cstdio>

namespace {

constexpr bool close(double a, double b) { return (a < b ? b - a : a - b) < 1e-12; }

// The index of one unit from its class means: (mu_max - mu_rest) / (mu_max + mu_rest + epsilon).
constexpr auto unit = repscope::class_selectivity_index(std::array{4.0, 1.0, 3.0}, 0.0);
static_assert(close(unit.index, 1.0 / 3) && unit.preferred_class == 0 && unit.mu_rest == 2);

constexpr auto one_class_only = repscope::class_selectivity_index(std::array{0.0, 0.0, 5.0}, 0.0);
static_assert(one_class_only.index == 1 && one_class_only.preferred_class == 2);

constexpr auto silent = repscope::class_selectivity_index(std::array{0.0, 0.0});
static_assert(silent.index == 0 && !silent.preferred_class);

constexpr auto negative_mean = repscope::class_selectivity_index(std::array{1.0, -1.0});
static_assert(negative_mean.index != negative_mean.index, "undefined: NaN");

// A whole layer: 4 samples of 2 units.
constexpr std::array<std::array<float, 2>, 4> activations{{{2, 1}, {4, 1}, {1, 1}, {1, 1}}};
constexpr auto layer = repscope::class_selectivity(activations, std::array{0, 0, 1, 1}, 0.0);
static_assert(close(layer[0].index, 0.5) && layer[1].index == 0);

// The participation ratio of a spectrum: (sum of eigenvalues)^2 / sum of their squares.
static_assert(repscope::participation_ratio_of_spectrum(std::array{1.0, 1.0, 1.0, 1.0}) == 4);
static_assert(repscope::participation_ratio_of_spectrum(std::array{2.0, 0.0, 0.0}) == 1);
static_assert(close(repscope::participation_ratio_of_spectrum(std::array{3.0, 1.0}), 1.6));

// Views, and what the axes of a layer mean.
constexpr std::array<int, 12> numbers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
constexpr auto view = repscope::as_view(numbers, {3, 4});
static_assert(view(2, 1) == 9 && view.stride(0) == 4 && repscope::is_row_major(view));

constexpr auto nhwc =
    repscope::as_activations(repscope::as_view(numbers, {1, 2, 2, 3}), repscope::layout::nhwc);
static_assert(nhwc.extent(1) == 3 && nhwc(0, 2, 1, 0) == 8, "channel 2 at row 1, column 0");

} // namespace

int main() { std::printf("all of it was proven by the compiler\n"); }
