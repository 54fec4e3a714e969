// The claims of a study, on studies made up so that the answer is known.
#include "study_claims.hpp"

#include "study_report.hpp"
#include "study_settings.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace {

using json = nlohmann::ordered_json;

json dimensionality(double count) {
    return {{"participation_ratio", count},
            {"participation_ratio_unbiased", count},
            {"components_interpolated", {{"90", count}, {"95", count}, {"99", count}}}};
}

json layers_of(double count, bool with_change) {
    json layers = json::array();
    for (const char* name : {"early", "late"}) {
        json layer{
            {"name", name}, {"units", 10}, {"shape", {100, 10}}, {"dimensionality", dimensionality(count)}};
        if (with_change)
            layer["change"] = {{"dimensionality", dimensionality(count)}, {"relative_size", 0.5}};
        layers.push_back(layer);
    }
    return layers;
}

struct made_up {
    json study;
    program::image_verdicts verdicts;
};

// Networks whose selectivity rises with alpha. With `trend` 1 everything is as the paper claims, with -1 the
// opposite, and with 0 corruption accuracy rises in one seed and falls in the others. The first images are
// right: their share is the accuracy.
made_up study(double trend, std::size_t seeds) {
    made_up result;
    json& study = result.study;
    study["options"] = {{"corruption_images", 100},
                        {"attack_images", 100},
                        {"gradient_images", 100},
                        {"compared_images", 100}};
    study["networks"] = json::array();
    for (std::size_t seed = 0; seed < seeds; ++seed) {
        for (const double alpha : {-2.0, -1.0, 0.0, 1.0, 2.0}) {
            const double step = trend == 0.0 ? (seed == 0 ? alpha : -alpha) : trend * alpha;
            json network{{"alpha", alpha},
                         {"seed", seed},
                         {"selectivity_mean", 0.4 + 0.1 * alpha},
                         {"clean_accuracy", 0.8}};
            const std::string cell = program::cell_name({alpha, seed});
            const auto add = [&](json condition, double accuracy, double dimensions) {
                condition["accuracy"] = accuracy;
                condition["layers"] = layers_of(dimensions, condition["kind"] != "clean");
                std::vector<bool> right(100);
                for (std::size_t i = 0; i < right.size(); ++i)
                    right[i] = static_cast<double>(i) < 100 * accuracy - 0.5;
                result.verdicts.emplace_back(cell + "/" + program::condition_label(condition), right);
                network["conditions"].push_back(condition);
            };
            network["conditions"] = json::array();
            add({{"kind", "clean"}, {"images", 100}}, alpha == 2.0 ? 0.6 : 0.8, 5.0 - step);
            for (auto& layer : network["conditions"][0]["layers"]) {
                layer["gradient"]["l2"] = {{"cv_samples", 1.0 + 0.1 * step},
                                           {"cv_units", 1.0 + 0.1 * step},
                                           {"cv_samples_nonzero", 1.0 + 0.1 * step}};
            }
            network["reference"] = {{"images", 100}, {"layers", layers_of(5.0 - step, false)}};
            add({{"kind", "corruption"}, {"name", "gaussian_noise"}, {"severity", 3}}, 0.5 - 0.05 * step,
                5.0 - step + 0.1);
            add({{"kind", "corruption"}, {"name", "fog"}, {"severity", 3}}, 0.5 - 0.05 * step,
                5.0 - step + 0.1);
            // Nothing is left of the accuracy at 16/255; 8/255 is nearest to half.
            for (const double eps : {8.0 / 255, 16.0 / 255}) {
                const bool weak = eps < 10.0 / 255;
                for (const char* name : {"pgd", "pgd-margin"}) {
                    add({{"kind", "attack"}, {"name", name}, {"eps", eps}}, weak ? 0.4 + 0.05 * step : 0.01,
                        5.0 - step + (trend < 0 ? 0.0 : 0.2));
                }
                add({{"kind", "random"}, {"eps", eps}}, 0.7, 5.0 - step + 0.1);
            }
            study["networks"].push_back(network);
        }
    }
    return result;
}

json claim(const json& claims, const std::string& id) {
    for (const auto& one : claims) {
        if (one["id"] == id) return one;
    }
    FAIL("no claim " << id);
    return {};
}

} // namespace

TEST_CASE("claims that hold, and claims that do not") {
    for (const double trend : {1.0, -1.0}) {
        CAPTURE(trend);
        const made_up made = study(trend, 3);
        const json claims = program::study_claims(made.study, made.verdicts);
        const std::string verdict = trend > 0 ? "yes" : "no";
        for (const char* id : {"1", "1-without-intensity", "3", "3-participation-ratio", "4", "5a", "5b"}) {
            CAPTURE(id);
            const json found = claim(claims, id);
            CHECK(found["holds"] == verdict);
            CHECK(found["p_holm"].get<double>() < 0.05);
            CHECK(found["p_holm"].get<double>() >= found["p"].get<double>());
            CHECK(found["seeds"] == 3);
            CHECK(found["networks"] == 15);
        }
        CHECK(claim(claims, "1")["estimate"].get<double>() == doctest::Approx(-trend));
        // .05 of accuracy for .1 of selectivity.
        CHECK(claim(claims, "1")["slope_per_tenth"]["estimate"].get<double>() ==
              doctest::Approx(-0.05 * trend));
        // The share of right images varies as that of a coin: sqrt(.5 * .5 / 99) where half of them are.
        CHECK(claim(claims, "1")["image_error"].get<double>() == doctest::Approx(0.0495).epsilon(0.03));
        const json attacked = claim(claims, "2b");
        CHECK(attacked["primary_eps"] == 8.0 / 255);
        CHECK(attacked["estimate"].get<double>() == doctest::Approx(trend));
        CHECK(attacked["networks"] == 9); // alpha of 0 and above
        CHECK(attacked["by_eps"][1]["floor"] == true);
        CHECK(attacked["by_eps"][0]["floor"] == false);
        CHECK(claim(claims, "4")["estimate"].get<double>() == doctest::Approx(trend > 0 ? 0.01 : -0.01));
        // Full maps were not measured.
        CHECK(claim(claims, "4-full")["holds"] == "unclear");
    }
}

TEST_CASE("claims that are unclear say why") {
    const made_up two_seeds = study(1.0, 2);
    for (const auto& one : program::study_claims(two_seeds.study, two_seeds.verdicts)) {
        CHECK(one["holds"] == "unclear");
        CHECK(!one["reason"].get<std::string>().empty());
    }
    const made_up mixed = study(0.0, 3);
    const json first = claim(program::study_claims(mixed.study, mixed.verdicts), "1");
    CHECK(first["holds"] == "unclear");
    CHECK(first["per_seed"].size() == 3);
    CHECK(first["per_seed"][0].get<double>() * first["per_seed"][1].get<double>() < 0.0);
}

TEST_CASE("accuracy that stays: the range of alphas around 0") {
    const made_up made = study(1.0, 3);
    const json found = claim(program::study_claims(made.study, made.verdicts), "6");
    CHECK(found["range"] == json({-2.0, 1.0}));
    REQUIRE(found["alphas"].size() == 4);
    CHECK(found["alphas"][0]["holds"] == "yes");
    CHECK(found["alphas"][3]["holds"] == "no"); // 20 points below
    CHECK(found["alphas"][3]["estimate"].get<double>() == doctest::Approx(-0.2));
    CHECK(found["holds"] == "unclear");
}
