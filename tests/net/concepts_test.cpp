#include <repscope/net/concepts.hpp>
#include <repscope/net/layers/pool.hpp>
#include <repscope/net/models.hpp>
#include <repscope/net/optim/adam.hpp>
#include <repscope/net/optim/schedule.hpp>
#include <repscope/net/optim/sgd.hpp>
#include <repscope/net/trainer.hpp>

#include <doctest/doctest.h>

namespace concepts_test {

namespace net = repscope::net;

namespace {

using network = decltype(net::mlp<float>(4, 2, {0.0}, {1.0}));

struct lacks_everything {
    using scalar = float;
    struct scratch {};
};

struct ignores_labels {
    double operator()(std::span<const repscope::layer_tap<float>>) const { return 0; }
};

} // namespace

TEST_CASE("concepts: every layer of the library is a layer") {
    CHECK(net::layer_like<net::conv2d<double>>);
    CHECK(net::layer_like<net::dense<float>>);
    CHECK(net::layer_like<net::batch_norm<float>>);
    CHECK(net::layer_like<net::conv_bn_relu<float>>);
    CHECK(net::layer_like<net::relu<float>>);
    CHECK(net::layer_like<net::max_pool<float>>);
    CHECK(net::layer_like<net::average_pool<float>>);
    CHECK(net::layer_like<net::global_average_pool<float>>);
    CHECK(net::layer_like<net::flatten<float>>);
    CHECK(net::layer_like<net::residual<float>>);
    CHECK(net::layer_like<net::sequential<net::flatten<float>, net::dense<float>>>);
    CHECK_FALSE(net::layer_like<lacks_everything>);
    CHECK_FALSE(net::layer_like<int>);
}

TEST_CASE("concepts: the parts of a training") {
    CHECK(net::network_like<network>);
    CHECK_FALSE(net::network_like<net::dense<float>>);
    CHECK(net::optimizer_for<net::sgd<float>, network>);
    CHECK(net::optimizer_for<net::adam<float>, network>);
    CHECK_FALSE(net::optimizer_for<net::sgd<double>, network>);
    CHECK(net::schedule_like<net::cosine_schedule>);
    CHECK_FALSE(net::schedule_like<network>);
    CHECK(net::batch_source<net::image_source<unsigned char>, float>);
    CHECK_FALSE(net::batch_source<net::cosine_schedule, float>);
    CHECK(net::penalty_for<net::no_penalty, float>);
    CHECK_FALSE(net::penalty_for<ignores_labels, float>);
}

} // namespace concepts_test
