#pragma once

#include <torch/script.h>

#include <cstdint>

// A model and images that are the same everywhere, for the example to run on when it is given none.

// Two convolutions and a readout, with weights that are the same everywhere.
inline torch::jit::Module small_module() {
    const auto weights = [](at::IntArrayRef shape, double step) {
        return (torch::arange(c10::multiply_integers(shape)) * step).sin().reshape(shape) * 0.4;
    };
    torch::jit::Module relu("relu"), module("small");
    relu.define("def forward(self, x):\n    return torch.relu(x)\n");
    module.register_module("relu1", relu);
    module.register_module("relu2", relu);
    module.register_parameter("first", weights({6, 1, 3, 3}, 0.71), false);
    module.register_parameter("second", weights({8, 6, 3, 3}, 0.37), false);
    module.define("def forward(self, x):\n"
                  "    x = self.relu1.forward(torch.conv2d(x, self.first))\n"
                  "    return self.relu2.forward(torch.conv2d(x, self.second)).mean([2, 3])\n");
    return module;
}

// 90 images of 10 x 10: stripes, narrower for a higher class, in noise.
inline torch::Tensor small_images() {
    torch::Tensor images = (torch::arange(9000) * 12.9898).sin().reshape({90, 1, 10, 10}) * 0.5;
    for (std::int64_t i = 0; i < 90; ++i)
        images[i][0] += (torch::arange(10) * (1.0 + 0.7 * static_cast<double>(i % 3))).sin();
    return images;
}
