#pragma once

#include "npy.hpp"
#include "process.hpp"

#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace program_test {

// Two layers of 60 samples in 3 classes, and perturbed ones.
struct made_up_dump {
    scratch_folder folder;
    std::string conv, fc, labels, perturbed;
    std::vector<std::int64_t> y;
    std::vector<float> rows, moved; ///< of fc, clean and perturbed

    made_up_dump()
        : conv(folder / "conv.npy"), fc(folder / "fc.npy"), labels(folder / "labels.npy"),
          perturbed(folder / "perturbed") {
        generator random(41);
        std::vector<float> maps;
        for (std::size_t n = 0; n < 60; ++n) {
            y.push_back(static_cast<std::int64_t>(random.below(3)));
            for (std::size_t k = 0; k < 5 * 4; ++k)
                maps.push_back(static_cast<float>(random.uniform() +
                                                  (k / 4 == static_cast<std::size_t>(y.back()) ? 1 : 0)));
            for (std::size_t u = 0; u < 8; ++u)
                rows.push_back(static_cast<float>(std::max(
                    0.0, random.uniform() - 0.4 + (u % 3 == static_cast<std::size_t>(y.back()) ? 0.5 : 0))));
        }
        write_npy(conv, maps, {60, 5, 2, 2});
        write_npy(fc, rows, {60, 8});
        write_npy(labels, y, {60});
        std::filesystem::create_directory(perturbed);
        for (float& value : maps) value += static_cast<float>(0.2 * random.uniform());
        moved = rows;
        for (float& value : moved) value += static_cast<float>(0.2 * random.uniform());
        write_npy(perturbed + "/conv.npy", maps, {60, 5, 2, 2});
        write_npy(perturbed + "/fc.npy", moved, {60, 8});
    }

    [[nodiscard]] outcome measure(const std::vector<std::string>& options) const {
        std::vector<std::string> all{"measure", conv, fc, "--labels", labels};
        all.insert(all.end(), options.begin(), options.end());
        return run(all);
    }
    [[nodiscard]] nlohmann::json layers(std::vector<std::string> options) const {
        options.insert(options.end(), {"--json", "-"});
        const outcome result = measure(options);
        INFO(result.err);
        REQUIRE(result.code == 0);
        return nlohmann::json::parse(result.out)["layers"];
    }
};

} // namespace program_test
