#include "repscope/detail/attack/erased_model.hpp"

#include "repscope/tensor/tensor_view.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace erased_model_test {

using namespace repscope;

namespace {

struct counting_model {
    int calls = 0;
    void operator()(const tensor_view<const float, 4>& x, std::span<const int> labels,
                    std::span<double> losses, std::span<int> predicted,
                    const tensor_view<float, 4>& gradient) {
        ++calls;
        losses[0] = static_cast<double>(x(0, 0, 0, 0)) + labels[0];
        predicted[0] = 7;
        if (gradient.data_handle() != nullptr) gradient(0, 0, 0, 0) = 2;
    }
    [[nodiscard]] std::size_t classes(const std::array<std::size_t, 4>& extents) const {
        return extents[1] + 3;
    }
};

} // namespace

TEST_CASE("erased_model: the call reaches the model with its arguments, and the model is not copied") {
    counting_model model;
    const attack::detail::erased_model<float> erased(model);
    const float value = 1.5F;
    const int label = 4;
    float slope = 0;
    double loss = 0;
    int predicted = 0;
    const tensor_view<const float, 4> x(&value, {1, 1, 1, 1});
    erased(x, {&label, 1}, {&loss, 1}, {&predicted, 1}, tensor_view<float, 4>(&slope, {1, 1, 1, 1}));
    CHECK(loss == 5.5);
    CHECK(predicted == 7);
    CHECK(slope == 2);
    slope = 0;
    erased(x, {&label, 1}, {&loss, 1}, {&predicted, 1}, {});
    CHECK(slope == 0);
    CHECK(model.calls == 2);
    CHECK(erased.classes({1, 2, 1, 1}) == 5);
}

TEST_CASE("erased_model: a const lambda is a model, of 2^31 classes") {
    const auto model = [](const tensor_view<const double, 4>&, std::span<const int>, std::span<double> losses,
                          std::span<int>, const tensor_view<double, 4>&) { losses[0] = 3; };
    const attack::detail::erased_model<double> erased(model);
    double loss = 0;
    erased({}, {}, {&loss, 1}, {}, {});
    CHECK(loss == 3);
    CHECK(erased.classes({1, 1, 1, 1}) == std::uint64_t{1} << 31U);
}

} // namespace erased_model_test
