#pragma once

#include <limits>

namespace program {

/// The mean of numbers that come one by one; NaN of none.
struct running_mean {
    double sum = 0.0;
    double count = 0.0;
    void add(double value) {
        sum += value;
        count += 1.0;
    }
    [[nodiscard]] double value() const {
        return count == 0.0 ? std::numeric_limits<double>::quiet_NaN() : sum / count;
    }
};

} // namespace program
