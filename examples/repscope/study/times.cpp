#include "study/times.hpp"

#include "render/text_table.hpp"

#include <algorithm>

namespace program {

std::vector<stage_time> stage_times(const study_result& study) {
    std::vector<stage_time> times;
    double all = 0.0;
    for (const auto& network : study.networks) {
        for (const auto& [stage, seconds] : network.seconds) {
            auto known = std::find_if(times.begin(), times.end(), [&, &name = stage](const stage_time& time) {
                return time.stage == name;
            });
            if (known == times.end()) known = times.insert(times.end(), {.stage = stage});
            known->seconds += seconds;
            all += seconds;
        }
    }
    for (stage_time& time : times) time.share = all > 0.0 ? time.seconds / all : 0.0;
    return times;
}

std::string stage_times_text(const study_result& study) {
    std::string text;
    double all = 0.0;
    for (const stage_time& time : stage_times(study)) {
        all += time.seconds;
        text += (text.empty() ? "" : ", ") + time.stage + " " + fixed(100 * time.share, 0) + " %";
    }
    const std::size_t networks = study.networks.size();
    return "time of " + std::to_string(networks) + (networks == 1 ? " network" : " networks") + ": " +
           duration(all) + "; " + text + "\n";
}

} // namespace program
