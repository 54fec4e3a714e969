// Expected message: satisfaction of .?.?.?schedule_like|satisfy 'schedule_like|because 'schedule_like
#include <repscope/net/models.hpp>
#include <repscope/net/optim/sgd.hpp>
#include <repscope/net/trainer.hpp>

#include <string>

namespace net = repscope::net;
using perceptron = decltype(net::mlp<float>(4, 2, {0.0}, {1.0}));

void train(perceptron& network, const net::image_source<float>& source, const int* labels) {
#ifdef WRONG
    const auto rate = [](std::size_t) { return std::string("0.1"); };
#else
    const auto rate = [](std::size_t) { return 0.1; };
#endif
    net::train(network, source, {labels, source.size()}, net::sgd<float>(), rate, {});
}
