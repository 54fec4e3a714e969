#include "versions.hpp"

#include <repscope/version.hpp>

namespace program {

std::string version_text() {
    return std::to_string(repscope::version_major) + "." + std::to_string(repscope::version_minor) + "." +
           std::to_string(repscope::version_patch);
}

} // namespace program
