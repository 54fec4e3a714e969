// `repscope measure --measures`: what is asked for is computed, and nothing else.

#include "npy.hpp"
#include "process.hpp"

#include <algorithm>
#include <cstddef>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace measures_test {

using namespace program_test;
using json = nlohmann::json;

namespace {

// Two layers of 60 samples in 3 classes, and perturbed ones.
struct made_up_dump {
    scratch_folder folder;
    std::string conv, fc, labels, perturbed;

    made_up_dump()
        : conv(folder / "conv.npy"), fc(folder / "fc.npy"), labels(folder / "labels.npy"),
          perturbed(folder / "perturbed") {
        generator random(41);
        std::vector<std::int64_t> y;
        std::vector<float> maps, rows;
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
        for (float& value : rows) value += static_cast<float>(0.2 * random.uniform());
        write_npy(perturbed + "/conv.npy", maps, {60, 5, 2, 2});
        write_npy(perturbed + "/fc.npy", rows, {60, 8});
    }

    [[nodiscard]] outcome measure(const std::vector<std::string>& options) const {
        std::vector<std::string> all{"measure", conv, fc, "--labels", labels};
        all.insert(all.end(), options.begin(), options.end());
        return run(all);
    }
    [[nodiscard]] json layers(std::vector<std::string> options) const {
        options.insert(options.end(), {"--json", "-"});
        const outcome result = measure(options);
        INFO(result.err);
        REQUIRE(result.code == 0);
        return json::parse(result.out)["layers"];
    }
};

bool has_line_above(const std::string& text, std::size_t columns) {
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        if (end - begin > columns) return true;
        begin = end + 1;
    }
    return false;
}

} // namespace

TEST_CASE("--measures default is a run without the option") {
    const made_up_dump dump;
    CHECK(dump.layers({"--measures", "default"}) == dump.layers({}));
    CHECK(dump.measure({"--measures", "default"}).out == dump.measure({}).out);
}

TEST_CASE("a measure that is not asked for is null, the others are the same") {
    const made_up_dump dump;
    const json all = dump.layers({"--measures", "default,spectrum"});
    const json ratio = dump.layers({"--measures", "participation_ratio"});
    for (std::size_t k = 0; k < 2; ++k) {
        const json &whole = all[k]["dimensionality"], &part = ratio[k]["dimensionality"];
        CHECK(part["participation_ratio"] == whole["participation_ratio"]);
        CHECK(part["participation_ratio_unbiased"] == whole["participation_ratio_unbiased"]);
        for (const char* key : {"components", "components_interpolated", "components_fraction",
                                "effective_rank_eigenvalues", "stable_rank", "limited_by_samples"}) {
            CHECK(part[key].is_null());
            CHECK(!whole[key].is_null());
        }
        CHECK(ratio[k]["selectivity"].is_null());
        CHECK(ratio[k]["eigenvalues"].is_null());
        CHECK(!part.contains("power_law"));
        CHECK(whole["power_law"].size() == 3);
    }
    const json selective = dump.layers({"--measures", "selectivity", "--compare", dump.perturbed});
    const json compared = dump.layers({"--compare", dump.perturbed});
    for (std::size_t k = 0; k < 2; ++k) {
        CHECK(selective[k]["selectivity"]["index"] == all[k]["selectivity"]["index"]);
        CHECK(selective[k]["comparison"]["selectivity"]["index"] ==
              compared[k]["comparison"]["selectivity"]["index"]);
        CHECK(selective[k]["comparison"]["difference"]["relative_size"].is_null());
        CHECK(selective[k]["dimensionality"]["participation_ratio"].is_null());
    }
}

TEST_CASE("tables have columns for the measures of a run") {
    const made_up_dump dump;
    const std::string ratio = dump.measure({"--measures", "participation_ratio"}).out;
    CHECK(ratio.find("PR unbiased\n") != std::string::npos);
    CHECK(ratio.find("measures: participation_ratio\n") == 0);
    CHECK(ratio.find("selectivity") == std::string::npos);
    const std::string selective =
        dump.measure({"--measures", "selectivity", "--compare", dump.perturbed}).out;
    CHECK(selective.find("PR") == std::string::npos);
    CHECK(selective.find("perturbed  selectivity  change\n") != std::string::npos);
    const outcome report =
        dump.measure({"--measures", "participation_ratio", "--report", dump.folder / "report"});
    CHECK(report.code == 0);
    CHECK(!std::filesystem::exists(dump.folder / "report/spectra.csv"));
    CHECK(slurp(dump.folder / "report/report.html").find("stable rank") == std::string::npos);
}

