#include "render/csv.hpp"

#include "render/text_table.hpp"

#include <cmath>

namespace program {

std::string csv_field(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + "\"";
}

std::string csv_field(double value) { return std::isfinite(value) ? shortest(value) : std::string(); }

std::string csv_line(const std::vector<std::string>& fields) {
    std::string line;
    for (const std::string& each : fields) line += (&each == fields.data() ? "" : ",") + each;
    return line + "\n";
}

} // namespace program
