// Expected message: satisfaction of .?.?.?optimizer_for|satisfy 'optimizer_for|because 'optimizer_for
#include <repscope/net/models.hpp>
#include <repscope/net/optim/sgd.hpp>
#include <repscope/net/trainer.hpp>

namespace net = repscope::net;
using perceptron = decltype(net::mlp<float>(4, 2, {0.0}, {1.0}));

#ifdef WRONG
struct idle {};
using optimizer = idle;
#else
using optimizer = net::sgd<float>;
#endif

void train_once(net::trainer<perceptron, optimizer>& run, const repscope::tensor_view<const float, 4>& x,
                const int* labels) {
    run.step(x, {labels, x.extent(0)}, 0.1);
}
