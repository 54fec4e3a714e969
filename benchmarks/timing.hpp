#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace benchmark {

inline double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Median time of `work`, in seconds, over the passes that fit into `seconds`, after two that do not count.
template <typename Work>
double median_time(double seconds, Work&& work) {
    work();
    work();
    std::vector<double> times;
    const double end = now() + seconds;
    do {
        const double begin = now();
        work();
        times.push_back(now() - begin);
    } while (now() < end);
    std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2),
                     times.end());
    return times[times.size() / 2];
}

} // namespace benchmark
