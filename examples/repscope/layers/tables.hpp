#pragma once

#include "layers/report.hpp"

#include <string>
#include <vector>

namespace program {

/// How tables are written: with aligned columns, or as Markdown.
enum class table_style { text, markdown };

/// The tables for people, with a row per layer: those of the measures that the layers have.
std::string layer_table(const std::vector<layer_report>& layers, table_style style = table_style::text);

} // namespace program
