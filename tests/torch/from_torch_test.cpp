#include <ATen/ATen.h>

#include "repscope/tensor/adapt/torch.hpp"

#include "repscope/moments/class_sums.hpp"
#include "repscope/tensor/as_view.hpp"

#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <string>
#include <type_traits>
#include <vector>

using repscope::from_torch;

namespace {

// Every element of the view is that of the tensor, and is stored where the tensor has it.
template <typename T, std::size_t Rank>
void check_same(const at::Tensor& tensor) {
    const auto view = from_torch<T, Rank>(tensor);
    static_assert(std::is_same_v<decltype(view), const repscope::tensor_view<const T, Rank>>);
    CHECK(view.data_handle() == tensor.data_ptr<T>());
    std::vector<T> walked;
    const auto walk = [&](auto&& self, auto... indices) -> void {
        if constexpr (sizeof...(indices) == Rank) {
            walked.push_back(view(indices...));
        } else {
            for (std::size_t i = 0; i < view.extent(sizeof...(indices)); ++i) self(self, indices..., i);
        }
    };
    walk(walk);
    const at::Tensor dense = tensor.contiguous();
    REQUIRE(static_cast<std::int64_t>(walked.size()) == dense.numel());
    for (std::size_t i = 0; i < walked.size(); ++i) CHECK(walked[i] == dense.data_ptr<T>()[i]);
}

template <typename T, std::size_t Rank>
std::string refusal(const at::Tensor& tensor) {
    try {
        (void)from_torch<T, Rank>(tensor);
    } catch (const repscope::error& e) {
        return e.what();
    }
    return "taken";
}

template <typename Tensor>
concept viewable = requires(Tensor&& tensor) {
    from_torch<float, 2>(static_cast<Tensor&&>(tensor));
};
static_assert(viewable<at::Tensor&> && viewable<const at::Tensor&>);
static_assert(!viewable<at::Tensor> && !viewable<const at::Tensor>, "a temporary would be gone");

} // namespace

TEST_CASE("tensors of every kind of stride are viewed in place") {
    const at::Tensor x = at::arange(2 * 3 * 4 * 5, at::kFloat).reshape({2, 3, 4, 5});
    check_same<float, 4>(x);
    check_same<float, 4>(x.contiguous(at::MemoryFormat::ChannelsLast));
    check_same<float, 4>(x.permute({3, 0, 2, 1}));
    check_same<float, 4>(x.slice(3, 1, 5, 2).slice(0, 1, 2));
    check_same<float, 3>(x.select(1, 2));
    check_same<float, 2>(x.select(1, 2).select(0, 1).t());
    check_same<float, 2>(at::arange(3, at::kFloat).expand({4, 3}));
    check_same<float, 1>(x.flatten());
    check_same<float, 0>(x.sum());
    check_same<float, 2>(at::empty({0, 7}, at::kFloat));
    check_same<double, 2>(x.flatten(1).to(at::kDouble));
    check_same<std::int64_t, 1>(at::arange(9));
    check_same<std::uint8_t, 2>(at::arange(6, at::kByte).reshape({2, 3}));
    check_same<float, 2>(at::ones({2, 2}, at::TensorOptions().requires_grad(true)));
    const at::Tensor half = at::arange(4, at::kFloat).to(at::kHalf);
    CHECK(static_cast<float>(from_torch<c10::Half, 1>(half)(3)) == 3.0F);
}

TEST_CASE("tensors without readable memory throw") {
    const at::Tensor x = at::zeros({2, 3});
    CHECK(refusal<float, 3>(x) == "repscope::from_torch: expected rank 3, got shape (2, 3)");
    CHECK(refusal<double, 2>(x) == "repscope::from_torch: expected elements of type Double, got Float");
    CHECK(refusal<float, 2>(at::Tensor()) == "repscope::from_torch: expected a tensor, got an undefined one");
    CHECK(refusal<float, 2>(x.to_sparse()) ==
          "repscope::from_torch: expected a strided tensor, got another layout");
    CHECK(refusal<float, 2>(at::zeros({2, 3}, at::TensorOptions().device(at::kMeta))) ==
          "repscope::from_torch: expected a tensor on the CPU, got device meta");
    const at::Tensor turned = at::imag(at::conj(at::zeros({2, 3}, at::kComplexFloat)));
    REQUIRE(turned.is_neg());
    CHECK(refusal<float, 2>(turned) ==
          "repscope::from_torch: expected a tensor without a pending sign, got one to be negated: call "
          "resolve_neg()");
}

TEST_CASE("moments take the views") {
    const at::Tensor x = at::arange(4 * 3 * 2 * 2, at::kFloat).reshape({4, 3, 2, 2});
    const at::Tensor last = x.contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor labels = at::arange(4).remainder(2);
    repscope::class_sums sums(3, 2);
    sums.update(from_torch<float, 4>(last), from_torch<std::int64_t, 1>(labels));
    for (std::int64_t c = 0; c < 2; ++c) {
        for (std::int64_t u = 0; u < 3; ++u) {
            const double expected = (x[c][u].mean() + x[c + 2][u].mean()).item<double>();
            CHECK(sums.sum(static_cast<std::size_t>(c), static_cast<std::size_t>(u)) == expected);
        }
    }
}
