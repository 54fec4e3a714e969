#include "measure/json.hpp"

#include "dumps/labels.hpp"
#include "layers/json.hpp"
#include "support/errors.hpp"
#include "support/versions.hpp"

#include <nlohmann/json.hpp>

namespace program {

namespace {

using json = nlohmann::ordered_json;

constexpr auto replace = json::error_handler_t::replace;

json text_or_null(const std::string& text) { return text.empty() ? json() : json(text); }

json settings_json(const measure_settings& settings) {
    json object;
    object["labels"] = text_or_null(settings.labels);
    if (!settings.measures.empty()) {
        object["measures"] = settings.measures;
        object["reservoir"] = settings.reservoir;
    }
    object["layout"] = settings.layouts;
    object["signed"] = settings.negatives;
    object["epsilon"] = settings.epsilon;
    object["ignore_label"] = json::array();
    for (const std::string& label : settings.ignored) {
        const auto number = integer_label(label);
        object["ignore_label"].push_back(number ? json(*number) : json(label));
    }
    object["spatial"] = settings.spatial;
    object["unit"] = settings.units;
    object["precision"] = settings.precision;
    object["layers"] = settings.layers;
    object["dtype"] = text_or_null(settings.dtype);
    object["shape"] = settings.shapes;
    object["offset"] = settings.offset;
    object["batches"] = settings.batches || settings.no_batches ? json(settings.batches) : json();
    object["compare"] = settings.compare;
    if (settings.unpaired) object["unpaired"] = true;
    if (settings.similarity) object["similarity"] = true;
    object["inference"] = settings.inference;
    object["first_index"] = settings.first_index;
    object["method"] = settings.method;
    object["null"] = settings.null;
    object["permutations"] = settings.permutations;
    return object;
}

// Takes the value under a key; a value that is null or missing leaves `to` as it is.
template <typename T>
void take(const json& object, const char* key, T& to) {
    if (object.contains(key) && !object[key].is_null()) to = object[key].get<T>();
}

measure_settings settings_from(const json& object) {
    measure_settings settings;
    settings.epsilon = object.at("epsilon").get<double>();
    settings.negatives = object.at("signed").get<std::string>();
    take(object, "labels", settings.labels);
    take(object, "measures", settings.measures);
    take(object, "reservoir", settings.reservoir);
    take(object, "layout", settings.layouts);
    if (object.contains("ignore_label")) {
        for (const json& label : object["ignore_label"]) {
            settings.ignored.push_back(label.is_string() ? label.get<std::string>()
                                                         : std::to_string(label.get<std::int64_t>()));
        }
    }
    take(object, "spatial", settings.spatial);
    take(object, "unit", settings.units);
    take(object, "precision", settings.precision);
    take(object, "layers", settings.layers);
    take(object, "dtype", settings.dtype);
    take(object, "shape", settings.shapes);
    take(object, "offset", settings.offset);
    if (object.contains("batches") && !object["batches"].is_null()) {
        settings.batches = object["batches"].get<bool>();
        settings.no_batches = !settings.batches;
    }
    take(object, "compare", settings.compare);
    take(object, "unpaired", settings.unpaired);
    take(object, "inference", settings.inference);
    take(object, "first_index", settings.first_index);
    take(object, "method", settings.method);
    take(object, "null", settings.null);
    take(object, "permutations", settings.permutations);
    return settings;
}

json inputs_json(const std::vector<input_record>& inputs) {
    json array = json::array();
    for (const input_record& input : inputs) {
        json object;
        object["file"] = input.file;
        object["bytes"] = input.bytes;
        object["sha256"] = input.sha256 ? json(*input.sha256) : json();
        array.push_back(std::move(object));
    }
    return array;
}

std::vector<input_record> inputs_from(const json& array) {
    std::vector<input_record> inputs;
    for (const json& object : array) {
        input_record input{object.at("file").get<std::string>(), object.at("bytes").get<std::size_t>(), {}};
        if (!object.at("sha256").is_null()) input.sha256 = object["sha256"].get<std::string>();
        inputs.push_back(std::move(input));
    }
    return inputs;
}

json similarity_json(const similarity_matrix& matrix) {
    const std::size_t count = matrix.layers.size();
    json object;
    object["samples"] = matrix.samples;
    object["compared"] = matrix.is_compared;
    object["layers"] = matrix.layers;
    for (const auto& [key, values] :
         {std::pair{"cka", &matrix.cka.plain}, std::pair{"cka_unbiased", &matrix.cka.unbiased}}) {
        json& rows = object[key] = json::array();
        for (std::size_t row = 0; row < count; ++row) {
            const auto begin = values->begin() + static_cast<std::ptrdiff_t>(row * count);
            rows.push_back(std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(count)));
        }
    }
    return object;
}

std::string unknown_options(const json& object) {
    measure_settings all;
    all.measures.emplace_back();
    all.unpaired = all.similarity = true;
    const json known = settings_json(all);
    std::string names;
    for (const auto& [key, value] : object.items()) {
        if (!known.contains(key)) names += (names.empty() ? "" : ", ") + key;
    }
    return names;
}

run_note note_from(const json& object) {
    run_note note;
    if (const json& labels = object.at("labels"); !labels.is_null()) note.labels = labels.get<std::string>();
    take(object, "class_names", note.class_names);
    take(object, "notes", note.notes);
    if (object.contains("inputs")) note.inputs = inputs_from(object["inputs"]);
    return note;
}

} // namespace

