#pragma once

#include "repscope/detail/net/graph/schedule.hpp"
#include "repscope/net/feature_maps.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

/// The memory of passes of one thread.
template <typename T>
class graph_session {
  public:
    /// Prepares passes with this schedule; the memory grows if needed.
    void bind(const std::vector<graph_node<T>>& nodes, const graph_schedule<T>& schedule) {
        if (schedule_ == &schedule) return;
        nodes_ = &nodes;
        schedule_ = &schedule;
        memory_.resize(schedule.size);
        const std::size_t count = nodes.size();
        values_.assign(count, nullptr);
        derivatives_.assign(count, nullptr);
        inputs_.assign(count, {});
        changes_.assign(count, {});
        for (std::size_t v = 0; v < count; ++v) {
            const std::size_t root = schedule.program->value(v).root;
            values_[v] = at(schedule.value_at[root]);
            derivatives_[v] = at(schedule.derivative_at[root]);
        }
        for (std::size_t v = 0; v < count; ++v) {
            for (const std::size_t input : nodes[v].inputs) {
                const auto& data = nodes[schedule.program->value(input).root].data;
                inputs_[v].push_back(data != nullptr ? data->data() : values_[input]);
                changes_[v].push_back(nodes[input].active ? derivatives_[input] : nullptr);
            }
        }
        followers_.assign(count, {});
        for (const std::size_t v : schedule.forward) {
            for (const std::size_t next : schedule.program->followers(v)) {
                followers_[v].push_back({schedule.program->kernel(next), memory_of(next)});
            }
        }
    }

    [[nodiscard]] T* value(std::size_t v) const { return values_[v]; }
    [[nodiscard]] T* derivative(std::size_t v) const { return derivatives_[v]; }
    [[nodiscard]] const layout& view(std::size_t v) const { return schedule_->program->value(v).view; }
    [[nodiscard]] std::size_t size() const noexcept { return memory_.size(); }

    void forward() const {
        for (const std::size_t v : schedule_->forward) {
            node_memory<T> memory = memory_of(v);
            memory.relu = schedule_->program->fuses_relu(v);
            memory.followers = followers_[v];
            const layout& out = view(v);
            schedule_->program->kernel(v)->forward(memory, 0, out.rank() == 0 ? 1 : out.extents[0]);
        }
    }
    /// Sets the gradient of the target to 0, as the caller writes a part of it.
    void clear_gradient(std::size_t target) const {
        const value_view& held = schedule_->program->value(target);
        const layout& root = view(held.root);
        std::fill_n(derivatives_[target], root.size(), T(0));
    }
    [[nodiscard]] bool clears_seed() const noexcept { return schedule_->clears_seed; }

    /// The gradient of the input, from that of the target.
    void backward() const {
        for (const auto& step : schedule_->backward) {
            const std::size_t from = (*nodes_)[step.node].inputs[step.input];
            if (step.clears) clear_gradient(from);
            schedule_->program->kernel(step.node)->backward(step.input, memory_of(step.node),
                                                            derivatives_[step.node], derivatives_[from],
                                                            step.accumulate);
        }
    }
    void tangent() const {
        for (const std::size_t v : schedule_->tangents) {
            schedule_->program->kernel(v)->tangent(memory_of(v), changes_[v].data(), derivatives_[v]);
        }
    }

  private:
    [[nodiscard]] T* at(std::size_t place) const {
        return place == graph_schedule<T>::absent ? nullptr : memory_.data() + place;
    }
    [[nodiscard]] node_memory<T> memory_of(std::size_t v) const {
        return {inputs_[v].data(), values_[v], at(schedule_->record_at[v]), at(schedule_->scratch_at)};
    }

    const std::vector<graph_node<T>>* nodes_ = nullptr;
    const graph_schedule<T>* schedule_ = nullptr;
    buffer<T> memory_;
    std::vector<T*> values_, derivatives_;
    std::vector<std::vector<const T*>> inputs_, changes_;
    std::vector<std::vector<follower<T>>> followers_;
};

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
