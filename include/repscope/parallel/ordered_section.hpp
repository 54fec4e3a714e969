#pragma once

#include "repscope/version.hpp"

#include <atomic>
#include <cstddef>
#include <limits>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

/// Lets tasks that end in any order hand in what they have in the order of their numbers, so that a sum over
/// them has the same bits for any number of threads. The numbers must be started in increasing order, which
/// `thread_pool::for_each` does; who waits, waits for tasks that are running.
class ordered_section {
  public:
    /// Calls `work` when all smaller numbers have had their turn; false, without calling it, once somebody
    /// gave up. Who throws gives up.
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
        std::size_t expected = number; // unless a later number has given up meanwhile
        next_.compare_exchange_strong(expected, number + 1, std::memory_order_acq_rel);
        next_.notify_all();
        return true;
    }

    /// Releases everyone who waits, or will.
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
