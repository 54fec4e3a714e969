// repscope measure --inference: every number against the library called on the same values.

#include "layers/report.hpp"
#include "npy.hpp"
#include "process.hpp"

#include <repscope/dimensionality/participation_ratio_jackknife.hpp>
#include <repscope/selectivity/cross_fit.hpp>
#include <repscope/selectivity/p_values.hpp>
#include <repscope/selectivity/permutation_test.hpp>
#include <repscope/statistics/multiple_testing.hpp>

#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace inference_test {

using namespace program_test;
using json = nlohmann::json;

namespace {

std::vector<float> activations(std::size_t samples, std::size_t units, std::size_t classes,
                               std::uint64_t seed) {
    generator random(seed);
    std::vector<float> values;
    for (std::size_t n = 0; n < samples; ++n) {
        for (std::size_t u = 0; u < units; ++u) {
            const double gain = u % classes == n % classes && u % 2 == 0 ? 2.0 : 1.0;
            values.push_back(u == 3 ? 0.0F : static_cast<float>(gain * random.uniform() * random.uniform()));
        }
    }
    return values;
}

std::vector<std::int64_t> labels(std::size_t samples, std::size_t classes) {
    std::vector<std::int64_t> y;
    for (std::size_t n = 0; n < samples; ++n) y.push_back(static_cast<std::int64_t>(n % classes));
    return y;
}

json measured(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "measure");
    arguments.insert(arguments.end(), {"--inference", "--json", "-"});
    const outcome result = run(arguments);
    INFO(result.err);
    REQUIRE(result.code == 0);
    return json::parse(result.out)["layers"][0];
}

void check_ratio(const json& ours, const repscope::participation_ratio_estimate& expected) {
    CHECK(ours["participation_ratio_unbiased"].get<double>() ==
          doctest::Approx(expected.unbiased).epsilon(1e-11));
    CHECK(ours["participation_ratio_jackknife"].get<double>() ==
          doctest::Approx(expected.jackknife).epsilon(1e-9));
    CHECK(ours["se_log"].get<double>() == doctest::Approx(expected.se_log).epsilon(1e-9));
    CHECK(ours["ci"][0].get<double>() == doctest::Approx(expected.ci.low).epsilon(1e-9));
    CHECK(ours["ci"][1].get<double>() == doctest::Approx(expected.ci.high).epsilon(1e-9));
    CHECK(ours["samples"] == expected.samples);
    CHECK(ours["method"] == "exact");
}

} // namespace

TEST_CASE("estimates with their intervals are the library's") {
    const scratch_folder folder;
    write_npy(folder / "labels.npy", labels(600, 5), {600});
    for (const std::size_t units : {12U, 700U}) { // a second pass, and none
        const auto x = activations(600, units, 5, units);
        write_npy(folder / "layer.npy", x, {600, units});
        const json ours = measured({folder / "layer.npy", "--labels", folder / "labels.npy"});
        const auto view = repscope::as_view(x, {600, units});
        const auto fitted = repscope::cross_fit_selectivity(view, labels(600, 5));
        const json& cross_fit = ours["selectivity"]["cross_fit"];
        CHECK(cross_fit["mean"].get<double>() == doctest::Approx(fitted.mean).epsilon(1e-12));
        CHECK(cross_fit["ci"][0].get<double>() == doctest::Approx(fitted.mean_ci.low).epsilon(1e-10));
        CHECK(cross_fit["ci"][1].get<double>() == doctest::Approx(fitted.mean_ci.high).epsilon(1e-10));
        CHECK(cross_fit["samples"] == 600);
        CHECK(cross_fit["silent_units"] == 1);
        CHECK(cross_fit["tested_units"] == units);
        // Every other unit prefers a class twice over the others: the units of even number, found and no
        // others.
        CHECK(cross_fit["significant_units"].get<std::size_t>() >= units / 2 - units / 20);
        CHECK(cross_fit["significant_units"].get<std::size_t>() <= units / 2 + units / 20);
        CHECK(cross_fit["state_bytes"] == 20 * 5 * units * 8);
        REQUIRE(cross_fit["index"].size() == units);
        for (std::size_t u = 0; u < units; ++u)
            REQUIRE(std::abs(cross_fit["index"][u].get<double>() - fitted.index[u]) < 1e-12);
        check_ratio(ours["dimensionality"], repscope::participation_ratio_interval(view));
    }
    // On any threads and batches the same bytes.
    const auto told = [&](const std::string& threads, const std::string& batch) {
        return measured({folder / "layer.npy", "--labels", folder / "labels.npy", "--threads", threads,
                         "--batch", batch})
            .dump();
    };
    CHECK(told("1", "64") == told("3", "600"));
    const outcome table =
        run({"measure", folder / "layer.npy", "--labels", folder / "labels.npy", "--inference"});
    CHECK(table.code == 0);
    CHECK(table.out.find("cross-fit") != std::string::npos);
    CHECK(table.out.find("state of the cross-fit index, 20 blocks: layer") != std::string::npos);
}

