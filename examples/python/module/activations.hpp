#pragma once

#include "array_input.hpp"

#include <repscope/parallel/thread_pool.hpp>
#include <repscope/tensor/layout.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace python_module {

/// Returns the layout of this name; `unstated` for an empty one. Throws `value_error` for other names.
repscope::layout layout_named(const std::string& name);

/// Activations of Python as (samples, units, rows, columns), without a copy of the whole.
///
/// Native `float` and `double` elements are read in place, at any strides that are multiples of their size.
/// Other elements are decoded in parts of the samples: into `float` if it holds every value exactly,
/// otherwise into `double`.
class activations {
  public:
    /// Throws `shape_error` in the name of `function` if the rank does not fit the layout.
    activations(array_input array, repscope::layout axes, const char* function);

    [[nodiscard]] const array_input& array() const noexcept { return array_; }
    /// The layout of the array, never `unstated`.
    [[nodiscard]] repscope::layout axes() const noexcept { return axes_; }
    [[nodiscard]] std::size_t samples() const noexcept { return bytes_.extent(0); }
    [[nodiscard]] std::size_t units() const noexcept { return bytes_.extent(1); }
    [[nodiscard]] std::size_t positions() const noexcept { return bytes_.extent(2) * bytes_.extent(3); }
    /// Whether the elements are read in place.
    [[nodiscard]] bool is_direct() const noexcept { return is_direct_; }
    [[nodiscard]] const std::array<std::size_t, 4>& extents() const noexcept { return bytes_.extents(); }

    /// Calls `use(view)` with samples [first, first + count) as an `activations_view` of `float` or `double`,
    /// valid during the call.
    template <typename Use>
    void with_samples(std::size_t first, std::size_t count, repscope::thread_pool& pool, Use&& use) {
        using repscope::io::dtype;
        if (is_direct_ && array_.format.type == dtype::float32)
            use(direct<float>(first, count));
        else if (is_direct_)
            use(direct<double>(first, count));
        else if (array_.format.reads_as_float())
            use(decoded(first, count, pool, floats_));
        else
            use(decoded(first, count, pool, doubles_));
    }

  private:
    template <typename T>
    [[nodiscard]] repscope::activations_view<T> direct(std::size_t first, std::size_t count) const {
        std::array<std::size_t, 4> extents = bytes_.extents();
        std::array<std::ptrdiff_t, 4> strides = bytes_.strides();
        extents[0] = count;
        for (std::ptrdiff_t& stride : strides) stride /= static_cast<std::ptrdiff_t>(sizeof(T));
        const void* const begin =
            bytes_.data_handle() + static_cast<std::ptrdiff_t>(first) * bytes_.stride(0);
        return {static_cast<const T*>(begin), extents, strides};
    }
    template <typename T>
    [[nodiscard]] repscope::activations_view<T>
    decoded(std::size_t first, std::size_t count, repscope::thread_pool& pool, std::vector<T>& memory) const;

    array_input array_;
    repscope::layout axes_;
    repscope::activations_view<unsigned char> bytes_; ///< strides in bytes
    bool is_direct_;
    std::vector<float> floats_;
    std::vector<double> doubles_;
};

/// Number of samples that are read at a time, between two looks for an interruption. Depends on the extents,
/// and on whether elements are decoded, alone.
[[nodiscard]] std::size_t samples_at_a_time(const activations& x);

} // namespace python_module
