// Class selectivity of activations in a file, read block by block, compared with a loop that only reads it:
// the same blocks, buffers and threads.
//
// The files are made in REPSCOPE_BENCHMARK_DATA, or /var/tmp: 655 MB in float, 328 MB in each type of 16
// bits.

#include "layer.hpp"
#include "registration.hpp"

#include <repscope/io/block_reader.hpp>
#include <repscope/io/file.hpp>
#include <repscope/moments/class_sums.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

using namespace benchmarks;

constexpr std::size_t samples = 10000;
constexpr std::size_t channels = 256;
constexpr std::size_t positions = 64;
constexpr std::size_t header_size = 128;
constexpr std::size_t read_bytes = std::size_t{4} << 20U;

struct file_format {
    const char* name;  ///< as in the name of the work
    const char* descr; ///< as in the header of a .npy file
    std::size_t element_bytes;

    [[nodiscard]] std::size_t sample_bytes() const { return channels * positions * element_bytes; }
    [[nodiscard]] std::size_t bytes() const { return samples * sample_bytes(); }
};
constexpr file_format float32{"float", "<f4", 4};
constexpr file_format float16{"half", "<f2", 2};
constexpr file_format bfloat16{"bfloat16", "<V2", 2};

// Writes elements in [0, 1), or [.5, 1) in 16 bits, to `path`.
void write_file(const std::string& path, const file_format& format) {
    std::string header = "\x93NUMPY\x01";
    header += '\0';
    header += static_cast<char>(header_size - 10);
    header += '\0';
    header += std::string("{'descr': '") + format.descr +
              "', 'fortran_order': False, 'shape': (10000, 256, 8, 8), }";
    header.resize(header_size - 1, ' ');
    header += '\n';
    std::ofstream file(path, std::ios::binary);
    file.write(header.data(), static_cast<std::streamsize>(header.size()));
    std::vector<char> sample(format.sample_bytes());
    std::uint32_t state = 1;
    for (std::size_t n = 0; n < samples; ++n) {
        for (std::size_t i = 0; i < channels * positions; ++i) {
            state = state * 1664525U + 1013904223U;
            if (format.element_bytes == 4) {
                const float value = static_cast<float>(state >> 8U) * 0x1p-24F;
                std::memcpy(sample.data() + 4 * i, &value, 4);
            } else {
                const std::uint32_t fraction = std::strcmp(format.descr, bfloat16.descr) == 0
                                                   ? 0x3f00U | state >> 25U
                                                   : 0x3800U | state >> 22U;
                const auto value = static_cast<std::uint16_t>(fraction);
                std::memcpy(sample.data() + 2 * i, &value, 2);
            }
        }
        file.write(sample.data(), static_cast<std::streamsize>(sample.size()));
    }
    if (!file.flush()) throw std::runtime_error("expected a writable file, got " + path);
}

// The file of a format, written if it is missing or incomplete.
std::string file_of(const file_format& format) {
    const char* folder = std::getenv("REPSCOPE_BENCHMARK_DATA");
    const std::string path =
        std::string(folder == nullptr ? "/var/tmp" : folder) + "/repscope-benchmark-" + format.name + ".npy";
    std::error_code missing;
    const auto size = std::filesystem::file_size(path, missing);
    if (missing || size != header_size + format.bytes()) write_file(path, format);
    return path;
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
    page_buffer(const page_buffer&) = delete;
    page_buffer& operator=(page_buffer&&) = delete;
    page_buffer& operator=(const page_buffer&) = delete;
    ~page_buffer() { ::operator delete (data_, std::align_val_t{4096}); }
    [[nodiscard]] T* data() const noexcept { return data_; }

  private:
    T* data_;
};

template <typename T>
std::vector<page_buffer<T>> buffers_of(const repscope::thread_pool& pool, std::size_t bytes) {
    std::vector<page_buffer<T>> buffers;
    for (std::size_t worker = 0; worker < pool.size(); ++worker) buffers.emplace_back(bytes);
    return buffers;
}

// Takes a file out of the page cache.
void evict(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY);
    const bool evicted =
        file >= 0 && ::fsync(file) == 0 && ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0;
    if (file >= 0) ::close(file);
    if (!evicted) throw std::runtime_error("expected a file that leaves the page cache, got " + path);
}

// Times `pass()`, which reads the file at `path`, from the page cache or from the disk.
template <typename Pass>
void time_passes(benchmark::State& state, const std::string& path, bool cached, std::size_t bytes,
                 Pass&& pass) {
    if (cached) pass();
    for (auto _ : state) {
        if (!cached) {
            state.PauseTiming();
            evict(path);
            state.ResumeTiming();
        }
        pass();
    }
    set_bytes(state, bytes);
}

void read_plainly(benchmark::State& state, const file_format& format, bool cached, std::size_t threads) {
    const std::string path = file_of(format);
    const repscope::io::input_file file(path);
    repscope::thread_pool pool(threads);
    const auto buffers = buffers_of<std::byte>(pool, read_bytes);
    const std::size_t end = header_size + format.bytes();
    time_passes(state, path, cached, format.bytes(), [&] {
        pool.for_each(
            (format.bytes() + read_bytes - 1) / read_bytes, [&](std::size_t part, std::size_t worker) {
                const std::size_t first = header_size + part * read_bytes;
                file.read(first, std::span(buffers[worker].data(), std::min(read_bytes, end - first)));
            });
    });
}

void measure_selectivity(benchmark::State& state, const file_format& format, bool cached, std::size_t classes,
                         std::size_t threads) {
    const std::string path = file_of(format);
    const repscope::io::block_reader file(repscope::io::open_npy(path, repscope::io::void2_policy::bfloat16));
    repscope::thread_pool pool(threads);
    const std::vector<int> labels = cyclic_labels(samples, classes);
    const auto tiles = buffers_of<float>(pool, read_bytes);
    std::vector<repscope::io::read_buffer> buffers(pool.size());
    time_passes(state, path, cached, format.bytes(), [&] {
        repscope::class_sums sums(channels, classes);
        sums.update_blocks(samples, positions, labels, pool,
                           [&](std::size_t first, std::size_t count, std::size_t worker) {
                               float* const to = tiles[worker].data();
                               file.read(first, count, to, buffers[worker]);
                               return repscope::tile<float>{to, count, channels, positions};
                           });
        double sum = sums.sum(0, 0);
        benchmark::DoNotOptimize(sum);
    });
}

void add_work(const file_format& format, bool cached, std::size_t classes, std::size_t threads) {
    const std::string work = std::string(format.name) + " file 10000 x 256 x 8 x 8, " +
                             (cached ? "page cache, " : "disk, ") + std::to_string(classes) + " classes";
    add(work, library, threads,
        [=](benchmark::State& state) { measure_selectivity(state, format, cached, classes, threads); });
    add(work, limit("plain read"), threads,
        [=](benchmark::State& state) { read_plainly(state, format, cached, threads); });
}

} // namespace

int main(int argc, char** argv) {
    for (const std::size_t threads : thread_counts()) {
        add_work(float32, true, 10, threads);
        add_work(float32, true, 100, threads);
        add_work(float16, true, 10, threads);
        add_work(bfloat16, true, 10, threads);
        add_work(float32, false, 10, threads);
    }
    return run(argc, argv);
}
