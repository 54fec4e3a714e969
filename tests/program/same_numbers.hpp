#pragma once

#include "npy.hpp"
#include "process.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

// One dump measured in several ways: in shards, by the ranks of an MPI job.

namespace program_test {

// What differs between two objects, numbers by more than 1e-12 max(1, |a|): the place and both values, or "".
inline std::string difference(const nlohmann::json& a, const nlohmann::json& b,
                              const std::string& place = {}) {
    if (a.is_number() && b.is_number() && (a.is_number_float() || b.is_number_float())) {
        const double x = a.get<double>();
        const double y = b.get<double>();
        const bool near = std::abs(x - y) <= 1e-12 * std::max(1.0, std::abs(x));
        return near ? std::string() : place + ": " + a.dump() + " and " + b.dump();
    }
    if (a.is_structured() && a.type() == b.type() && a.size() == b.size()) {
        auto left = a.items().begin();
        auto right = b.items().begin();
        for (; left != a.items().end(); ++left, ++right) {
            if (left.key() != right.key()) return place + ": " + left.key() + " and " + right.key();
            const std::string found = difference(left.value(), right.value(), place + "/" + left.key());
            if (!found.empty()) return found;
        }
        return {};
    }
    return a == b ? std::string() : place + ": " + a.dump() + " and " + b.dump();
}

// Three layers of 61 samples: maps, more units than samples, fewer; labels of 4 classes, some to be ignored.
class small_dump {
  public:
    explicit small_dump(const scratch_folder& folder) : folder_(folder) {
        generator random(11);
        std::vector<std::int64_t> labels(samples);
        for (auto& label : labels) label = static_cast<std::int64_t>(random.below(5)) - 1;
        write_npy(folder / "labels.npy", labels, {samples});
        const auto layer = [&](const std::string& name, const std::vector<std::size_t>& shape) {
            std::size_t a_sample = 1;
            for (std::size_t axis = 1; axis < shape.size(); ++axis) a_sample *= shape[axis];
            std::vector<float> values(samples * a_sample);
            for (std::size_t i = 0; i < values.size(); ++i) {
                const auto label = static_cast<double>(labels[i / a_sample]);
                values[i] = static_cast<float>(3 * random.uniform() + label * random.uniform() - 0.3);
            }
            write_npy(folder / (name + ".npy"), values, shape);
        };
        layer("conv", {samples, 5, 4, 4});
        layer("wide", {samples, 83});
        layer("fc", {samples, 6});
    }
    // The command line that measures it, but for where results go.
    [[nodiscard]] std::vector<std::string> arguments(const std::vector<std::string>& more = {}) const {
        std::vector<std::string> all{
            "measure",  folder_ / "conv.npy",   folder_ / "wide.npy", folder_ / "fc.npy",
            "--labels", folder_ / "labels.npy", "--ignore-label",     "-1"};
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    static constexpr std::size_t samples = 61;

  private:
    const scratch_folder& folder_;
};

} // namespace program_test
