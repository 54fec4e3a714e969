// How biased the plain numbers are and how often the intervals cover: simulated units, spectra and layers of
// which the truth is known, through the library. Prints Markdown tables; with a folder, writes figures' data
// there too. The same numbers for any number of threads.
//
//     inference_study bias|noise|selective|ratio|probes|dimensions [REPEATS] [THREADS] [FOLDER]

#include "simulations.hpp"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>

int main(int count, char** arguments) {
    using namespace simulations;
    const std::string what = count > 1 ? arguments[1] : "";
    settings s;
    if (count > 2) s.repeats = static_cast<std::size_t>(std::atoll(arguments[2]));
    if (count > 3) s.threads = static_cast<std::size_t>(std::atoll(arguments[3]));
    if (count > 4) s.folder = arguments[4];
    thread_pool pool(s.threads);
    if (what == "bias") {
        bias_of_selectivity(s, pool);
        std::printf("\n");
        bias_of_participation_ratio(s, pool);
    } else if (what == "noise") {
        coverage_of_selectivity(s, pool);
    } else if (what == "selective") {
        coverage_of_selective_units(s, pool);
    } else if (what == "ratio") {
        coverage_of_participation_ratio(s, pool);
    } else if (what == "probes") {
        probes(s, pool);
    } else if (what == "dimensions") {
        dimensions(s, pool);
    } else {
        std::fprintf(stderr, "usage: inference_study bias|noise|selective|ratio|probes|dimensions [REPEATS] "
                             "[THREADS] [FOLDER]\n");
        return 2;
    }
}
