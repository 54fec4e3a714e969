#pragma once

#include "repscope/error.hpp"

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Throws `value_error` unless `numbers` gives each of the first `numbers.size()` of `before` classes a
/// number of its own below `classes`.
inline void check_class_numbers(std::string_view name, std::span<const std::size_t> numbers,
                                std::size_t classes, std::size_t before) {
    if (classes == 0 || numbers.size() > before) {
        errors::throw_value_error(name, "expected numbers for at most " + errors::text_of(before) +
                                            " classes, got " + errors::text_of(numbers.size()) + " of " +
                                            errors::text_of(classes));
    }
    std::vector<bool> is_taken(classes);
    for (const std::size_t number : numbers) {
        if (number >= classes || is_taken[number]) {
            errors::throw_value_error(name, "expected different numbers below " + errors::text_of(classes) +
                                                ", got " + errors::text_of(number));
        }
        is_taken[number] = true;
    }
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
