#pragma once

#include "repscope/version.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Returns the median of finite values: the middle one in sorted order, or the mean of the two in the middle.
/// NaN without values. O(n) on average; takes the values by value because it reorders them.
[[nodiscard]] inline double median(std::vector<double> values) {
    if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1) return *middle;
    return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

/// The mean of values that arrive one by one, from their sum in the order of arrival. O(1) per value.
class running_mean {
  public:
    /// Adds a value.
    void add(double value) noexcept {
        sum_ += value;
        ++count_;
    }
    /// Number of values.
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    /// Returns the mean; NaN without values.
    [[nodiscard]] double value() const noexcept {
        return count_ == 0 ? std::numeric_limits<double>::quiet_NaN() : sum_ / static_cast<double>(count_);
    }

  private:
    double sum_ = 0;
    std::size_t count_ = 0;
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
