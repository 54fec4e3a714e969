#include "dumps/layout_choice.hpp"

#include "support/errors.hpp"

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

repscope::layout layout_named(const std::string& name) {
    using repscope::layout;
    for (const layout value : {layout::nu, layout::nchw, layout::nhwc, layout::ntd, layout::nup}) {
        if (name == to_string(value)) return value;
    }
    throw usage_error("--layout: expected nu, nchw, nhwc, ntd or nup, got " + name);
}

} // namespace

std::string leave_out_hint(const std::string& layer) { return " (--layers '!" + layer + "' leaves it out)"; }

repscope::layout choose_layout(std::span<const std::size_t> shape,
                               const std::vector<repscope::layout>& stated, const std::string& file,
                               const std::string& name) {
    using repscope::layout;
    const std::string printed = repscope::format_shape(shape);
    if (shape.size() < 2 || shape.size() > 4) {
        throw data_error(file, "expected activations of rank 2, 3 or 4, got shape " + printed +
                                   leave_out_hint(name));
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
                      read_as(second, shape) + ": state one with --layout " + std::string(to_string(first)) +
                      " or --layout " + std::string(to_string(second)));
}

std::vector<repscope::layout> layouts_for(const std::string& name, std::span<const std::size_t> shape,
                                          const std::vector<layer_value>& stated, const std::string& file) {
    std::vector<repscope::layout> own;
    std::vector<repscope::layout> general;
    for (const layer_value& value : stated) {
        const repscope::layout layout = layout_named(value.value);
        if (!value.pattern) {
            general.push_back(layout);
        } else if (matches(*value.pattern, name)) {
            own.push_back(layout);
        }
    }
    if (own.empty()) return general;
    for (const repscope::layout layout : own) {
        if (repscope::rank_of(layout) == shape.size()) return {layout};
    }
    throw usage_error("--layout: " + std::string(to_string(own.front())) + " is stated for layer " + name +
                      ", but " + file + " has shape " + repscope::format_shape(shape));
}

} // namespace program
