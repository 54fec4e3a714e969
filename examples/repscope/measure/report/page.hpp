#pragma once

#include "measure/result.hpp"

#include <string>
#include <utility>
#include <vector>

namespace program {

/// What a page states beside the numbers.
struct page_facts {
    std::vector<std::pair<std::string, std::string>> options; ///< names and values
    std::string closing{};                                    ///< a sentence at the end, after a space
};

/// Returns a page in HTML that needs no other file, with the tables, figures by gnuplot where it is found,
/// and what was measured: the files, unless `result` has no `inputs`, and the options. `result` has at least
/// one layer.
std::string report_page(const measure_result& result, const page_facts& facts);

} // namespace program
