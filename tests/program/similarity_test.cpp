// `repscope measure` compares layers: similarity, intervals, all pairs of layers, drift.

#include "made_up_dump.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <doctest/doctest.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace similarity_test {

using namespace program_test;
using json = nlohmann::json;

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

TEST_CASE("intervals of geometry and similarity") {
    const made_up_dump dump;
    const std::vector<std::string> way{
        "--measures", "default,geometry,similarity", "--compare", dump.perturbed, "--inference", "--signed",
        "rectify"};
    const json layers = dump.layers(way);
    for (const json& layer : layers) {
        CHECK(layer["dimensionality"]["method"] == "exact");
        for (const auto& place :
             std::vector<std::pair<std::string, std::string>>{{"geometry", "nc1_trace"},
                                                              {"geometry", "class_separation"},
                                                              {"similarity", "cka_unbiased"},
                                                              {"similarity", "procrustes"}}) {
            const std::string &part = place.first, &key = place.second;
            CAPTURE(key);
            const double value = layer[part][key], low = layer[part][key + "_ci"][0];
            CHECK(low < value);
            CHECK((value - low) == doctest::Approx(layer[part][key + "_ci"][1].get<double>() - value));
        }
        CHECK(layer["similarity"]["activation_uniformity_change_ci"].size() == 2);
        CHECK(!layer["comparison"]["geometry"].contains("nc1_trace_ci"));
    }
    std::vector<std::string> threaded = way;
    threaded.insert(threaded.end(), {"--threads", "3", "--batch", "7"});
    CHECK(dump.layers(threaded) == layers);
    const outcome table = dump.measure(way);
    CHECK(table.out.find("95 % interval") != std::string::npos);
    CHECK(table.out.find("cka_unbiased") != std::string::npos);
    CHECK(dump.measure({"--measures", "cdnv", "--inference", "--fail-if", "max(geometry.cdnv_ci)<0"}).code ==
          0);
    const outcome small = dump.measure({"--measures", "cdnv", "--inference", "--memory", "600k"});
    CHECK(small.out.find("note: fc: no intervals of cdnv, cdnv_unbiased: the moments of 20 blocks of samples "
                         "take ") != std::string::npos);
}

