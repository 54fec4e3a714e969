#pragma once

#include <cstddef>
#include <mpi.h>
#include <span>
#include <string>
#include <vector>

namespace program {

/// Maximum bytes of one message: MPI counts elements with an int, and some networks fail far below its
/// largest value.
inline constexpr std::size_t max_bytes_per_message = std::size_t{512} << 20U;

/// Sends bytes of any number to another rank, whose `receive_bytes` takes them.
void send_bytes(std::span<const std::byte> bytes, int to, std::size_t a_message = max_bytes_per_message);

/// What rank `from` sends by `send_bytes` with the same `a_message`. Throws `data_error` when something else
/// arrives.
std::vector<std::byte> receive_bytes(int from, std::size_t a_message = max_bytes_per_message);

} // namespace program
