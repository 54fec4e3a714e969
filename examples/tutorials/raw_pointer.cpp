// Whatever has a pointer, extents and strides: here a buffer as another runtime might hand it over.
#include <repscope/dimensionality/participation_ratio.hpp>
#include <repscope/selectivity/class_selectivity.hpp>

#include <cstdint>
#include <cstdio>
#include <vector>

int main() {
    // 8 samples of 3 units, quantized to a byte each, in rows padded to 4 bytes.
    const std::vector<std::uint8_t> buffer{
        9, 0, 4, 255, 8, 1, 4, 255, 7, 0, 5, 255, 9, 1, 5, 255, //
        1, 6, 4, 255, 0, 7, 4, 255, 1, 8, 5, 255, 0, 7, 5, 255, //
    };
    const std::vector<std::int64_t> labels{0, 0, 0, 0, 1, 1, 1, 1};

    const std::uint8_t* data = buffer.data();
    const auto padded = repscope::as_view(data, {8, 3}, {4, 1}); // extents, then strides counted in elements
    const auto selectivity = repscope::class_selectivity(padded, labels);
    std::printf("indices %.3f %.3f %.3f\n", selectivity.index[0], selectivity.index[1], selectivity.index[2]);

    // Every second sample, the last one first: strides may be any number, negative ones too.
    const auto reversed = repscope::as_view(data + 7 * 4, {4, 3}, {-8, 1});
    std::printf("last unit of the last sample: %d\n", reversed(0, 2));

    // Without strides: row-major and dense. The size of a range is checked; a pointer has no size.
    const auto dense = repscope::as_view(buffer, {8, 4});
    std::printf("participation ratio %.3f, with the padding read as a unit %.3f\n",
                repscope::participation_ratio(padded), repscope::participation_ratio(dense));
    try {
        static_cast<void>(repscope::as_view(buffer, {8, 5}));
    } catch (const repscope::shape_error& error) {
        std::printf("%s\n", error.what());
    }
}
