#pragma once

#include "study/result.hpp"

#include <repscope/parallel/thread_pool.hpp>
#include <repscope/tensor/tensor_view.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace program {

/// The activations of a layer for some images.
struct captured_layer {
    std::string name;
    std::size_t units = 0;
    std::size_t positions = 0;
    std::vector<double> means; ///< (images, units): of every channel over its map
    std::vector<float> maps;   ///< (images, units x positions); empty unless maps are kept
};

/// A tap that keeps the activations of the layers for the first images that pass through a network.
class layer_capture {
  public:
    /// Keeps `images` images, and of the first `mapped_layers` layers the whole maps too.
    layer_capture(std::size_t images, std::size_t mapped_layers, repscope::thread_pool& pool)
        : images_(images), mapped_layers_(mapped_layers), pool_(pool) {}

    void operator()(std::size_t index, std::string_view name,
                    const repscope::tensor_view<const float, 4>& maps);

    [[nodiscard]] bool mapped(std::size_t index) const noexcept { return index < mapped_layers_; }
    [[nodiscard]] std::size_t images() const noexcept { return images_; }
    [[nodiscard]] const std::vector<captured_layer>& layers() const noexcept { return layers_; }

  private:
    std::size_t images_;
    std::size_t mapped_layers_;
    repscope::thread_pool& pool_;
    std::vector<captured_layer> layers_;
};

/// Returns the dimensionality of each layer and the geometry of the classes, `labels` of the images; the
/// cumulative variance and the whole maps of layers whose maps
/// were kept.
std::vector<compared_layer> compared_layers(const layer_capture& seen, std::span<const int> labels,
                                            repscope::thread_pool& pool);

/// Returns the same of perturbed images, of the differences to the activations of the clean ones, and the
/// similarity to these.
std::vector<compared_layer> compared_layers(const layer_capture& seen, const layer_capture& clean,
                                            std::span<const int> labels, repscope::thread_pool& pool);

} // namespace program
