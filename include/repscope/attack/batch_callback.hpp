#pragma once

#include "repscope/attack/result.hpp"

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace attack {

/// The state of an attack after a batch.
struct batch_progress {
    std::size_t samples = 0;   ///< in the whole call
    std::size_t processed = 0; ///< samples attacked so far
    std::size_t robust = 0;    ///< number of attacked samples on which the attack failed
    double eps = 0;            ///< radius of the ball; the largest one for `msd`
};

/// An optional function that an attack calls after each batch: any callable that takes a `batch_progress`,
/// such as a lambda. Copies share the callable.
class batch_callback {
  public:
    batch_callback() noexcept = default;
    /// Keeps a copy of the callable.
    template <typename Function>
        requires(!std::is_same_v<std::remove_cvref_t<Function>, batch_callback> &&
                 std::is_invocable_v<std::decay_t<Function>&, const batch_progress&>)
    batch_callback(Function&& function) // NOLINT(google-explicit-constructor): an option is set with a lambda
        : function_(std::make_shared<std::decay_t<Function>>(std::forward<Function>(function))),
          call_([](void* target, const batch_progress& progress) {
              (*static_cast<std::decay_t<Function>*>(target))(progress);
          }) {}

    /// Whether there is a function.
    [[nodiscard]] explicit operator bool() const noexcept { return call_ != nullptr; }
    /// Calls the function. Undefined without one.
    void operator()(const batch_progress& progress) const { call_(function_.get(), progress); }

  private:
    std::shared_ptr<void> function_;
    void (*call_)(void*, const batch_progress&) = nullptr;
};

namespace detail {

/// Adds the samples [first, first + count) of a result to `progress` and reports it.
template <typename Scalar>
void report_batch(const batch_callback& on_batch, const result<Scalar>& attacked, std::size_t first,
                  std::size_t count, batch_progress& progress) {
    if (!on_batch) return;
    progress.samples = attacked.success.size();
    progress.processed = first + count;
    progress.eps = attacked.eps;
    for (std::size_t n = first; n < first + count; ++n) progress.robust += attacked.success[n] ? 0U : 1U;
    on_batch(progress);
}

} // namespace detail
} // namespace attack
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
