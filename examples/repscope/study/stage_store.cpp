#include "analyze/store.hpp"

#include "files/output_file.hpp"
#include "support/errors.hpp"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

namespace program {

namespace {

using json = nlohmann::ordered_json;

constexpr const char* stage_schema = "repscope.analysis-stage/1";

} // namespace

stage_store::stage_store(std::string folder) : folder_(std::move(folder)) {
    std::error_code failure;
    std::filesystem::create_directories(folder_, failure);
    if (failure) throw data_error(folder_, "cannot be made: " + failure.message());
    require_writable(path_of("probe"));
}

std::string stage_store::path_of(const std::string& stage) const { return folder_ + "/" + stage + ".json"; }

std::optional<json> stage_store::finished(const std::string& stage, const json& settings) const {
    const std::string path = path_of(stage);
    std::error_code none;
    if (!std::filesystem::exists(path, none)) return std::nullopt;
    std::ifstream file(path, std::ios::binary);
    const json stored = json::parse(file, nullptr, false);
    if (!file || stored.is_discarded() || !stored.is_object() || stored.value("schema", "") != stage_schema ||
        !stored.contains("settings") || !stored.contains("result")) {
        throw data_error(path, "is not a finished stage of an analysis; remove it and run again");
    }
    // Through text, in which numbers have one type.
    if (stored["settings"] != json::parse(settings.dump())) return std::nullopt;
    return stored["result"];
}

void stage_store::keep(const std::string& stage, const json& settings, const json& result) const {
    json stored;
    stored["schema"] = stage_schema;
    stored["settings"] = settings;
    stored["result"] = result;
    write_output(path_of(stage), stored.dump() + "\n");
}

} // namespace program
