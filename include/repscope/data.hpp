#pragma once

#include "repscope/data/attribute_environment.hpp"
#include "repscope/data/augment.hpp"
#include "repscope/data/batch_concatenation.hpp"
#include "repscope/data/colored_environment.hpp"
#include "repscope/data/image_dataset.hpp"
#include "repscope/data/sampler.hpp"
