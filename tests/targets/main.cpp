// Runs both units and compares what they compute.
#include "results.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

int main() {
    static target_results plain, wide;
    compute_plain(plain, &throw_wide);
    compute_wide(wide, &throw_plain);
    int failures = 0;
    const auto expect = [&](bool holds, const char* text, std::size_t place) {
        if (holds) return;
        std::printf("%s (result %zu): %s, %s\n", text, place, plain.target, wide.target);
        ++failures;
    };
    expect(std::strcmp(plain.target, wide.target) != 0, "expected two targets", 0);
    expect(plain.caught && wide.caught, "expected that a unit catches the exception of the other", 0);
    expect(plain.exact_count == wide.exact_count && plain.exact_count > 0, "expected exact results", 0);
    expect(plain.rounded_count == wide.rounded_count && plain.rounded_count > 0, "expected rounded results",
           0);
    for (std::size_t i = 0; i < plain.exact_count; ++i)
        expect(plain.exact[i] == wide.exact[i], "expected equal bits", i);
    for (std::size_t i = 0; i < plain.rounded_count; ++i) {
        const double a = plain.rounded[i], b = wide.rounded[i];
        expect(std::abs(a - b) <= 2e-4 * (std::max)(1.0, std::abs(a)),
               "expected equal numbers but for rounding", i);
    }
    std::printf("%s and %s: %zu exact and %zu rounded results, %d failures\n", plain.target, wide.target,
                plain.exact_count, plain.rounded_count, failures);
    return failures > 0;
}
