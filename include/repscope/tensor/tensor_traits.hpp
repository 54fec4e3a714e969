#pragma once

#include "repscope/version.hpp"

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Makes a type a tensor that the library does not recognize by its structure. Specialize it next to your
/// type with one static function,
///
///     template <>
///     struct repscope::tensor_traits<my_tensor> {
///         static repscope::tensor_view<const float, 2> view(const my_tensor& t) {
///             return {t.pointer, {t.rows, t.columns}};
///         }
///     };
///
/// and every function of the library accepts the type. Extents and strides are of any integer type. A
/// specialization takes precedence over the structure. It must be visible before the first use of the type as
/// a tensor, which "next to the type" guarantees. The primary template is declared only.
template <typename T>
struct tensor_traits;

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
