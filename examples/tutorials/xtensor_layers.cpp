// The maps of a convolutional layer in xtensor: (samples, channels, height, width). A channel is a unit, read
// as the mean of its map.
#include <repscope/dimensionality/participation_ratio.hpp>
#include <repscope/selectivity/class_selectivity.hpp>

#include <xtensor/xarray.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

#include <cstdio>

int main() {
    constexpr std::size_t samples = 40;
    xt::xtensor<float, 4> maps({samples, 3, 4, 4});
    auto labels = xt::xtensor<int, 1>::from_shape({samples});
    for (std::size_t i = 0; i < samples; ++i) {
        labels(i) = static_cast<int>(i % 4);
        for (std::size_t c = 0; c < 3; ++c) {
            for (std::size_t p = 0; p < 16; ++p) {
                const bool lit = i % 4 == c; // channel c lights up for class c, somewhere in the map
                maps(i, c, p / 4, p % 4) =
                    (lit && p == i % 16 ? 8.0F : 0.0F) + static_cast<float>((i + p) % 3);
            }
        }
    }
    const auto report = [&labels](const char* name, const auto& x, repscope::layout axes) {
        const auto selectivity = repscope::class_selectivity(x, labels, {.axes = axes});
        std::printf("%-22s %zu units, mean selectivity %.3f\n", name, selectivity.index.size(),
                    selectivity.mean);
    };
    report("nchw", maps, repscope::layout::nchw);

    // Views: one channel less, and the upper left corner of every map.
    report("first two channels", xt::view(maps, xt::all(), xt::range(0, 2)), repscope::layout::nchw);
    report("corners", xt::view(maps, xt::all(), xt::all(), xt::range(0, 2), xt::range(0, 2)),
           repscope::layout::nchw);

    // xt::xarray has its rank at run time; it is checked then.
    const xt::xarray<float> any_rank = maps;
    report("the same, an xarray", any_rank, repscope::layout::nchw);

    // Read as (samples, height, width, channels), the same numbers are four channels of 3 x 4 maps: state the
    // layout.
    report("misread as nhwc", maps, repscope::layout::nhwc);
    std::printf("participation ratio %.3f of 3\n", repscope::participation_ratio(maps));
}
