// Expected message: static.assert.*failed.*specialize repscope::tensor_traits for it
// \(docs/guide/tensors\.md\)
#include <repscope/dimensionality/participation_ratio.hpp>
#include <repscope/selectivity/class_selectivity.hpp>

#include <vector>

struct my_tensor {
    int samples, units;
    std::vector<float> values;
};

#ifndef WRONG
template <>
struct repscope::tensor_traits<my_tensor> {
    static repscope::tensor_view<const float, 2> view(const my_tensor& t) {
        return {t.values.data(), {t.samples, t.units}};
    }
};
#endif

void measure(const my_tensor& t, const std::vector<int>& labels) {
    repscope::class_sums sums(3, 2);
    sums.update(t, labels);
    repscope::class_moments moments(3, 2);
    moments.update(t, labels);
    repscope::covariance covariance(3);
    covariance.update(t);
    static_cast<void>(repscope::class_selectivity(t, labels));
    static_cast<void>(repscope::participation_ratio(t));
    static_cast<void>(repscope::participation_ratio_unbiased(t));
}
