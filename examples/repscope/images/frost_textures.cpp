#include "images/frost_textures.hpp"

#include "images/codec.hpp"
#include "images/picture_list.hpp"

#include <cstddef>
#include <utility>

namespace program {

std::vector<repscope::corruption::frost_texture> read_frost_textures(const std::string& folder) {
    std::vector<repscope::corruption::frost_texture> textures;
    if (folder.empty()) return textures;
    for (const std::string& file : list_pictures(folder).files) {
        const decoded_picture picture = decode_picture(file);
        repscope::corruption::frost_texture texture({picture.size.height, picture.size.width, 3});
        for (std::size_t i = 0; i < texture.size(); ++i)
            texture.data_handle()[i] = picture.pixels[picture.size.channels == 3 ? i : i / 3];
        textures.push_back(std::move(texture));
    }
    return textures;
}

} // namespace program
