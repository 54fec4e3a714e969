// A tensor type that the library does not recognize by its structure needs one function.
#include <repscope/dimensionality/participation_ratio.hpp>
#include <repscope/selectivity/class_selectivity.hpp>

#include <cstdio>
#include <memory>
#include <vector>

namespace mine {

// Samples along the last axis, as column-major frameworks have it, and elements behind a shared pointer.
struct batch {
    std::shared_ptr<std::vector<double>> storage;
    std::size_t unit_count = 0;
    std::size_t sample_count = 0;
};

} // namespace mine

// Next to the type, so that it is seen before the first use. The view must see (samples, units): swap the
// strides.
template <>
struct repscope::tensor_traits<mine::batch> {
    static repscope::tensor_view<const double, 2> view(const mine::batch& b) {
        return {b.storage->data(), {b.sample_count, b.unit_count}, {1, b.sample_count}};
    }
};

static_assert(repscope::tensor_like<mine::batch>);

int main() {
    const mine::batch batch{std::make_shared<std::vector<double>>(std::vector<double>{
                                5, 4, 5, 0, 1, 0, // unit 0 of samples 0 .. 5
                                1, 2, 3, 3, 2, 1, // unit 1
                            }),
                            2, 6};
    const std::vector<int> labels{0, 0, 0, 1, 1, 1};
    const auto selectivity = repscope::class_selectivity(batch, labels);
    std::printf("indices %.3f %.3f\n", selectivity.index[0], selectivity.index[1]);
    std::printf("participation ratio %.3f\n", repscope::participation_ratio(batch));

    // The view by itself, for code of your own.
    const auto view = repscope::as_view(batch);
    std::printf("(%zu, %zu), element (0, 1) is %.0f\n", view.extent(0), view.extent(1), view(0, 1));
}
