#pragma once

#include "repscope/statistics/interval.hpp"

#include <cstdint>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The participation ratio with its uncertainty.
struct participation_ratio_estimate {
    /// T^2 / R: the participation ratio of these very samples.
    double naive = 0;
    /// Of the population that the samples are from; NaN as `participation_ratio_unbiased` states.
    double unbiased = 0;
    /// `unbiased` less the remaining bias of a ratio, n PR - (n - 1) mean PR_(i).
    double jackknife = 0;
    /// Standard error of log `unbiased`, by `participation_ratio_jackknife`; NaN below 5 samples and when
    /// `unbiased`, or a replicate of it, is.
    double se_log = 0;
    /// unbiased exp(-+ t se_log), where t is Student's quantile for n - 1.
    interval ci;
    std::uint64_t samples = 0; ///< number of samples
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
