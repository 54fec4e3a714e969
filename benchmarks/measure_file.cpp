// How close the selectivity pass over a file comes to reading it: the same blocks, buffers and threads, once
// with pread alone and once with pread and class_sums, in turn in one run.
//
//     measure_file [FILE]    the file is made when it is not there (655 MB; default
//     /var/tmp/repscope-maps.npy)
//     measure_file FILE THREADS COMMAND [cold]    a command that reads the file beside a loop that only does
//     that, in turn; cold: from the disk, the file is taken out of the page cache before each of them

#include <repscope/detail/common/tiles.hpp>
#include <repscope/io/block_reader.hpp>
#include <repscope/io/file.hpp>
#include <repscope/moments/class_sums.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <new>
#include <span>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t samples = 10000;
constexpr std::size_t channels = 256;
constexpr std::size_t positions = 64;
constexpr std::size_t header_size = 128;
constexpr std::size_t sample_bytes = channels * positions * sizeof(float);
constexpr std::size_t read_bytes = std::size_t{4} << 20U;

void make_file(const std::string& path) {
    std::string header = "\x93NUMPY\x01";
    header += '\0';
    header += static_cast<char>(header_size - 10);
    header += '\0';
    header += "{'descr': '<f4', 'fortran_order': False, 'shape': (10000, 256, 8, 8), }";
    header.resize(header_size - 1, ' ');
    header += '\n';
    std::ofstream file(path, std::ios::binary);
    file.write(header.data(), static_cast<std::streamsize>(header.size()));
    std::vector<float> sample(channels * positions);
    std::uint32_t state = 1;
    for (std::size_t n = 0; n < samples; ++n) {
        for (float& value : sample) {
            state = state * 1664525U + 1013904223U;
            value = static_cast<float>(state >> 8U) * 0x1p-24F;
        }
        file.write(reinterpret_cast<const char*>(sample.data()), static_cast<std::streamsize>(sample_bytes));
    }
}

// Page-aligned memory: the kernel copies into it about a tenth faster.
template <typename T>
class page_buffer {
  public:
    explicit page_buffer(std::size_t bytes)
        : data_(static_cast<T*>(::operator new (bytes, std::align_val_t{4096}))) {
        std::memset(data_, 0, bytes);
    }
    page_buffer(page_buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
    ~page_buffer() { ::operator delete (data_, std::align_val_t{4096}); }
    [[nodiscard]] T* data() const noexcept { return data_; }

  private:
    T* data_;
};

double seconds(auto&& body) {
    const auto start = std::chrono::steady_clock::now();
    body();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

// Reads everything and does nothing with it.
void read_plainly(const repscope::io::input_file& file, repscope::thread_pool& pool,
                  const std::vector<page_buffer<std::byte>>& buffers, std::size_t end) {
    pool.for_each((end - header_size + read_bytes - 1) / read_bytes,
                  [&](std::size_t part, std::size_t worker) {
                      const std::size_t first = header_size + part * read_bytes;
                      file.read(first, std::span(buffers[worker].data(), std::min(read_bytes, end - first)));
                  });
}

double selectivity_pass(const repscope::io::block_reader& file, const std::vector<int>& labels,
                        std::size_t classes, repscope::thread_pool& pool,
                        const std::vector<page_buffer<float>>& buffers) {
    std::vector<repscope::io::read_buffer> unused(pool.size());
    repscope::class_sums sums(channels, classes);
    sums.update_blocks(samples, positions, labels, pool,
                       [&](std::size_t first, std::size_t count, std::size_t worker) {
                           float* const to = buffers[worker].data();
                           file.read(first, count, to, unused[worker]);
                           return repscope::tile<float>{to, count, channels, positions};
                       });
    return sums.sum(0, 0);
}

// What the disk holds is no longer held in memory as well.
void evict(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY);
    if (file < 0 || ::fsync(file) != 0 || ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) != 0) std::exit(1);
    ::close(file);
}

int beside_command(const std::string& path, std::size_t threads, const std::string& command, bool cold) {
    const repscope::io::input_file plain(path);
    const std::size_t size = std::filesystem::file_size(path);
    repscope::thread_pool pool(threads);
    std::vector<page_buffer<std::byte>> buffers;
    for (std::size_t worker = 0; worker < pool.size(); ++worker) buffers.emplace_back(read_bytes);
    std::vector<double> reads, commands, ratios;
    for (int round = 0; round < 5; ++round) {
        int code = 0;
        if (cold) evict(path);
        reads.push_back(seconds([&] { read_plainly(plain, pool, buffers, size); }));
        if (cold) evict(path);
        commands.push_back(seconds([&] { code = std::system(command.c_str()); }));
        if (code != 0) return 1;
        ratios.push_back(reads.back() / commands.back());
    }
    std::printf("%zu threads, %.2f GB: plain read %.2f s, command %.2f s, ratio %.2f (medians of 5)\n",
                threads, static_cast<double>(size) / 1e9, median(reads), median(commands), median(ratios));
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    if (argc == 3 || argc > 5 || (argc > 1 && argv[1][0] == '-')) {
        std::fprintf(stderr, "usage: measure_file [FILE] | measure_file FILE THREADS COMMAND [cold]\n");
        return 2;
    }
    if (argc == 4 || argc == 5) {
        return beside_command(argv[1], static_cast<std::size_t>(std::atoi(argv[2])), argv[3], argc == 5);
    }
    const std::string path = argc > 1 ? argv[1] : "/var/tmp/repscope-maps.npy";
    if (!std::filesystem::exists(path)) make_file(path);
    const repscope::io::input_file plain(path);
    const repscope::io::block_reader file = repscope::io::open(path);
    const double gigabytes = static_cast<double>(samples * sample_bytes) / 1e9;
    double kept = 0.0;
    for (const std::size_t threads : {std::size_t{1}, std::size_t{2}}) {
        repscope::thread_pool pool(threads);
        std::vector<page_buffer<std::byte>> bytes;
        std::vector<page_buffer<float>> tiles;
        for (std::size_t worker = 0; worker < threads; ++worker) {
            bytes.emplace_back(read_bytes);
            tiles.emplace_back(read_bytes);
        }
        for (const std::size_t classes : {std::size_t{10}, std::size_t{100}}) {
            std::vector<int> labels(samples);
            for (std::size_t n = 0; n < samples; ++n) labels[n] = static_cast<int>(n * 7919 % classes);
            std::vector<double> reads;
            std::vector<double> passes;
            std::vector<double> ratios;
            for (int round = 0; round < 9; ++round) {
                reads.push_back(
                    seconds([&] { read_plainly(plain, pool, bytes, header_size + samples * sample_bytes); }));
                passes.push_back(
                    seconds([&] { kept += selectivity_pass(file, labels, classes, pool, tiles); }));
                ratios.push_back(reads.back() / passes.back());
            }
            std::printf(
                "%zu thread%s, %3zu classes: plain read %.2f GB/s, selectivity pass %.2f GB/s, ratio %.2f\n",
                threads, threads == 1 ? "" : "s", classes, gigabytes / median(reads),
                gigabytes / median(passes), median(ratios));
        }
    }
    return kept > 0.0 ? 0 : 1;
}
