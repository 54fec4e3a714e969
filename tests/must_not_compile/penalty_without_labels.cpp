// Expected message: satisfaction of .?.?.?penalty_for|satisfy 'penalty_for|because 'penalty_for
#include <repscope/net/models.hpp>
#include <repscope/net/optim/sgd.hpp>
#include <repscope/net/trainer.hpp>

namespace net = repscope::net;
using perceptron = decltype(net::mlp<float>(4, 2, {0.0}, {1.0}));

void train_once(net::trainer<perceptron, net::sgd<float>>& run,
                const repscope::tensor_view<const float, 4>& x, const int* labels) {
    using taps = std::span<const repscope::layer_tap<float>>;
#ifdef WRONG
    const auto penalty = [](taps layers) { return static_cast<double>(layers.size()); };
#else
    const auto penalty = [](taps layers, std::span<const int>) { return static_cast<double>(layers.size()); };
#endif
    run.step(x, {labels, x.extent(0)}, 0.1, penalty);
}
