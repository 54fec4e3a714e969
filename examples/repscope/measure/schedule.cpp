#include "measure/schedule.hpp"

#include <algorithm>
#include <numeric>

namespace program {

namespace {

// How long the layers from `first` on, the longest first, take on threads of their own.
double makespan(const std::vector<layer_cost>& costs, const std::vector<std::size_t>& order,
                std::size_t first, std::size_t threads) {
    std::vector<double> busy(threads, 0.0);
    for (std::size_t k = first; k < order.size(); ++k) {
        const layer_cost& cost = costs[order[k]];
        *std::min_element(busy.begin(), busy.end()) += cost.shared + cost.alone;
    }
    return *std::max_element(busy.begin(), busy.end());
}

// Whether the largest of them fit into memory together.
bool fit(const std::vector<layer_cost>& costs, const std::vector<std::size_t>& order, std::size_t first,
         std::size_t threads, std::size_t memory) {
    std::vector<std::size_t> sizes;
    for (std::size_t k = first; k < order.size(); ++k) sizes.push_back(costs[order[k]].bytes);
    std::sort(sizes.rbegin(), sizes.rend());
    for (std::size_t k = 0; k < std::min(threads, sizes.size()); ++k) {
        if (sizes[k] > memory) return false;
        memory -= sizes[k];
    }
    return true;
}

} // namespace

schedule plan(const std::vector<layer_cost>& costs, std::size_t threads, std::size_t memory) {
    std::vector<std::size_t> order(costs.size());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return costs[a].shared + costs[a].alone > costs[b].shared + costs[b].alone;
    });
    const std::size_t layers = costs.size();
    std::size_t best = layers;
    double best_time = 0.0;
    for (const layer_cost& cost : costs) best_time += cost.shared / static_cast<double>(threads) + cost.alone;
    double before = 0.0;
    for (std::size_t alone = 0; alone + 1 < layers && threads > 1; ++alone) {
        const double time = before + makespan(costs, order, alone, threads);
        if (time < best_time && fit(costs, order, alone, threads, memory)) {
            best = alone;
            best_time = time;
        }
        before += costs[order[alone]].shared / static_cast<double>(threads) + costs[order[alone]].alone;
    }
    const auto cut = order.begin() + static_cast<std::ptrdiff_t>(best);
    schedule result{{order.begin(), cut}, {cut, order.end()}};
    std::sort(result.one_by_one.begin(), result.one_by_one.end());
    return result;
}

layer_cost estimate(double file_bytes, std::size_t rows, std::size_t units, bool in_order,
                    repscope::analysis::measure_set measures) {
    // Rounded rates of one core; their ratios are what matters.
    constexpr double seconds_per_byte = 1.0 / 3e9;
    constexpr double seconds_per_unpacked_byte = 1.0 / 3e8;
    constexpr double seconds_per_product = 1.0 / 15e9;
    constexpr double seconds_per_eigenvalue_step = 1.0 / 2e9;
    constexpr std::size_t tile = 256;
    const auto n = static_cast<double>(rows);
    const auto u = static_cast<double>(units);
    const double smaller = std::min(n, u);
    const double products = n * u * smaller / 2 * seconds_per_product;
    layer_cost cost;
    cost.shared = file_bytes * seconds_per_byte;
    if (measures.contains_any(repscope::analysis::spectrum_measures))
        cost.alone = smaller * smaller * smaller * seconds_per_eigenvalue_step;
    // A matrix of one tile is made by one thread.
    if (measures.contains_any(repscope::analysis::dimensionality_measures))
        (units > tile && n > u ? cost.shared : cost.alone) += products;
    if (in_order) cost.alone += file_bytes * seconds_per_unpacked_byte;
    return cost;
}

} // namespace program
