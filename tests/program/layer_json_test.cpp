// The LAYER object: the list of its values, how it is written, and how it is read again.

#include "layers/fields.hpp"
#include "layers/json.hpp"

#include <doctest/doctest.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace layer_json_test {

using namespace program;
using json = nlohmann::ordered_json;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

selectivity_report made_up_selectivity(bool has_names) {
    selectivity_report report;
    report.negatives = repscope::negative_policy::shift;
    report.epsilon = 1e-9;
    report.class_labels = {7, -1, 3};
    if (has_names) report.class_names = {"cat", "dog, small", "\xc3\xa9lan"};
    report.class_counts = {4, 5, 6};
    report.null_mean = 0.125;
    auto& measured = report.measured;
    measured.index = {0.1, not_a_number};
    measured.mu_max = {1.0, -2.5e-300};
    measured.mu_rest = {1.0 / 3.0, not_a_number};
    measured.preferred_class = {1, std::nullopt};
    measured.mean = 0.1;
    measured.mean_live = not_a_number;
    measured.median = 0.3;
    measured.silent_units = 1;
    measured.undefined_units = 2;
    return report;
}

repscope::dimensionality_result made_up_dimensionality() {
    repscope::dimensionality_result measured;
    measured.participation_ratio = 1.5;
    measured.participation_ratio_unbiased = not_a_number;
    measured.components = {1, 2, 3};
    measured.components_interpolated = {0.5, 1.5, 2.5};
    measured.components_fraction = {0.25, 0.5, 0.75};
    measured.effective_rank_eigenvalues = 2.25;
    measured.effective_rank_singular_values = 2.125;
    measured.stable_rank = 1.0;
    measured.limited_by_samples = true;
    return measured;
}

layer_report made_up_layer(bool has_names) {
    layer_report layer;
    layer.name = "block.1";
    layer.file = "some/file.npy";
    layer.dtype = "<f4";
    layer.shape = {15, 2};
    layer.layout = "nu";
    layer.unit = "unit";
    layer.samples = 15;
    layer.units = 2;
    layer.batches = 1;
    layer.selectivity = made_up_selectivity(has_names);
    layer.dimensionality = made_up_dimensionality();
    return layer;
}

// Every value that is not an object, with the keys before it joined by points.
void list_keys(const json& object, const std::string& before, std::vector<std::string>& keys) {
    for (const auto& [key, value] : object.items()) {
        if (value.is_object())
            list_keys(value, before + key + ".", keys);
        else
            keys.push_back(before + key);
    }
}

} // namespace

TEST_CASE("a LAYER object that is read is written as the same bytes") {
    for (const bool has_names : {false, true}) {
        const std::string text = to_json(made_up_layer(has_names)).dump();
        CHECK(to_json(layer_from_json(json::parse(text))).dump() == text);
    }
    layer_report plain = made_up_layer(false);
    plain.selectivity.reset();
    plain.file.reset();
    plain.batches.reset();
    plain.zero_samples = 3;
    const json object = to_json(plain);
    CHECK(object["selectivity"].is_null());
    CHECK(object["file"].is_null());
    CHECK(object["batches"].is_null());
    CHECK(object["zero_samples"] == 3);
    CHECK(to_json(layer_from_json(json::parse(object.dump()))).dump() == object.dump());

    const layer_report again = layer_from_json(json::parse(to_json(made_up_layer(true)).dump()));
    CHECK(again.selectivity->negatives == repscope::negative_policy::shift);
    CHECK(again.selectivity->label_text(1) == "dog, small");
    CHECK(again.selectivity->measured.preferred_class[0] == 1);
    CHECK(!again.selectivity->measured.preferred_class[1]);
    CHECK(again.dimensionality.components[2] == 3);
    CHECK(again.dimensionality.limited_by_samples);
}

TEST_CASE("a LAYER object that cannot be held is refused") {
    const json good = to_json(made_up_layer(false));
    json other = good;
    other["selectivity"]["preferred_class"][0] = 5;
    CHECK_THROWS_AS((void)layer_from_json(other), std::invalid_argument);
    other = good;
    other["selectivity"]["signed"] = "squared";
    CHECK_THROWS_AS((void)layer_from_json(other), std::invalid_argument);
    other = good;
    other["dimensionality"]["method"] = "sketch";
    CHECK_THROWS_AS((void)layer_from_json(other), std::invalid_argument);
    other = good;
    other["dimensionality"].erase("stable_rank");
    CHECK_THROWS_AS((void)layer_from_json(other), json::exception);
    other = good;
    other["samples"] = "15";
    CHECK_THROWS_AS((void)layer_from_json(other), json::exception);
    other = good;
    other["gradient"] = {{"mean", 1}}; // another program's
    CHECK(to_json(layer_from_json(other)).dump() == good.dump());
}

TEST_CASE("the values of a layer are those of its LAYER object, in the same order") {
    layer_report layer = made_up_layer(true);
    layer.comparison.emplace();
    layer.comparison->selectivity = made_up_selectivity(true);
    layer.comparison->selectivity->measured.index = {0.4, 0.5};
    using repscope::analysis::trace_method;
    for (const trace_method method : {trace_method::exact, trace_method::sketch}) {
        layer.inference.emplace();
        layer.inference->method = method;
        layer.inference->participation_ratio.ci = {1.0, 2.0};
        layer.inference->cross_fit.emplace();
        layer.inference->cross_fit->ci = {{0.0, 0.5}, {not_a_number, 1.0}};
        const auto fields = fields_of(layer);
        std::vector<std::string> keys, written;
        for (const layer_field& field : fields) keys.push_back(field.key);
        const json object = to_json(layer);
        list_keys(object, "", written);
        CHECK(keys == written);
        CHECK(object["selectivity"]["cross_fit"]["index_ci"].dump() == "[[0.0,0.5],[null,1.0]]");
        CHECK(object["dimensionality"]["ci"] == json{1.0, 2.0});
        CHECK(object["dimensionality"]["components"].is_null() == (method == trace_method::sketch));
        CHECK(object["comparison"]["selectivity_change"]["index"][0] == doctest::Approx(0.3));
    }
    CHECK(is_array(std::vector<double>{}));
    CHECK(!is_array(std::string()));
    CHECK(numbers_in(true).front() == 1.0);
    const auto numbers = numbers_in(std::vector<double>{2.0, not_a_number});
    CHECK(numbers[0] == 2.0);
    CHECK(!numbers[1]);
    CHECK(!numbers_in(std::vector<label_value>{std::string("cat")}).front());
}

} // namespace layer_json_test
