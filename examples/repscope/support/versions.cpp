#include "support/versions.hpp"

#include "commit.hpp"

namespace program {

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
