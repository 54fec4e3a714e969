#pragma once

#include "repscope/attack/batch_callback.hpp"
#include "repscope/attack/check_gradient.hpp"
#include "repscope/attack/fgsm.hpp"
#include "repscope/attack/input_bounds.hpp"
#include "repscope/attack/msd.hpp"
#include "repscope/attack/norm_ball.hpp"
#include "repscope/attack/pgd.hpp"
#include "repscope/attack/projections.hpp"
#include "repscope/attack/random_signs.hpp"
#include "repscope/attack/result.hpp"
#include "repscope/attack/worst_case.hpp"
