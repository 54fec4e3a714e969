#pragma once

#include "repscope/error.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <array>
#include <cstddef>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace data {

/// Concatenates several batches of images into one, so that batch norm uses them together. Keeps its memory
/// between calls.
template <typename Scalar>
class batch_concatenation {
  public:
    /// The samples of all parts, one part after the other; valid until the next call. Throws `shape_error`
    /// when the images differ in size.
    template <typename... Rest>
    tensor_view<const Scalar, 4> stack(const tensor_view<const Scalar, 4>& first, const Rest&... rest) {
        auto extents = first.extents();
        extents[0] = 0;
        for (const auto* part : {&first, &rest...}) {
            if (part->extent(1) != extents[1] || part->extent(2) != extents[2] ||
                part->extent(3) != extents[3]) {
                errors::throw_shape_error("data::batch_concatenation",
                                          "expected images of shape " + format_shape(first.extents()),
                                          part->extents());
            }
            extents[0] += part->extent(0);
        }
        values_.resize(extents[0] * extents[1] * extents[2] * extents[3]);
        std::size_t at = 0;
        for (const auto* part : {&first, &rest...}) {
            for (std::size_t n = 0; n < part->extent(0); ++n) {
                for (std::size_t c = 0; c < extents[1]; ++c) {
                    for (std::size_t y = 0; y < extents[2]; ++y) {
                        for (std::size_t x = 0; x < extents[3]; ++x) values_[at++] = (*part)(n, c, y, x);
                    }
                }
            }
        }
        return {values_.data(), extents};
    }

  private:
    std::vector<Scalar> values_;
};

} // namespace data
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