std::string measure_json(const measure_result& result) {
    json object;
    object["schema"] = "repscope.measure/1";
    object["repscope"] = version_text();
    object["commit"] = commit_text();
    object["command"] = "measure";
    object["options"] = settings_json(result.settings);
    object["inputs"] = result.inputs ? inputs_json(*result.inputs) : json();
    object["notes"] = result.notes;
    if (result.similarity) object["similarity"] = similarity_json(*result.similarity);
    object["layers"] = json::array();
    for (const layer_report& layer : result.layers) {
        json& written = object["layers"].emplace_back(to_json(layer));
        written["eigenvalues"] = layer.measures.contains_any(repscope::analysis::spectrum_measures)
                                     ? json(layer.dimensionality.spectrum)
                                     : json();
        written["notes"] = notes_on(layer);
    }
    return object.dump(1, ' ', false, replace) + "\n";
}

std::vector<std::pair<std::string, std::string>> option_texts(const measure_settings& settings) {
    std::vector<std::pair<std::string, std::string>> texts;
    const json object = settings_json(settings);
    for (const auto& [key, value] : object.items()) {
        if (value.is_null() || (value.is_array() && value.empty())) continue;
        texts.emplace_back(key, value.is_string() ? value.get<std::string>()
                                                  : value.dump(-1, ' ', false, replace));
    }
    return texts;
}

std::string stored_settings(const measure_settings& settings) {
    json object = settings_json(settings);
    object["labels"] = nullptr;
    // Moments of a part of the samples are those of blocks for both.
    if (settings.inference && settings.method == "exact") object["method"] = "blocks";
    return object.dump(-1, ' ', false, replace);
}

std::string stored_note(const run_note& note) {
    json object;
    object["notes"] = note.notes;
    if (note.inputs) object["inputs"] = inputs_json(*note.inputs);
    object["labels"] = text_or_null(note.labels);
    if (!note.class_names.empty()) object["class_names"] = note.class_names;
    return object.dump(-1, ' ', false, replace);
}

std::pair<measure_settings, run_note> stored_run(const repscope::analysis::state_file& shard) {
    const auto refuse = [&](const std::string& reason) {
        return data_error(shard.name, "its options cannot be read: " + reason);
    };
    try {
        const json options = json::parse(shard.options);
        measure_settings settings = settings_from(options);
        run_note note = note_from(json::parse(shard.note));
        if (const std::string names = unknown_options(options); !names.empty()) {
            note.notes.push_back("options of " + shard.name +
                                 " that this version of repscope does not have are left out: " + names);
        }
        settings.labels = note.labels;
        if (!policy_named(settings.negatives)) {
            throw refuse("expected undefined, rectify or shift, got '" + settings.negatives + "'");
        }
        return {std::move(settings), std::move(note)};
    } catch (const json::exception& e) {
        throw refuse(e.what());
    }
}

void require_same_options(const repscope::analysis::state_file& first,
                          const repscope::analysis::state_file& shard) {
    if (shard.options == first.options) return;
    const json expected = json::parse(first.options, nullptr, false);
    const json got = json::parse(shard.options, nullptr, false);
    if (!expected.is_object() || !got.is_object()) return; // refused where they are read
    const auto value_in = [](const json& object, const std::string& key) {
        return object.contains(key) ? object[key].dump(-1, ' ', false, replace) : std::string("none");
    };
    for (const json* const object : {&expected, &got}) {
        for (const auto& item : object->items()) {
            const std::string a = value_in(expected, item.key()), b = value_in(got, item.key());
            if (a == b) continue;
            throw data_error(shard.name, "not of one run with " + first.name + ": option " + item.key() +
                                             " " + b + ", expected " + a +
                                             "; all shards need the same options");
        }
    }
}

} // namespace program
