// Expected message: satisfaction of .?.?.?batch_source|satisfy 'batch_source|because 'batch_source
#include <repscope/net/models.hpp>
#include <repscope/net/optim/schedule.hpp>
#include <repscope/net/optim/sgd.hpp>
#include <repscope/net/trainer.hpp>

namespace net = repscope::net;
using perceptron = decltype(net::mlp<float>(4, 2, {0.0}, {1.0}));

struct unreadable : net::image_source<float> {
#ifdef WRONG
    void read() const = delete;
#endif
};

void train(perceptron& network, const unreadable& source, const int* labels) {
    net::train(network, source, {labels, source.size()}, net::sgd<float>(), net::cosine_schedule{}, {});
}
