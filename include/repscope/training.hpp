#pragma once

#include "repscope/training/adversarial.hpp"
#include "repscope/training/ascl.hpp"
#include "repscope/training/augmix.hpp"
#include "repscope/training/eman.hpp"
#include "repscope/training/fixmatch.hpp"
#include "repscope/training/irm.hpp"
#include "repscope/training/layers/convolutional_dictionary.hpp"
#include "repscope/training/layers/deep_pursuit.hpp"
#include "repscope/training/layers/projection_head.hpp"
#include "repscope/training/losses/divergence.hpp"
#include "repscope/training/losses/supervised_contrastive.hpp"
#include "repscope/training/multi_norm.hpp"
