#include "layers/unit_columns.hpp"

#include <cmath>
#include <cstddef>
#include <limits>

namespace program {

double unit_column::mean() const {
    double sum = 0;
    std::size_t count = 0;
    for (const double value : values) {
        if (std::isnan(value)) continue;
        sum += value;
        ++count;
    }
    return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(count);
}

std::vector<unit_column> unit_columns(const repscope::analysis::unit_report& report) {
    std::vector<unit_column> columns{
        {"activation_frequency", "active", report.activation_frequency},
        {"class_purity", "class purity", report.class_purity},
        {"label_entropy", "label entropy", report.label_entropy},
        {"mono_score", "MonoScore", report.mono_score},
        {"d_prime", "d'", report.d_prime},
        {"auc", "AUC", report.auc},
        {"auc_cross_fit", "cross-fit", report.auc_cross_fit},
        {"precision_at_k", "precision at k", report.precision_at_k},
        {"mutual_information", "information", report.mutual_information},
        {"mutual_information_corrected", "corrected", report.mutual_information_corrected},
        {"gini", "Gini", report.gini},
        {"sparseness", "sparseness", report.sparseness},
        {"class_sparseness", "of classes", report.class_sparseness}};
    std::erase_if(columns, [](const unit_column& column) { return column.values.empty(); });
    return columns;
}

} // namespace program
