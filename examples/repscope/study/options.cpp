#include "study/options.hpp"

#include "cli/validators.hpp"

#include <CLI/CLI.hpp>

namespace program {

void add_data_options(CLI::App& command, study_settings& settings) {
    command.add_option("--data", settings.data, "fashion-mnist[:DIR] or cifar10:DIR")
        ->required()
        ->type_name("SET");
    command.add_option("--out", settings.out, "folder for the results and the finished networks")
        ->required()
        ->type_name("DIR");
}

void add_image_options(CLI::App& command, study_settings& settings) {
    command.add_option("--train", settings.train, "train on the first N images [all]")
        ->check(quiet(CLI::Range(std::size_t{1}, std::size_t{1} << 30U)))
        ->type_name("N");
    command.add_option("--test", settings.test, "test on the first N images [all]")
        ->check(quiet(CLI::Range(std::size_t{1}, std::size_t{1} << 30U)))
        ->type_name("N");
}

void add_run_options(CLI::App& command, study_settings& settings) {
    command
        .add_option("--frost-textures", settings.frost_textures,
                    "folder of photographs of ice for frost [procedural ice]")
        ->type_name("DIR");
    command.add_option("--threads", settings.threads, "0: all cores; never changes a result")
        ->check(quiet(CLI::Range(0, 1024)))
        ->type_name("T")
        ->capture_default_str();
}

} // namespace program
