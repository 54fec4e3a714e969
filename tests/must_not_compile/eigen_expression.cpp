// Expected message: not tensor_like. If it is an expression, evaluate it first
#include <repscope/tensor/as_view.hpp>

#include <Eigen/Core>

float first(const Eigen::MatrixXf& a, const Eigen::MatrixXf& b) {
#ifdef WRONG
    const auto sum = a + b;
#else
    const auto sum = (a + b).eval();
#endif
    return repscope::as_view(sum)(0, 0);
}
