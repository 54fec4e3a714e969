#include "study/stage_store.hpp"

#include "files/output_file.hpp"
#include "study/stored_object.hpp"

#include <nlohmann/json.hpp>
#include <utility>

namespace program {

namespace {

using json = nlohmann::ordered_json;

constexpr stored_form stage_form{"repscope.analysis-stage/1", "result", "a finished stage of an analysis"};

} // namespace

stage_store::stage_store(std::string folder) : folder_(std::move(folder)) {
    make_folder(folder_);
    require_writable(path_of("probe"));
}

std::string stage_store::path_of(const std::string& stage) const { return folder_ + "/" + stage + ".json"; }

std::optional<json> stage_store::finished(const std::string& stage, const json& settings) const {
    std::optional<stored_object> stored = read_stored(path_of(stage), stage_form);
    // Through text, in which numbers have one type.
    if (!stored || stored->settings != json::parse(settings.dump())) return std::nullopt;
    return std::move(stored->result);
}

void stage_store::keep(const std::string& stage, const json& settings, const json& result) const {
    write_stored(path_of(stage), stage_form, {settings, result});
}

} // namespace program