TEST_CASE("shards of a part of the measures merge") {
    const made_up_dump dump;
    for (const std::string list : {"selectivity", "participation_ratio", "selectivity,power_law"}) {
        std::vector<std::string> merge{"merge"};
        for (const std::string shard : {"1", "2"}) {
            merge.push_back(dump.folder / (list + shard + ".rsm"));
            CHECK(dump.measure({"--measures", list, "--shard", shard + "/2", "--state", merge.back()}).code ==
                  0);
        }
        merge.insert(merge.end(), {"--json", "-"});
        const json merged = json::parse(run(merge).out);
        const json whole = dump.layers({"--measures", list});
        CHECK(merged["options"]["measures"] == json::array({list}));
        const auto ratio = [](const json& layer) { return layer["dimensionality"]["participation_ratio"]; };
        for (std::size_t k = 0; k < 2; ++k) {
            CHECK(merged["layers"][k]["selectivity"].is_null() == whole[k]["selectivity"].is_null());
            CHECK(ratio(merged["layers"][k]).is_null() == ratio(whole[k]).is_null());
            if (!ratio(whole[k]).is_null())
                CHECK(ratio(merged["layers"][k]).get<double>() ==
                      doctest::Approx(ratio(whole[k]).get<double>()).epsilon(1e-12));
        }
    }
}

TEST_CASE("--measures help lists every measure in 80 columns") {
    const outcome help = run({"measure", "--measures", "help"});
    CHECK(help.code == 0);
    CHECK(help.err.empty());
    CHECK(!has_line_above(help.out, 80));
    for (const char* name : {"\nselectivity [needs --labels]\n", "\nspectrum\n", "  stable_rank\n", "cost: "})
        CHECK(help.out.find(name) != std::string::npos);
}

TEST_CASE("measures that cannot be computed are named") {
    const made_up_dump dump;
    const auto complaint = [](const outcome& result) {
        CHECK(result.code == 2);
        CHECK(is_one_line(result.err));
        return result.err;
    };
    CHECK(complaint(dump.measure({"--measures", "spectrm"})) ==
          "repscope measure: --measures: no measure 'spectrm'; did you mean 'spectrum'? "
          "('--measures help' lists them)\n");
    CHECK(complaint(dump.measure({"--measures", ""})).find("no measure ''") != std::string::npos);
    CHECK(complaint(run({"measure", dump.fc, "--measures", "selectivity"})) ==
          "repscope measure: --measures selectivity: needs --labels\n");
    CHECK(run({"measure", dump.fc, "--measures", "all"}).code == 0);
    CHECK(complaint(dump.measure({"--measures", "spectrum", "--inference"})) ==
          "repscope measure: --inference: needs the measure selectivity or participation_ratio\n");
    CHECK(complaint(dump.measure({"--measures", "spectrum", "--require", "selectivity"})) ==
          "repscope measure: --require selectivity: --measures leaves it out\n");
    CHECK(complaint(dump.measure({"--measures", "selectivity", "--inference", "--method", "sketch"})) ==
          "repscope measure: --method sketch: needs the measure participation_ratio\n");
    CHECK(complaint(
              dump.measure({"--measures", "participation_ratio", "--inference", "--null", "permutation"})) ==
          "repscope measure: --null permutation: needs the measure selectivity\n");
    const auto condition = [&](const std::string& text) {
        return complaint(dump.measure({"--measures", "participation_ratio", "--fail-if", text}));
    };
    CHECK(condition("dimensionality.stable_rank>2").find("needs --measures stable_rank") !=
          std::string::npos);
    CHECK(condition("dimensionality.power_law.exponent>2").find("needs --measures power_law") !=
          std::string::npos);
    CHECK(condition("selectivity.mean>.4").find("needs --measures selectivity") != std::string::npos);
    CHECK(condition("comparison.difference.components.95>3")
              .find("needs --compare and --measures components") != std::string::npos);
    CHECK(dump.measure({"--measures", "power_law", "--fail-if", "dimensionality.power_law.first>2"}).code ==
          3);
}

} // namespace measures_test
