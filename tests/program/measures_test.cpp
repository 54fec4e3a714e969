// `repscope measure --measures`: what is asked for is computed, and nothing else.

#include "made_up_dump.hpp"
#include "same_numbers.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace measures_test {

using namespace program_test;
using json = nlohmann::json;

namespace {

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

TEST_CASE("--measures all: numbers from their definitions") {
    const made_up_dump dump;
    const json fc = dump.layers({"--measures", "all"})[1];
    const json& units = fc["unit_measures"];
    for (const char* key : {"activation_frequency", "class_purity", "label_entropy", "mono_score", "d_prime",
                            "auc", "auc_cross_fit", "precision_at_k", "mutual_information",
                            "mutual_information_corrected", "gini", "sparseness", "class_sparseness"}) {
        CAPTURE(key);
        REQUIRE(units[key].size() == 8);
        double sum = 0;
        for (const json& value : units[key]) sum += value.get<double>();
        CHECK(units["mean"][key].get<double>() == doctest::Approx(sum / 8).epsilon(1e-12));
    }
    CHECK(units["samples"] == 60);
    for (std::size_t u = 0; u < 8; ++u) {
        double active = 0, best = 0;
        std::array<double, 3> of_class{};
        for (std::size_t n = 0; n < 60; ++n) {
            if (!(dump.rows[8 * n + u] > 0)) continue;
            active += 1;
            of_class[static_cast<std::size_t>(dump.y[n])] += 1;
        }
        for (std::size_t c = 0; c < 3; ++c) {
            // Pairs of a sample of the class and another in which the former is larger.
            double larger = 0, pairs = 0;
            for (std::size_t i = 0; i < 60; ++i) {
                for (std::size_t j = 0; j < 60; ++j) {
                    if (dump.y[i] != static_cast<std::int64_t>(c) || dump.y[j] == dump.y[i]) continue;
                    const float a = dump.rows[8 * i + u], b = dump.rows[8 * j + u];
                    larger += a > b ? 1 : a < b ? 0 : 0.5;
                    pairs += 1;
                }
            }
            best = std::max(best, std::max(larger / pairs, 1 - larger / pairs));
        }
        CHECK(units["activation_frequency"][u].get<double>() == active / 60);
        CHECK(units["class_purity"][u].get<double>() ==
              *std::max_element(of_class.begin(), of_class.end()) / active);
        CHECK(units["auc"][u].get<double>() == doctest::Approx(best).epsilon(1e-12));
    }
    const json& geometry = fc["geometry"];
    for (const char* key :
         {"nc1", "nc1_trace", "nc2_equinorm", "nc2_equiangular", "nc2_simplex", "cdnv", "cdnv_unbiased",
          "lidar", "class_separation", "class_separation_corrected", "within_participation_ratio",
          "between_participation_ratio", "between_participation_ratio_corrected"}) {
        CAPTURE(key);
        CHECK(geometry[key].is_number());
    }
    // CDNV from its definition.
    std::array<std::array<double, 8>, 3> mean{};
    std::array<double, 3> count{}, spread{};
    for (std::size_t n = 0; n < 60; ++n) count[static_cast<std::size_t>(dump.y[n])] += 1;
    for (std::size_t n = 0; n < 60; ++n) {
        const auto c = static_cast<std::size_t>(dump.y[n]);
        for (std::size_t u = 0; u < 8; ++u)
            mean[c][u] += static_cast<double>(dump.rows[8 * n + u]) / count[c];
    }
    for (std::size_t n = 0; n < 60; ++n) {
        const auto c = static_cast<std::size_t>(dump.y[n]);
        for (std::size_t u = 0; u < 8; ++u)
            spread[c] += std::pow(static_cast<double>(dump.rows[8 * n + u]) - mean[c][u], 2) / count[c];
    }
    double cdnv = 0;
    for (std::size_t a = 0; a < 3; ++a) {
        for (std::size_t b = 0; b < a; ++b) {
            double distance = 0;
            for (std::size_t u = 0; u < 8; ++u) distance += std::pow(mean[a][u] - mean[b][u], 2);
            cdnv += (spread[a] + spread[b]) / (2 * distance) / 3;
        }
    }
    CHECK(geometry["cdnv"].get<double>() == doctest::Approx(cdnv).epsilon(1e-9));
    const json& neighbors = fc["neighbors"];
    CHECK(neighbors["samples"] == 60);
    CHECK(neighbors["two_nn_ci"][0] < neighbors["two_nn"]);
    CHECK(neighbors["two_nn"] < neighbors["two_nn_ci"][1]);
    for (const char* key :
         {"two_nn_fit", "levina_bickel", "levina_bickel_harmonic", "correlation_dimension", "local_pca"})
        CHECK(neighbors[key].is_number());
    CHECK(fc["dimensionality"]["rankme"].is_number());
}

TEST_CASE("threads, batches and memory do not change a bit of any measure") {
    const made_up_dump dump;
    for (const std::string policy : {"undefined", "rectify"}) {
        const std::vector<std::string> all{"--measures", "all", "--reservoir", "25", "--signed", policy};
        const auto with = [&](std::vector<std::string> more) {
            more.insert(more.begin(), all.begin(), all.end());
            return dump.layers(more);
        };
        const json expected = with({"--threads", "1"});
        CHECK(expected[0]["neighbors"]["samples"] == 25);
        CHECK(with({"--threads", "2", "--batch", "7"}) == expected);
        CHECK(with({"--threads", "3", "--memory", "64M"}) == expected);
    }
}

TEST_CASE("shards of all measures give the numbers of one run") {
    const made_up_dump dump;
    for (const bool has_labels : {true, false}) {
        const auto measure = [&](std::vector<std::string> more) {
            more.insert(more.begin(),
                        {"measure", dump.conv, dump.fc, "--measures", "all", "--reservoir", "25"});
            if (has_labels) more.insert(more.end(), {"--labels", dump.labels});
            return run(more);
        };
        std::vector<std::string> merge{"merge"};
        for (const std::string shard : {"1", "2", "3"}) {
            merge.push_back(dump.folder / (shard + ".rsm"));
            CHECK(measure({"--shard", shard + "/3", "--state", merge.back()}).code == 0);
        }
        merge.insert(merge.end(), {"--json", "-"});
        const outcome merged = run(merge), whole = measure({"--json", "-"});
        INFO(merged.err);
        REQUIRE(merged.code == 0);
        const json a = json::parse(merged.out), b = json::parse(whole.out);
        CHECK(difference(b, a) == "");
        CHECK(a["layers"][1]["neighbors"] == b["layers"][1]["neighbors"]); // the same samples, the same bits
    }
}

TEST_CASE("a geometry is compared with that of the perturbed layer") {
    const made_up_dump dump;
    const json compared = dump.layers({"--measures", "geometry,neighbors", "--compare", dump.perturbed});
    const outcome alone = run({"measure", dump.perturbed + "/conv.npy", dump.perturbed + "/fc.npy",
                               "--labels", dump.labels, "--measures", "geometry", "--json", "-"});
    const json perturbed = json::parse(alone.out)["layers"];
    for (std::size_t k = 0; k < 2; ++k)
        CHECK(compared[k]["comparison"]["geometry"] == perturbed[k]["geometry"]);
    CHECK(run({"measure", dump.fc, "--measures", "neighbors", "--compare", dump.perturbed + "/fc.npy"}).err ==
          "repscope measure: --compare: compares none of these measures\n");
}

TEST_CASE("new measures in tables, CSV, the report and conditions") {
    const made_up_dump dump;
    const outcome table = dump.measure({"--measures", "all"});
    for (const char* header : {"mean over units", "geometry", "neighbors", "TwoNN", "RankMe", "CDNV"})
        CHECK(table.out.find(header) != std::string::npos);
    CHECK(!has_line_above(table.out, 140));

    const outcome markdown = dump.measure({"--measures", "all", "--format", "markdown"});
    CHECK(markdown.out.find("\n| layer | layout | unit | samples | units | selectivity |") !=
          std::string::npos);
    CHECK(markdown.out.find("\n| --- | --- | --- | ---: | ---: | ---: |") != std::string::npos);
    const outcome csv = dump.measure({"--measures", "all", "--format", "csv"});
    CHECK(std::count(csv.out.begin(), csv.out.end(), '\n') == 3);
    CHECK(csv.out.find(",geometry.cdnv,") != std::string::npos);
    CHECK(csv.out.find(",unit_measures.mean.auc,") != std::string::npos);
    const outcome object = dump.measure({"--measures", "all", "--format", "json"});
    CHECK(json::parse(object.out)["layers"] == dump.layers({"--measures", "all"}));
    CHECK(dump.measure({"--format", "json", "--json", "-"}).code == 2);

    const std::string folder = dump.folder / "report";
    CHECK(dump.measure({"--measures", "all", "--report", folder}).code == 0);
    const std::string page = slurp(folder + "/report.html");
    for (const char* heading : {"<h2>Units</h2>", "<h2>Class geometry</h2>", "<h2>Intrinsic dimension</h2>"})
        CHECK(page.find(heading) != std::string::npos);
    CHECK(slurp(folder + "/units.csv")
              .find("layer,unit,index,preferred_class,mu_max,mu_rest,activation_frequency,") == 0);
    CHECK(slurp(folder + "/layers.csv").find(",neighbors.two_nn,") != std::string::npos);

    const auto judged = [&](const std::string& condition) {
        return dump.measure({"--measures", "all", "--fail-if", condition}).code;
    };
    CHECK(judged("geometry.cdnv>0") == 3);
    CHECK(judged("neighbors.local_pca<0") == 0);
    CHECK(judged("max(unit_measures.d_prime)>0") == 3);
    CHECK(judged("unit_measures.mean.auc<.5") == 0);
    const outcome missing = dump.measure({"--fail-if", "geometry.cdnv>0"});
    CHECK(missing.code == 2);
    CHECK(missing.err.find("geometry.cdnv needs --measures cdnv") != std::string::npos);
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
          "repscope measure: --inference: needs selectivity, participation_ratio, or measures of geometry "
          "or similarity\n");
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
