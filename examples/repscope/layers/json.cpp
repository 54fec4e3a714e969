#include "layers/json.hpp"

#include "layers/fields.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace program {

namespace {

using json = nlohmann::ordered_json;

json json_of(std::monostate) { return {}; }
template <typename T>
json json_of(const T& value) {
    return value;
}
json json_of(const repscope::interval& ci) { return json::array({ci.low, ci.high}); }
json json_of(const label_value& label) {
    return std::visit([](const auto& held) { return json_of(held); }, label);
}
template <typename T>
json json_of(const std::vector<T>& values) {
    json array = json::array();
    for (const T& value : values) array.push_back(json_of(value));
    return array;
}

// Objects within each other from keys that are joined by points.
json nested(const std::vector<layer_field>& fields) {
    json object;
    for (const layer_field& field : fields) {
        json* inner = &object;
        std::size_t begin = 0;
        for (std::size_t end = 0; (end = field.key.find('.', begin)) != std::string::npos; begin = end + 1) {
            inner = &(*inner)[field.key.substr(begin, end - begin)];
        }
        (*inner)[field.key.substr(begin)] =
            std::visit([](const auto& held) { return json_of(held); }, field.value);
    }
    return object;
}

double number_from(const json& value) {
    return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

std::vector<double> numbers_from(const json& array) {
    std::vector<double> numbers;
    for (const json& value : array) numbers.push_back(number_from(value));
    return numbers;
}

template <typename T>
std::optional<T> optional_from(const json& value) {
    return value.is_null() ? std::nullopt : std::optional(value.get<T>());
}

template <typename T>
std::array<T, 3> thresholds_from(const json& object) {
    std::array<T, 3> values{};
    const std::array<const char*, 3> keys{"90", "95", "99"};
    for (std::size_t k = 0; k < keys.size(); ++k) {
        const json& value = object.at(keys[k]);
        if constexpr (std::is_floating_point_v<T>)
            values[k] = number_from(value);
        else
            values[k] = value.get<T>();
    }
    return values;
}

repscope::negative_policy policy_from(const std::string& name) {
    if (const auto policy = policy_named(name)) return *policy;
    throw std::invalid_argument("expected the policy undefined, rectify or shift, got '" + name + "'");
}

selectivity_report selectivity_from(const json& object) {
    selectivity_report report;
    report.epsilon = object.at("epsilon").get<double>();
    report.negatives = policy_from(object.at("signed").get<std::string>());
    const json& labels = object.at("class_labels");
    for (const json& label : labels) {
        report.class_labels.push_back(label.is_string()
                                          ? static_cast<std::int64_t>(report.class_labels.size())
                                          : label.get<std::int64_t>());
        if (label.is_string()) report.class_names.push_back(label.get<std::string>());
    }
    report.class_counts = object.at("class_counts").get<std::vector<std::uint64_t>>();
    report.null_mean = number_from(object.at("null_mean"));
    auto& measured = report.measured;
    measured.mean = number_from(object.at("mean"));
    measured.mean_live = number_from(object.at("mean_live"));
    measured.median = number_from(object.at("median"));
    measured.silent_units = object.at("silent_units").get<std::size_t>();
    measured.undefined_units = object.at("undefined_units").get<std::size_t>();
    measured.index = numbers_from(object.at("index"));
    measured.mu_max = numbers_from(object.at("mu_max"));
    measured.mu_rest = numbers_from(object.at("mu_rest"));
    for (const json& preferred : object.at("preferred_class")) {
        const auto place = std::find(labels.begin(), labels.end(), preferred);
        if (place == labels.end() && !preferred.is_null()) {
            throw std::invalid_argument("expected a preferred class among the labels, got " +
                                        preferred.dump());
        }
        measured.preferred_class.push_back(
            preferred.is_null() ? std::nullopt
                                : std::optional(static_cast<std::size_t>(place - labels.begin())));
    }
    return report;
}

} // namespace

nlohmann::ordered_json to_json(const repscope::dimensionality_result& measured) {
    return nested(fields_of(measured));
}

nlohmann::ordered_json to_json(const layer_report& layer) { return nested(fields_of(layer)); }

repscope::dimensionality_result dimensionality_from_json(const nlohmann::ordered_json& object) {
    repscope::dimensionality_result measured;
    measured.participation_ratio = number_from(object.at("participation_ratio"));
    measured.participation_ratio_unbiased = number_from(object.at("participation_ratio_unbiased"));
    measured.components = thresholds_from<std::size_t>(object.at("components"));
    measured.components_interpolated = thresholds_from<double>(object.at("components_interpolated"));
    measured.components_fraction = thresholds_from<double>(object.at("components_fraction"));
    measured.effective_rank_eigenvalues = number_from(object.at("effective_rank_eigenvalues"));
    measured.effective_rank_singular_values = number_from(object.at("effective_rank_singular_values"));
    measured.stable_rank = number_from(object.at("stable_rank"));
    measured.limited_by_samples = object.at("limited_by_samples").get<bool>();
    return measured;
}

layer_report layer_from_json(const nlohmann::ordered_json& object) {
    layer_report layer;
    layer.name = object.at("name").get<std::string>();
    const json& dimensionality = object.at("dimensionality");
    const json& selectivity = object.at("selectivity");
    if (object.contains("comparison") || dimensionality.contains("method") ||
        selectivity.contains("cross_fit")) {
        throw std::invalid_argument("expected a LAYER without comparison and estimates, got " + layer.name +
                                    " with them");
    }
    layer.file = optional_from<std::string>(object.at("file"));
    layer.dtype = object.at("dtype").get<std::string>();
    layer.shape = object.at("shape").get<std::vector<std::size_t>>();
    layer.layout = object.at("layout").get<std::string>();
    layer.unit = object.at("unit").get<std::string>();
    layer.samples = object.at("samples").get<std::size_t>();
    layer.units = object.at("units").get<std::size_t>();
    layer.batches = optional_from<std::size_t>(object.at("batches"));
    layer.zero_samples = optional_from<std::size_t>(object.at("zero_samples"));
    if (!selectivity.is_null()) layer.selectivity = selectivity_from(selectivity);
    layer.dimensionality = dimensionality_from_json(dimensionality);
    return layer;
}

} // namespace program
