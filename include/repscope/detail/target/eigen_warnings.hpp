#pragma once

// g++ 12 warns that vectors in its AVX-512 header, which are undefined on purpose, are uninitialized (its bug
// 105593), hundreds of times in Eigen's kernels. The locations of these warnings are in the files that are
// included between REPSCOPE_BEGIN_EIGEN and REPSCOPE_END_EIGEN.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13 && defined(__AVX512F__)
#define REPSCOPE_BEGIN_EIGEN                                                                                 \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wuninitialized\"")                     \
        _Pragma("GCC diagnostic ignored \"-Wmaybe-uninitialized\"")
#define REPSCOPE_END_EIGEN _Pragma("GCC diagnostic pop")
#else
#define REPSCOPE_BEGIN_EIGEN
#define REPSCOPE_END_EIGEN
#endif
