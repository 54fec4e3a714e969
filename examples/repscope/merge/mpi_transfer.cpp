#include "merge/mpi_transfer.hpp"

#include "support/errors.hpp"

#include <repscope/bytes.hpp>

#include <algorithm>
#include <cstdint>

namespace program {

namespace {

constexpr int tag = 7;

struct envelope {
    std::uint64_t size;
    std::uint64_t crc;
};

} // namespace

void send_bytes(std::span<const std::byte> bytes, int to, std::size_t a_message) {
    const envelope head{bytes.size(), repscope::crc32(bytes)};
    MPI_Send(&head, sizeof head, MPI_BYTE, to, tag, MPI_COMM_WORLD);
    for (std::size_t done = 0; done < bytes.size(); done += a_message) {
        const auto part = bytes.subspan(done, std::min(a_message, bytes.size() - done));
        MPI_Send(part.data(), static_cast<int>(part.size()), MPI_BYTE, to, tag, MPI_COMM_WORLD);
    }
}

std::vector<std::byte> receive_bytes(int from, std::size_t a_message) {
    const auto require = [&](bool holds, const std::string& complaint) {
        if (!holds) throw data_error("rank " + std::to_string(from), complaint);
    };
    envelope head{};
    MPI_Status status;
    int got = 0;
    MPI_Recv(&head, sizeof head, MPI_BYTE, from, tag, MPI_COMM_WORLD, &status);
    MPI_Get_count(&status, MPI_BYTE, &got);
    require(got == static_cast<int>(sizeof head), "did not announce what it sends");
    std::vector<std::byte> bytes(static_cast<std::size_t>(head.size));
    for (std::size_t done = 0; done < bytes.size(); done += a_message) {
        const auto part = std::span(bytes).subspan(done, std::min(a_message, bytes.size() - done));
        MPI_Recv(part.data(), static_cast<int>(part.size()), MPI_BYTE, from, tag, MPI_COMM_WORLD, &status);
        MPI_Get_count(&status, MPI_BYTE, &got);
        require(got == static_cast<int>(part.size()),
                "sent " + std::to_string(got) + " bytes, expected " + std::to_string(part.size()));
    }
    require(repscope::crc32(bytes) == head.crc, "its moments arrived damaged");
    return bytes;
}

} // namespace program
