// Expected message: not tensor_like. If it is an expression, evaluate it first
#include <repscope/tensor/as_view.hpp>

#include <xtensor/xtensor.hpp>

float first(const xt::xtensor<float, 2>& a, const xt::xtensor<float, 2>& b) {
#ifdef WRONG
    const auto sum = a + b;
#else
    const auto sum = xt::eval(a + b);
#endif
    return repscope::as_view(sum)(0, 0);
}
