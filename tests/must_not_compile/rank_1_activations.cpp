// Expected message: wrong rank: activations are \(samples, units\)
#include <repscope/selectivity/class_selectivity.hpp>

#include <vector>

double mean(const std::vector<float>& values, const std::vector<int>& labels) {
#ifdef WRONG
    return repscope::class_selectivity(values, labels).mean;
#else
    return repscope::class_selectivity(repscope::as_view(values, {labels.size(), 4}), labels).mean;
#endif
}
