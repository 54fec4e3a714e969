#pragma once

#include <chrono>

namespace program {

/// Measures the seconds since its construction, or since the last lap.
class stopwatch {
  public:
    double lap() {
        const auto now = clock::now();
        const double seconds = std::chrono::duration<double>(now - last_).count();
        last_ = now;
        return seconds;
    }

  private:
    using clock = std::chrono::steady_clock;
    clock::time_point last_ = clock::now();
};

} // namespace program
