#pragma once

#include <repscope/version.hpp>

#include <string>

namespace program {

/// "0.1.0": the version of repscope.
inline std::string version_text() {
    return std::to_string(repscope::version_major) + "." + std::to_string(repscope::version_minor) + "." +
           std::to_string(repscope::version_patch);
}

/// "3f2a9c01b7de": the git commit that the program was built from, or the tag that git describes it by, with
/// "-dirty" behind it after changes; "unknown" outside of a checkout.
std::string commit_text();

/// "0.1.0 (commit 3f2a9c01b7de)".
std::string version_and_commit_text();

/// "g++ 12.2.0": what the program was compiled with.
std::string compiler_text();

} // namespace program
