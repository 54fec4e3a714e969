#include "measure/report/folder.hpp"

#include "files/output_file.hpp"
#include "measure/csv.hpp"
#include "measure/json.hpp"
#include "measure/report/page.hpp"
#include "support/errors.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <unistd.h>

namespace program {

namespace {

namespace fs = std::filesystem;

// The sentence on the files beside the page.
std::string files_beside(const measure_result& result) {
    const layer_report& first = result.layers.front();
    const bool has_spectrum = first.measures.contains_any(repscope::analysis::spectrum_measures);
    return std::string(" The same numbers as text: layers.csv") +
           (first.selectivity || first.unit_values ? ", units.csv" : "") +
           (has_spectrum ? ", spectra.csv" : "") + (result.similarity ? ", similarity.csv" : "") +
           " beside this page.";
}

} // namespace

void require_report_folder(const std::string& folder) {
    std::error_code none;
    fs::path existing = fs::absolute(folder, none).lexically_normal();
    while (!fs::exists(fs::symlink_status(existing, none)) && existing.has_relative_path())
        existing = existing.parent_path();
    if (!fs::is_directory(existing, none)) {
        throw data_error(folder, "cannot be written: " + existing.string() + " is not a folder");
    }
    errno = 0;
    if (::access(existing.c_str(), W_OK | X_OK) != 0) {
        throw data_error(folder, std::string("cannot be written: ") + std::strerror(errno));
    }
    for (const auto& [name, kind] : report_files) {
        if (fs::is_directory(folder, none)) require_writable((fs::path(folder) / name).string());
    }
}

void write_report(const std::string& folder, const measure_result& result) {
    make_folder(folder);
    const auto write = [&](const char* name, const std::string& text) {
        if (!text.empty()) write_output((fs::path(folder) / name).string(), text);
    };
    try {
        write("layers.csv", layers_csv(result.layers));
        write("units.csv", units_csv(result.layers));
        write("spectra.csv", spectra_csv(result.layers));
        if (result.similarity) write("similarity.csv", similarity_csv(*result.similarity));
        write("report.html", report_page(result, {option_texts(result.settings), files_beside(result)}));
    } catch (...) {
        ::rmdir(folder.c_str()); // only when it is empty
        throw;
    }
}

} // namespace program
