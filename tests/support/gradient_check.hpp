#pragma once

#include "repscope/random/random_stream.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// Derivatives against central differences.
namespace gradient_check {

/// The joint result of the checks of one tensor.
struct result {
    double error = 0; ///< ||analytic - numeric|| / max(||analytic||, ||numeric||)
    double kept = 0;  ///< share of the coordinates tried whose step flipped no mask
    std::size_t coordinates = 0;
};

/// Compares `analytic` with the differences of `loss()` for up to `most` coordinates of `values`, which
/// `loss` reads. `mask()` identifies the linear piece the network is on (the signs behind its ReLUs, the
/// winners of its maxima): a coordinate whose step leaves the piece has no derivative to compare with, and
/// another one is drawn for it.
template <typename Loss, typename Mask>
[[nodiscard]] result compare(std::span<double> values, std::span<const double> analytic, Loss&& loss,
                             Mask&& mask, std::size_t most = 200) {
    std::vector<std::uint32_t> order(values.size());
    repscope::random_stream random(99, 1);
    repscope::permutation(order, random);
    (void)loss();
    const auto piece = mask();
    double difference = 0, ours = 0, theirs = 0;
    std::size_t tried = 0, kept = 0;
    for (const std::uint32_t i : order) {
        if (kept == most) break;
        ++tried;
        const double value = values[i], h = 6e-6 * (std::max)(1.0, std::abs(value));
        values[i] = value + h;
        const double up = loss();
        bool same = mask() == piece;
        values[i] = value - h;
        const double down = loss();
        same = same && mask() == piece;
        values[i] = value;
        if (!same) continue;
        ++kept;
        const double numeric = (up - down) / (2 * h);
        difference += (analytic[i] - numeric) * (analytic[i] - numeric);
        ours += analytic[i] * analytic[i];
        theirs += numeric * numeric;
    }
    (void)loss();
    const double scale = std::sqrt((std::max)(ours, theirs));
    return {scale > 0 ? std::sqrt(difference) / scale : std::sqrt(difference),
            tried > 0 ? static_cast<double>(kept) / static_cast<double>(tried) : 1, kept};
}

} // namespace gradient_check
