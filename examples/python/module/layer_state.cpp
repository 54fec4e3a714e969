#include "layer_state.hpp"

#include "interruption.hpp"

#include <repscope/error.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace python_module {

namespace analysis = repscope::analysis;

namespace {

constexpr const char* accumulator_name = "LayerAccumulator";

// Throws for the first value that is not finite; `before` samples come before the first one of `x`.
template <typename T>
void require_finite(const repscope::activations_view<T>& x, std::uint64_t before) {
    using repscope::errors::text_of;
    for (std::size_t n = 0; n < x.extent(0); ++n) {
        for (std::size_t u = 0; u < x.extent(1); ++u) {
            for (std::size_t p = 0; p < x.extent(2) * x.extent(3); ++p) {
                const T value = x(n, u, p / x.extent(3), p % x.extent(3));
                if (std::isfinite(value)) continue;
                repscope::errors::throw_value_error(
                    accumulator_name, std::string("expected finite activations, got ") +
                                          (std::isnan(value) ? "NaN" : "infinity") + " in sample " +
                                          text_of(before + n) + ", unit " + text_of(u));
            }
        }
    }
}

} // namespace

layer_state::layer_state(const analysis::stored_layer& layer,
                         const analysis::layer_accumulator_options& options, const std::string& file)
    : options_(options), states_(program::load_states(layer, options, file)), dtype_(layer.dtype),
      shape_(layer.shape) {
    for (const auto axes : {repscope::layout::nu, repscope::layout::nchw, repscope::layout::nhwc,
                            repscope::layout::ntd, repscope::layout::nup}) {
        if (layer.layout == to_string(axes)) axes_ = axes;
    }
}

void layer_state::describe(const activations& x) {
    dtype_ = x.array().format.name();
    shape_ = x.array().shape;
    axes_ = x.axes();
}

void layer_state::update(activations& x, std::span<const std::int32_t> classes, bool is_whole) {
    if (options_.classes != 0 && classes.size() != x.samples()) {
        repscope::errors::throw_shape_error(accumulator_name,
                                            "expected one label per sample, got " +
                                                repscope::errors::text_of(classes.size()) + " labels for " +
                                                repscope::errors::text_of(x.samples()) + " samples");
    }
    const bool is_first = !states_;
    if (is_first) {
        states_.emplace(program::stored_states{analysis::layer_accumulator(x.units(), options_), {}});
        states_->input.zero_samples = 0;
        describe(x);
    }
    const std::size_t part = samples_at_a_time(x);
    const auto for_each_part = [&](const auto& use) {
        for (std::size_t first = 0; first < x.samples(); first += part) {
            if (first != 0) throw_if_interrupted();
            use(first, std::min(part, x.samples() - first));
        }
    };
    // One call adds all or nothing; several calls do only if all of them are good.
    const bool is_one_part = x.samples() <= part;
    // Only elements that are decoded need these threads.
    const repscope::scoped_pool lease(x.is_direct() ? repscope::thread_source(1) : options_.threads);
    repscope::thread_pool& pool = *lease;
    try {
        if (!is_one_part && !is_whole && x.units() == states_->moments.units()) {
            for_each_part([&](std::size_t first, std::size_t count) {
                x.with_samples(first, count, pool,
                               [&](const auto& view) { require_finite(view, samples() + first); });
            });
        }
        for_each_part([&](std::size_t first, std::size_t count) { add(x, classes, first, count, pool); });
    } catch (...) {
        if (is_first && samples() == 0) states_.reset();
        throw;
    }
}

void layer_state::add(activations& x, std::span<const std::int32_t> classes, std::size_t first,
                      std::size_t count, repscope::thread_pool& pool) {
    x.with_samples(first, count, pool, [&](const auto& view) {
        if (options_.classes == 0)
            states_->moments.update(view);
        else
            states_->moments.update(view, classes.subspan(first, count));
        if (counts_zeros_ && states_->input.zero_samples)
            *states_->input.zero_samples += count_zero_samples(view);
    });
}

void layer_state::merge(const layer_state& other) {
    if (!other.states_) return;
    if (states_) {
        states_->merge(*other.states_);
        return;
    }
    states_ = other.states_;
    dtype_ = other.dtype_;
    shape_ = other.shape_;
    axes_ = other.axes_;
}

bool layer_state::next_pass() {
    if (!states_) repscope::errors::throw_value_error(accumulator_name, "expected at least 2 samples, got 0");
    counts_zeros_ = false;
    return states_->moments.next_pass();
}

program::layer_report layer_state::described(const std::string& name) const {
    if (!states_) repscope::errors::throw_value_error(accumulator_name, "expected at least 2 samples, got 0");
    program::layer_report report;
    report.name = name;
    report.dtype = dtype_;
    report.shape = shape_;
    report.shape[0] = static_cast<std::size_t>(samples());
    report.layout = std::string(to_string(axes_));
    report.unit = axes_ == repscope::layout::nu ? "unit" : "channel_mean";
    report.zero_samples = states_->input.zero_samples;
    return report;
}

program::layer_report layer_state::report(const std::string& name, std::span<const std::int64_t> labels,
                                          std::span<const std::string> class_names) const {
    program::layer_report report = described(name);
    analysis::layer_accumulator copy = states_->moments;
    program::add_measures(copy.finish(), labels, class_names, report);
    report.shape[0] = report.samples;
    return report;
}

analysis::stored_layer layer_state::save(const std::string& name,
                                         std::vector<analysis::saved_section>& sections) const {
    const program::layer_report report = described(name);
    program::stored_states copy = *states_;
    sections = program::save_states(copy.moments, copy.input);
    analysis::stored_layer layer{
        name, report.dtype, report.shape, report.layout, report.unit, "", 0, samples(), {}};
    for (const analysis::saved_section& section : sections)
        layer.sections.push_back({section.kind, section.payload});
    return layer;
}

} // namespace python_module
