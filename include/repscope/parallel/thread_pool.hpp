#pragma once

#include "repscope/error.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

/// Hints to the processor that this is a waiting loop.
inline void pause_briefly() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield" ::: "memory");
#endif
}

/// About 0.2 milliseconds: longer than the pauses between the loops of a training step. Waking a sleeping
/// thread costs its waker 20 to 40 microseconds, a polling thread costs nothing.
inline constexpr int spin_limit = 5000;

} // namespace detail

/// Threads that wait for loops to share. The calling thread is one of them, so a pool of one has no other
/// thread and runs everything in place.
///
/// The assignment of indices to threads is not determined; the result of a loop must depend on the index
/// alone. One loop runs at a time; a loop that a task starts runs in place. Idle threads poll for the next
/// loop for some 0.2 milliseconds, since loops often follow each other closely, and then sleep.
class thread_pool {
  public:
    /// A pool of `threads` threads, including the caller; 0 means one per core. Throws `value_error` for more
    /// than 4096.
    explicit thread_pool(std::size_t threads = 0) {
        const std::size_t cores = (std::max<std::size_t>)(1, std::thread::hardware_concurrency());
        size_ = threads == 0 ? cores : threads;
        if (size_ > 4096) {
            errors::throw_value_error("thread_pool",
                                      "expected at most 4096 threads, got " + errors::text_of(size_));
        }
        // A thread that spins while another one waits for its core delays that one.
        spins_ = size_ <= cores ? detail::spin_limit : 0;
        workers_.reserve(size_ - 1);
        try {
            for (std::size_t worker = 1; worker < size_; ++worker) {
                workers_.emplace_back([this, worker] { work(worker); });
            }
        } catch (...) { // if the system runs out of threads, those that started must be joined
            stop();
            throw;
        }
    }
    thread_pool(const thread_pool&) = delete;
    thread_pool& operator=(const thread_pool&) = delete;
    ~thread_pool() { stop(); }

    /// Number of threads, including the caller.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Calls `task(index)` or `task(index, worker)` once for every index in [0, count), on several threads,
    /// started in increasing order, and returns after all are complete. `worker` is below `size()` and unique
    /// among the tasks of this loop that run at the same time; use it as an index into scratch of this loop.
    ///
    /// If tasks throw, no new ones are started, and the exception of the lowest index is rethrown for any
    /// number of threads.
    template <typename Task>
    void for_each(std::size_t count, Task&& task) {
        const auto call = [&task](std::size_t index, std::size_t worker) {
            if constexpr (std::is_invocable_v<Task&, std::size_t, std::size_t>)
                task(index, worker);
            else
                task(index);
        };
        if (count == 0) return;
        if (count == 1 || size_ == 1 || inside_task()) {
            for (std::size_t index = 0; index < count; ++index) call(index, 0);
            return;
        }
        using call_type = decltype(call);
        const std::lock_guard one_loop_at_a_time(loop_mutex_);
        context_ = &call;
        invoke_ = [](const void* context, std::size_t index, std::size_t worker) {
            (*static_cast<const call_type*>(context))(index, worker);
        };
        count_ = count;
        next_.store(0, std::memory_order_relaxed);
        failed_index_ = count;
        failure_ = nullptr;
        open();
        drain(0);
        close();
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    }

  private:
    // The gate of a loop: its number, whether it is open, and the number of workers inside. A late worker
    // finds the gate closed, and the caller does not wait for it: only for those inside.
    static constexpr std::uint64_t inside_mask = 0xFFFF;
    static constexpr std::uint64_t open_bit = 0x10000;
    static constexpr std::uint64_t number_unit = 0x20000;

    [[nodiscard]] static constexpr std::uint64_t number_of(std::uint64_t gate) noexcept {
        return gate / number_unit;
    }

    static bool& inside_task() noexcept {
        thread_local bool inside = false;
        return inside;
    }

    /// Polls `ready()` briefly; returns false if it stayed false.
    template <typename Ready>
    [[nodiscard]] bool spin(Ready ready) const {
        for (int look = 0; look < spins_; ++look) {
            if (ready()) return true;
            detail::pause_briefly();
        }
        return ready();
    }

    /// Starts the loop that has just been described.
    void open() noexcept {
        const std::uint64_t number = number_of(gate_.load(std::memory_order_relaxed)) + 1;
        gate_.store(number * number_unit + open_bit, std::memory_order_seq_cst);
        wake_sleepers();
    }

    void wake_sleepers() noexcept {
        // A worker counts itself as a sleeper before its last check of the gate. In the sequentially
        // consistent order of these operations either it sees the new gate, or the caller sees it sleeping.
        if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
        { const std::lock_guard lock(mutex_); }
        wake_.notify_all();
    }

