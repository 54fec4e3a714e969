// Expected message: specialize repscope::tensor_traits
#include <repscope/tensor/as_view.hpp>

struct my_tensor {
    float values[4];
};

#ifndef WRONG
template <>
struct repscope::tensor_traits<my_tensor> {
    static repscope::tensor_view<const float, 2> view(const my_tensor& t) { return {t.values, {2, 2}}; }
};
#endif

float first(const my_tensor& t) {
#ifdef WRONG
    repscope::as_view(t);
    return 0;
#else
    return repscope::as_view(t)(0, 0);
#endif
}
