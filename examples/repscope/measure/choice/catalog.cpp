#include "measure/choice/catalog.hpp"

#include <array>

namespace program {

namespace {

using repscope::analysis::measure;

constexpr std::string_view scatter_cost = "time n u min(n, u), memory 2 u min(n, u)";
constexpr std::string_view eigen_cost = "as participation_ratio, then min(n, u)^3";

constexpr std::array catalog{
    catalog_entry{measure::selectivity, "selectivity", "selectivity", true, "selectivity",
                  "time n u, memory C u",
                  "class selectivity index (mu_max - mu_rest) / (mu_max + mu_rest) of every unit, its mean "
                  "under shuffled labels"},
    catalog_entry{measure::participation_ratio, "participation_ratio", "participation_ratio", false,
                  "dimensionality.participation_ratio dimensionality.se_log dimensionality.ci", scatter_cost,
                  "(sum of eigenvalues)^2 / sum of their squares, plain and unbiased, without eigenvalues"},
    catalog_entry{measure::components, "components", "spectrum", false,
                  "dimensionality.components dimensionality.limited_by_samples", eigen_cost,
                  "principal components that hold 90, 95 and 99 % of the variance"},
    catalog_entry{measure::effective_rank, "effective_rank", "spectrum", false,
                  "dimensionality.effective_rank", eigen_cost,
                  "exp of the entropy of the eigenvalues, and of the singular values, as shares"},
    catalog_entry{measure::stable_rank, "stable_rank", "spectrum", false, "dimensionality.stable_rank",
                  eigen_cost, "sum of the eigenvalues over the largest"},
    catalog_entry{measure::power_law, "power_law", "spectrum", false, "dimensionality.power_law", eigen_cost,
                  "exponent alpha of eigenvalue k ~ k^-alpha from rank 11 to n / 2, at most 500, with the "
                  "range of the fit"},
};

} // namespace

std::span<const catalog_entry> measure_catalog() { return catalog; }

} // namespace program
