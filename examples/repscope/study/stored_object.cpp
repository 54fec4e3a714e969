#include "study/stored_object.hpp"

#include "files/output_file.hpp"
#include "support/errors.hpp"

#include <filesystem>
#include <fstream>
#include <system_error>

namespace program {

namespace {

using json = nlohmann::ordered_json;

} // namespace

std::optional<stored_object> read_stored(const std::string& path, const stored_form& form) {
    std::error_code none;
    if (!std::filesystem::exists(path, none)) return std::nullopt;
    std::ifstream file(path, std::ios::binary);
    const json stored = json::parse(file, nullptr, false);
    if (!file || stored.is_discarded() || !stored.is_object() || stored.value("schema", "") != form.schema ||
        !stored.contains("settings") || !stored.contains(form.key)) {
        throw data_error(path, std::string("is not ") + form.description + "; remove it and run again");
    }
    return stored_object{stored["settings"], stored[form.key]};
}

void write_stored(const std::string& path, const stored_form& form, const stored_object& work) {
    json stored;
    stored["schema"] = form.schema;
    stored["settings"] = work.settings;
    stored[form.key] = work.result;
    write_output(path, stored.dump() + "\n");
}

} // namespace program
