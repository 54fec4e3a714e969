#pragma once

#include <cstddef>
#include <cstdint>

/// What a unit computes. No type of the library is in it: units of different targets share none.
struct target_results {
    static constexpr std::size_t exact_size = 64;
    static constexpr std::size_t rounded_size = 256;
    const char* target = nullptr;
    std::uint64_t exact[exact_size] = {}; ///< hashes of results whose bits do not depend on the target
    std::size_t exact_count = 0;
    double rounded[rounded_size] = {}; ///< sums whose order depends on the target
    std::size_t rounded_count = 0;
    bool caught = false; ///< whether an exception of the other unit had the type of this one
};

// unit.cpp, compiled for plain x86-64 and for the widest level of the machine.
void compute_plain(target_results& results, void (*throws)());
void compute_wide(target_results& results, void (*throws)());
void throw_plain();
void throw_wide();
