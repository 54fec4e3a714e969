#pragma once

#include "repscope/detail/net/graph/linear_map.hpp"
#include "repscope/detail/net/graph/make_kernel.hpp"
#include "repscope/detail/net/graph/program.hpp"
#include "repscope/detail/net/graph/schedule.hpp"
#include "repscope/detail/net/graph/session.hpp"
#include "repscope/error.hpp"
#include "repscope/net/graph_operations.hpp"
#include "repscope/parallel/thread_pool.hpp"
#include "repscope/tensor/tensor_view.hpp"

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// A tapped value and its axes: samples, units, positions.
struct graph_tap {
    std::size_t value = 0;
    std::string name;
    std::vector<std::size_t> axes;
};

/// Everything that a graph holds; passes share it.
template <typename T>
struct graph_description {
    std::vector<graph_node<T>> nodes;
    std::vector<graph_tap> taps;
    std::size_t output = 0; // 0: not set yet
    bool fixed_batch = false;
};

/// The (samples, units, rows, columns) of a tap: leading axes of its positions are joined.
[[nodiscard]] inline std::array<std::size_t, 4> tap_extents(const std::vector<std::size_t>& extents) {
    std::array<std::size_t, 4> result{extents[0], extents[1], 1, 1};
    for (std::size_t axis = 2; axis < extents.size(); ++axis) {
        const bool column = axis > 2 && axis + 1 == extents.size();
        result[column ? 3 : 2] *= extents[axis];
    }
    return result;
}

/// A view (samples, units, rows, columns) as a tensor with these extents.
template <typename T>
[[nodiscard]] layout spread(const tensor_view<T, 4>& view, std::vector<std::size_t> extents) {
    layout result{std::move(extents), {}, 0};
    result.strides.assign(result.rank(), 0);
    std::ptrdiff_t row = view.stride(2);
    for (std::size_t axis = result.rank(); axis-- > 0;) {
        if (axis < 2 || (axis > 2 && axis + 1 == result.rank())) {
            result.strides[axis] = view.stride(axis < 2 ? axis : 3);
        } else {
            result.strides[axis] = row;
            row *= static_cast<std::ptrdiff_t>(result.extents[axis]);
        }
    }
    return result;
}

[[nodiscard]] inline layout permuted(const layout& view, const std::vector<std::size_t>& axes) {
    layout result{{}, {}, view.offset};
    for (const std::size_t axis : axes) {
        result.extents.push_back(view.extents[axis]);
        result.strides.push_back(view.strides[axis]);
    }
    return result;
}

/// Maximum bytes of the tensors of a pass: a small file can state extents of any size.
inline constexpr std::size_t max_pass_bytes = std::size_t{8} << 30U;

/// Programs, schedules and memory of passes through one graph.
template <typename T>
class graph_engine {
  public:
    /// What a pass computes: the logits, one tap, all taps, or the logits and all taps.
    enum class goal { logits, tap, taps, everything };
    struct request {
        derivative_kind kind = derivative_kind::none;
        goal what = goal::logits;
        std::size_t tap = 0;
    };
    /// A range of the samples of a pass.
    struct piece {
        std::size_t index = 0, first = 0, count = 0;
    };

    explicit graph_engine(const thread_source& threads) : pool_(threads) {}

    /// Begins to work on a graph; what was prepared for another one is discarded.
    void open(const std::shared_ptr<const graph_description<T>>& graph) {
        if (graph_ == graph) return;
        schedules_.clear();
        programs_.clear();
        sessions_.clear();
        weights_.clear();
        weights_.resize(graph->nodes.size());
        graph_ = graph;
        std::size_t numbers = 0;
        for (const auto& node : graph->nodes) {
            if (node.data == nullptr) numbers += element_factors(node.shape).first;
        }
        constexpr std::size_t memory = std::size_t{1} << 23;
        const std::size_t least = numbers > 4 * memory ? 1 : 4;
        together_ = graph->fixed_batch
                        ? 1
                        : std::clamp<std::size_t>(memory / (std::max<std::size_t>)(1, numbers), least, 32);
    }
    [[nodiscard]] const graph_description<T>& graph() const noexcept { return *graph_; }

    /// Calls `body(session, piece)` for all pieces of `samples` samples, on several threads, with sessions
    /// that are ready for the request. `apart`: each piece has a session of its own, which remains as the
    /// pass leaves it.
    template <typename Body>
    void run(std::size_t samples, const request& what, bool apart, Body&& body) {
        const std::size_t threads = pool_->size();
        std::size_t count = (samples + together_ - 1) / together_;
        count = (std::min)(samples, (count + threads - 1) / threads * threads);
        const auto piece_at = [&](std::size_t index) {
            const std::size_t first = samples * index / count;
            return piece{index, first, samples * (index + 1) / count - first};
        };
        std::map<std::size_t, const graph_schedule<T>*> schedules;
        for (std::size_t index = 0; index < count; ++index) {
            const std::size_t size = piece_at(index).count;
            if (!schedules.contains(size)) schedules[size] = &schedule(size, what);
        }
        const std::size_t sessions = apart ? count : threads; // any worker may take a piece
        if (sessions_.size() < sessions) sessions_.resize(sessions);
        pool_->for_each(count, [&](std::size_t index, std::size_t worker) {
            const piece part = piece_at(index);
            graph_session<T>& session = sessions_[apart ? index : worker];
            session.bind(graph_->nodes, *schedules.find(part.count)->second);
            body(session, part);
        });
    }

