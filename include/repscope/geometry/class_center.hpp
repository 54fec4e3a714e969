#pragma once

#include "repscope/version.hpp"

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The point that class means are taken about: the mean of all samples, or the mean of the class means. Both
/// are the same for classes of equal size.
enum class class_center { samples, classes };

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
