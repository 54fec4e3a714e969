#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace benchmarks {

/// Name of the library's implementation in `add`.
inline const std::string library = "repscope";

/// Name of an implementation that no implementation of the work can be much faster than.
inline std::string limit(const std::string& name) { return "limit " + name; }

/// Numbers of threads to measure: REPSCOPE_BENCHMARK_THREADS, separated by commas, or 1 and 2.
inline std::vector<std::size_t> thread_counts() {
    const char* text = std::getenv("REPSCOPE_BENCHMARK_THREADS");
    std::istringstream counts(text == nullptr ? "1,2" : text);
    std::vector<std::size_t> result;
    for (std::string count; std::getline(counts, count, ',');) result.push_back(std::stoul(count));
    return result;
}

/// Registers one implementation of a work as "work/implementation/threads". Neither name has a slash.
///
/// compare.py groups benchmarks by work and threads. Each implementation of a work does the same work per
/// iteration. The library's one has a rate; the label is the unit of its items.
template <typename Body>
benchmark::internal::Benchmark* add(const std::string& work, const std::string& implementation,
                                    std::size_t threads, Body body) {
    const std::string name = work + "/" + implementation + "/" + std::to_string(threads);
    return benchmark::RegisterBenchmark(name.c_str(), std::move(body))
        ->UseRealTime()
        ->MeasureProcessCPUTime()
        ->Unit(benchmark::kMillisecond);
}

/// Sets the rate: `count` items per iteration, called `unit`.
inline void set_items(benchmark::State& state, std::size_t count, const std::string& unit) {
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
    state.SetLabel(unit);
}

/// Sets the rate: `count` bytes per iteration.
inline void set_bytes(benchmark::State& state, std::size_t count) {
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(count));
}

/// Runs what was registered. Returns the exit status of the program: 1 after an exception, 2 for wrong
/// arguments.
inline int run(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    try {
        benchmark::RunSpecifiedBenchmarks();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    benchmark::Shutdown();
    return 0;
}

} // namespace benchmarks
