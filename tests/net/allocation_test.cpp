#include "repscope/net/models.hpp"
#include "repscope/net/sgd.hpp"
#include "repscope/net/trainer.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

namespace {

std::atomic<std::size_t> allocations{0};

void* allocate(std::size_t size, std::size_t alignment) {
    ++allocations;
    void* memory = nullptr;
    if (::posix_memalign(&memory, alignment, size) != 0) throw std::bad_alloc();
    return memory;
}

} // namespace

void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

using namespace repscope;

TEST_CASE("nothing is allocated in a training step after the first") {
    const auto check = [](auto network) {
        network.initialize(1);
        std::vector<float> pixels(8 * 14 * 14, 0.25F);
        const tensor_view<const float, 4> x(pixels.data(), {8, 1, 14, 14});
        const std::vector<int> labels{0, 1, 2, 3, 4, 5, 6, 7};
        net::trainer run(network, net::sgd<float>(), 2);
        const auto penalty = [](std::span<const tapped<float>> layers, std::span<const int>) {
            layers[0].gradient(0, 0, 0, 0) += 1;
            return 1.0;
        };
        run.step(x, labels, 0.1, penalty);
        const std::size_t before = allocations;
        run.step(x, labels, 0.1, penalty);
        run.step(x, labels, 0.1);
        CHECK(allocations == before);
        CHECK(before > 0);
    };
    check(net::small<float>(1, 10, {0.3}, {0.4}));
    check(net::resnet<float>(1, 10, {0.3}, {0.4}));
    check(net::mlp<float>(196, 10, {0.3}, {0.4}));
}
