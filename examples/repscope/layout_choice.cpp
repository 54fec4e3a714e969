#include "layout_choice.hpp"

#include "failure.hpp"

#include <repscope/error.hpp>

namespace program {

namespace {

std::string read_as(repscope::layout layout, std::span<const std::size_t> shape) {
    const auto extent = [&](std::size_t axis) { return std::to_string(shape[axis]); };
    switch (layout) {
    case repscope::layout::nchw:
        return "nchw (" + extent(1) + " channels of " + extent(2) + " x " + extent(3) + ")";
    case repscope::layout::nhwc:
        return "nhwc (" + extent(3) + " channels of " + extent(1) + " x " + extent(2) + ")";
    case repscope::layout::ntd:
        return "ntd (" + extent(2) + " features of " + extent(1) + " tokens)";
    default:
        return "nup (" + extent(1) + " units of " + extent(2) + " positions)";
    }
}

} // namespace

repscope::layout choose_layout(std::span<const std::size_t> shape,
                               const std::vector<repscope::layout>& stated, const std::string& file) {
    using repscope::layout;
    const std::string printed = repscope::format_shape(shape);
    if (shape.size() < 2 || shape.size() > 4) {
        throw data_error(file, "wanted activations of rank 2, 3 or 4, got shape " + printed);
    }
    for (const std::size_t extent : shape) {
        if (extent == 0) throw data_error(file, "holds no activations: shape " + printed);
    }
    if (shape.size() == 2) return layout::nu;
    for (const layout choice : stated) {
        if (repscope::rank_of(choice) == shape.size()) return choice;
    }
    if (shape.size() == 4 && shape[2] == shape[3] && shape[1] != shape[2]) return layout::nchw;
    const layout first = shape.size() == 4 ? layout::nchw : layout::ntd;
    const layout second = shape.size() == 4 ? layout::nhwc : layout::nup;
    throw usage_error(file + ": shape " + printed + " can be read as " + read_as(first, shape) + " or " +
                      read_as(second, shape) + ": say which with --layout " + std::string(to_string(first)) +
                      " or --layout " + std::string(to_string(second)));
}

} // namespace program
