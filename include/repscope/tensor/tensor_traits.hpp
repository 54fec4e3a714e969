#pragma once

namespace repscope {
inline namespace v0 {

/// The door for a tensor type the library does not recognise by its structure: specialise it next to your
/// type with one static function,
///
///     template <>
///     struct repscope::tensor_traits<my_tensor> {
///         static repscope::tensor_view<const float, 2> view(const my_tensor& t) {
///             return {t.pointer, {t.rows, t.columns}};
///         }
///     };
///
/// and every function of the library takes it. A specialisation wins over every structural recogniser. It
/// must be visible before the first use of the type as a tensor, which "next to the type" guarantees. The
/// primary template is declared only.
template <typename T>
struct tensor_traits;

} // namespace v0
} // namespace repscope
