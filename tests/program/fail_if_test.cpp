// --fail-if: what it accepts, when it is checked, and what it judges.

#include "npy.hpp"
#include "process.hpp"

#include "measure/fail_if/condition_check.hpp"
#include "measure/fail_if/fail_condition.hpp"
#include "support/errors.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace fail_if_test {

using namespace program_test;
using namespace program;
using json = nlohmann::json;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

std::vector<float> noise(std::size_t count, std::uint64_t seed, double shift = 0.0) {
    generator numbers(seed);
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(numbers.uniform() + shift);
    return values;
}

std::vector<std::int32_t> labels_of(std::size_t count, std::int32_t classes) {
    std::vector<std::int32_t> labels(count);
    for (std::size_t i = 0; i < count; ++i) labels[i] = static_cast<std::int32_t>(i) % classes;
    return labels;
}

std::string refusal(const std::string& condition, const report_parts& parts) {
    try {
        check_condition_keys({condition}, parts);
    } catch (const usage_error& e) {
        return e.what();
    }
    return {};
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("conditions of --fail-if are parsed") {
    const fail_condition plain = parse_fail_condition("selectivity.mean>0.4");
    CHECK(plain.pattern.empty());
    CHECK(plain.rule == array_rule::none);
    CHECK(plain.keys == std::vector<std::string>{"selectivity", "mean"});
    CHECK(plain.comparison == ">");
    CHECK(plain.bound == 0.4);
    const fail_condition some = parse_fail_condition("conv*:dimensionality.components.95 <= 1e2");
    CHECK(some.pattern == "conv*");
    CHECK(some.keys.back() == "95");
    CHECK(some.comparison == "<=");
    CHECK(some.bound == 100);
    const fail_condition array = parse_fail_condition("fc: max(selectivity.index) != null");
    CHECK(array.pattern == "fc");
    CHECK(array.rule == array_rule::max);
    CHECK(array.key() == "selectivity.index");
    CHECK(!array.bound);
    CHECK(parse_fail_condition("a==true").bound == 1);
    CHECK(parse_fail_condition("a!=false").bound == 0);
    for (const char* none :
         {"", "selectivity.mean", "selectivity.mean>", ">1", "a..b>1", "a=1", "a>x", "a>1x", "a>null",
          "a<=true", "a>nan", "mean(a)>1", "max(a>1", "max()>1", "a==nothing"}) {
        CAPTURE(none);
        CHECK_THROWS_AS(parse_fail_condition(none), usage_error);
    }
    const auto message = [](const std::string& text) {
        try {
            (void)parse_fail_condition(text);
        } catch (const usage_error& e) {
            return std::string(e.what());
        }
        return std::string();
    };
    CHECK(message("selectivity.mean=0.1") ==
          "--fail-if: no comparison in 'selectivity.mean=0.1'; did you mean 'selectivity.mean==0.1'?");
    CHECK(contains(message("a=>1"), "did you mean 'a>=1'?"));
    CHECK(contains(message("a=<1"), "did you mean 'a<=1'?"));
}

TEST_CASE("keys of --fail-if are those of a layer, checked without one") {
    const report_parts all{true, true, true};
    for (const char* known :
         {"samples==7", "dimensionality.components.95>1", "selectivity.mean>0", "selectivity.null_mean>0",
          "dimensionality.limited_by_samples==true", "dimensionality.limited_by_samples==1",
          "comparison.difference.relative_size>1", "comparison.selectivity_change.mean<0",
          "selectivity.cross_fit.mean<0", "selectivity.cross_fit.significant_units>3",
          "dimensionality.se_log>1", "dimensionality.participation_ratio_jackknife==null",
          "dimensionality.probes>1", "any(selectivity.index)>0.9", "min(selectivity.cross_fit.p_value)<0.05",
          "max(dimensionality.ci)>3", "any(selectivity.preferred_class)==null"}) {
        CAPTURE(known);
        CHECK(refusal(known, all) == "");
    }
    CHECK(
        refusal("selectivty.mean>0.4", all) ==
        "--fail-if: no number 'selectivty.mean' in 'selectivty.mean>0.4'; did you mean 'selectivity.mean'?");
    CHECK(contains(refusal("participation_ratio<2", all),
                   "did you mean 'dimensionality.participation_ratio'?"));
    CHECK(contains(refusal("stablerank<2", all), "did you mean 'dimensionality.stable_rank'?"));
    CHECK(contains(refusal("dimensionality>0", all), "no number 'dimensionality'"));
    CHECK(contains(refusal("name>0", all), "'name' is not a number"));
    CHECK(contains(refusal("selectivity.index>0.9", all), "expected any(selectivity.index)"));
    CHECK(contains(refusal("selectivity.index.0>0.9", all), "did you mean 'selectivity.index'?"));
    CHECK(contains(refusal("any(samples)>0.9", all), "is not an array"));
    CHECK(contains(refusal("max(selectivity.cross_fit.index_ci)>0.9", all), "is not an array of numbers"));
    CHECK(contains(refusal("samples==true", all), "is a number"));
    CHECK(contains(refusal("selectivity.mean>0", {}), "selectivity.mean needs --labels"));
    CHECK(contains(refusal("comparison.difference.relative_size>0", {}), "needs --compare"));
    CHECK(contains(refusal("dimensionality.se_log>0", {}), "needs --inference"));
    CHECK(contains(refusal("selectivity.cross_fit.mean>0", {.selectivity = true}), "needs --inference"));
    CHECK(contains(refusal("selectivity.cross_fit.mean>0", {}), "needs --labels and --inference"));
    CHECK_THROWS_AS(check_condition_layers({"f:samples==7"}, {"fc", "conv"}), usage_error);
    CHECK_NOTHROW(check_condition_layers({"f*:samples==7", "samples==7"}, {"fc", "conv"}));
}

TEST_CASE("conditions of --fail-if are judged, undefined numbers too") {
    layer_report layer;
    layer.name = "conv1";
    layer.samples = 7;
    layer.dimensionality.components = {3, 4, 5};
    layer.dimensionality.participation_ratio_unbiased = not_a_number;
    layer.dimensionality.limited_by_samples = true;
    layer.selectivity.emplace();
    layer.selectivity->measured.index = {0.25, not_a_number, 0.75};
    layer.selectivity->measured.mu_max = {not_a_number, not_a_number, not_a_number};
    const auto judged = [&](const std::string& text) -> std::string {
        const auto met = layers_that_meet(parse_fail_condition(text), {layer});
        return met.empty() ? "" : met.front();
    };
    CHECK(judged("samples==7") == "layer conv1: 7 meets --fail-if 'samples==7'");
    CHECK(judged("fc:samples==7") == "");
    for (const char* met :
         {"samples>=7", "dimensionality.components.95>3.5", "conv?:dimensionality.components.90<4",
          "dimensionality.limited_by_samples==true", "dimensionality.limited_by_samples==1",
          "dimensionality.limited_by_samples!=false", "any(selectivity.index)>0.7",
          "any(selectivity.index)<0.3", "max(selectivity.index)==0.75", "min(selectivity.index)<=0.25",
          "any(selectivity.index)==null", "max(selectivity.index)!=null",
          "dimensionality.participation_ratio_unbiased==null", "samples!=null",
          "max(selectivity.mu_max)==null"}) {
        CAPTURE(met);
        CHECK(contains(judged(met), "meets"));
    }
    for (const char* not_met :
         {"samples!=7", "samples<7", "samples==null", "dimensionality.limited_by_samples==false",
          "dimensionality.limited_by_samples==0", "any(selectivity.index)>0.75",
          "max(selectivity.index)<0.75", "min(selectivity.index)>0.25", "max(selectivity.index)==null",
          "dimensionality.participation_ratio_unbiased!=null"}) {
        CAPTURE(not_met);
        CHECK(judged(not_met) == "");
    }
    for (const std::string comparison : {"<", "<=", ">", ">=", "==", "!="}) {
        for (const std::string key : {"dimensionality.participation_ratio_unbiased",
                                      "max(selectivity.mu_max)", "any(selectivity.mu_max)"}) {
            CHECK(contains(judged(key + comparison + "1"), "is undefined"));
        }
    }
}

TEST_CASE("--fail-if gives exit code 3 after all outputs, and 2 before the first byte is read") {
    const scratch_folder folder;
    write_npy(folder / "fc.npy", noise(200 * 6, 1), {200, 6});
    write_npy(folder / "negative.npy", noise(200 * 6, 2, -2.0), {200, 6});
    write_npy(folder / "y.npy", labels_of(200, 4), {200});
    const auto with = [&](const std::string& file, const std::string& condition) {
        return run({"measure", folder / file, "--labels", folder / "y.npy", "--json", folder / "o.json",
                    "--report", folder / "report", "--fail-if", condition});
    };
    const outcome met = with("fc.npy", "selectivity.mean>0.0001");
    CHECK(met.code == 3);
    CHECK(is_one_line(met.err));
    CHECK(contains(met.err, "layer fc"));
    CHECK(contains(met.out, "fc"));
    CHECK(json::parse(slurp(folder / "o.json"))["layers"].size() == 1);
    CHECK(std::filesystem::exists(folder / "report/report.html"));
    CHECK(with("fc.npy", "selectivity.mean>0.9999").code == 0);
    CHECK(with("fc.npy", "any(selectivity.index)>0").code == 3);
    CHECK(with("fc.npy", "dimensionality.limited_by_samples==true").code == 0);

    // Every unit has a negative class mean, so that no index is defined.
    for (const char* condition :
         {"selectivity.mean>0.4", "selectivity.mean<0.4", "max(selectivity.index)<2"}) {
        const outcome undefined = with("negative.npy", condition);
        CHECK(undefined.code == 3);
        CHECK(contains(undefined.err, "is undefined"));
    }
    CHECK(with("negative.npy", "selectivity.mean==null").code == 3);
    CHECK(with("negative.npy", "selectivity.mean!=null").code == 0);

    // The activations hold NaN, which measuring them would report with exit code 1.
    std::vector<float> bad = noise(200 * 6, 3);
    bad[0] = std::numeric_limits<float>::quiet_NaN();
    write_npy(folder / "bad.npy", bad, {200, 6});
    std::filesystem::remove(folder / "o.json");
    std::filesystem::remove_all(folder / "report");
    for (const char* condition : {"nonsense", "selectivty.mean>0.4", "other:selectivity.mean>0", "name>0"}) {
        CAPTURE(condition);
        const outcome refused = with("bad.npy", condition);
        CHECK(refused.code == 2);
        CHECK(is_one_line(refused.err));
        CHECK(folder.names() == std::vector<std::string>{"bad.npy", "fc.npy", "negative.npy", "y.npy"});
    }
    CHECK(contains(with("bad.npy", "selectivty.mean>0.4").err, "did you mean 'selectivity.mean'?"));
    CHECK(contains(with("bad.npy", "bat:selectivity.mean>0").err, "did you mean 'bad'?"));
    CHECK(run({"measure", folder / "fc.npy", "--fail-if", "selectivity.mean>0"}).code == 2);
    CHECK(run({"measure", folder / "fc.npy", "--fail-if", "dimensionality.components.95>0"}).code == 3);
}

TEST_CASE("--fail-if of merge") {
    const scratch_folder folder;
    write_npy(folder / "fc.npy", noise(200 * 6, 1), {200, 6});
    write_npy(folder / "y.npy", labels_of(200, 4), {200});
    CHECK(
        run({"measure", folder / "fc.npy", "--labels", folder / "y.npy", "--state", folder / "s.rsm"}).code ==
        0);
    const auto with = [&](const std::string& condition) {
        return run({"merge", folder / "s.rsm", "--json", folder / "o.json", "--fail-if", condition});
    };
    for (const char* condition :
         {"selectivty.mean>0.4", "f:selectivity.mean>0", "selectivity.cross_fit.mean>0"}) {
        CHECK(with(condition).code == 2);
        CHECK(!std::filesystem::exists(folder / "o.json"));
    }
    CHECK(with("any(selectivity.index)>0").code == 3);
    CHECK(std::filesystem::exists(folder / "o.json"));
    CHECK(with("max(selectivity.index)>1").code == 0);
}

} // namespace fail_if_test