TEST_CASE("the fold of a sample depends on its index alone, for omitted samples and parts") {
    const scratch_folder folder;
    const auto x = activations(400, 6, 4, 1);
    auto y = labels(400, 4);
    write_npy(folder / "x.npy", x, {400, 6});
    write_npy(folder / "labels.npy", y, {400});
    const json from_0 = measured({folder / "x.npy", "--labels", folder / "labels.npy"});
    const json from_1000 =
        measured({folder / "x.npy", "--labels", folder / "labels.npy", "--first-index", "1000"});
    const auto moved =
        repscope::cross_fit_selectivity(repscope::as_view(x, {400, 6}), y, {.first_index = 1000});
    CHECK(from_1000["selectivity"]["cross_fit"]["index"][0].get<double>() ==
          doctest::Approx(moved.index[0]).epsilon(1e-12));
    CHECK(from_1000["selectivity"]["cross_fit"]["index"] != from_0["selectivity"]["cross_fit"]["index"]);
    // Every fifth sample is left out.
    std::vector<float> kept;
    std::vector<std::int64_t> kept_labels;
    std::vector<std::size_t> places;
    for (std::size_t n = 0; n < 400; ++n) {
        if (n % 5 == 2) {
            y[n] = 99;
            continue;
        }
        places.push_back(n);
        kept_labels.push_back(y[n]);
        for (std::size_t u = 0; u < 6; ++u) kept.push_back(x[n * 6 + u]);
    }
    write_npy(folder / "labels.npy", y, {400});
    const json without =
        measured({folder / "x.npy", "--labels", folder / "labels.npy", "--ignore-label", "99"});
    repscope::blocked_class_sums state(6, 4);
    state.update(repscope::as_view(kept, {places.size(), 6}), kept_labels, {.places = places});
    const auto expected = repscope::cross_fit_selectivity(state);
    for (std::size_t u = 0; u < 6; ++u) {
        CHECK(without["selectivity"]["cross_fit"]["index"][u].get<double>() ==
              doctest::Approx(expected.index[u]).epsilon(1e-12));
    }
    check_ratio(without["dimensionality"],
                repscope::participation_ratio_interval(repscope::as_view(kept, {places.size(), 6})));
}

