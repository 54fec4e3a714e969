#pragma once

// The instruction set of this translation unit as an identifier, such as sse2 or avx2_fma_bmi2. The name
// contains the extensions that compilers use in ordinary code. Two units have the same name only if each can
// execute the code of the other. A unit that uses further extensions defines REPSCOPE_TARGET before the first
// header.
#if !defined(REPSCOPE_TARGET)
#if defined(__x86_64__)

#if defined(__AVX512VL__) && defined(__AVX512BW__) && defined(__AVX512DQ__)
#define REPSCOPE_TARGET_VECTORS avx512vl
#elif defined(__AVX512F__)
#define REPSCOPE_TARGET_VECTORS avx512f
#elif defined(__AVX2__)
#define REPSCOPE_TARGET_VECTORS avx2
#elif defined(__AVX__)
#define REPSCOPE_TARGET_VECTORS avx
#elif defined(__SSE4_2__)
#define REPSCOPE_TARGET_VECTORS sse4_2
#elif defined(__SSE4_1__)
#define REPSCOPE_TARGET_VECTORS sse4_1
#elif defined(__SSSE3__)
#define REPSCOPE_TARGET_VECTORS ssse3
#elif defined(__SSE3__)
#define REPSCOPE_TARGET_VECTORS sse3
#else
#define REPSCOPE_TARGET_VECTORS sse2
#endif

#if defined(__FMA4__) || defined(__XOP__)
#define REPSCOPE_TARGET_FUSED _fma4
#elif defined(__FMA__)
#define REPSCOPE_TARGET_FUSED _fma
#else
#define REPSCOPE_TARGET_FUSED
#endif

#if defined(__BMI2__)
#define REPSCOPE_TARGET_BITS _bmi2
#elif defined(__BMI__) || defined(__LZCNT__) || defined(__MOVBE__)
#define REPSCOPE_TARGET_BITS _bmi
#elif defined(__POPCNT__)
#define REPSCOPE_TARGET_BITS _popcnt
#else
#define REPSCOPE_TARGET_BITS
#endif

// Extensions that generations of processors add to AVX-512, and to AVX2 later.
#if defined(__AVX512FP16__)
#define REPSCOPE_TARGET_EXTENSIONS _fp16
#elif defined(__AVX512BF16__)
#define REPSCOPE_TARGET_EXTENSIONS _bf16
#elif defined(__AVX512VBMI2__) || defined(__AVX512BITALG__) || defined(__AVX512VPOPCNTDQ__)
#define REPSCOPE_TARGET_EXTENSIONS _vbmi2
#elif defined(__AVX512VNNI__) || defined(__AVXVNNI__)
#define REPSCOPE_TARGET_EXTENSIONS _vnni
#elif defined(__AVX512VBMI__) || defined(__AVX512IFMA__)
#define REPSCOPE_TARGET_EXTENSIONS _vbmi
#else
#define REPSCOPE_TARGET_EXTENSIONS
#endif

#define REPSCOPE_JOIN_TEXT(a, b, c, d) a##b##c##d
#define REPSCOPE_JOIN(a, b, c, d) REPSCOPE_JOIN_TEXT(a, b, c, d)
#define REPSCOPE_TARGET                                                                                      \
    REPSCOPE_JOIN(REPSCOPE_TARGET_VECTORS, REPSCOPE_TARGET_FUSED, REPSCOPE_TARGET_BITS,                      \
                  REPSCOPE_TARGET_EXTENSIONS)

#elif defined(__ARM_FEATURE_SVE2)
#define REPSCOPE_TARGET sve2
#elif defined(__ARM_FEATURE_SVE)
#define REPSCOPE_TARGET sve
#else
#define REPSCOPE_TARGET generic
#endif
#endif

/// Everything but the exceptions is in an inline namespace whose name has two parts: the series of
/// incompatible versions, and the instruction set that the translation unit is compiled for. Two versions of
/// the library, or units of different instruction sets, can be linked into one program without sharing code.
/// A unit for a plain processor never executes the code of another unit. Code that names `repscope::...` does
/// not depend on the name.
#define REPSCOPE_NAMESPACE_TEXT(target) v0_##target
#define REPSCOPE_NAMESPACE_OF(target) REPSCOPE_NAMESPACE_TEXT(target)
#define REPSCOPE_NAMESPACE REPSCOPE_NAMESPACE_OF(REPSCOPE_TARGET)
