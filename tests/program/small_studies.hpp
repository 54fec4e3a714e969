#pragma once

#include "process.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

// Small studies of made-up images, and what they write.

namespace program_test::studies {

using json = nlohmann::json;

// A small study; options in `more` replace the ones below.
inline std::vector<std::string> study(const scratch_folder& folder, const std::string& out,
                                      const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"study",
                                       "--data",
                                       "fashion-mnist:" + folder.path().string(),
                                       "--out",
                                       folder / out,
                                       "--network",
                                       "mlp",
                                       "--epochs",
                                       "4",
                                       "--train",
                                       "640",
                                       "--test",
                                       "250",
                                       "--alphas",
                                       "-1,1",
                                       "--seeds",
                                       "2",
                                       "--corruption-images",
                                       "12",
                                       "--attack-images",
                                       "20",
                                       "--gradient-images",
                                       "5",
                                       "--eps",
                                       "4,16",
                                       "--attack-steps",
                                       "3",
                                       "--attacks",
                                       "fgsm,pgd",
                                       "--distance-images",
                                       "0"};
    for (const auto& option : more) {
        const auto same = std::find(arguments.begin(), arguments.end(), option);
        if (option.starts_with("--") && same != arguments.end()) arguments.erase(same, same + 2);
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
}

inline json without_times(json study) {
    for (auto& network : study["networks"]) {
        network.erase("train_seconds");
        network.erase("seconds");
        network.erase("images_per_second");
        for (auto& layer : network["conditions"][0]["layers"]) layer.erase("file");
    }
    study["options"].erase("dump");
    return study;
}

inline json study_json(const scratch_folder& folder, const std::string& out) {
    return json::parse(slurp(folder / (out + "/study.json")));
}

} // namespace program_test::studies