TEST_CASE("significant units by shuffled labels, in as many passes as fit, and by saddlepoints") {
    const scratch_folder folder;
    // Thick and thin; maps, of which the rectified means are tested.
    for (const std::size_t units : {12U, 260U}) {
        CAPTURE(units);
        auto x = activations(240, units * 2, 5, units); // two positions
        for (float& v : x) v -= .05F;
        auto y = labels(240, 5);
        for (std::size_t n = 0; n < 240; n += 7) y[n] = 8; // left out
        write_npy(folder / "x.npy", x, {240, units, 1, 2});
        write_npy(folder / "labels.npy", y, {240});
        std::vector<float> kept;
        std::vector<std::int64_t> kept_labels;
        for (std::size_t n = 0; n < 240; ++n) {
            if (y[n] == 8) continue;
            kept_labels.push_back(y[n]);
            kept.insert(kept.end(), x.begin() + static_cast<std::ptrdiff_t>(n * units * 2),
                        x.begin() + static_cast<std::ptrdiff_t>((n + 1) * units * 2));
        }
        const std::vector<std::string> way{
            folder / "x.npy", "--layout", "nchw",     "--labels", folder / "labels.npy",
            "--ignore-label", "8",        "--signed", "rectify",  "--null"};
        const auto with = [&](std::vector<std::string> more) {
            std::vector<std::string> all = way;
            all.insert(all.end(), more.begin(), more.end());
            return measured(all);
        };
        const json whole = with({"permutation", "--permutations", "199"});
        const json& ours = whole["selectivity"]["cross_fit"];
        const auto view =
            repscope::as_view(kept, {kept_labels.size(), units, std::size_t{1}, std::size_t{2}});
        const auto expected =
            repscope::selectivity_permutation(view, kept_labels,
                                              {.permutations = 199,
                                               .max_permutations = 20 * units,
                                               .negatives = repscope::negative_policy::rectify});
        CHECK(ours["null"] == "permutation");
        CHECK(ours["permutations"] == 199);
        CHECK(ours["max_permutations"] ==
              *std::max_element(expected.permutations.begin(), expected.permutations.end()));
        REQUIRE(ours["p_value"].size() == units);
        for (std::size_t u = 0; u < units; ++u) {
            REQUIRE(ours["p_value"][u].get<double>() == expected.p_value[u]);
            REQUIRE(ours["null_95"][u].get<double>() == doctest::Approx(expected.null_95[u]).epsilon(1e-12));
        }
        std::size_t significant = 0;
        for (const double q : repscope::benjamini_hochberg(expected.p_value))
            significant += q <= .05 ? 1U : 0U;
        CHECK(ours["significant_units"] == significant);
        CHECK(significant >= units / 2 - 2);
        CHECK(ours["tested_units"] == units);
        // Little memory, other batches and threads: the same to the byte, jackknife and all.
        const json bounded = with({"permutation", "--permutations", "199", "--memory",
                                   units == 12 ? "2M" : "20M", "--batch", "37", "--threads", "3"});
        CHECK(bounded.dump() == whole.dump());
        check_ratio(whole["dimensionality"], repscope::participation_ratio_interval(view));
        const json by_saddlepoint = with({"saddlepoint"});
        CHECK(by_saddlepoint["selectivity"]["cross_fit"]["null"] == "saddlepoint");
        CHECK(!by_saddlepoint["selectivity"]["cross_fit"].contains("permutations"));
        const auto p = repscope::selectivity_p_values(view, kept_labels, {.rectify = true});
        for (std::size_t u = 0; u < units; ++u) {
            const double ratio =
                by_saddlepoint["selectivity"]["cross_fit"]["p_value"][u].get<double>() / p[u];
            REQUIRE(std::abs(ratio - 1) < 1e-6);
        }
    }
    const outcome table =
        run({"measure", folder / "x.npy", "--layout", "nchw", "--labels", folder / "labels.npy", "--signed",
             "rectify", "--inference", "--null", "permutation", "--permutations", "19"});
    CHECK(table.out.find("significant: of 19 permutations of the labels, more for units at the floor") !=
          std::string::npos);
    CHECK(
        run({"measure", folder / "x.npy", "--labels", folder / "labels.npy", "--null", "permutation"}).code ==
        2);
    CHECK(run({"measure", folder / "x.npy", "--inference", "--null", "permutation"}).code == 2);
    CHECK(run({"measure", folder / "x.npy", "--labels", folder / "labels.npy", "--inference",
               "--permutations", "9"})
              .code == 2);
}

TEST_CASE("the count of significant units holds a selective few and almost no noise") {
    // 200 samples, ten classes of twenty, 2,048 rectified normal units of which thirty answer one class only.
    const scratch_folder folder;
    constexpr std::size_t n = 200, units = 2048, selective = 30;
    repscope::random_stream random(71, 1);
    std::vector<float> x;
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t u = 0; u < units; ++u) {
            const double v = std::max(0.0, random.normal());
            x.push_back(u < selective && i % 10 != u % 10 ? 0.0F : static_cast<float>(v));
        }
    }
    write_npy(folder / "x.npy", x, {n, units});
    write_npy(folder / "labels.npy", labels(n, 10), {n});
    for (const std::string null : {"saddlepoint", "permutation"}) {
        const json found =
            measured({folder / "x.npy", "--labels", folder / "labels.npy", "--null", null})["selectivity"];
        const auto significant = found["cross_fit"]["significant_units"].get<std::size_t>();
        CHECK(significant >= selective - 2);
        CHECK(significant <= selective + 6);
    }
}

