// Run by mpi_test.cpp as an MPI job: ranks above 0 send bytes of several sizes, cut into messages in several
// ways.

#include "merge/mpi_transfer.hpp"

#include <array>
#include <cstdio>
#include <mpi.h>
#include <utility>
#include <vector>

int main(int argc, char** argv) {
    MPI_Init(&argc, &argv);
    int rank = 0;
    int ranks = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    constexpr std::array<std::pair<std::size_t, std::size_t>, 6> sizes{
        {{0, 10},
         {1, 1},
         {1000, 1000},
         {1001, 1000},
         {100000, 999},
         {3000000, program::max_bytes_per_message}}};
    int good = 0;
    for (const auto& [size, a_message] : sizes) {
        for (int from = 1; from < ranks; ++from) {
            std::vector<std::byte> bytes(size);
            for (std::size_t i = 0; i < size; ++i) {
                bytes[i] =
                    static_cast<std::byte>((i * 31 + i / 256 + static_cast<std::size_t>(from)) & 0xffU);
            }
            if (rank == from) program::send_bytes(bytes, 0, a_message);
            if (rank == 0) good += program::receive_bytes(from, a_message) == bytes ? 1 : 0;
        }
    }
    if (rank == 0) std::printf("%d transfers\n", good);
    MPI_Finalize();
}
