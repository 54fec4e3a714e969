#pragma once

#include "repscope/detail/net/graph/program.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// What follows the forward pass.
enum class derivative_kind { none, gradient, tangent };

/// One tensor in the memory of a pass, from the step that writes it first to the last one that reads it.
struct memory_interval {
    std::size_t size = 0, first = 0, last = 0;
    std::size_t at = 0; ///< the result
};

/// Places tensors so that those of overlapping intervals do not overlap: the largest first, each at the
/// lowest free place. Returns the size of the memory. O(tensors^2).
inline std::size_t place_intervals(std::vector<memory_interval>& all) {
    constexpr std::size_t line = 16;
    std::vector<std::size_t> order(all.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return all[a].size > all[b].size; });
    std::vector<std::size_t> placed; // by place
    std::size_t total = 0;
    for (const std::size_t index : order) {
        memory_interval& next = all[index];
        if (next.size == 0) continue;
        next.size = (next.size + line - 1) / line * line;
        std::size_t at = 0;
        for (const std::size_t other : placed) {
            const memory_interval& there = all[other];
            if (there.last < next.first || next.last < there.first) continue;
            if (there.at >= at + next.size) break;
            at = (std::max)(at, there.at + there.size);
        }
        next.at = at;
        total = (std::max)(total, at + next.size);
        placed.insert(std::upper_bound(placed.begin(), placed.end(), index,
                                       [&](std::size_t a, std::size_t b) { return all[a].at < all[b].at; }),
                      index);
    }
    return total;
}

/// The steps of a pass and the places of its tensors. Derivatives can follow one forward pass repeatedly.
template <typename T>
struct graph_schedule {
    /// The gradient of one input of a node.
    struct gradient_step {
        std::size_t node = 0, input = 0;
        bool accumulate = false; ///< to the gradient of earlier steps
        bool clears = false;     ///< the memory, of which the step writes a part, is set to 0 before
    };
    static constexpr std::size_t absent = (std::numeric_limits<std::size_t>::max)();

    const graph_program<T>* program = nullptr;
    std::vector<std::size_t> forward; // nodes in order
    std::vector<gradient_step> backward;
    std::vector<std::size_t> tangents;                           // nodes in order
    std::vector<std::size_t> value_at, derivative_at, record_at; // per root and per node
    std::size_t scratch_at = 0, size = 0;
    bool clears_seed = false; ///< the gradient of the target is a part of its memory
};

/// Plans a pass to `targets`, whose values remain; a gradient has one target.
template <typename T>
class schedule_builder {
  public:
    schedule_builder(const std::vector<graph_node<T>>& nodes, const graph_program<T>& program,
                     std::vector<std::size_t> targets, derivative_kind kind)
        : nodes_(nodes), program_(program), targets_(std::move(targets)), kind_(kind),
          needed_(nodes.size(), false) {
        result_.program = &program;
        for (const std::size_t target : targets_) needed_[target] = true;
        for (std::size_t v = nodes.size(); v-- > 0;) {
            if (!needed_[v]) continue;
            for (const std::size_t input : nodes[v].inputs) needed_[input] = true;
        }
        for (std::size_t v = 0; v < nodes.size(); ++v) {
            if (needed_[v] && program.kernel(v) != nullptr && !program.follows(v))
                result_.forward.push_back(v);
        }
        if (kind == derivative_kind::gradient) plan_gradient();
        if (kind == derivative_kind::tangent) plan_tangents();
        place();
    }
    [[nodiscard]] graph_schedule<T> result() && { return std::move(result_); }

  private:
    static constexpr std::size_t forever = graph_schedule<T>::absent;

    [[nodiscard]] std::size_t root(std::size_t v) const noexcept { return program_.value(v).root; }
    [[nodiscard]] bool differentiated(std::size_t v) const {
        return needed_[v] && nodes_[v].active && nodes_[v].what && program_.kernel(v) != nullptr;
    }
    /// Whether an input of a node in place is the memory of its output.
    [[nodiscard]] bool is_host(std::size_t v, std::size_t input) const {
        return program_.in_place(v) && root(nodes_[v].inputs[input]) == root(v);
    }
    [[nodiscard]] bool is_sum(std::size_t v) const {
        return std::holds_alternative<op::binary>(*nodes_[v].what);
    }

