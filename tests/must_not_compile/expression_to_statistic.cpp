// Expected message: tensor_like
#include <repscope/selectivity/class_selectivity.hpp>

#include <Eigen/Core>

#include <vector>

double mean(const Eigen::MatrixXf& a, const std::vector<int>& labels) {
#ifdef WRONG
    return repscope::class_selectivity(a.cwiseMax(0.0F), labels).mean;
#else
    return repscope::class_selectivity(a.cwiseMax(0.0F).eval(), labels).mean;
#endif
}
