#pragma once

#include <repscope/parallel/thread_pool.hpp>
#include <repscope/random/random_stream.hpp>
#include <repscope/random/streams.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace simulations {

using namespace repscope;

struct settings {
    std::size_t repeats = 2000;
    std::size_t threads = 0;
    std::string folder;
};

struct summary {
    double mean = 0, sd = 0, error = 0;
    std::size_t count = 0;
};

// Of the values that are not NaN.
inline summary of(std::span<const double> values) {
    summary s;
    for (const double v : values) {
        if (std::isnan(v)) continue;
        s.mean += v;
        ++s.count;
    }
    s.mean /= static_cast<double>(s.count);
    for (const double v : values) {
        if (!std::isnan(v)) s.sd += (v - s.mean) * (v - s.mean);
    }
    s.sd = std::sqrt(s.sd / static_cast<double>(s.count - 1));
    s.error = s.sd / std::sqrt(static_cast<double>(s.count));
    return s;
}

// Streams of their own for each experiment.
inline random_stream draws(std::uint64_t experiment, std::size_t repeat) {
    return {experiment, streams::id(streams::purpose::probe, 9), static_cast<std::uint32_t>(repeat)};
}

void bias_of_selectivity(const settings& s, thread_pool& pool);
void coverage_of_selectivity(const settings& s, thread_pool& pool);
void coverage_of_selective_units(const settings& s, thread_pool& pool);
void bias_of_participation_ratio(const settings& s, thread_pool& pool);
void coverage_of_participation_ratio(const settings& s, thread_pool& pool);
void probes(const settings& s, thread_pool& pool);
void dimensions(const settings& s, thread_pool& pool);

} // namespace simulations
