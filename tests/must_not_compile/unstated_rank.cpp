// Expected message: known at compile time
#include <repscope/tensor/as_view.hpp>

#include <xtensor/xarray.hpp>

float first(const xt::xarray<float>& values) {
#ifdef WRONG
    return repscope::as_view(values)(0, 0);
#else
    return repscope::as_view<2>(values)(0, 0);
#endif
}
