#pragma once

#include "repscope/version.hpp"

#include <atomic>
#include <cstddef>
#include <limits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Hands over the results of tasks, which end in any order, in the order of their numbers, so that a sum over
/// them has the same bits for any number of threads. The numbers must be started in increasing order, as
/// `thread_pool::for_each` does, so that a waiting task only waits for running tasks.
class ordered_section {
  public:
    /// Calls `work` after the turns of all smaller numbers; returns false, without calling it, if the section
    /// was canceled. An exception cancels the section.
    template <typename Work>
    bool enter(std::size_t number, Work&& work) {
        for (std::size_t now = next_.load(std::memory_order_acquire); now != number;
             now = next_.load(std::memory_order_acquire)) {
            if (now == aborted) return false;
            next_.wait(now, std::memory_order_acquire);
        }
        try {
            work();
        } catch (...) {
            abort();
            throw;
        }
        std::size_t expected = number; // unless a later number canceled it meanwhile
        next_.compare_exchange_strong(expected, number + 1, std::memory_order_acq_rel);
        next_.notify_all();
        return true;
    }

    /// Releases all present and future waiting tasks.
    void abort() noexcept {
        next_.store(aborted, std::memory_order_release);
        next_.notify_all();
    }

  private:
    static constexpr std::size_t aborted = (std::numeric_limits<std::size_t>::max)();
    std::atomic<std::size_t> next_ = 0;
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
