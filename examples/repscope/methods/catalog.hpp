#pragma once

#include <string>
#include <vector>

namespace program {

/// A method of training as the user names it: "at-linf", "selectivity:-2".
struct method {
    std::string name;  ///< as in files: "selectivity:-2"
    std::string kind;  ///< what precedes the colon
    double number = 0; ///< what follows the colon, or the default of the method
};

/// "ce,selectivity:-2,at-linf" as methods, in their order. Throws `usage_error` for one that is not known,
/// with those that are, for a number that a method does not take, and for one that occurs twice.
std::vector<method> parse_methods(const std::string& list);

/// Whether networks of this method share data, network and number of passes with others, and are measured
/// beside them; the others have baselines of their own.
bool shares_training(const method& which);

/// The name of the file of a method's network, or of one of its arms.
std::string method_cell(const std::string& name, std::size_t seed);

} // namespace program
