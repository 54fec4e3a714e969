// Expected message: read-only|const-qualified
#include <repscope/tensor/as_view.hpp>

#include <vector>

void clear(std::vector<float>& values) {
#ifdef WRONG
    repscope::as_view(values)(0) = 0;
#else
    values[0] = repscope::as_view(values)(0);
#endif
}
