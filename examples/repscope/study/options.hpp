#pragma once

#include "study/settings.hpp"

namespace CLI {
class App;
}

namespace program {

/// Adds --data and --out, which both commands that train networks require.
void add_data_options(CLI::App& command, study_settings& settings);

/// Adds --train and --test, the numbers of images.
void add_image_options(CLI::App& command, study_settings& settings);

/// Adds --frost-textures and --threads.
void add_run_options(CLI::App& command, study_settings& settings);

} // namespace program
