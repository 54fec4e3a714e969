#pragma once

#include "repscope/detail/common/finite.hpp"
#include "repscope/detail/common/tiles.hpp"
#include "repscope/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Throws `value_error` that names the first element of `block` that is NaN or infinite; otherwise returns.
/// `first_sample` is the index of the block's first sample among all samples of the state.
template <typename Scalar>
void name_not_finite(std::string_view function, const tile<Scalar>& block, std::uint64_t first_sample) {
    for (std::size_t i = 0; i < block.samples; ++i) {
        for (std::size_t u = 0; u < block.units; ++u) {
            for (std::size_t p = 0; p < block.positions; ++p) {
                const auto x = static_cast<double>(block.data[(i * block.units + u) * block.positions + p]);
                if (is_finite(x)) continue;
                errors::throw_value_error(
                    function, std::string("expected finite activations, got ") +
                                  (is_nan(x) ? "NaN" : "infinity") + " in sample " +
                                  errors::text_of(first_sample + i) + ", unit " + errors::text_of(u) +
                                  (block.positions == 1 ? "" : ", position " + errors::text_of(p)));
            }
        }
    }
}

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
