#pragma once

#include "repscope/version.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace corruption {

/// The data set whose parameters are used: ImageNet-C (224 x 224), CIFAR-10-C and CIFAR-100-C (32 x 32) or
/// Tiny-ImageNet-C (64 x 64). `nearest` selects the set whose image size is nearest.
enum class variant : std::uint8_t { nearest, imagenet, cifar, tiny };

/// Number of severities.
inline constexpr int severities = 5;

/// Lengths are pixels, intensities are on [0, 1].
struct glass_parameters {
    double sigma;   ///< of the Gaussian blur before and after
    int max_delta;  ///< largest shift of a pixel
    int iterations; ///< number of passes of shifts
};
/// The blur kernel of a defocused lens.
struct disk_parameters {
    double radius;      ///< of the disk
    double alias_sigma; ///< of the Gaussian blur of the kernel
};
/// The blur kernel of a motion.
struct motion_parameters {
    double radius; ///< half the length of the kernel
    double sigma;  ///< of the Gaussian weights along it
};
/// Factors 1 + i step, i = 0 ... count-1.
struct zoom_parameters {
    double step; ///< of the zoom factor
    int count;   ///< number of zoom factors
};
/// The layer of snow.
struct snow_parameters {
    double loc;       ///< mean of the noise
    double scale;     ///< standard deviation of the noise
    double zoom;      ///< zoom factor of the noise
    double threshold; ///< noise below it is set to 0
    double radius;    ///< of the motion blur
    double sigma;     ///< of the motion blur
    double keep;      ///< weight of the image
};
/// The mixture of image and frost.
struct frost_parameters {
    double image_weight; ///< weight of the image
    double frost_weight; ///< weight of the frost
};
/// The layer of fog.
struct fog_parameters {
    double thickness; ///< of the fog, relative to the range of intensities
    double decay;     ///< divisor of the roughness from one scale to the next
};
/// Fractions of the side of the image; see `elastic_side`.
struct elastic_parameters {
    double alpha;  ///< amplitude of the displacement
    double sigma;  ///< of the Gaussian blur of the displacement
    double affine; ///< largest shift of a corner of the affine map
};
/// `strength` multiplies the water, or is the sigma that smooths the mud.
struct spatter_parameters {
    double loc;       ///< mean of the noise
    double scale;     ///< standard deviation of the noise
    double sigma;     ///< of the Gaussian blur of the noise
    double threshold; ///< noise below it is set to 0
    double strength;  ///< see above
    bool mud;         ///< mud, else water
};
/// The change of the saturation in HSV.
struct saturate_parameters {
    double factor;  ///< factor of the saturation
    double summand; ///< added to the saturation
};

/// The parameters of one corruption: [imagenet, cifar, tiny][severity - 1].
template <typename Parameters>
using severity_table = std::array<std::array<Parameters, severities>, 3>;

