#pragma once

#include "images/codec.hpp"
#include "images/corrupted_images.hpp"
#include "images/datasets.hpp"
#include "study/report/figures/figures.hpp"
#include "study/result.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace program {

/// Some test images under one condition: a row of the grid of a study's report.
struct picture_row {
    std::string label;
    std::vector<std::uint8_t> pixels; ///< (images, height, width, 3)
    std::vector<bool> right;          ///< of each image, whether it was classified correctly
};

/// What a report shows of the images themselves.
struct study_pictures {
    picture_size size;
    std::size_t images = 0;
    std::vector<picture_row> rows; ///< the first one is of the clean images
    std::string caption;
};

/// How many images of a condition are kept to be looked at.
inline constexpr std::size_t picture_count = 8;

/// How many images of this width fit side by side with their differences on the page; at most
/// `picture_count`.
std::size_t shown_pictures(std::size_t columns);

/// Returns whether samples of these extents are images that a page can show.
bool shows_pictures(std::size_t channels, std::size_t rows, std::size_t columns);

/// The first test images: clean, corrupted by one of each family at severity 3, with random signs, and
/// attacked at `eps` (in data units) with the lowest alpha, the one nearest to 0 and the highest: by PGD or,
/// without it, by AutoAttack or FGSM. Whether clean, corrupted and random ones are right is that of the
/// network nearest to alpha 0; all networks are of the first seed. `corrupted` is null without corruptions.
study_pictures take_pictures(const ordered_networks& networks, const image_set& test,
                             corrupted_images* corrupted, double eps);

/// A row less the clean one, enlarged about middle gray: `factor` times, as much as still fits.
struct enlarged_difference {
    double factor = 1.0;
    std::vector<std::uint8_t> pixels;
};
enlarged_difference difference_of(const picture_row& row, const picture_row& clean);

/// Returns the grid as a table of HTML that contains the pictures.
std::string picture_table(const study_pictures& pictures);

/// The grid as a PNG file: a row of each condition, images to the left, differences to the right.
std::string picture_sheet(const study_pictures& pictures);

/// Writes the grid as `figures/images.png` and `.csv` in a folder, and returns its part of the page; nothing
/// without images. Throws `data_error`.
std::string write_pictures(const std::string& folder, const study_pictures& pictures);

/// "row,condition,factor_of_difference,right_of_N".
std::string picture_csv(const study_pictures& pictures);

} // namespace program
