// Expected message: satisfaction of .?.?.?network_like|satisfy 'network_like|because 'network_like
#include <repscope/net/models.hpp>
#include <repscope/net/optim/sgd.hpp>
#include <repscope/net/trainer.hpp>

namespace net = repscope::net;

// The perceptron, without the member that returns its activations.
struct closed_network : decltype(net::mlp<float>(4, 2, {0.0}, {1.0})) {
#ifdef WRONG
    void taps() const = delete;
#endif
};

void train_once(net::trainer<closed_network, net::sgd<float>>& run,
                const repscope::tensor_view<const float, 4>& x, const int* labels) {
    run.step(x, {labels, x.extent(0)}, 0.1);
}
