#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace program {

/// Lets threads pass one after the other in the order of their numbers, which the threads of a loop get in
/// ascending order: a stream is read from front to back, and what was read is worked on in parallel.
class turnstile {
  public:
    /// What is thrown behind a number that threw.
    struct abandoned {};

    /// Runs `body` when all smaller numbers are through.
    template <typename Body>
    void pass(std::size_t number, Body&& body) {
        std::unique_lock lock(mutex_);
        turned_.wait(lock, [&] { return next_ == number || broken_; });
        if (broken_) throw abandoned();
        try {
            body();
        } catch (...) {
            broken_ = true;
            turned_.notify_all();
            throw;
        }
        ++next_;
        turned_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable turned_;
    std::size_t next_ = 0;
    bool broken_ = false;
};

} // namespace program
