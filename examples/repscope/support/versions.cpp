#include "support/versions.hpp"

#include "commit.hpp"

#include <repscope/version.hpp>

namespace program {

std::string version_text() {
    return std::to_string(repscope::version_major) + "." + std::to_string(repscope::version_minor) + "." +
           std::to_string(repscope::version_patch);
}

std::string commit_text() { return REPSCOPE_COMMIT; }

std::string version_and_commit_text() { return version_text() + " (commit " + commit_text() + ")"; }

std::string compiler_text() {
#if defined(__clang__)
    return std::string("clang ") + __clang_version__;
#elif defined(__GNUC__)
    return std::string("g++ ") + __VERSION__;
#else
    return "unknown";
#endif
}

} // namespace program
