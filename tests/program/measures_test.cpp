// `repscope measure --measures`: what is asked for is computed, and nothing else.

#include "npy.hpp"
#include "process.hpp"
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

TEST_CASE("similarity to the perturbed layer") {
    const made_up_dump dump;
    const json both = dump.layers({"--measures", "similarity", "--compare", dump.perturbed});
    // Linear CKA from its definition: |X'Y|^2 / (|X'X| |Y'Y|) of centered rows.
    const auto products = [](const std::vector<float>& a, const std::vector<float>& b) {
        double sum = 0;
        for (std::size_t u = 0; u < 8; ++u) {
            for (std::size_t v = 0; v < 8; ++v) {
                double ab = 0, mean_a = 0, mean_b = 0;
                for (std::size_t n = 0; n < 60; ++n) {
                    const auto x = static_cast<double>(a[8 * n + u]), y = static_cast<double>(b[8 * n + v]);
                    ab += x * y;
                    mean_a += x / 60;
                    mean_b += y / 60;
                }
                sum += std::pow(ab - 60 * mean_a * mean_b, 2);
            }
        }
        return sum;
    };
    const double cka = products(dump.rows, dump.moved) /
                       std::sqrt(products(dump.rows, dump.rows) * products(dump.moved, dump.moved));
    CHECK(both[1]["similarity"]["cka"].get<double>() == doctest::Approx(cka).epsilon(1e-9));
    CHECK(both[1]["similarity"]["cka_unbiased"].get<double>() < 1);
    CHECK(both[1]["similarity"]["activation_uniformity"].size() == 3);
    // Every unit is active for every perturbed sample.
    CHECK(both[1]["similarity"]["activation_uniformity_perturbed"][0].get<double>() ==
          doctest::Approx(1).epsilon(1e-12));
    CHECK(both[1]["similarity"]["activation_uniformity_change"].get<double>() > 0);

    const json same = dump.layers({"--measures", "similarity", "--compare", dump.conv, "--compare", dump.fc});
    for (const json& layer : same) {
        const json& similarity = layer["similarity"];
        CHECK(similarity["cka"].get<double>() == doctest::Approx(1).epsilon(1e-12));
        CHECK(similarity["cka_unbiased"].get<double>() == doctest::Approx(1).epsilon(1e-12));
        CHECK(similarity["procrustes"].get<double>() < 1e-6);
        CHECK(similarity["class_mean_rsa"].get<double>() == doctest::Approx(1).epsilon(1e-12));
        CHECK(similarity["activation_uniformity_change"] == 0);
    }
    for (const std::string threads : {"2", "3"}) {
        CHECK(dump.layers({"--measures", "similarity", "--compare", dump.perturbed, "--threads", threads,
                           "--batch", threads}) == both);
    }
    CHECK(dump.measure({"--measures", "similarity"}).err ==
          "repscope measure: --measures similarity: needs --compare of the same samples\n");
    const outcome judged =
        dump.measure({"--measures", "cka", "--compare", dump.perturbed, "--fail-if", "similarity.cka<1"});
    CHECK(judged.code == 3);
    CHECK(judged.out.find("CKA unbiased") != std::string::npos);
    CHECK(
        run({"measure", dump.fc, "--measures", "similarity", "--compare", dump.perturbed + "/fc.npy"}).code ==
        0);
}

TEST_CASE("--unpaired reports the drift to other samples") {
    const made_up_dump dump;
    const std::string part = dump.folder / "part.npy"; // the first 40 samples
    write_npy(part, std::vector<float>(dump.moved.begin(), dump.moved.begin() + 8 * 40), {40, 8});
    const outcome result = run({"measure", dump.fc, "--labels", dump.labels, "--compare", part, "--unpaired",
                                "--json", "-", "--fail-if", "drift.mean_distance>0", "--threads", "1"});
    INFO(result.err);
    REQUIRE(result.code == 3);
    const json layer = json::parse(result.out)["layers"][0];
    double distance = 0;
    for (std::size_t u = 0; u < 8; ++u) {
        double before = 0, after = 0;
        for (std::size_t n = 0; n < 60; ++n) before += static_cast<double>(dump.rows[8 * n + u]) / 60;
        for (std::size_t n = 0; n < 40; ++n) after += static_cast<double>(dump.moved[8 * n + u]) / 40;
        distance += (after - before) * (after - before);
    }
    const json& drift = layer["drift"];
    CHECK(drift["mean_distance"].get<double>() == doctest::Approx(std::sqrt(distance)).epsilon(1e-9));
    CHECK(drift["frechet"].get<double>() > distance);
    CHECK(drift["principal_angles"].size() == 8);
    CHECK(drift["samples"] == 40);
    CHECK(!layer.contains("comparison"));
    // The other numbers are those of a run without a comparison.
    CHECK(layer["dimensionality"] == dump.layers({})[1]["dimensionality"]);
    CHECK(layer["selectivity"] == dump.layers({})[1]["selectivity"]);
    const outcome threaded = run({"measure", dump.fc, "--labels", dump.labels, "--compare", part,
                                  "--unpaired", "--json", "-", "--threads", "3", "--batch", "7"});
    CHECK(json::parse(threaded.out)["layers"][0] == layer);

    const outcome same = run({"measure", dump.fc, "--measures", "participation_ratio", "--compare", dump.fc,
                              "--unpaired", "--json", "-"});
    const json none = json::parse(same.out)["layers"][0]["drift"];
    CHECK(none["mean_distance"] == 0);
    CHECK(none["frechet"].get<double>() < 1e-9);
    CHECK(none["participation_ratio_quotient"] == 1);
    CHECK(run({"measure", dump.fc, "--unpaired"}).err == "repscope measure: --unpaired: needs --compare\n");
    CHECK(run({"measure", dump.fc, "--fail-if", "drift.frechet>1"})
              .err.find("drift.frechet needs --compare and --unpaired") != std::string::npos);
    CHECK(run({"measure", dump.fc, "--compare", part}).code == 1); // paired: another number of samples
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
