#include <repscope/tensor/as_view.hpp>

#include <cstdio>
#include <vector>

int main() {
    const std::vector<float> activations{2, 0, 3, 1, 0, 3, 1, 2};
    const auto x = repscope::as_view(activations, {4, 2});
    std::printf("%zu samples, last %g\n", x.extent(0), static_cast<double>(x(3, 1)));
}
