#pragma once

#include "files/file_kind.hpp"
#include "measure/result.hpp"

#include <array>
#include <string>
#include <utility>

namespace program {

/// The files of a report and their kinds.
inline constexpr std::array<std::pair<const char*, file_kind>, 5> report_files{
    {{"layers.csv", file_kind::csv},
     {"units.csv", file_kind::csv},
     {"spectra.csv", file_kind::csv},
     {"similarity.csv", file_kind::csv},
     {"report.html", file_kind::html}}};

/// Throws `data_error` when a report cannot be written to the folder, which need not exist yet, so that long
/// work is not done for nothing. Makes no folder.
void require_report_folder(const std::string& folder);

/// Makes the folder and writes a report: `report.html`, a page that needs no other file, with the tables,
/// figures by gnuplot where it is found, and what was measured (files, sizes, SHA-256, options); beside it
/// `layers.csv`, `units.csv`, `spectra.csv` and `similarity.csv`. Every file appears whole or not at all.
/// `result` has its `inputs`. Throws `data_error`.
void write_report(const std::string& folder, const measure_result& result);

} // namespace program
