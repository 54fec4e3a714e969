#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace program {

/// Differences between two methods, or two arms of one, seed by seed, for those pairs of which both were run:
/// an array of `{"first","second","quantity","per_seed","mean","low","high"}`. The interval is Student's over
/// seeds, 95 %; null with a single one. Whatever their sign: nothing is tested.
nlohmann::ordered_json method_comparisons(const nlohmann::ordered_json& study);

/// Spearman's correlation, over the means of the methods, of selectivity with accuracy under corruptions and
/// under attack: a description of these methods, which are no sample of anything. Null below three.
nlohmann::ordered_json method_correlations(const nlohmann::ordered_json& study);

/// methods.csv: a row per network, layer and quantity. Quantities of a network have no layer.
std::string methods_csv(const nlohmann::ordered_json& study);

/// Tables for people.
std::string methods_table(const nlohmann::ordered_json& study);

/// Selectivity against accuracy under corruptions, and under attack: a point a method, with the spread over
/// seeds. SVG; empty without gnuplot or networks.
std::string methods_figure(const nlohmann::ordered_json& study);

} // namespace program
