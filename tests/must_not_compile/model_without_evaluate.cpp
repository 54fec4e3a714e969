// Expected message: satisfaction of .?.?.?inference_network|satisfy 'inference_network|because
// 'inference_network
#include <repscope/net/inference_model.hpp>
#include <repscope/net/models.hpp>

namespace net = repscope::net;

// The perceptron, without the member that returns losses and the gradient of the input.
struct closed_network : decltype(net::mlp<float>(4, 2, {0.0}, {1.0})) {
#ifdef WRONG
    void evaluate() const = delete;
#endif
};

std::size_t classes_of(const closed_network& network) {
    return net::inference_model<closed_network>(network).classes({1, 1, 2, 2});
}