/// The parameters that made ImageNet-C, CIFAR-10-C and Tiny-ImageNet-C. Hendrycks and Dietterich 2019,
/// "Benchmarking neural network robustness to common corruptions and perturbations", and the generators
/// published with it.
namespace published {

/// Standard deviation of the noise.
inline constexpr severity_table<double> gaussian_noise{{
    {.08, .12, .18, .26, .38},
    {.04, .06, .08, .09, .10},
    {.04, .08, .12, .15, .18},
}};
/// Number of photons at full intensity.
inline constexpr severity_table<double> shot_noise{{
    {60, 25, 12, 5, 3},
    {500, 250, 100, 75, 50},
    {250, 100, 50, 30, 15},
}};
/// Fraction of the elements that are replaced.
inline constexpr severity_table<double> impulse_noise{{
    {.03, .06, .09, .17, .27},
    {.01, .02, .03, .05, .07},
    {.01, .02, .05, .08, .14},
}};
/// Standard deviation of the noise, as a share of the intensity.
inline constexpr severity_table<double> speckle_noise{{
    {.15, .2, .35, .45, .6},
    {.06, .1, .12, .16, .2},
    {.15, .2, .25, .3, .35},
}};
/// Standard deviation of the Gaussian.
inline constexpr severity_table<double> gaussian_blur{{
    {1, 2, 3, 4, 6},
    {.4, .6, .7, .8, 1},
    {.5, .75, 1, 1.25, 1.5},
}};
/// Parameters of `corruption::glass_blur`.
inline constexpr severity_table<glass_parameters> glass_blur{{
    {{{.7, 1, 2}, {.9, 2, 1}, {1, 2, 3}, {1.1, 3, 2}, {1.5, 4, 2}}},
    {{{.05, 1, 1}, {.25, 1, 1}, {.4, 1, 1}, {.25, 1, 2}, {.4, 1, 2}}},
    {{{.1, 1, 1}, {.5, 1, 1}, {.6, 1, 2}, {.7, 2, 1}, {.9, 2, 2}}},
}};
/// Parameters of `corruption::defocus_blur`.
inline constexpr severity_table<disk_parameters> defocus_blur{{
    {{{3, .1}, {4, .5}, {6, .5}, {8, .5}, {10, .5}}},
    {{{.3, .4}, {.4, .5}, {.5, .6}, {1, .2}, {1.5, .1}}},
    {{{.5, .6}, {1, .1}, {1.5, .1}, {2.5, .01}, {3, .1}}},
}};
/// Parameters of `corruption::motion_blur`.
inline constexpr severity_table<motion_parameters> motion_blur{{
    {{{10, 3}, {15, 5}, {15, 8}, {15, 12}, {20, 15}}},
    {{{6, 1}, {6, 1.5}, {6, 2}, {8, 2}, {9, 2.5}}},
    {{{10, 1}, {10, 1.5}, {10, 2}, {10, 2.5}, {12, 3}}},
}};
/// Parameters of `corruption::zoom_blur`.
inline constexpr severity_table<zoom_parameters> zoom_blur{{
    {{{.01, 12}, {.01, 16}, {.02, 11}, {.02, 13}, {.03, 11}}},
    {{{.01, 7}, {.01, 12}, {.01, 16}, {.01, 21}, {.01, 26}}},
    {{{.01, 7}, {.01, 12}, {.01, 16}, {.01, 21}, {.01, 26}}},
}};
/// Parameters of `corruption::snow`.
inline constexpr severity_table<snow_parameters> snow{{
    {{{.1, .3, 3, .5, 10, 4, .8},
      {.2, .3, 2, .5, 12, 4, .7},
      {.55, .3, 4, .9, 12, 8, .7},
      {.55, .3, 4.5, .85, 12, 8, .65},
      {.55, .3, 2.5, .85, 12, 12, .55}}},
    {{{.1, .2, 1, .6, 8, 3, .95},
      {.1, .2, 1, .5, 10, 4, .9},
      {.15, .3, 1.75, .55, 10, 4, .9},
      {.25, .3, 2.25, .6, 12, 6, .85},
      {.3, .3, 1.25, .65, 14, 12, .8}}},
    {{{.1, .2, 1, .6, 8, 3, .8},
      {.1, .2, 1, .5, 10, 4, .8},
      {.15, .3, 1.75, .55, 10, 4, .7},
      {.25, .3, 2.25, .6, 12, 6, .65},
      {.3, .3, 1.25, .65, 14, 12, .6}}},
}};
/// Parameters of `corruption::frost`.
inline constexpr severity_table<frost_parameters> frost{{
    {{{1, .4}, {.8, .6}, {.7, .7}, {.65, .7}, {.6, .75}}},
    {{{1, .2}, {1, .3}, {.9, .4}, {.85, .4}, {.75, .45}}},
    {{{1, .3}, {.9, .4}, {.8, .45}, {.75, .5}, {.7, .55}}},
}};
/// Parameters of `corruption::fog`.
inline constexpr severity_table<fog_parameters> fog{{
    {{{1.5, 2}, {2, 2}, {2.5, 1.7}, {2.5, 1.5}, {3, 1.4}}},
    {{{.2, 3}, {.5, 3}, {.75, 2.5}, {1, 2}, {1.5, 1.75}}},
    {{{.4, 3}, {.7, 3}, {1, 2.5}, {1.5, 2}, {2, 1.75}}},
}};
/// Summand for the value (of hue, saturation, value) of every pixel.
inline constexpr severity_table<double> brightness{{
    {.1, .2, .3, .4, .5},
    {.05, .1, .15, .2, .3},
    {.1, .2, .3, .4, .5},
}};
/// Factor on the distance to the channel's mean.
inline constexpr severity_table<double> contrast{{
    {.4, .3, .2, .1, .05},
    {.75, .5, .4, .3, .15},
    {.4, .3, .2, .1, .05},
}};
/// Parameters of `corruption::elastic_transform`.
inline constexpr severity_table<elastic_parameters> elastic_transform{{
    {{{2, .7, .1}, {2, .08, .2}, {.05, .01, .02}, {.07, .01, .02}, {.12, .01, .02}}},
    {{{0, 0, .08}, {.05, .2, .07}, {.08, .06, .06}, {.1, .04, .05}, {.1, .03, .03}}},
    {{{0, 0, .08}, {.05, .3, .06}, {.1, .08, .06}, {.1, .03, .03}, {.16, .03, .02}}},
}};
/// Side of the coarse image as a share of the side of the image.
inline constexpr severity_table<double> pixelate{{
    {.6, .5, .4, .3, .25},
    {.95, .9, .85, .75, .65},
    {.9, .8, .7, .6, .5},
}};
/// Quality, 1 to 100.
inline constexpr severity_table<int> jpeg_compression{{
    {25, 18, 15, 10, 7},
    {80, 65, 58, 50, 40},
    {65, 58, 50, 40, 25},
}};
/// Parameters of `corruption::spatter`.
inline constexpr severity_table<spatter_parameters> spatter{{
    {{{.65, .3, 4, .69, .6, false},
      {.65, .3, 3, .68, .6, false},
      {.65, .3, 2, .68, .5, false},
      {.65, .3, 1, .65, 1.5, true},
      {.67, .4, 1, .65, 1.5, true}}},
    {{{.62, .1, .7, .7, .5, false},
      {.65, .1, .8, .7, .5, false},
      {.65, .3, 1, .69, .5, false},
      {.65, .1, .7, .69, .6, true},
      {.65, .1, .5, .68, .6, true}}},
    {{{.62, .1, .7, .7, .6, false},
      {.65, .1, .8, .7, .6, false},
      {.65, .3, 1, .69, .6, false},
      {.65, .1, .7, .68, .6, true},
      {.65, .1, .5, .67, .6, true}}},
}};
/// Parameters of `corruption::saturate`.
inline constexpr severity_table<saturate_parameters> saturate{{
    {{{.3, 0}, {.1, 0}, {2, 0}, {5, .1}, {20, .2}}},
    {{{.3, 0}, {.1, 0}, {1.5, 0}, {2, .1}, {2.5, .2}}},
    {{{.3, 0}, {.1, 0}, {2, 0}, {5, .1}, {30, .2}}},
}};

/// Factor on the fractions of `elastic_transform`, and the side of the images: 244 instead of 224 is an error
/// of the published generator that is part of the data set.
inline constexpr std::array<double, 3> elastic_side{244, 32, 64};
/// Side of the images of a set, in pixels: ImageNet-C, CIFAR-10-C, Tiny-ImageNet-C.
inline constexpr std::array<double, 3> image_side{224, 32, 64};
/// Factor by which the frost photographs were reduced first.
inline constexpr std::array<double, 3> frost_scale{1, .2, .3};

} // namespace published
} // namespace corruption
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
