#include "activations.hpp"

#include <repscope/error.hpp>
#include <repscope/tensor/tensor_view.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace python_module {

namespace io = repscope::io;
using repscope::layout;

namespace {

repscope::activations_view<unsigned char> bytes_of(const array_input& array, layout axes,
                                                   const char* function) {
    const auto view = [&]<std::size_t Rank>(std::integral_constant<std::size_t, Rank>) {
        std::array<std::size_t, Rank> extents;
        std::array<std::ptrdiff_t, Rank> strides;
        std::copy_n(array.shape.begin(), Rank, extents.begin());
        std::copy_n(array.strides.begin(), Rank, strides.begin());
        const void* const data = array.data;
        return repscope::as_activations(repscope::tensor_view<const unsigned char, Rank>(
                                            static_cast<const unsigned char*>(data), extents, strides),
                                        axes, function);
    };
    if (array.shape.size() == 2) return view(std::integral_constant<std::size_t, 2>());
    if (array.shape.size() == 3) return view(std::integral_constant<std::size_t, 3>());
    if (array.shape.size() == 4) return view(std::integral_constant<std::size_t, 4>());
    repscope::errors::throw_shape_error(function, "expected activations of rank 2, 3 or 4", array.shape);
}

bool can_be_read_in_place(const array_input& array) {
    const std::size_t item = io::size_of(array.format.type);
    const bool is_float = array.format.type == io::dtype::float32 || array.format.type == io::dtype::float64;
    if (!is_float || array.format.big_endian != (std::endian::native == std::endian::big)) return false;
    if (reinterpret_cast<std::uintptr_t>(array.data) % item != 0) return false;
    for (std::size_t axis = 0; axis < array.shape.size(); ++axis) {
        if (array.shape[axis] > 1 && array.strides[axis] % static_cast<std::ptrdiff_t>(item) != 0)
            return false;
    }
    return true;
}

// Copies elements of three strided axes into dense memory.
template <typename Bits>
void gather(const unsigned char* from, const std::size_t* extents, const std::ptrdiff_t* strides,
            std::byte* to) {
    for (std::size_t i = 0; i < extents[0]; ++i) {
        for (std::size_t j = 0; j < extents[1]; ++j) {
            const unsigned char* element = from + static_cast<std::ptrdiff_t>(i) * strides[0] +
                                           static_cast<std::ptrdiff_t>(j) * strides[1];
            for (std::size_t k = 0; k < extents[2]; ++k) {
                std::memcpy(to, element, sizeof(Bits));
                to += sizeof(Bits);
                element += strides[2];
            }
        }
    }
}

void gather(std::size_t item, const unsigned char* from, const std::size_t* extents,
            const std::ptrdiff_t* strides, std::byte* to) {
    if (item == 1) return gather<std::uint8_t>(from, extents, strides, to);
    if (item == 2) return gather<std::uint16_t>(from, extents, strides, to);
    if (item == 4) return gather<std::uint32_t>(from, extents, strides, to);
    return gather<std::uint64_t>(from, extents, strides, to);
}

} // namespace

layout layout_named(const std::string& name) {
    if (name.empty()) return layout::unstated;
    std::string names;
    for (const layout axes : {layout::nu, layout::nchw, layout::nhwc, layout::ntd, layout::nup}) {
        if (name == to_string(axes)) return axes;
        names += (names.empty() ? "" : ", ") + std::string(to_string(axes));
    }
    repscope::errors::throw_value_error("layout", "expected one of " + names + ", got '" + name + "'");
}

activations::activations(array_input array, layout axes, const char* function)
    : array_(std::move(array)), axes_(axes), bytes_(bytes_of(array_, axes, function)),
      is_direct_(can_be_read_in_place(array_)) {
    if (axes_ == layout::unstated) axes_ = array_.shape.size() == 2 ? layout::nu : layout::nchw;
}

template <typename T>
repscope::activations_view<T> activations::decoded(std::size_t first, std::size_t count,
                                                   repscope::thread_pool& pool,
                                                   std::vector<T>& memory) const {
    // The copy has the order of the memory, so that it is read along the shortest stride.
    std::array<std::size_t, 4> order{0, 1, 2, 3};
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return std::abs(bytes_.stride(a)) > std::abs(bytes_.stride(b));
    });
    std::array<std::size_t, 4> extents = bytes_.extents();
    extents[0] = count;
    std::array<std::size_t, 4> sorted_extents;
    std::array<std::ptrdiff_t, 4> sorted_strides, strides;
    std::ptrdiff_t step = 1;
    for (std::size_t place = 4; place-- > 0;) {
        const std::size_t axis = order[place];
        sorted_extents[place] = extents[axis];
        sorted_strides[place] = bytes_.stride(axis);
        strides[axis] = step;
        step *= static_cast<std::ptrdiff_t>(extents[axis]);
    }
    memory.resize(static_cast<std::size_t>(step));
    const unsigned char* const begin =
        bytes_.data_handle() + static_cast<std::ptrdiff_t>(first) * bytes_.stride(0);
    const std::size_t item = io::size_of(array_.format.type);
    const std::size_t slice = sorted_extents[1] * sorted_extents[2] * sorted_extents[3];
    constexpr std::size_t task_elements = std::size_t{1} << 16U;
    const std::size_t slices = std::max<std::size_t>(1, task_elements / std::max<std::size_t>(1, slice));
    std::vector<std::vector<std::byte>> scratch(pool.size());
    pool.for_each((sorted_extents[0] + slices - 1) / slices, [&](std::size_t task, std::size_t worker) {
        std::vector<std::byte>& dense = scratch[worker];
        dense.resize(slice * item);
        const std::size_t end = std::min(sorted_extents[0], (task + 1) * slices);
        for (std::size_t i = task * slices; i < end; ++i) {
            gather(item, begin + static_cast<std::ptrdiff_t>(i) * sorted_strides[0],
                   sorted_extents.data() + 1, sorted_strides.data() + 1, dense.data());
            io::decode(dense.data(), slice, array_.format, memory.data() + i * slice);
        }
    });
    return {memory.data(), extents, strides};
}

template repscope::activations_view<float>
activations::decoded(std::size_t, std::size_t, repscope::thread_pool&, std::vector<float>&) const;
template repscope::activations_view<double>
activations::decoded(std::size_t, std::size_t, repscope::thread_pool&, std::vector<double>&) const;

std::size_t samples_at_a_time(const activations& x) {
    // Of decoded elements 32 MiB of float; others take no memory, and an interruption waits for few of them.
    const std::size_t most_elements = std::size_t{1} << (x.is_direct() ? 26U : 23U);
    // A covariance takes chunks of 32 MiB of unit values in double, and updates begin new blocks of samples.
    constexpr std::size_t most_values = std::size_t{1} << 22U;
    constexpr std::size_t block = 64;
    const std::size_t units = std::max<std::size_t>(1, x.units());
    const std::size_t fits =
        std::min(most_elements / std::max<std::size_t>(1, units * x.positions()), most_values / units);
    return std::max(block, fits / block * block);
}

} // namespace python_module
