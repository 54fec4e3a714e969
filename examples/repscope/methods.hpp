#pragma once

#include "study_settings.hpp"

#include <memory>
#include <string>

namespace CLI {
class App;
}

namespace program {

/// What `repscope study --methods` is asked for, beside what every study is.
struct methods_request {
    std::string list;
    std::string protocol = "quick";
};

/// Adds the options to those of a study.
std::shared_ptr<methods_request> add_methods_options(CLI::App& study);

/// Trains networks by methods that are meant to make them robust, and measures them side by side. Of the
/// options of the study, those that were given replace what the protocol says.
int study_methods(const study_settings& settings, const methods_request& request, const CLI::App& given);

} // namespace program
