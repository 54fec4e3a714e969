// Reads the activations of a layer from files, several blocks at a time on two threads, and handles what can
// be wrong with them.   example_read_dump [ACTIVATIONS.npy LABELS.npy]
#include <repscope/dimensionality/participation_ratio.hpp>
#include <repscope/error.hpp>
#include <repscope/io/block_reader.hpp>
#include <repscope/io/labels.hpp>
#include <repscope/io/npy.hpp>
#include <repscope/parallel/thread_pool.hpp>
#include <repscope/selectivity/class_selectivity.hpp>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace {

// 1000 samples of 4 channels of 3 x 3: channel u responds to class u.
void write_example(const std::string& activations, const std::string& labels) {
    std::vector<float> maps;
    std::vector<int> classes;
    for (std::size_t i = 0; i < 1000; ++i) {
        classes.push_back(static_cast<int>(i % 4));
        for (std::size_t k = 0; k < 36; ++k) {
            maps.push_back(static_cast<float>((i * 7 + k * 5) % 13) / 6 + (k / 9 == i % 4 ? 3.0F : 0.0F));
        }
    }
    repscope::io::save_npy(activations, repscope::as_view(maps, {1000, 4, 3, 3}));
    repscope::io::save_npy(labels, repscope::as_view(classes, {1000}));
}

void measure(const std::string& activations, const std::string& labels_file, repscope::thread_pool& pool) {
    const auto labels = repscope::io::load_labels(labels_file);
    const auto layer = repscope::io::open(activations, repscope::layout::nchw);
    if (layer.samples() != labels.size()) {
        std::printf("%zu samples and %zu labels\n", layer.samples(), labels.size());
        return;
    }
    const auto classes = static_cast<std::size_t>(*std::max_element(labels.begin(), labels.end())) + 1;
    repscope::class_sums sums(layer.units(), classes);
    repscope::covariance covariance(layer.units());

    // A block at a time: memory does not grow with the file. A block of samples is read by this thread, and
    // the updates share it among the threads of the pool.
    constexpr std::size_t block = 256;
    repscope::io::read_buffer buffer;
    std::vector<float> memory;
    for (std::size_t first = 0; first < layer.samples(); first += block) {
        const std::size_t count = std::min(block, layer.samples() - first);
        const auto x = layer.read_tile(first, count, buffer, memory);
        sums.update(x, std::span(labels).subspan(first, count), {.threads = pool});
        covariance.update(x, {.threads = pool});
    }
    std::printf("%zu samples, %zu units: mean selectivity %.3f, participation ratio %.3f\n", layer.samples(),
                layer.units(), repscope::class_selectivity(sums).mean,
                repscope::participation_ratio(covariance));
}

} // namespace

int main(int argc, char** argv) {
    const bool given = argc == 3;
    const std::string activations = given ? argv[1] : "read_dump_activations.npy";
    const std::string labels = given ? argv[2] : "read_dump_labels.npy";
    repscope::thread_pool pool(2); // the number of threads never changes a bit of a result
    if (!given) write_example(activations, labels);

    // All exceptions of the library are repscope::error, with one line that names function or file, what was
    // expected and what was found. A state is unchanged after an exception.
    for (const std::string& file : {activations, labels, std::string("missing.npy")}) {
        try {
            measure(file, labels, pool);
        } catch (const repscope::format_error& error) { // a file; the others are shape_error and value_error
            std::printf("format_error: %s\n", error.what());
        } catch (const repscope::error& error) {
            std::printf("error: %s\n", error.what());
        }
    }
    if (!given) {
        std::remove(activations.c_str());
        std::remove(labels.c_str());
    }
}
