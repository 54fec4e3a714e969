#pragma once

#include "repscope/version.hpp"

#include <cstddef>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net {

/// The importance of the units of a layer for the accuracy.
struct unit_ablation_result {
    std::size_t samples = 0;              ///< number of samples
    double accuracy = 0;                  ///< of the unchanged network
    std::vector<double> accuracy_without; ///< with one unit constant; an entry per unit
    std::vector<double> mean;             ///< of each unit over samples and positions: its constant value
};

} // namespace net
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
