#pragma once

#include "images/datasets.hpp"

#include <repscope/corruption/frost.hpp>
#include <repscope/parallel/thread_pool.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace program {

/// Whether corrupted images remain in memory, which several networks need: 75 times the images.
enum class corrupted_storage { all, last };

/// The first test images under the 15 common corruptions at every severity, with the parameters of the
/// published data set whose images have the nearest size. Each set is made as bytes when it is first used.
class corrupted_images {
  public:
    /// Textures for frost: those of a folder, or none for the procedural ones.
    corrupted_images(const image_set& clean, std::size_t count,
                     std::vector<repscope::corruption::frost_texture> textures, repscope::thread_pool& pool,
                     corrupted_storage storage = corrupted_storage::all);

    /// The images under a corruption at a severity 1 .. 5, with their labels. They are valid until the next
    /// call unless all remain in memory.
    const image_set& under(std::string_view corruption, int severity);

  private:
    image_set clean_;
    std::vector<repscope::corruption::frost_texture> textures_;
    repscope::thread_pool& pool_;
    corrupted_storage storage_;
    std::map<std::pair<std::string, int>, image_set> made_;
};

} // namespace program
