#pragma once

#include "repscope/corruption/frost.hpp"
#include "repscope/numeric/random_field.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace repscope {
inline namespace v0 {
namespace corruption {

namespace detail {

[[nodiscard]] inline std::vector<frost_texture> make_ice() {
    std::vector<frost_texture> t; t.emplace_back(std::array<std::size_t,3>{400, 600, 3});
    return t;
}

} // namespace detail

/// Stand-ins.
[[nodiscard]] inline std::span<const frost_texture> ice_textures() {
    static const std::vector<frost_texture> textures = detail::make_ice();
    return textures;
}

} // namespace corruption
} // namespace v0
} // namespace repscope
