#include "support/counted_allocations.hpp"

#include "repscope/net/models.hpp"
#include "repscope/net/optim/sgd.hpp"
#include "repscope/net/trainer.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

namespace allocation_test {

using namespace repscope;

TEST_CASE("training steps after the first do not allocate") {
    const auto check = [](auto network) {
        network.initialize(1);
        std::vector<float> pixels(8 * 14 * 14, 0.25F);
        const tensor_view<const float, 4> x(pixels.data(), {8, 1, 14, 14});
        const std::vector<int> labels{0, 1, 2, 3, 4, 5, 6, 7};
        net::trainer run(network, net::sgd<float>(), 2);
        const auto penalty = [](std::span<const layer_tap<float>> layers, std::span<const int>) {
            layers[0].gradient(0, 0, 0, 0) += 1;
            return 1.0;
        };
        run.step(x, labels, 0.1, penalty);
        const std::size_t before = counted_allocations::calls;
        run.step(x, labels, 0.1, penalty);
        run.step(x, labels, 0.1);
        CHECK(counted_allocations::calls == before);
        CHECK(before > 0);
    };
    check(net::small_cnn<float>(1, 10, {0.3}, {0.4}));
    check(net::resnet<float>(1, 10, {0.3}, {0.4}));
    check(net::mlp<float>(196, 10, {0.3}, {0.4}));
}

} // namespace allocation_test
