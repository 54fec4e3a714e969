// A TorchScript module run with libtorch: every layer's output goes into moments while it is computed, batch
// by batch; nothing is stored.   example_torch_layers [MODULE.pt IMAGES.npy LABELS.npy]
#include "torchscript/layer_taps.hpp"
#include "torchscript/small_model.hpp"

#include <repscope/dimensionality/participation_ratio.hpp>
#include <repscope/io/labels.hpp>
#include <repscope/io/npy.hpp>
#include <repscope/selectivity/class_selectivity.hpp>
#include <repscope/tensor/adapt/torch.hpp>

#include <algorithm>
#include <cstdio>
#include <map>

namespace {

struct layer {
    repscope::class_sums sums;
    repscope::covariance covariance;
};

} // namespace

int main(int argc, char** argv) {
    const bool own = argc == 4;
    torch::jit::Module module = own ? torch::jit::load(argv[1]) : small_module();
    module.eval();
    torch::Tensor images = small_images();
    std::vector<std::int64_t> labels;
    repscope::array<float, 4> read;
    if (own) {
        labels = repscope::io::load_labels(argv[3]);
        read = repscope::io::load_npy<float, 4>(argv[2]);
        const std::vector<std::int64_t> shape(read.extents().begin(), read.extents().end());
        images = torch::from_blob(read.data_handle(), shape);
    }
    for (std::int64_t i = 0; !own && i < 90; ++i) labels.push_back(i % 3);
    const auto classes = static_cast<std::size_t>(*std::max_element(labels.begin(), labels.end())) + 1;

    std::map<std::string, layer> layers;
    std::span<const std::int64_t> batch_labels;
    auto forward =
        layer_taps::tapped_forward(module, [&](const std::string& name, const torch::Tensor& output) {
            const auto take = [&](const auto& view) {
                const std::size_t units = view.extent(1);
                const layer empty{repscope::class_sums(units, classes), repscope::covariance(units)};
                layer& moments = layers.try_emplace(name, empty).first->second;
                moments.sums.update(view, batch_labels);
                moments.covariance.update(view);
            };
            if (output.dim() == 4) take(repscope::from_torch<float, 4>(output));
            if (output.dim() == 2) take(repscope::from_torch<float, 2>(output));
        });
    const torch::NoGradGuard no_gradients;
    for (std::size_t first = 0; first < labels.size(); first += 32) {
        batch_labels =
            std::span(labels).subspan(first).first(std::min<std::size_t>(32, labels.size() - first));
        forward({images.narrow(0, static_cast<std::int64_t>(first),
                               static_cast<std::int64_t>(batch_labels.size()))});
    }
    for (const auto& [name, found] : layers) {
        std::printf("%s: %zu units, selectivity %.4f, participation ratio %.4f\n", name.c_str(),
                    found.sums.units(), repscope::class_selectivity(found.sums).mean,
                    repscope::participation_ratio(found.covariance));
    }
}
