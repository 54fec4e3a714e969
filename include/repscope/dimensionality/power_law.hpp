#pragma once

#include "repscope/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Options of `power_law_exponent`.
struct power_law_options {
    /// Ranks of the first and last eigenvalue used, counted from 1. `last` 0: the smaller of 500 and half the
    /// samples.
    std::size_t first = 11;
    std::size_t last = 0; ///< see `first`
    /// Whether the weights are 1 / rank, so that each part of the logarithmic axis has the same weight;
    /// otherwise all are 1.
    bool weighted = true;
};

/// A power law through a spectrum, with the range of the fit.
struct power_law_result {
    /// alpha of lambda_k ~ k^-alpha; NaN with fewer than 2 positive eigenvalues in the range.
    double exponent = std::numeric_limits<double>::quiet_NaN();
    std::size_t first = 0; ///< first rank of the range
    /// The last rank of the range that has a positive eigenvalue; less than `first` if there is none.
    std::size_t last = 0;
};

/// The exponent of a power-law spectrum, known as alpha-ReQ where it judges a representation: least squares
/// of log lambda_k on -log k over a range of ranks.
///
/// `eigenvalues`: descending. `samples`: the sample size of the eigenvalues, 0 if they are exact. It bounds
/// the range, because beyond half of it the tail of a sample spectrum bends down for any population. Even
/// then the exponent is too small by 10 % at 250 samples, 5 % at 1,000, for a true exponent of 1. Ranks
/// beyond the eigenvalues, and eigenvalues that are 0, are left out. Throws `value_error` for a range that is
/// empty or starts at 0. O(range). Sources: Stringer, Pachitariu, Steinmetz, Carandini and Harris 2019;
/// Agrawal et al. 2022. The former cross-validate the eigenvalues over repeats, which a single pass does not
/// have.
[[nodiscard]] inline power_law_result power_law_exponent(std::span<const double> eigenvalues,
                                                         std::uint64_t samples,
                                                         const power_law_options& options = {}) {
    std::size_t last = options.last;
    if (last == 0) {
        last = 500;
        if (samples > 0) last = static_cast<std::size_t>((std::min<std::uint64_t>)(last, samples / 2));
        last = (std::max)(last, options.first);
    }
    if (options.first == 0 || last < options.first) {
        errors::throw_value_error("power_law_exponent", "expected ranks 1 <= first <= last, got " +
                                                            errors::text_of(options.first) + " and " +
                                                            errors::text_of(last));
    }
    power_law_result result{std::numeric_limits<double>::quiet_NaN(), options.first,
                            (std::min)(last, eigenvalues.size())};
    while (result.last >= result.first && !(eigenvalues[result.last - 1] > 0)) --result.last;
    double weights = 0, x_sum = 0, y_sum = 0, xx = 0, xy = 0;
    std::size_t used = 0;
    for (std::size_t k = result.first; k <= result.last; ++k) {
        if (!(eigenvalues[k - 1] > 0)) continue;
        const double w = options.weighted ? 1 / static_cast<double>(k) : 1;
        const double x = -std::log(static_cast<double>(k));
        const double y = std::log(eigenvalues[k - 1]);
        weights += w;
        x_sum += w * x;
        y_sum += w * y;
        xx += w * x * x;
        xy += w * x * y;
        ++used;
    }
    if (used < 2) return result;
    result.exponent = (xy - x_sum * y_sum / weights) / (xx - x_sum * x_sum / weights);
    return result;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
