#include "corrupt/arrays.hpp"

#include "corrupt/finished.hpp"
#include "support/errors.hpp"

#include <repscope/bytes.hpp>
#include <repscope/tensor/shape.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>

namespace program {

namespace corruption = repscope::corruption;

namespace {

// Images that are held at a time take about 32 MiB.
std::size_t images_at_a_time(const picture_size& size, std::size_t count) {
    return std::clamp<std::size_t>((std::size_t{32} << 20U) / size.bytes(), 1, count);
}

// Images from `first` on whose indices follow each other, at most `limit`.
std::size_t run_of_indices(const image_source& images, std::size_t first, std::size_t limit) {
    std::size_t count = 1;
    while (count < limit && first + count < images.count() &&
           images.at(first + count).index == images.at(first).index + count) {
        ++count;
    }
    return count;
}

} // namespace

labels_file read_labels_file(const std::string& file, std::size_t images, const std::string& input) {
    const repscope::io::input_file contents(file);
    labels_file labels{repscope::io::read_npy_header(contents), {}};
    const auto& shape = labels.header.shape;
    if (shape.empty() || labels.header.fortran_order)
        throw data_error(file, "expected labels, one per image, in C order, got shape " +
                                   repscope::format_shape(shape));
    if (shape[0] != images) {
        throw data_error(file, std::to_string(shape[0]) + " labels, but " + input + " holds " +
                                   std::to_string(images) + " images");
    }
    labels.bytes.resize(labels.header.size() * repscope::io::size_of(labels.header.format.type));
    contents.read(labels.header.data_offset, labels.bytes);
    return labels;
}

void write_labels(const std::string& file, const labels_file& labels, std::size_t times) {
    std::vector<std::size_t> shape = labels.header.shape;
    shape[0] *= times;
    repscope::atomic_file out(file);
    out.write(repscope::io::npy_header_bytes(labels.header.format, shape));
    for (std::size_t i = 0; i < times; ++i) out.write(labels.bytes);
    out.commit();
}

std::string array_file(const corrupt_work& work, std::string_view name) {
    if (work.output == corrupt_output::array) return work.out;
    return (std::filesystem::path(work.out) / (std::string(name) + ".npy")).string();
}

void write_arrays(const corrupt_work& work, progress& shown) {
    const image_source& images = work.images;
    const picture_size size = images.common_size();
    const std::size_t batch = images_at_a_time(size, images.count());
    std::vector<std::uint8_t> pixels;
    std::size_t written = 0;
    for (const std::string_view name : work.names) {
        if (has_finished_array(work, name)) {
            written += images.count() * work.severities.size();
            continue;
        }
        repscope::io::npy_writer<std::uint8_t> out(array_file(work, name),
                                                   images.array_shape(work.severities.size()));
        for (const int severity : work.severities) {
            for (std::size_t first = 0; first < images.count();) {
                const std::size_t count = run_of_indices(images, first, batch);
                pixels.resize(count * size.bytes());
                images.read(first, count, size, pixels.data());
                corruption::apply_options options = work.options;
                options.severity = severity;
                options.index = images.at(first).index;
                const repscope::tensor_view<const std::uint8_t, 4> view(
                    pixels.data(), {count, size.height, size.width, size.channels});
                const auto corrupted = corruption::apply(name, view, options);
                out.append(std::span(corrupted.data_handle(), corrupted.size()));
                first += count;
                written += count;
                shown.done(static_cast<double>(written), std::string(name));
            }
        }
        out.finish();
    }
}

} // namespace program
