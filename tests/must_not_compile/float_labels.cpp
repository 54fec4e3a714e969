// Expected message: labels_like
#include <repscope/selectivity/class_selectivity.hpp>

#include <vector>

double mean(const std::vector<float>& values, const std::vector<float>& soft,
            const std::vector<int>& labels) {
    const auto x = repscope::as_view(values, {labels.size(), 4});
#ifdef WRONG
    return repscope::class_selectivity(x, soft).mean;
#else
    return soft.empty() ? 0 : repscope::class_selectivity(x, labels).mean;
#endif
}
