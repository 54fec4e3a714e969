#include "study/store.hpp"

#include "files/output_file.hpp"
#include "files/output_guard.hpp"
#include "images/datasets.hpp"
#include "study/stored_object.hpp"
#include "support/errors.hpp"

#include <array>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

namespace program {

namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

constexpr stored_form network_form{"repscope.network/1", "network", "a finished network of a study"};

void check_outputs(const study_settings& settings) {
    output_guard guard;
    for (const std::string& file : files_of_data_set(settings.data)) guard.add_input(file);
    guard.add_input(settings.frost_textures);
    constexpr std::array<std::pair<const char*, file_kind>, 7> names{{{"study.json", file_kind::json},
                                                                      {"study.csv", file_kind::csv},
                                                                      {"report.html", file_kind::html},
                                                                      {"per_image.npz", file_kind::npz},
                                                                      {"methods.json", file_kind::json},
                                                                      {"methods.csv", file_kind::csv},
                                                                      {"methods.svg", file_kind::svg}}};
    for (const auto& [name, kind] : names) guard.add_output("--out", settings.out + "/" + name, kind);
    guard.add_output_folder("--out", settings.out + "/figures");
    guard.add_output_folder("--out", settings.out + "/networks");
    std::error_code failure;
    for (fs::directory_iterator cell(settings.out + "/activations", failure), end; !failure && cell != end;
         cell.increment(failure)) {
        guard.add_output_folder("--dump", cell->path().string());
    }
}

// "epochs 3, now 1": the settings in which two networks differ.
std::string differences(const json& before, const json& now) {
    const json flat_before = before.flatten();
    const json flat_now = now.flatten();
    std::string text;
    for (const auto& [key, value] : flat_now.items()) {
        const json old = flat_before.contains(key) ? flat_before[key] : json();
        if (old == value) continue;
        if (!text.empty()) text += "; ";
        text += key.substr(1) + " " + old.dump() + ", now " + value.dump();
    }
    return text.empty() ? "other settings" : text;
}

} // namespace

study_store::study_store(const study_settings& settings, json made_with)
    : out_(settings.out), made_with_(std::make_shared<const json>(std::move(made_with))) {
    check_outputs(settings);
    make_folder(out_ + "/networks");
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator(out_ + "/networks", failure)) {
        if (entry.path().extension() == ".json") (void)read(entry.path().string());
    }
    if (failure) throw data_error(out_, "cannot be read: " + failure.message());
    require_writable(out_ + "/study.json");
    require_writable(out_ + "/networks/probe.json");
}

std::string study_store::path_of(const std::string& name) const {
    return out_ + "/networks/" + name + ".json";
}

std::string study_store::onnx_file(const study_cell& cell) const {
    return out_ + "/networks/" + cell_name(cell) + ".onnx";
}

std::string study_store::parameter_file(const study_cell& cell) const {
    return out_ + "/networks/" + cell_name(cell) + ".parameters";
}

stage_store study_store::autoattack_stages() const { return stage_store(out_ + "/autoattack"); }

json study_store::autoattack_settings(const json& stage) const {
    json settings{{"made_with", *made_with_}};
    settings.update(stage);
    return settings;
}

std::string study_store::dump_folder(const study_cell& cell) const {
    return out_ + "/activations/" + cell_name(cell);
}

std::optional<json> study_store::read(const std::string& path) const {
    std::optional<stored_object> stored = read_stored(path, network_form);
    if (!stored) return std::nullopt;
    if (stored->settings != *made_with_) {
        throw usage_error(out_ + " holds networks made with other settings (" +
                          differences(stored->settings, *made_with_) +
                          "): choose another --out or remove it");
    }
    return std::move(stored->result);
}

std::optional<json> study_store::finished(const std::string& name) const { return read(path_of(name)); }

void study_store::keep(const std::string& name, const json& network) const {
    write_stored(path_of(name), network_form, {*made_with_, network});
}

} // namespace program
