#include "dump/network_choice_options.hpp"

#include <CLI/CLI.hpp>

namespace program {

void add_network_choice_options(CLI::App& command, network_choice& choice) {
    command
        .add_option("--input-range", choice.range,
                    "lowest and highest number of an input; bytes are scaled to it\n[0,1]")
        ->delimiter(',')
        ->type_name("LOW,HIGH");
    command
        .add_option("--mean", choice.mean,
                    "with --std: the model gets (x - mean) / std, one number per\nchannel, or one for all")
        ->delimiter(',')
        ->type_name("A,B,..");
    command.add_option("--std", choice.std, "see --mean")->delimiter(',')->type_name("A,B,..");
    command.add_option("--input", choice.input, "the model's input, if it has several")->type_name("NAME");
    command
        .add_option(
            "--logits", choice.logits,
            "the tensor with the logits, if the model has several outputs;\na Softmax at the end is left out")
        ->type_name("NAME");
}

} // namespace program
