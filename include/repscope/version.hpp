#pragma once

/// Version of the library: the one place where the numbers stand; CMakeLists.txt reads them from here.
#define REPSCOPE_VERSION_MAJOR 0
#define REPSCOPE_VERSION_MINOR 1
#define REPSCOPE_VERSION_PATCH 0

namespace repscope {

/// Everything public lives in an inline namespace named after the series of incompatible versions, so that
/// two versions of the library can stand in one program without sharing symbols.
inline namespace v0 {

inline constexpr int version_major = REPSCOPE_VERSION_MAJOR;
inline constexpr int version_minor = REPSCOPE_VERSION_MINOR;
inline constexpr int version_patch = REPSCOPE_VERSION_PATCH;

} // namespace v0
} // namespace repscope
