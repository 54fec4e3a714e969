// Expected message: wrong rank: this tensor has fewer axes than as_view<Rank> asks for
#include <repscope/tensor/as_view.hpp>

#include <vector>

float first(const std::vector<float>& values) {
#ifdef WRONG
    return repscope::as_view<2>(values)(0, 0);
#else
    return repscope::as_view(values, {1, values.size()})(0, 0);
#endif
}