TEST_CASE("permutations that cannot make a single unit significant are reported") {
    program::layer_report layer;
    auto& inference = layer.inference.emplace();
    inference.max_permutations = 999;
    inference.permutations = 999;
    inference.tested_units = 100;
    inference.p_value.assign(100, .4);
    CHECK(program::notes_on(layer).empty());
    inference.p_value[3] = 1 / 1000.0;
    REQUIRE(program::notes_on(layer).size() == 1);
    CHECK(
        program::notes_on(layer)[0] ==
        "a single significant unit among 100 takes 1999 permutations, there were 999: --null saddlepoint has "
        "no such limit");
    inference.significant_units = 60;
    CHECK(program::notes_on(layer).empty());
}

TEST_CASE("a null mean is over the units that have an index, and null without any") {
    const scratch_folder folder;
    constexpr std::size_t n = 100, units = 300;
    repscope::random_stream random(72, 1);
    std::vector<float> x(n * units);
    for (float& v : x) v = static_cast<float>(random.normal());
    write_npy(folder / "x.npy", x, {n, units});
    write_npy(folder / "labels.npy", labels(n, 10), {n});
    const std::vector<std::string> way{folder / "x.npy", "--labels", folder / "labels.npy"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), way.begin(), way.end());
        return measured(more)["selectivity"];
    };
    const json plain = with({});
    CHECK(plain["mean"].is_null() == (plain["undefined_units"] == units));
    CHECK(plain["null_mean"].is_null() == plain["mean"].is_null());
    // Without classes of their own the units are as selective as shuffled labels make them.
    const json rectified = with({"--signed", "rectify"});
    const double ratio = rectified["mean"].get<double>() / rectified["null_mean"].get<double>();
    CHECK(std::abs(ratio - 1) < .06);
}

TEST_CASE("a sketch has participation ratios only") {
    const scratch_folder folder;
    const auto x = activations(300, 40, 4, 2);
    write_npy(folder / "x.npy", x, {300, 40});
    const json sketched = measured({folder / "x.npy", "--method", "sketch"});
    const json& ours = sketched["dimensionality"];
    const auto exact = repscope::participation_ratio_interval(repscope::as_view(x, {300, 40}));
    CHECK(ours["method"] == "sketch");
    CHECK(ours["probes"] == 256);
    CHECK(ours["stable_rank"].is_null());
    CHECK(ours["components"].is_null());
    const double off = std::log(ours["participation_ratio_unbiased"].get<double>() / exact.unbiased);
    CHECK(std::abs(off) < 4 * ours["se_log"].get<double>());
    CHECK(off != 0);
    CHECK(sketched["selectivity"].is_null());
    // Few samples: as exact as ever.
    CHECK(measured({folder / "x.npy", "--method", "auto"})["dimensionality"]["method"] == "exact");
}

TEST_CASE("few samples, and contradictory options") {
    const scratch_folder folder;
    const auto x = activations(4, 3, 2, 3);
    write_npy(folder / "x.npy", x, {4, 3});
    write_npy(folder / "labels.npy", labels(4, 2), {4});
    const json few = measured({folder / "x.npy", "--labels", folder / "labels.npy"});
    CHECK(few["dimensionality"]["se_log"].is_null());
    CHECK(few["dimensionality"]["ci"][0].is_null());
    CHECK(few["selectivity"]["cross_fit"]["samples"] == 4);
    CHECK(run({"measure", folder / "x.npy", "--first-index", "3"}).code == 2);
    CHECK(run({"measure", folder / "x.npy", "--method", "sketch"}).code == 2);
    CHECK(run({"measure", folder / "x.npy", "--inference", "--method", "auto", "--compare", folder / "x.npy"})
              .code == 2);
    const outcome compared =
        run({"measure", folder / "x.npy", "--inference", "--compare", folder / "x.npy", "--json", "-"});
    CHECK(compared.code == 0);
    const outcome small = run(
        {"measure", folder / "x.npy", "--labels", folder / "labels.npy", "--inference", "--memory", "1K"});
    CHECK(small.code == 1);
    CHECK(is_one_line(small.err));
}

} // namespace inference_test
