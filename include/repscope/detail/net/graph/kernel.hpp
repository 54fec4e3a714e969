#pragma once

#include "repscope/detail/net/graph/layout.hpp"

#include <cstddef>
#include <span>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace net::detail {

template <typename T>
struct follower;

/// The memory of one node in a pass. Pointers are those of the memory that contains a tensor.
template <typename T>
struct node_memory {
    const T* const* in = nullptr;
    T* out = nullptr;
    T* record = nullptr;  ///< written by the forward pass, read by derivatives
    T* scratch = nullptr; ///< of any contents
    bool relu = false;    ///< the output is passed through a ReLU
    std::span<const follower<T>> followers{};
};

/// The function of a node and its derivatives for tensors of fixed extents. Passes are const and reentrant.
template <typename T>
class node_kernel {
  public:
    node_kernel() = default;
    node_kernel(const node_kernel&) = delete;
    node_kernel& operator=(const node_kernel&) = delete;
    virtual ~node_kernel() = default;

    /// Computes indices [first, last) of axis 0 of the output; all, unless `divisible()`.
    virtual void forward(const node_memory<T>& at, std::size_t first, std::size_t last) const = 0;
    /// Writes the gradient of an input, or adds it.
    virtual void backward(std::size_t input, const node_memory<T>& at, const T* out_gradient, T* in_gradient,
                          bool accumulate) const = 0;
    /// Writes the derivative of the output for those of the inputs; null for an input that does not change.
    virtual void tangent(const node_memory<T>& at, const T* const* in, T* out) const = 0;

    /// Whether derivatives read the values of an input, and of the output.
    [[nodiscard]] virtual bool reads_input(std::size_t) const { return false; }
    [[nodiscard]] virtual bool reads_output() const { return false; }
    /// Whether `forward` computes ranges of axis 0.
    [[nodiscard]] virtual bool divisible() const { return false; }
    /// Whether `forward` can apply a ReLU to the output, and call the followers while parts of the output are
    /// in the cache.
    [[nodiscard]] virtual bool fuses_relu() const { return false; }
    [[nodiscard]] virtual bool calls_followers() const { return false; }

    /// Makes what only `backward` needs.
    virtual void prepare_backward() {}

    /// Numbers of memory.
    std::size_t scratch_size = 0, record_size = 0;
};

/// A function that works in place on the output of another node.
template <typename T>
struct follower {
    const node_kernel<T>* kernel = nullptr;
    node_memory<T> at;
};

} // namespace net::detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