    void plan_gradient() {
        std::vector<bool> written(nodes_.size(), false);
        const std::size_t target = targets_.front();
        written[root(target)] = true;
        result_.clears_seed = !program_.value(target).covers;
        for (std::size_t v = target + 1; v-- > 0;) {
            if (!differentiated(v)) continue;
            program_.kernel(v)->prepare_backward();
            for (std::size_t input = 0; input < nodes_[v].inputs.size(); ++input) {
                const std::size_t from = nodes_[v].inputs[input];
                if (!nodes_[from].active) continue;
                if (is_host(v, input)) { // a sum passes the gradient on; a function scales it in place
                    if (!is_sum(v)) result_.backward.push_back({v, input, false, false});
                    continue;
                }
                const bool first = !written[root(from)], covers = program_.value(from).covers;
                result_.backward.push_back({v, input, !first || !covers, first && !covers});
                written[root(from)] = true;
            }
        }
    }

    void plan_tangents() {
        for (std::size_t v = 0; v < nodes_.size(); ++v) {
            if (differentiated(v)) result_.tangents.push_back(v);
        }
    }

    void place() {
        const std::size_t count = nodes_.size();
        std::vector<memory_interval> all(3 * count + 1);
        memory_interval* const values = all.data();
        memory_interval* const derivatives = values + count;
        memory_interval* const records = derivatives + count;
        const auto extend = [](memory_interval& interval, std::size_t time) {
            interval.first = interval.size == 0 ? time : (std::min)(interval.first, time);
            interval.last = (std::max)(interval.last, time);
        };
        const auto touch = [&](memory_interval* of, std::size_t v, std::size_t time) {
            if (nodes_[root(v)].data != nullptr) return;
            extend(of[root(v)], time);
            of[root(v)].size = program_.value(root(v)).view.size();
        };
        std::size_t scratch = 0;
        if (needed_[0]) touch(values, 0, 0);
        for (std::size_t v = 0; v < count; ++v) {
            if (!needed_[v] || !nodes_[v].what) continue;
            touch(values, v, root(v));
            touch(values, v, v);
            const node_kernel<T>* const kernel = program_.kernel(v);
            const bool kept = kernel != nullptr && kind_ != derivative_kind::none && nodes_[v].active;
            for (std::size_t input = 0; input < nodes_[v].inputs.size(); ++input) {
                touch(values, nodes_[v].inputs[input], v);
                if (kept && kernel->reads_input(input)) touch(values, nodes_[v].inputs[input], forever);
            }
            if (kernel == nullptr) continue;
            if (kept && kernel->reads_output()) touch(values, v, forever);
            scratch = (std::max)(scratch, kernel->scratch_size);
            if (kernel->record_size > 0) records[v] = {kernel->record_size, v, kept ? forever : v, 0};
        }
        for (const std::size_t target : targets_) touch(values, target, forever);
        // A node's step of the gradient is at 2 count - v, that of the tangent at count + v.
        if (kind_ == derivative_kind::gradient) {
            touch(derivatives, targets_.front(), count);
            for (const auto& step : result_.backward) {
                touch(derivatives, step.node, 2 * count - step.node);
                touch(derivatives, nodes_[step.node].inputs[step.input], 2 * count - step.node);
            }
            touch(derivatives, 0, forever);
        }
        if (kind_ == derivative_kind::tangent) {
            for (const std::size_t v : result_.tangents) {
                touch(derivatives, v, count + root(v));
                touch(derivatives, v, count + v);
                for (const std::size_t input : nodes_[v].inputs) {
                    if (nodes_[input].active) touch(derivatives, input, count + v);
                }
            }
            touch(derivatives, 0, count);
            for (const std::size_t target : targets_) touch(derivatives, target, forever);
        }
        all.back() = {scratch, 0, forever, 0};
        result_.size = place_intervals(all);
        const auto places = [&](const memory_interval* of) {
            std::vector<std::size_t> at(count, graph_schedule<T>::absent);
            for (std::size_t v = 0; v < count; ++v) {
                if (of[v].size > 0) at[v] = of[v].at;
            }
            return at;
        };
        result_.value_at = places(values);
        result_.derivative_at = places(derivatives);
        result_.record_at = places(records);
        result_.scratch_at = all.back().at;
    }

    const std::vector<graph_node<T>>& nodes_;
    const graph_program<T>& program_;
    std::vector<std::size_t> targets_;
    derivative_kind kind_;
    std::vector<bool> needed_;
    graph_schedule<T> result_;
};

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
