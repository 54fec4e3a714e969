// Robust accuracy of trained networks under attacks of rising cost, as a table of docs/results/study.md:
//
//   attack_study N EPS NETWORK.onnx...
//
// Attacks the first N test images of Fashion-MNIST in linf; EPS is in 255ths. The networks are those of
// `repscope study --export`.

#include "images/datasets.hpp"
#include "onnx/file.hpp"
#include "support/errors.hpp"

#include <repscope/attack/autoattack.hpp>
#include <repscope/attack/msd.hpp>
#include <repscope/attack/pgd.hpp>
#include <repscope/data/image_dataset.hpp>
#include <repscope/net/graph.hpp>
#include <repscope/net/inference_model.hpp>
#include <repscope/net/onnx_network.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <exception>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace {

namespace attack = repscope::attack;
namespace net = repscope::net;

using graph_model = net::inference_model<net::graph<float>>;

struct attacked_images {
    repscope::tensor_view<const float, 4> x;
    std::span<const int> labels;
    double eps = 0.0;
};

double share_correct(graph_model& model, const repscope::tensor_view<const float, 4>& x,
                     std::span<const int> labels) {
    std::vector<double> losses(labels.size());
    std::vector<int> predicted(labels.size());
    model(x, labels, losses, predicted, {});
    double correct = 0.0;
    for (std::size_t n = 0; n < labels.size(); ++n) correct += predicted[n] == labels[n] ? 1.0 : 0.0;
    return correct / static_cast<double>(labels.size());
}

// PGD as the study runs it.
double pgd20(graph_model& model, const attacked_images& images) {
    const auto attacked =
        attack::pgd(model, images.x, images.labels, {.eps = images.eps, .returned = attack::iterate::last});
    return share_correct(model, {attacked.adversarial.data_handle(), images.x.extents()}, images.labels);
}

double pgd50(graph_model& model, const attacked_images& images) {
    return attack::pgd(model, images.x, images.labels,
                       {.eps = images.eps, .steps = 50, .restarts = 3, .early_stop = true})
        .robust_accuracy();
}

double msd50(graph_model& model, const attacked_images& images) {
    return attack::msd(model, images.x, images.labels,
                       {.balls = {{.kind = attack::norm::linf, .eps = images.eps}},
                        .steps = 50,
                        .random_start = true,
                        .restarts = 3,
                        .early_stop = true})
        .robust_accuracy();
}

double ensemble(graph_model& model, const attacked_images& images) {
    return attack::autoattack(model, images.x, images.labels, {.eps = images.eps}).robust_accuracy();
}

struct column {
    const char* title;
    double (*accuracy)(graph_model&, const attacked_images&);
};

constexpr column columns[]{{"PGD, 20 steps", pgd20},
                           {"PGD, 50 steps, 3 restarts", pgd50},
                           {"MSD, 50 steps, 3 restarts", msd50},
                           {"AutoAttack", ensemble}};

void add_row(const std::string& file, const attacked_images& images, repscope::thread_pool& pool) {
    const auto extents = images.x.extents();
    auto made = net::make_onnx_network<float>(program::read_onnx_file(file),
                                              {.extents = {extents[1], extents[2], extents[3]}});
    graph_model model(made.network, pool);
    std::printf("| %s | %.3f |", std::filesystem::path(file).stem().string().c_str(),
                share_correct(model, images.x, images.labels));
    for (const column& each : columns) {
        const std::clock_t before = std::clock();
        std::printf(" %.3f |", each.accuracy(model, images));
        std::fflush(stdout);
        std::fprintf(stderr, "%s: %.1f CPU s\n", each.title,
                     static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC);
    }
    std::printf("\n");
}

} // namespace

int main(int count, char** arguments) {
    if (count < 4) {
        std::fputs("expected: attack_study N EPS NETWORK.onnx...\n", stderr);
        return 2;
    }
    try {
        const std::size_t n = std::stoul(arguments[1]);
        const program::data_set data = program::load_data_set("fashion-mnist", 0, n);
        std::vector<float> pixels;
        const std::vector<int> labels(data.test.labels.begin(), data.test.labels.end());
        const attacked_images images{repscope::data::unit_interval(data.test, 0, data.test.images, pixels),
                                     labels, std::stod(arguments[2]) / 255.0};
        std::printf("| network | clean |");
        for (const column& each : columns) std::printf(" %s |", each.title);
        std::printf("\n| --- | --- | --- | --- | --- | --- |\n");
        repscope::thread_pool pool(1);
        for (int i = 3; i < count; ++i) add_row(arguments[i], images, pool);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "attack_study: %s\n", e.what());
        return 1;
    }
    return 0;
}
