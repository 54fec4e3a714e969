#pragma once

#include "repscope/detail/target/name.hpp"

// Here because error.hpp, which nearly every header includes first, includes this file before anything else.
#if __cplusplus < 202002L
#error "repscope needs C++20: compile with -std=c++20 or later"
#elif !defined(__cpp_exceptions)
#error "repscope needs exceptions: compile without -fno-exceptions"
#endif

/// Version of the library. The numbers are defined here only; CMakeLists.txt reads them from this file.
#define REPSCOPE_VERSION_MAJOR 0
#define REPSCOPE_VERSION_MINOR 1
#define REPSCOPE_VERSION_PATCH 0

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// The major version.
inline constexpr int version_major = REPSCOPE_VERSION_MAJOR;
/// The minor version.
inline constexpr int version_minor = REPSCOPE_VERSION_MINOR;
/// The patch level.
inline constexpr int version_patch = REPSCOPE_VERSION_PATCH;

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