    /// Copies between samples of `x` and the input, or its derivative, of a pass.
    void read_input(const tensor_view<const T, 4>& x, const piece& part, const graph_session<T>& session,
                    T* to) const {
        const layout& inner = session.view(0);
        strided_copy<T>(outer_layout(x, inner), inner, T(1)).run(sample_pointer(x, part), to, false);
    }
    void write_input(const graph_session<T>& session, const T* from, const piece& part,
                     const tensor_view<T, 4>& x) const {
        const layout& inner = session.view(0);
        strided_copy<T>(inner, outer_layout(x, inner), T(1)).run(from, sample_pointer(x, part), false);
    }
    /// Copies between samples of a layer and the value, or derivative, of its tap in a pass.
    void write_tap(std::size_t layer, const graph_session<T>& session, const T* from, const piece& part,
                   const tensor_view<T, 4>& to) const {
        const layout inner = permuted(session.view(graph_->taps[layer].value), graph_->taps[layer].axes);
        strided_copy<T>(inner, spread(to, inner.extents), T(1)).run(from, sample_pointer(to, part), false);
    }
    void read_tap(std::size_t layer, const tensor_view<const T, 4>& from, const piece& part,
                  const graph_session<T>& session, T* to) const {
        const layout inner = permuted(session.view(graph_->taps[layer].value), graph_->taps[layer].axes);
        strided_copy<T>(spread(from, inner.extents), inner, T(1)).run(sample_pointer(from, part), to, false);
    }
    /// Sets the gradient of all positions of a unit.
    void fill_unit(std::size_t layer, std::size_t unit, const graph_session<T>& session, T* gradient,
                   T value) const {
        layout inner = permuted(session.view(graph_->taps[layer].value), graph_->taps[layer].axes);
        inner.offset += static_cast<std::ptrdiff_t>(unit) * inner.strides[1];
        inner.extents[1] = 1;
        fill_layout(inner, gradient, value);
    }
    /// The logits, or their gradient, in a pass.
    [[nodiscard]] tensor_view<T, 2> rows_of_output(const graph_session<T>& session, T* memory) const {
        const layout& view = session.view(graph_->output);
        return {memory + view.offset, std::array<std::size_t, 2>{view.extents[0], view.extents[1]},
                std::array<std::ptrdiff_t, 2>{view.strides[0], view.strides[1]}};
    }
    /// Bytes of memory of all passes.
    [[nodiscard]] std::size_t memory() const noexcept {
        std::size_t numbers = 0;
        for (const auto& session : sessions_) numbers += session.size();
        return numbers * sizeof(T);
    }

  private:
    using key = std::array<std::size_t, 4>;

    [[nodiscard]] const graph_schedule<T>& schedule(std::size_t samples, const request& what) {
        const key name{samples, static_cast<std::size_t>(what.kind), static_cast<std::size_t>(what.what),
                       what.tap};
        const auto held = schedules_.find(name);
        if (held != schedules_.end()) return held->second;
        std::vector<std::size_t> targets;
        if (what.what == goal::tap) targets.push_back(graph_->taps[what.tap].value);
        if (what.what == goal::logits || what.what == goal::everything) targets.push_back(graph_->output);
        if (what.what == goal::taps || what.what == goal::everything) {
            for (const graph_tap& tap : graph_->taps) targets.push_back(tap.value);
        }
        schedule_builder<T> builder(graph_->nodes, program(samples), std::move(targets), what.kind);
        graph_schedule<T> plan = std::move(builder).result();
        if (plan.size > max_pass_bytes / sizeof(T)) {
            errors::throw_value_error("net::graph", "expected at most " + errors::text_of(max_pass_bytes) +
                                                        " bytes of tensors in a pass, got " +
                                                        errors::text_of(plan.size) + " numbers");
        }
        return schedules_.emplace(name, std::move(plan)).first->second;
    }
    [[nodiscard]] const graph_program<T>& program(std::size_t samples) {
        auto& held = programs_[samples];
        if (held == nullptr) {
            std::vector<bool> observed(graph_->nodes.size(), false);
            if (graph_->output != 0) observed[graph_->output] = true;
            for (const graph_tap& tap : graph_->taps) observed[tap.value] = true;
            held = std::make_unique<graph_program<T>>(graph_->nodes, observed, samples, weights_);
        }
        return *held;
    }
    template <typename U>
    [[nodiscard]] static U* sample_pointer(const tensor_view<U, 4>& view, const piece& part) {
        return view.data_handle() + static_cast<std::ptrdiff_t>(part.first) * view.stride(0);
    }
    template <typename U>
    [[nodiscard]] static layout outer_layout(const tensor_view<U, 4>& view, const layout& inner) {
        layout result{inner.extents, {}, 0};
        for (std::size_t axis = 0; axis < inner.rank(); ++axis) result.strides.push_back(view.stride(axis));
        return result;
    }

    scoped_pool pool_;
    std::shared_ptr<const graph_description<T>> graph_;
    std::vector<node_weights<T>> weights_;
    std::map<std::size_t, std::unique_ptr<graph_program<T>>> programs_;
    std::map<key, graph_schedule<T>> schedules_;
    std::vector<graph_session<T>> sessions_;
    std::size_t together_ = 4;
};

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
