// Expected message: deleted
#include <repscope/tensor/as_view.hpp>

#include <vector>

std::vector<float> make();

float first() {
#ifdef WRONG
    const auto view = repscope::as_view(make());
#else
    const std::vector<float> values = make();
    const auto view = repscope::as_view(values);
#endif
    return view(0);
}
