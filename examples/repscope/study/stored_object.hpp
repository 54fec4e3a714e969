#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace program {

/// How files of finished work are recognized: {"schema": .., "settings": {..}, KEY: {..}}.
struct stored_form {
    const char* schema;
    const char* key;         ///< of the result
    const char* description; ///< "a finished network of a study"
};

/// Finished work, and the settings that determine it.
struct stored_object {
    nlohmann::ordered_json settings;
    nlohmann::ordered_json result;
};

/// Reads a file of finished work; no value if the file does not exist. Throws `data_error` for another file.
std::optional<stored_object> read_stored(const std::string& path, const stored_form& form);

/// Writes a file of finished work, which gets its name when it is complete. Throws `data_error`.
void write_stored(const std::string& path, const stored_form& form, const stored_object& work);

} // namespace program
