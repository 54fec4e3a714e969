// Trains a network three times, with its class selectivity pushed down, unchanged and pushed up, and measures
// its layers on samples that it was not trained on.
#include <repscope/model/layer_tap.hpp>
#include <repscope/moments/class_sums.hpp>
#include <repscope/net/accuracy.hpp>
#include <repscope/net/models.hpp>
#include <repscope/net/optim/sgd.hpp>
#include <repscope/net/trainer.hpp>
#include <repscope/random/random_stream.hpp>
#include <repscope/selectivity/class_selectivity.hpp>
#include <repscope/selectivity/regularizer.hpp>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace net = repscope::net;

constexpr std::size_t samples = 256;
constexpr std::size_t pixels = 36;

struct data_set {
    std::vector<float> images;
    std::vector<int> labels;

    [[nodiscard]] repscope::tensor_view<const float, 4> view() const {
        return {images.data(), {samples, 1, 6, 6}};
    }
};

// Images of 6 x 6: class c is bright in columns 2 c and 2 c + 1, with noise.
data_set draw(std::uint64_t seed) {
    data_set set;
    repscope::random_stream random(seed, 0);
    for (std::size_t n = 0; n < samples; ++n) {
        const std::size_t label = n % 3;
        set.labels.push_back(static_cast<int>(label));
        for (std::size_t i = 0; i < pixels; ++i) {
            const double value = (i % 6 / 2 == label ? 0.6 : 0.4) + 0.3 * random.normal();
            set.images.push_back(static_cast<float>(value));
        }
    }
    return set;
}

} // namespace

int main() {
    const data_set train = draw(1);
    const data_set test = draw(2);
    for (const double alpha : {-1.0, 0.0, 1.0}) {
        auto network =
            net::mlp<float>(pixels, 3, {0.5}, {0.3}); // inputs, classes, mean and deviation of a channel
        network.initialize(7);                        // the seed of the parameters
        const repscope::selectivity_regularizer penalty{.alpha = alpha}; // loss = cross-entropy - alpha SI
        net::train(
            network, net::image_source<float>{train.view()}, train.labels, net::sgd<float>{},
            [](std::size_t) { return 0.05; }, {.threads = 2, .epochs = 3, .batch = 64}, penalty);

        // A forward pass in inference mode calls the function for each layer behind a ReLU.
        std::string layers;
        decltype(network)::workspace memory(2);
        network.forward(test.view(), memory, [&](std::size_t, std::string_view name, const auto& activation) {
            repscope::class_sums sums(activation.extent(1), 3);
            sums.update(activation, test.labels);
            char text[64];
            std::snprintf(text, sizeof text, ", %s %.2f", std::string(name).c_str(),
                          repscope::class_selectivity(sums).mean);
            layers += text;
        });
        std::printf("alpha %+g: accuracy %.2f, selectivity%s\n", alpha,
                    net::accuracy(network, net::image_source<float>{test.view()}, test.labels),
                    layers.substr(1).c_str());
    }
}
