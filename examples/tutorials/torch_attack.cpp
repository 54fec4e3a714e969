// Attacks a TorchScript model: the model is a callable, its gradient comes from autograd.
//   example_torch_attack [MODULE.pt IMAGES.npy LABELS.npy]    images in [0, 1], (samples, channels, rows,
//   columns)
#include "torchscript/small_model.hpp"

#include <torch/csrc/autograd/autograd.h>

#include <repscope/attack/check_gradient.hpp>
#include <repscope/attack/pgd.hpp>
#include <repscope/io/labels.hpp>
#include <repscope/io/npy.hpp>
#include <repscope/tensor/adapt/torch.hpp>

#include <cstdio>

namespace {

namespace attack = repscope::attack;

struct torchscript_model {
    torch::jit::Module& module;

    void operator()(const repscope::tensor_view<const float, 4>& x, std::span<const int> labels,
                    std::span<double> losses, std::span<int> predicted,
                    const repscope::tensor_view<float, 4>& gradient) const {
        const std::vector<std::int64_t> shape(x.extents().begin(), x.extents().end());
        // from_blob shares memory and takes no const; the images are copied, since autograd marks them.
        torch::Tensor images = torch::from_blob(const_cast<float*>(x.data_handle()), shape).clone();
        const torch::Tensor targets =
            torch::from_blob(const_cast<int*>(labels.data()), {shape[0]}, torch::kInt);
        const torch::AutoGradMode with_gradient(!gradient.empty());
        images.set_requires_grad(!gradient.empty());

        // Normalization belongs here, in the model: the attack moves images in [0, 1].
        const torch::Tensor logits = module.forward({(images - 0.5) / 0.25}).toTensor();
        const torch::Tensor loss =
            at::cross_entropy_loss(logits, targets.to(torch::kLong), {}, at::Reduction::None);
        torch::from_blob(losses.data(), {shape[0]}, torch::kDouble).copy_(loss.detach());
        torch::from_blob(predicted.data(), {shape[0]}, torch::kInt).copy_(logits.argmax(1));
        if (gradient.empty()) return;
        // The samples are independent: the gradient of the sum is that of each sample's loss.
        const auto gradients = torch::autograd::grad({loss.sum()}, {images});
        torch::from_blob(gradient.data_handle(), shape).copy_(gradients[0]);
    }
};

} // namespace

int main(int argc, char** argv) {
    const bool own = argc == 4;
    torch::jit::Module module = own ? torch::jit::load(argv[1]) : small_module();
    module.eval();
    const torchscript_model model{module};
    torch::Tensor images = (small_images() * 0.25 + 0.5).clamp(0, 1);
    std::vector<std::int64_t> labels;
    repscope::array<float, 4> read;
    if (own) {
        labels = repscope::io::load_labels(argv[3]);
        read = repscope::io::load_npy<float, 4>(argv[2]);
        const std::vector<std::int64_t> shape(read.extents().begin(), read.extents().end());
        images = torch::from_blob(read.data_handle(), shape);
    }
    const auto x = repscope::from_torch<float, 4>(images);
    if (!own) {
        // The small model is not trained: its own predictions are the labels.
        std::vector<double> losses(x.extent(0));
        std::vector<int> predicted(x.extent(0));
        model(x, std::vector<int>(x.extent(0)), losses, predicted, {});
        labels.assign(predicted.begin(), predicted.end());
    }

    attack::check_gradient(model, x, labels); // throws if the gradient is wrong
    const auto report = [](const attack::batch_progress& progress) {
        std::printf("  %zu of %zu images, robust share so far %.1f\n", progress.processed, progress.samples,
                    static_cast<double>(progress.robust) / static_cast<double>(progress.processed));
    };
    for (const double eps : {6 / 255.0, 8 / 255.0, 12 / 255.0}) {
        const auto attacked = attack::pgd(model, x, labels, {.eps = eps, .batch = 64, .on_batch = report});
        std::printf("linf %.4f: robust share %.1f\n", eps, attacked.robust_accuracy());
    }
}
