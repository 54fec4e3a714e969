// Expected message: deleted
#include <repscope/tensor/as_view.hpp>

#include <vector>

std::vector<float> make();

float first() {
#ifdef WRONG
    const auto view = repscope::as_view(make(), {2, 3});
#else
    const std::vector<float> values = make();
    const auto view = repscope::as_view(values, {2, 3});
#endif
    return view(0, 0);
}
