#include "array_input.hpp"
#include "interruption.hpp"
#include "options.hpp"
#include "parts.hpp"

#include <repscope/corruption/apply.hpp>
#include <repscope/error.hpp>

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

namespace python_module {

namespace py = pybind11;
namespace corruption = repscope::corruption;
namespace io = repscope::io;

namespace {

constexpr const char* corrupt_name = "corrupt";

corruption::variant variant_named(const std::string& name) {
    using corruption::variant;
    constexpr std::array<std::pair<const char*, variant>, 4> variants{{{"nearest", variant::nearest},
                                                                       {"imagenet", variant::imagenet},
                                                                       {"cifar", variant::cifar},
                                                                       {"tiny", variant::tiny}}};
    for (const auto& [known, value] : variants) {
        if (name == known) return value;
    }
    repscope::errors::throw_value_error(
        corrupt_name, "expected variant nearest, imagenet, cifar or tiny, got '" + name + "'");
}

template <typename T>
py::array corrupt_pixels(const array_input& images, const std::string& kind,
                         const corruption::apply_options& options) {
    const std::vector<std::size_t>& shape = images.shape;
    const std::size_t rank = shape.size();
    std::array<std::size_t, 4> extents{1, shape[rank - 3], shape[rank - 2], shape[rank - 1]};
    std::array<std::ptrdiff_t, 4> strides{0, 0, 0, 0};
    if (rank == 4) extents[0] = shape[0];
    for (std::size_t axis = 0; axis < rank; ++axis)
        strides[4 - rank + axis] = images.strides[axis] / static_cast<std::ptrdiff_t>(sizeof(T));
    py::array_t<T> result(std::vector<py::ssize_t>(shape.begin(), shape.end()));
    T* to = result.mutable_data();
    if (extents[0] > (std::uint64_t{1} << 32U) - options.index) {
        repscope::errors::throw_value_error(corrupt_name,
                                            "expected indices of images below 2^32, got " +
                                                repscope::errors::text_of(options.index) + " and " +
                                                repscope::errors::text_of(extents[0]) + " images");
    }
    const py::gil_scoped_release unlocked;
    const corruption::kind which = corruption::kind_from_name(kind);
    // About 8 MiB at a time; an image's index decides its draws, so parts give the bytes of the whole.
    const std::size_t image = std::max<std::size_t>(1, extents[1] * extents[2] * extents[3]);
    const std::size_t part = std::max<std::size_t>(1, (std::size_t{8} << 20U) / (image * sizeof(T)));
    const void* const data = images.data;
    for (std::size_t first = 0; first == 0 || first < extents[0]; first += part) {
        if (first != 0) throw_if_interrupted();
        std::array<std::size_t, 4> of_part = extents;
        of_part[0] = std::min(part, extents[0] - first);
        const repscope::tensor_view<const T, 4> view(
            static_cast<const T*>(data) + static_cast<std::ptrdiff_t>(first) * strides[0], of_part, strides);
        corruption::apply_options each = options;
        each.index = options.index + static_cast<std::uint32_t>(first);
        const auto corrupted = corruption::apply(which, view, each);
        to = std::copy_n(corrupted.data_handle(), corrupted.size(), to);
    }
    return result;
}

py::array corrupt(py::handle images, const std::string& kind, int severity, std::uint64_t seed,
                  const std::string& variant, std::uint32_t index, int threads) {
    const array_input array = array_of(images, corrupt_name);
    if (array.shape.size() != 3 && array.shape.size() != 4) {
        repscope::errors::throw_shape_error(
            corrupt_name, "expected images (height, width, channels) or (n, height, width, channels)",
            array.shape);
    }
    repscope::thread_pool pool(thread_count(threads));
    const corruption::apply_options options{.threads = pool,
                                            .severity = severity,
                                            .variant = variant_named(variant),
                                            .seed = seed,
                                            .index = index};
    if (array.format.type == io::dtype::uint8) return corrupt_pixels<std::uint8_t>(array, kind, options);
    const bool is_native = array.format.big_endian == (std::endian::native == std::endian::big) &&
                           std::all_of(array.strides.begin(), array.strides.end(),
                                       [](std::ptrdiff_t stride) { return stride % std::ptrdiff_t{4} == 0; });
    if (array.format.type == io::dtype::float32 && is_native)
        return corrupt_pixels<float>(array, kind, options);
    throw py::type_error(
        "repscope::corrupt: expected uint8, or float32 in [0, 1] of this machine's byte order, got " +
        array.format.name());
}

} // namespace

void add_corruptions(py::module_& module) {
    module.def("corrupt", &corrupt);
    const auto texts = [](const auto& names) {
        py::list list;
        for (const std::string_view name : names) list.append(std::string(name));
        return list;
    };
    module.attr("common_corruptions") = py::tuple(texts(corruption::common));
    module.attr("extra_corruptions") = py::tuple(texts(corruption::extra));
}

} // namespace python_module