    /// Closes the gate and waits for the workers inside.
    void close() noexcept {
        const std::uint64_t gate = gate_.fetch_and(~open_bit, std::memory_order_seq_cst);
        if ((gate & inside_mask) == 0) return;
        const auto empty = [this] { return (gate_.load(std::memory_order_seq_cst) & inside_mask) == 0; };
        if (spin(empty)) return;
        std::unique_lock lock(mutex_);
        caller_sleeps_.store(true, std::memory_order_seq_cst);
        done_.wait(lock, empty);
        caller_sleeps_.store(false, std::memory_order_relaxed);
    }

    [[nodiscard]] bool enter() noexcept {
        std::uint64_t gate = gate_.load(std::memory_order_relaxed);
        while ((gate & open_bit) != 0) {
            if (gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }

    void leave() noexcept {
        const std::uint64_t gate = gate_.fetch_sub(1, std::memory_order_seq_cst);
        if ((gate & inside_mask) != 1 || !caller_sleeps_.load(std::memory_order_seq_cst)) return;
        { const std::lock_guard lock(mutex_); }
        done_.notify_one();
    }

    void stop() noexcept {
        stopping_.store(true, std::memory_order_seq_cst);
        wake_sleepers();
        for (std::thread& worker : workers_) worker.join();
    }

    void work(std::size_t worker) {
        std::uint64_t seen = 0;
        const auto called = [this, &seen] {
            return number_of(gate_.load(std::memory_order_seq_cst)) != seen ||
                   stopping_.load(std::memory_order_seq_cst);
        };
        for (;;) {
            if (!spin(called)) {
                std::unique_lock lock(mutex_);
                sleepers_.fetch_add(1, std::memory_order_seq_cst);
                wake_.wait(lock, called);
                sleepers_.fetch_sub(1, std::memory_order_relaxed);
            }
            if (stopping_.load(std::memory_order_relaxed)) return;
            seen = number_of(gate_.load(std::memory_order_relaxed));
            if (!enter()) continue;
            drain(worker);
            leave();
        }
    }

    void drain(std::size_t worker) noexcept {
        inside_task() = true;
        for (;;) {
            // Indices are handed out in order, so every index below a failing one has been started as well.
            const std::size_t index = next_.fetch_add(1, std::memory_order_relaxed);
            if (index >= count_) break;
            try {
                invoke_(context_, index, worker);
            } catch (...) {
                const std::lock_guard lock(mutex_);
                if (index < failed_index_) {
                    failed_index_ = index;
                    failure_ = std::current_exception();
                }
                next_.store(count_, std::memory_order_relaxed);
            }
        }
        inside_task() = false;
    }

    std::size_t size_ = 1;
    int spins_ = 0;
    std::vector<std::thread> workers_;
    std::mutex loop_mutex_;

    // The running loop: written before its gate opens, read by the workers inside.
    const void* context_ = nullptr;
    void (*invoke_)(const void*, std::size_t, std::size_t) = nullptr;
    std::size_t count_ = 0;
    std::size_t failed_index_ = 0;
    std::exception_ptr failure_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable done_;

    // On separate cache lines: workers poll the gate while others count indices.
    alignas(64) std::atomic<std::uint64_t> gate_{0};
    std::atomic<std::size_t> sleepers_{0};
    std::atomic<bool> caller_sleeps_{false};
    std::atomic<bool> stopping_{false};
    alignas(64) std::atomic<std::size_t> next_{0};
};

/// The threads of a computation, as an option: a number of threads, for which a pool is made for the call, or
/// a pool of the caller. It never changes a result.
class thread_source {
  public:
    /// `threads` threads; 0 means one per core. Throws `value_error` if negative.
    thread_source(int threads = 1) : threads_(threads) { // NOLINT(google-explicit-constructor)
        if (threads < 0) {
            errors::throw_value_error("thread_source", "expected 0 (all cores) or more threads, got " +
                                                           errors::text_of(threads));
        }
    }
    /// The caller's pool, which must outlive the call.
    thread_source(thread_pool& pool) noexcept : pool_(&pool) {} // NOLINT(google-explicit-constructor)

  private:
    friend class scoped_pool;
    int threads_ = 1;
    thread_pool* pool_ = nullptr;
};

/// The pool of a `thread_source` during the lifetime of the lease: that of the caller, or a temporary one.
class scoped_pool {
  public:
    /// Uses the pool of `threads`, or starts one.
    explicit scoped_pool(const thread_source& threads) : pool_(threads.pool_) {
        if (pool_ == nullptr) {
            own_ = std::make_unique<thread_pool>(static_cast<std::size_t>(threads.threads_));
            pool_ = own_.get();
        }
    }
    /// The pool.
    [[nodiscard]] thread_pool& operator*() const noexcept { return *pool_; }
    /// The pool.
    [[nodiscard]] thread_pool* operator->() const noexcept { return pool_; }

  private:
    std::unique_ptr<thread_pool> own_;
    thread_pool* pool_ = nullptr;
};

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