TEST_CASE("--similarity compares all pairs of layers") {
    const made_up_dump dump;
    const auto matrix_of = [&](std::vector<std::string> more) {
        more.insert(more.end(), {"--similarity", "--json", "-"});
        const outcome result = dump.measure(more);
        INFO(result.err);
        REQUIRE(result.code == 0);
        return json::parse(result.out);
    };
    const json both = matrix_of({"--measures", "cka", "--compare", dump.perturbed});
    CHECK(both["similarity"]["samples"] == 60);
    CHECK(both["similarity"]["layers"] == json::parse(R"(["conv", "fc"])"));
    CHECK(both["similarity"]["compared"] == true);
    for (std::size_t k = 0; k < 2; ++k) { // all samples are in the subset
        for (const std::string key : {"cka", "cka_unbiased"}) {
            const double expected = both["layers"][k]["similarity"][key];
            CHECK(both["similarity"][key][k][k].get<double>() == doctest::Approx(expected).epsilon(1e-10));
        }
    }
    const json single = matrix_of({"--measures", "participation_ratio"})["similarity"];
    CHECK(single["compared"] == false);
    CHECK(single["cka"][0][0].get<double>() == doctest::Approx(1).epsilon(1e-12));
    CHECK(single["cka"][0][1] == single["cka"][1][0]);
    CHECK(single["cka_unbiased"][0][1] < single["cka"][0][1]);
    const json part = matrix_of({"--reservoir", "40", "--inference", "--threads", "1"})["similarity"];
    CHECK(part["samples"] == 40);
    CHECK(part["cka"][0][1] != single["cka"][0][1]);
    CHECK(matrix_of({"--reservoir", "40", "--threads", "3", "--batch", "7"})["similarity"] == part);

    const outcome report = dump.measure({"--similarity", "--report", dump.folder / "report"});
    REQUIRE(report.code == 0);
    CHECK(report.out.find("CKA of layers") != std::string::npos);
    CHECK(report.out.find("1 conv") != std::string::npos);
    const std::string csv = slurp(dump.folder / "report/similarity.csv");
    CHECK(csv.starts_with("layer,other,cka,cka_unbiased\nconv,conv,"));
    CHECK(std::count(csv.begin(), csv.end(), '\n') == 5);
    CHECK(slurp(dump.folder / "report/report.html").find("Similarity of layers") != std::string::npos);
    CHECK(report.out.find("CKA of layers: unbiased, of 60 samples\n") != std::string::npos);
    CHECK(dump.measure({"--similarity", "--reservoir", "40"})
              .out.find("CKA of layers: unbiased, of 40 of 60 samples, chosen at random\n") !=
          std::string::npos);
    CHECK(dump.measure({"--similarity", "--memory", "40k"})
              .err.find("the products of 60 samples of all layers take 58 kB, more than half of --memory; "
                        "--reservoir N") != std::string::npos);
    const outcome printed = dump.measure({"--similarity", "--format", "csv"});
    REQUIRE(printed.code == 0);
    CHECK(printed.out.starts_with("name,"));
    CHECK(printed.out.ends_with("\n\n" + csv));
    CHECK(dump.measure({"--similarity", "--state", dump.folder / "s.rsm"}).code == 2);
    CHECK(dump.measure({"--similarity", "--unpaired", "--compare", dump.perturbed}).code == 2);
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
    CHECK(run({"measure", dump.fc, "--compare", part, "--unpaired", "--fail-if", "comparison.zero_samples>1"})
              .err.find("comparison.zero_samples needs --compare without --unpaired") != std::string::npos);
    CHECK(run({"measure", dump.fc, "--compare", dump.fc, "--fail-if", "drift.frechet>1"})
              .err.find("drift.frechet needs --unpaired") != std::string::npos);
    const std::string single = dump.folder / "single.npy";
    write_npy(single, std::vector<float>(8, 1.F), {1, 8});
    CHECK(run({"measure", single, "--compare", dump.fc, "--unpaired"}).err ==
          "repscope measure: " + single + ": has 1 sample, expected at least 2 for --unpaired\n");
    CHECK(run({"measure", dump.fc, "--compare", single, "--unpaired"}).err ==
          "repscope measure: " + single + ": has 1 sample, expected at least 2 for --unpaired\n");
}

TEST_CASE("comparisons of layers that need more than --memory are refused before they are read") {
    const scratch_folder folder;
    const std::string file = folder / "wide.npy";
    constexpr std::size_t samples = 600, units = 1000;
    std::vector<float> rows(samples * units);
    generator random(4);
    for (float& value : rows) value = static_cast<float>(random.uniform());
    rows.back() = std::numeric_limits<float>::quiet_NaN(); // named if the file is read
    write_npy(file, rows, {samples, units});
    const auto error_of = [&](std::vector<std::string> more, const std::string& memory) {
        std::vector<std::string> arguments{"measure", file, "--memory", memory};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const outcome result = run(arguments);
        CHECK(result.code == 1);
        return result.err;
    };
    const std::string refusal = ", more than --memory allows (";
    // The statistics of a layer take 23 MB.
    const std::pair<std::vector<std::string>, std::string> ways[] = {
        {{"--measures", "participation_ratio", "--similarity"}, "30M"},
        {{"--measures", "participation_ratio", "--compare", file, "--unpaired"}, "60M"},
        {{"--measures", "cka", "--compare", file}, "75M"}};
    for (const auto& way : ways) {
        CAPTURE(way.second);
        CHECK(error_of(way.first, way.second).find(refusal) != std::string::npos);
        CHECK(error_of(way.first, "200M").find("nan at sample 599, unit 999") != std::string::npos);
    }
}

} // namespace similarity_test
